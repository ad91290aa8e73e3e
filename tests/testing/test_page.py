"""The page about testing is true: its examples pass, and every lie is in it."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandem import testing
from tandem.testing import conformance, lying
from tandem.testing.lying import Lie

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def _defined() -> list[dict[str, Any]]:
    namespaces = [dict[str, Any]() for _ in BLOCKS]
    for code, namespace in zip(BLOCKS, namespaces, strict=True):
        exec(code, namespace)  # the page is ours
    return namespaces


EXAMPLES = [each for names in _defined() for name, each in names.items() if name.startswith("test_")]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_examples_pass(example: Callable[[Path], None], tmp_path: Path) -> None:
    """Each of them as it stands."""
    example(tmp_path)


def test_the_suite_that_is_shown_is_the_whole_suite() -> None:
    """Every class that the package gives out as a part of it."""
    (shown,) = [names["TestMyOrganisation"] for names in _defined() if "TestMyOrganisation" in names]
    parts = [each for name, each in vars(conformance).items() if name.endswith("Conformance")]

    assert set(parts) == set(shown.__bases__)
    assert 5 == len(EXAMPLES)


def test_every_part_that_is_listed_is_there() -> None:
    """Under its name, or as a module that is run."""
    modules = {each.name for each in pkgutil.walk_packages(testing.__path__, "tandem.testing.")}
    names = {name for module in modules for name in vars(importlib.import_module(module))}
    table = PAGE.partition("| part | what it is |")[2].partition("\n\n")[0]
    listed = {part for row in re.findall(r"(?m)^\| (`.+?) \|", table) for part in re.findall(r"`(.+?)`", row)}

    assert {part.removeprefix("python -m ") for part in listed} <= names | modules
    assert {"World", "Walk", "CrashMatrix", "python -m tandem.testing.soak"} <= listed


def test_every_lie_is_told_of_in_its_own_words() -> None:
    """The comment beside each member is the line of the table."""
    source = Path(lying.__file__).read_text(encoding="utf-8")
    told = dict(re.findall(r'    [A-Z_]+ = "([a-z ]+)"  # (.+)', source))

    assert dict(re.findall(r"(?m)^\| `([a-z ]+)` \| (.+) \|$", PAGE.partition("<!-- the lies -->")[2])) == told
    assert {lie.value for lie in Lie} == told.keys()
