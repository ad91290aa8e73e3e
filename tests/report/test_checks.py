"""The names programs go by stand on the pages, each once (rules N2, N5)."""

import re
from pathlib import Path

from tandem.report.checks import CheckName
from tandem.runtime.notifying.message import TEST, TITLES
from tandem.state.notices import NoticeKind

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"


def test_N2_the_page_lists_every_check() -> None:
    """By the name that `tandem validate --json` prints."""
    page = (HOW_TO / "validate.md").read_text(encoding="utf-8")

    assert sorted(CheckName) == sorted(re.findall(r"(?m)^\| `([a-z ]+)` \|", page))


def test_N5_the_page_lists_every_kind_of_notification() -> None:
    """By the type that a webhook is posted."""
    page = (HOW_TO / "notifications.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"`type` is (.*?)\.\n", page, re.DOTALL)

    assert sorted(NoticeKind) == sorted(TITLES)
    assert sorted([*NoticeKind, TEST]) == sorted(re.findall(r"`([a-z-]+)`", listed))
