"""docs/glossary.md has every word the tables and documents use, once, and says what the code says."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tandem.mapping.fields import FILTER_COLUMN, Direction
from tandem.rules.presence import LinkState
from tandem.state.streams import Reading, StreamState

DOCS = Path(__file__).parents[2] / "docs"
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
SECTIONS = {
    part.splitlines()[0]: re.findall(r"(?m)^- \*\*([^*]+)\*\*:", part) for part in re.split(r"(?m)^## ", GLOSSARY)[1:]
}
ENTRIES = [entry for entries in SECTIONS.values() for entry in entries]
STATES = [state.value for state in LinkState if state is not LinkState.NONE]


def test_every_word_has_one_entry():
    """One word for one thing."""
    assert [entry for entry, times in Counter(ENTRIES).items() if times > 1] == []


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "Which person is which record"])
def test_entries_are_in_alphabetical_order(section):
    """But for the states of a link, which follow the link."""
    assert sorted(SECTIONS[section], key=lambda entry: entry.lower().replace("-", "")) == SECTIONS[section]


@pytest.mark.parametrize("name", ["glossary.md", "rules.md"])
def test_words_in_italics_have_an_entry(name):
    """A document that leads to the glossary is not led astray."""
    text = (DOCS / name).read_text(encoding="utf-8")
    words = {" ".join(word.split()) for word in re.findall(r"(?<![*\w])\*([^*|]+)\*(?![*\w])", text)}

    assert words - set(ENTRIES) - {"Italics", "italics"} == set()
    assert words & set(ENTRIES) != set()


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_link_has_an_entry(state):
    """The word in the table is the word in the glossary."""
    assert state in ENTRIES


@pytest.mark.parametrize(
    "value", [*Direction, *Reading, StreamState.COPYING, StreamState.LIVE, StreamState.HALTED, FILTER_COLUMN]
)
def test_stored_words_are_explained(value):
    """Whoever looks into the database finds the word here."""
    assert f"`{value}`" in GLOSSARY
