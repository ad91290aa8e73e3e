"""Every page for an administrator does what it says, each in a scene of its own."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "how-to"
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(FOLDER.glob("*.md")) if page.stem != "README"}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_does_what_it_says(page: str, run_examples: Callable[..., None]) -> None:
    """In one shell: first what makes the scene, then the page as a reader types it."""
    run_examples(INDEX, PAGES[page])


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_run(page: str) -> None:
    """No shell example is left out, or a page could grow old unseen."""
    text = PAGES[page]

    assert 0 < text.count("```sh") == text.count("<!-- run -->\n```sh")


def test_every_page_is_in_the_index() -> None:
    """Whoever looks for a task finds its page."""
    listed = re.findall(r"\| \[[^\]]+\]\(([a-z-]+)\.md\) \|", INDEX)

    assert sorted(PAGES) == sorted(listed)
