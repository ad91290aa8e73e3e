"""Tokens in texts: looked up, never evaluated (rule F3)."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.tokens import UnknownToken, fill

WORDS = {
    "lead": {"First Name": "Ann", "firstName": "Ann", "City": "", "Note": "{{lead.First Name}} {% x %}"},
    "company": {"Company Name": "Contoso & Söner"},
    "campaign": {"name": "Spring"},
    "system": {"date": "2026-03-01"},
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Call {{lead.First Name}} of {{company.Company Name}}", "Call Ann of Contoso & Söner"),
        ("{{campaign.name}} {{system.date}}", "Spring 2026-03-01"),
        ("{{ LEAD . first   name }}{{lead.firstName}}", "AnnAnn"),
        ("In {{lead.City}}.", "In ."),
        ("In {{lead.City:default=her town}}.", "In her town."),
        ("{{lead.First Name:default=Friend}}", "Ann"),
        ("{{lead.City:default=}}", ""),
        ("{{lead.Note}}", "{{lead.First Name}} {% x %}"),
        ("{ {lead.First Name} } {% if x %} }} {x}", "{ {lead.First Name} } {% if x %} }} {x}"),
        ("", ""),
    ],
    ids=[
        "labels with spaces",
        "campaign and system",
        "any case and spacing, and API names",
        "no value is nothing",
        "a default for no value",
        "a value before its default",
        "an empty default",
        "a token in a value stays text",
        "what is no token stays text",
        "no text",
    ],
)
def test_F3_tokens_become_values(text: str, filled: str) -> None:
    """And everything else stays."""
    assert filled == fill(text, WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "{{lead.Shoe Size}}",
        "{{person.First Name}}",
        "{{lead}}",
        "{{}}",
        "{{lead.}}",
        "{{lead.__class__}}",
        "{{lead.First Name.__class__.__mro__}}",
        "{{lead['First Name']}}",
        "{{lead.First Name|upper}}",
        "{{lead.get('x')}}",
        "{{7*7}}",
        "{{''.__class__.__mro__[1].__subclasses__()}}",
        "{{config}}",
        "{{ {{lead.First Name}} }}",
        "{{lead.First Name}",
        "Hello {{",
        "{{lead.First Name:default=x",
    ],
)
def test_F3_a_token_that_stands_for_nothing_is_an_error(text: str) -> None:
    """So is one that tries to reach Python, and one that does not end."""
    with pytest.raises(UnknownToken):
        fill(f"Call {text}", WORDS)


def test_F3_the_error_names_the_token_and_the_nearest_names() -> None:
    """So that a misspelt one is mended at once; no value is repeated."""
    with pytest.raises(UnknownToken) as caught:
        fill("{{lead.Frist Name}}", WORDS)

    assert caught.value.message == "There is no token '{{lead.Frist Name}}'."
    assert caught.value.remedy == "Did you mean {{lead.First Name}} or {{lead.firstName}}?"
    with pytest.raises(UnknownToken) as caught:
        fill("{{lead." + "x" * 500 + "}}", WORDS)
    assert len(caught.value.message) < 100


NAMES = st.sampled_from([name for room in WORDS.values() for name in room])
PIECES = st.one_of(
    st.text(alphabet=string.ascii_letters + "{}%.|:()[]'_#= \n\0", max_size=12),
    st.sampled_from(
        ["{{", "}}", "{%", "%}", "lead.", "company.", "__class__", ":default=", ".format(", "{0.__init__}"]
    ),
    NAMES.map(lambda name: "{{lead." + name + "}}"),
    st.text(max_size=5),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_F3_whatever_is_written_is_text_or_an_error(text: str) -> None:
    """Never anything else: filling ends, evaluates nothing, and leaves what is no token as it was."""
    try:
        filled = fill(text, WORDS)
    except UnknownToken:
        assert "{{" in text
        return
    # What it put in are values of the table, and what it left are pieces of the text.
    rest = text
    while "{{" in rest:
        before, _, rest = rest.partition("{{")
        assert filled.startswith(before)
        token, _, rest = rest.partition("}}")
        name, _, default = token.partition(".")[2].partition(":default=")
        values = {key.lower(): value for room in WORDS.values() for key, value in room.items()}
        value = values[" ".join(name.split()).lower()] or default
        assert filled[len(before) :].startswith(value)
        filled = filled[len(before) + len(value) :]
    assert filled == rest


@given(st.text(max_size=50))
def test_F3_a_value_is_never_read_as_a_text(value: str) -> None:
    """Whatever a person typed into a form arrives as it is."""
    assert f"[{value or '-'}]" == fill("[{{lead.First Name:default=-}}]", {"lead": {"First Name": value}})
