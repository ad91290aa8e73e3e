"""Rules P7, D3: does a value fit the Dynamics column it is meant for?"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.checks import MisfitCode, misfit
from tandem.mapping.fields import Direction, Field
from tandem.mapping.values import BadValue, parse
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType, Option

OPTIONS = (Option(value=1, label="One"), Option(value=-2, label="Two"))
CODED = (ColumnType.CHOICE, ColumnType.STATE, ColumnType.STATUS)
CARRIED = [each for each in ColumnType if each is not ColumnType.UNSUPPORTED]


def field(kind: ColumnType, **facts: object) -> Field:
    return Field(
        entity=Entity.LEAD,
        column="new_x",
        api_name="new_x",
        label="X",
        type=kind,
        direction=Direction.BOTH,
        **facts,
    )


def code(kind, value, **facts):
    found = misfit(field(kind, **facts), value)
    return found and found.code


@pytest.mark.parametrize("kind", CARRIED)
@pytest.mark.parametrize("empty", [pytest.param(None, id="no value"), pytest.param("", id="an empty text")])
def test_P7_an_empty_value_fits_every_column(kind, empty):
    """Whether it may be empty is another question."""
    assert misfit(field(kind, max_length=0, minimum=5.0, maximum=6.0, options=OPTIONS), empty) is None


@pytest.mark.parametrize(
    ("kind", "value", "facts"),
    [
        pytest.param(ColumnType.TEXT, "x" * 100, {"max_length": 100}, id="a text of exactly the length"),
        pytest.param(ColumnType.TEXT, "😀" * 50, {"max_length": 100}, id="as many emojis, which count twice"),
        pytest.param(ColumnType.TEXT, "x" * 5_000, {}, id="a text for a column without a length"),
        pytest.param(ColumnType.MEMO, "one\r\n\ttwo\N{WAVING HAND SIGN}", {}, id="lines, tabs and pictures"),
        pytest.param(ColumnType.INTEGER, 2**31 - 1, {}, id="the largest integer"),
        pytest.param(ColumnType.INTEGER, 0, {"minimum": 0.0}, id="a whole number at its minimum"),
        pytest.param(ColumnType.BIGINT, -(2**63), {}, id="the smallest big integer"),
        pytest.param(ColumnType.BIGINT, 2**63 - 1, {"maximum": 9.223372036854775807e18}, id="the largest big integer"),
        pytest.param(ColumnType.MONEY, Decimal("100.00"), {"maximum": 100.0}, id="an amount at its maximum"),
        pytest.param(ColumnType.DECIMAL, Decimal("0.1"), {"minimum": 0.1}, id="a tenth, which is no binary number"),
        pytest.param(ColumnType.DOUBLE, -1.5, {}, id="a double without limits"),
        pytest.param(ColumnType.BOOLEAN, False, {}, id="no"),
        pytest.param(ColumnType.DATE, "1753-01-01", {}, id="the first day"),
        pytest.param(ColumnType.DATE, "9999-12-30", {}, id="the last day"),
        pytest.param(ColumnType.DATETIME, "9999-12-30T23:59:59Z", {}, id="the last second"),
        pytest.param(ColumnType.DATETIME, "2025-03-04T06:06:07.25+01:00", {}, id="a moment with an offset"),
        pytest.param(ColumnType.CHOICES, "1, -2", {"options": OPTIONS}, id="several options"),
        pytest.param(ColumnType.CHOICE, 77, {}, id="any code, where the options are not known"),
        pytest.param(ColumnType.LOOKUP, "00000000-0000-4000-8000-0000000be9c4", {}, id="a GUID"),
    ],
)
def test_P7_what_dynamics_takes_fits(kind, value, facts):
    """Up to the limit, and the limit itself."""
    assert misfit(field(kind, **facts), value) is None


@pytest.mark.parametrize(
    ("kind", "value", "facts", "expected"),
    [
        pytest.param(ColumnType.TEXT, "x" * 101, {"max_length": 100}, MisfitCode.TOO_LONG, id="one character too many"),
        pytest.param(ColumnType.TEXT, "😀" * 51, {"max_length": 100}, MisfitCode.TOO_LONG, id="one emoji too many"),
        pytest.param(ColumnType.TEXT, "a\x00b", {}, MisfitCode.CONTROL_CHARACTERS, id="a null character"),
        pytest.param(ColumnType.MEMO, "a\x1fb", {}, MisfitCode.CONTROL_CHARACTERS, id="a control character"),
        pytest.param(ColumnType.TEXT, "\ud83d", {}, MisfitCode.CONTROL_CHARACTERS, id="half a picture"),
        pytest.param(ColumnType.INTEGER, 2**31, {}, MisfitCode.OUT_OF_RANGE, id="too large for any integer"),
        pytest.param(
            ColumnType.INTEGER, 2**31, {"maximum": 1e12}, MisfitCode.OUT_OF_RANGE, id="whatever the metadata allows"
        ),
        pytest.param(ColumnType.INTEGER, -1, {"minimum": 0.0}, MisfitCode.OUT_OF_RANGE, id="below the minimum"),
        pytest.param(
            ColumnType.MONEY, Decimal("100.01"), {"maximum": 100.0}, MisfitCode.OUT_OF_RANGE, id="a cent too much"
        ),
        pytest.param(ColumnType.DATE, "1752-12-31", {}, MisfitCode.BAD_DATE, id="a day before the first"),
        pytest.param(ColumnType.DATE, "9999-12-31", {}, MisfitCode.BAD_DATE, id="a day after the last"),
        pytest.param(ColumnType.DATE, "2025-02-29", {}, MisfitCode.BAD_DATE, id="no such day"),
        pytest.param(ColumnType.DATETIME, "1752-12-31T23:59:59Z", {}, MisfitCode.BAD_DATE, id="a second too early"),
        pytest.param(
            ColumnType.DATETIME, "1753-01-01T00:00:00+01:00", {}, MisfitCode.BAD_DATE, id="too early by its offset"
        ),
        pytest.param(ColumnType.DATETIME, "2025-03-04T25:00:00Z", {}, MisfitCode.BAD_DATE, id="no such hour"),
        pytest.param(ColumnType.CHOICE, 3, {"options": OPTIONS}, MisfitCode.UNKNOWN_OPTION, id="no such option"),
        pytest.param(ColumnType.CHOICES, "1,3", {"options": OPTIONS}, MisfitCode.UNKNOWN_OPTION, id="one of two"),
        pytest.param(ColumnType.CHOICE, 2**31, {}, MisfitCode.UNKNOWN_OPTION, id="a code no option can have"),
    ],
)
def test_P7_what_is_beyond_a_limit_does_not_fit(kind, value, facts, expected):
    """Each kind of limit has its code."""
    assert code(kind, value, **facts) is expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(ColumnType.TEXT, 5, id="a number for a text"),
        pytest.param(ColumnType.INTEGER, "5", id="a text for a number"),
        pytest.param(ColumnType.INTEGER, True, id="yes for a number"),
        pytest.param(ColumnType.INTEGER, Decimal("1.5"), id="a fraction for a whole number"),
        pytest.param(ColumnType.MONEY, True, id="yes for an amount"),
        pytest.param(ColumnType.DOUBLE, float("nan"), id="what is no number"),
        pytest.param(ColumnType.DECIMAL, Decimal("Infinity"), id="an endless number"),
        pytest.param(ColumnType.BOOLEAN, 1, id="one for yes"),
        pytest.param(ColumnType.DATE, "2025-03-04T00:00:00Z", id="a moment for a day"),
        pytest.param(ColumnType.DATE, "20250304", id="a day in another spelling"),
        pytest.param(ColumnType.DATETIME, "2025-03-04T05:06:07", id="a moment without a zone"),
        pytest.param(ColumnType.DATETIME, 5, id="a number for a moment"),
        pytest.param(ColumnType.CHOICE, "1", id="a text for a code"),
        pytest.param(ColumnType.CHOICE, True, id="yes for a code"),
        pytest.param(ColumnType.CHOICES, "1,One", id="a label among codes"),
        pytest.param(ColumnType.CHOICES, 1, id="a number for several codes"),
        pytest.param(ColumnType.LOOKUP, "Contoso", id="a name for a record"),
        pytest.param(ColumnType.GUID, 5, id="a number for an id"),
    ],
)
def test_P7_a_value_of_another_type_does_not_fit(kind, value):
    """A field may have changed its type since it was edited."""
    assert code(kind, value) is MisfitCode.WRONG_TYPE


@pytest.mark.parametrize(
    ("kind", "value", "facts", "expected"),
    [
        pytest.param(
            ColumnType.TEXT, "secret" * 2, {"max_length": 10},
            "is too long: it has 12 characters and Dynamics takes 10.", id="a length",
        ),
        pytest.param(
            ColumnType.MONEY, -424_242, {"minimum": 0.0, "maximum": 1e12},
            "is out of range: Dynamics takes 0 or more and 1,000,000,000,000 or less.", id="two limits",
        ),
        pytest.param(
            ColumnType.DECIMAL, 424_242, {"maximum": 0.5},
            "is out of range: Dynamics takes 0.5 or less.", id="one limit",
        ),
        pytest.param(
            ColumnType.CHOICE, 424_242, {"options": OPTIONS}, "is none of the options that Dynamics has for it.",
            id="an option",
        ),
        pytest.param(
            ColumnType.DATE, "1066-10-14", {}, "is out of range: Dynamics takes dates from 1753-01-01 to 9999-12-30.",
            id="a date",
        ),
        pytest.param(
            ColumnType.DATE, "tomorrow", {}, "does not fit: Dynamics takes a date such as 2025-03-04.", id="a type"
        ),
    ],
)  # fmt: skip
def test_P7_a_misfit_names_the_limit_and_never_the_value(kind, value, facts, expected):
    """The message goes on after the field's name; values are nobody's business in a log."""
    found = misfit(field(kind, **facts), value)

    assert found is not None
    assert found.message == expected


TYPED = st.text(max_size=12) | st.sampled_from(
    ["2025-03-04", "2025-03-04T05:06:07Z", "1", "1.5", "yes", "One", "One; Two", "00000000-0000-4000-8000-0000000be9c4"]
)


@given(kind=st.sampled_from(CARRIED), text=TYPED)
def test_P7_what_a_person_may_type_has_the_right_type(kind, text):
    """An edit that was taken here is refused by a limit at most, never for what it is."""
    each = field(kind, options=OPTIONS)
    try:
        value = parse(each, text)
    except BadValue:
        return

    assert code(kind, value, options=OPTIONS) is not MisfitCode.WRONG_TYPE


@given(
    kind=st.sampled_from(CARRIED),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.dates().map(str),
)
def test_P7_any_value_is_judged_and_none_is_quoted(kind, value):
    """Whatever a database holds, a check ends in an answer."""
    found = misfit(field(kind, max_length=3, minimum=-1.0, maximum=1.0, options=OPTIONS), value)

    assert found is None or (found.code in MisfitCode and (len(str(value)) < 8 or str(value) not in found.message))
