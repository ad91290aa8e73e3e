"""Rules R1 and D3: when two values mean the same, what a person may type, and what is shown."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field
from tandem.mapping.projection import decode_fields, encode_fields
from tandem.mapping.values import BadValue, at_scale, parse, same, shown
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType, Option

COLOURS = (Option(value=1, label="Red"), Option(value=2, label="Sea, blue"), Option(value=-1, label=" Grey "))
TYPES = [each for each in ColumnType if each is not ColumnType.UNSUPPORTED]
CODED = [ColumnType.CHOICE, ColumnType.STATE, ColumnType.STATUS]
NUMBERS = [ColumnType.DECIMAL, ColumnType.DOUBLE, ColumnType.MONEY]
TEXTS = [ColumnType.TEXT, ColumnType.MEMO]


def field(kind: ColumnType, *, precision: int | None = None, options: tuple[Option, ...] = ()) -> Field:
    return Field(
        entity=Entity.LEAD,
        column="new_field",
        api_name="newField",
        label="New Field",
        type=kind,
        direction=Direction.BOTH,
        precision=precision,
        options=options,
    )


def moments(zones: st.SearchStrategy[timezone | None]) -> st.SearchStrategy[str]:
    return st.datetimes(datetime(1753, 1, 2), datetime(9998, 12, 31), timezones=zones).map(datetime.isoformat)


TIMES = moments(st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]))
CODES = st.lists(st.sampled_from(["1", "2", "-1"]), max_size=4).map(",".join)
AMOUNTS = st.decimals(-(10**12), 10**12, places=4)
STORED: dict[ColumnType, st.SearchStrategy[object]] = {
    **dict.fromkeys(TEXTS, st.text(max_size=4)),
    **dict.fromkeys([ColumnType.INTEGER, ColumnType.BIGINT], st.integers(-3, 3)),
    ColumnType.DECIMAL: AMOUNTS,
    ColumnType.MONEY: AMOUNTS | st.integers(-3, 3),
    ColumnType.DOUBLE: st.floats(-2, 2).map(lambda value: round(value, 3)) | AMOUNTS,
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.DATETIME: TIMES,
    ColumnType.DATE: st.dates().map(date.isoformat),
    ColumnType.CHOICES: CODES,
    **dict.fromkeys(CODED, st.sampled_from([1, 2, -1])),
    **dict.fromkeys([ColumnType.LOOKUP, ColumnType.GUID], st.uuids().map(str)),
}
# What no column of the type should hold, and some day one does.
EARLY = "0001-01-01T00:00:00+05:00"
ODD = st.sampled_from(["", None, "NaN", "sNaN", "1E+999999", "x", ["1", "2"], "0001-01-01", EARLY])


@st.composite
def typed_values(draw, count):
    kind = draw(st.sampled_from(TYPES))
    value = STORED[kind] | ODD
    return field(kind, precision=draw(st.sampled_from([None, 0, 2]))), [draw(value) for _ in range(count)]


# Meaning --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        pytest.param(ColumnType.TEXT, None, "", True, id="nothing is an empty text"),
        pytest.param(ColumnType.TEXT, "", " ", False, id="a blank is a text"),
        pytest.param(ColumnType.TEXT, "Bob", "bob", False, id="spelling matters"),
        pytest.param(ColumnType.TEXT, "José", "Jose\u0301", False, id="so does the way an accent is written"),
        pytest.param(ColumnType.TEXT, "1.0", "1.00", False, id="a text of digits is no number"),
        pytest.param(ColumnType.CHOICES, "1,2", "2, 1", True, id="choices are a set"),
        pytest.param(ColumnType.CHOICES, "1,1,2", "2,1", True, id="a choice counts once"),
        pytest.param(ColumnType.CHOICES, "1,2", "1", False, id="one choice less is another set"),
        pytest.param(ColumnType.CHOICES, " , ", None, True, id="no choice is nothing"),
        pytest.param(ColumnType.MONEY, Decimal("1.50"), Decimal("1.5"), True, id="trailing zeros mean nothing"),
        pytest.param(ColumnType.MONEY, Decimal("1.501"), Decimal("1.5"), True, id="less than a cent means nothing"),
        pytest.param(ColumnType.MONEY, Decimal("1.51"), Decimal("1.5"), False, id="a cent is a difference"),
        pytest.param(ColumnType.MONEY, 0, None, False, id="zero is a value"),
        pytest.param(ColumnType.DOUBLE, 0.1, Decimal("0.1"), True, id="a float is what it prints"),
        pytest.param(ColumnType.BOOLEAN, False, None, False, id="No is a value"),
        pytest.param(ColumnType.INTEGER, 5, 6, False, id="whole numbers are exact"),
        pytest.param(ColumnType.BIGINT, 2**62, 2**62 + 1, False, id="large whole numbers are exact too"),
        pytest.param(
            ColumnType.DATETIME,
            "2025-03-04T05:06:07Z",
            "2025-03-04T05:06:07.4170000Z",
            True,
            id="fractions are dropped",
        ),
        pytest.param(
            ColumnType.DATETIME, "2025-03-04T05:06:07Z", "2025-03-04T06:06:07+01:00", True, id="one moment in two zones"
        ),
        pytest.param(
            ColumnType.DATETIME, "2025-03-04T05:06:07Z", "2025-03-04T05:06:07", True, id="without a zone it is UTC"
        ),
        pytest.param(
            ColumnType.DATETIME, "2025-03-04T05:06:07Z", "2025-03-04T05:06:08Z", False, id="a second is a difference"
        ),
        pytest.param(ColumnType.DATE, "2025-03-04", "2025-03-05", False, id="a day is a difference"),
    ],
)
def test_R1_values_are_equal_by_meaning(kind, left, right, expected):
    """Else an automation that only writes a value in another way would look like an edit."""
    each = field(kind, precision=2 if kind is ColumnType.MONEY else None)

    assert (same(each, left, right), same(each, right, left)) == (expected, expected)


@pytest.fixture
def far_from_greenwich(monkeypatch):
    """This machine's clock stands in Tokyo."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
def test_R1_the_machines_time_zone_makes_no_difference():
    """Text without a zone is UTC, whether it was stored or typed."""
    each = field(ColumnType.DATETIME)

    assert same(each, "2025-03-04T05:06:07", "2025-03-04T05:06:07Z")
    assert parse(each, "2025-03-04 05:06") == "2025-03-04T05:06:00Z"


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        pytest.param(0, True, id="at no decimals"),
        pytest.param(1, True, id="at one decimal"),
        pytest.param(2, False, id="at two decimals"),
        pytest.param(None, False, id="where the scale is unknown"),
    ],
)
def test_R1_numbers_are_compared_at_the_columns_scale(precision, expected):
    """The column would store both as one number, or would not."""
    assert same(field(ColumnType.DECIMAL, precision=precision), Decimal("1.42"), Decimal("1.40")) is expected


@given(typed_values(3))
@example((field(ColumnType.MONEY, precision=2), [Decimal("NaN"), float("nan"), float("inf")]))
@example((field(ColumnType.DATETIME), [EARLY, "0001-01-01", EARLY.replace("T", " ")]))
def test_R1_sameness_is_an_equivalence(case):
    """Reflexive, symmetric and transitive for every type, odd values included; or folding would depend on the order."""
    each, values = case
    related = {(i, j): same(each, values[i], values[j]) for i, j in product(range(3), repeat=2)}

    assert all(related[i, i] for i in range(3))
    assert all(related[i, j] == related[j, i] for i, j in related)
    assert all(related[i, k] for i, j, k in product(range(3), repeat=3) if related[i, j] and related[j, k])


@given(typed_values(1))
def test_R1_storing_a_value_does_not_change_its_meaning(case):
    """What went through the database's JSON means what it meant."""
    each, [value] = case

    assert same(each, value, decode_fields(encode_fields({"newField": value})).get("newField"))


# What a person types and sees -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        pytest.param(ColumnType.TEXT, "  ", None, id="blanks empty a text"),
        pytest.param(ColumnType.TEXT, " Bob ", " Bob ", id="a text is kept as typed"),
        pytest.param(ColumnType.INTEGER, " 12 ", 12, id="a whole number"),
        pytest.param(ColumnType.INTEGER, "-2147483648", -(2**31), id="the smallest whole number of a column"),
        pytest.param(ColumnType.BIGINT, "9223372036854775807", 2**63 - 1, id="the largest big whole number"),
        pytest.param(ColumnType.DECIMAL, "1.50", Decimal("1.50"), id="a decimal stays exact"),
        pytest.param(ColumnType.MONEY, "922337203685477.5807", Decimal("922337203685477.5807"), id="much money"),
        pytest.param(ColumnType.BOOLEAN, "Yes", True, id="yes"),
        pytest.param(ColumnType.BOOLEAN, "0", False, id="nought for no"),
        pytest.param(ColumnType.DATE, "20250304", "2025-03-04", id="a date without dashes"),
        pytest.param(ColumnType.DATETIME, "2025-03-04", "2025-03-04T00:00:00Z", id="a day is its first second"),
        pytest.param(ColumnType.DATETIME, "2025-03-04T06:06:07.9+01:00", "2025-03-04T05:06:07Z", id="a time elsewhere"),
        pytest.param(ColumnType.DATETIME, "0900-01-02T00:00:00Z", "0900-01-02T00:00:00Z", id="a year of three digits"),
        pytest.param(ColumnType.CHOICE, "red", 1, id="a label in any case"),
        pytest.param(ColumnType.CHOICE, "Grey", -1, id="a label that Dynamics holds with blanks"),
        pytest.param(ColumnType.STATE, "2", 2, id="a code"),
        pytest.param(ColumnType.CHOICES, "Red, 2", "1,2", id="labels and codes"),
        pytest.param(ColumnType.CHOICES, "red; SEA, BLUE; 1", "1,2", id="labels with commas, each once"),
        pytest.param(ColumnType.CHOICES, "Sea, blue", "2", id="one label with a comma"),
        pytest.param(ColumnType.CHOICES, " ; ", None, id="no choice"),
        pytest.param(
            ColumnType.LOOKUP,
            "{0F6E3B56-0000-4000-8000-00000000000A}",
            "0f6e3b56-0000-4000-8000-00000000000a",
            id="an id with braces and capitals",
        ),
    ],
)
def test_D3_what_is_typed_becomes_the_stored_value(kind, typed, expected):
    """Codes and ids, exact numbers, UTC to the second."""
    value = parse(field(kind, options=COLOURS if kind not in (ColumnType.TEXT, ColumnType.BOOLEAN) else ()), typed)

    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        pytest.param(ColumnType.INTEGER, "1.5", id="a fraction for a whole number"),
        pytest.param(ColumnType.INTEGER, "1_000", id="a number with underscores"),
        pytest.param(ColumnType.INTEGER, "2147483648", id="a whole number no column holds"),
        pytest.param(ColumnType.BIGINT, "9223372036854775808", id="a big whole number no column holds"),
        pytest.param(ColumnType.BIGINT, "9" * 5_000, id="five thousand digits"),
        pytest.param(ColumnType.DECIMAL, "NaN", id="not a number"),
        pytest.param(ColumnType.DECIMAL, "-Infinity", id="no end"),
        pytest.param(ColumnType.DECIMAL, "1e999999", id="a million digits in a few"),
        pytest.param(ColumnType.DOUBLE, "1,5", id="a decimal comma"),
        pytest.param(ColumnType.MONEY, "ten", id="a word for a number"),
        pytest.param(ColumnType.BOOLEAN, "maybe", id="neither yes nor no"),
        pytest.param(ColumnType.DATE, "2025-02-30", id="a day that is not in the calendar"),
        pytest.param(ColumnType.DATE, "yesterday", id="a word for a date"),
        pytest.param(ColumnType.DATETIME, "0001-01-01T00:00:00+05:00", id="a moment before the calendar begins"),
        pytest.param(ColumnType.DATETIME, "2025-03-04T25:00:00Z", id="an hour that is not on the clock"),
        pytest.param(ColumnType.CHOICE, "Green", id="a label nobody offers"),
        pytest.param(ColumnType.CHOICE, "7", id="a code nobody offers"),
        pytest.param(ColumnType.CHOICES, "Red; Green", id="one label of two that nobody offers"),
        pytest.param(ColumnType.LOOKUP, "Contoso", id="a name for an id"),
        pytest.param(ColumnType.GUID, "0f6e3b56", id="half an id"),
        pytest.param(ColumnType.TEXT, "Mu\udcfcller", id="bytes that are no text"),
    ],
)
def test_D3_what_does_not_fit_is_refused(kind, typed):
    """By the field's name and what it takes, never with the value: messages are logged."""
    with pytest.raises(BadValue) as caught:
        parse(field(kind, options=COLOURS), typed)

    assert caught.value.message.startswith("What was given for newField does not fit: it takes ")
    assert typed not in caught.value.message
    assert caught.value.context == {"field": "newField"}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("typed", ["", " \t\n"])
def test_D3_nothing_typed_empties_a_field_of_any_type(kind, typed):
    """An empty text is how a person says: nothing."""
    assert parse(field(kind, options=COLOURS), typed) is None


def test_D3_a_label_of_two_options_is_refused():
    """Which of the two was meant cannot be told; their codes still can be typed."""
    twins = field(ColumnType.CHOICE, options=(Option(value=1, label="Old"), Option(value=2, label="old")))

    assert parse(twins, "2") == 2
    with pytest.raises(BadValue):
        parse(twins, "Old")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param(ColumnType.TEXT, None, "", id="nothing for an empty field"),
        pytest.param(ColumnType.CHOICE, 1, "Red", id="the label of a code"),
        pytest.param(ColumnType.STATUS, 7, "7", id="a code without a label"),
        pytest.param(ColumnType.CHOICES, "1, -1,7", "Red;  Grey ; 7", id="the labels of several codes"),
        pytest.param(ColumnType.BOOLEAN, True, "Red", id="the label of an answer"),
        pytest.param(ColumnType.BOOLEAN, False, "no", id="an answer without a label"),
        pytest.param(ColumnType.MONEY, Decimal("1.50"), "1.50", id="a number as it is stored"),
    ],
)
def test_D3_codes_are_shown_by_their_labels(kind, value, expected):
    """The database holds codes, people read labels."""
    assert shown(field(kind, options=COLOURS), value) == expected


def test_D3_an_option_without_a_label_is_shown_by_its_code():
    """A language that lacks the label must not make the field look empty."""
    assert shown(field(ColumnType.CHOICE, options=(Option(value=3, label=""),)), 3) == "3"


labels = st.text(st.characters(codec="utf-8", exclude_characters=";"), min_size=1, max_size=6).filter(str.strip)


@st.composite
def labelled_values(draw):
    """A coded field whose labels differ by more than case and blanks, and a value of it."""
    names = draw(st.lists(labels, min_size=1, max_size=4, unique_by=lambda label: label.strip().lower()))
    codes = draw(st.lists(st.integers(-2, 10**6), min_size=len(names), max_size=len(names), unique=True))
    known = tuple(Option(value=code, label=name) for code, name in zip(codes, names, strict=True))
    if draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(codes), min_size=1, unique=True))
        return field(ColumnType.CHOICES, options=known), ",".join(map(str, chosen))
    return field(draw(st.sampled_from(CODED)), options=known), draw(st.sampled_from(codes))


@given(labelled_values())
@example((field(ColumnType.CHOICES, options=COLOURS), "-1,2,1"))
def test_D3_labels_that_are_shown_can_be_typed_again(case):
    """Whatever stands in the labels but the semicolon that separates them."""
    each, value = case

    assert same(each, parse(each, shown(each, value)), value)


@given(st.sampled_from(TYPES).flatmap(lambda kind: st.tuples(st.just(field(kind)), STORED[kind])))
def test_D3_values_that_are_shown_can_be_typed_again(case):
    """For every type; only a text of nothing but blanks is typed as nothing."""
    each, value = case
    again = parse(each, shown(each, value))

    assert same(each, again, value) or (each.type in TEXTS and not str(value).strip())


@given(kind=st.sampled_from(TYPES), typed=st.text(max_size=12))
@example(kind=ColumnType.DATETIME, typed="9999-12-31T23:59:59-05:00")
@example(kind=ColumnType.DECIMAL, typed="sNaN")
@example(kind=ColumnType.INTEGER, typed="²")
def test_D3_anything_may_be_typed(kind, typed):
    """It is refused, or becomes a value that can be stored; nothing else happens."""
    each = field(kind, options=COLOURS)
    try:
        value = parse(each, typed)
    except BadValue:
        value = None

    assert same(each, value, decode_fields(encode_fields({"newField": value})).get("newField"))


@pytest.mark.parametrize(
    ("kind", "precision", "value", "expected"),
    [
        pytest.param(ColumnType.MONEY, 2, Decimal("1.505001"), Decimal("1.51"), id="an amount is rounded"),
        pytest.param(ColumnType.DECIMAL, 0, Decimal("1.6"), Decimal(2), id="to whole numbers too"),
        pytest.param(ColumnType.DOUBLE, 1, 1.25, Decimal("1.2"), id="a double"),
        pytest.param(
            ColumnType.MONEY, None, Decimal("1.505001"), Decimal("1.505001"), id="without decimals, not at all"
        ),
        pytest.param(ColumnType.MONEY, 2, "no number", "no number", id="what is no number stays"),
        pytest.param(ColumnType.MONEY, 2, None, None, id="nothing stays nothing"),
        pytest.param(ColumnType.INTEGER, 2, 5, 5, id="a whole number has no decimals"),
    ],
)
def test_D3_numbers_are_sent_at_the_columns_decimals(kind, precision, value, expected):
    """As Dynamics stores them, and as they are compared."""
    found = at_scale(field(kind, precision=precision), value)

    assert (found, type(found)) == (expected, type(expected))


@given(value=AMOUNTS, precision=st.integers(0, 4))
def test_D3_a_number_at_its_columns_decimals_means_the_same(value, precision):
    """Rounding is no edit."""
    each = field(ColumnType.MONEY, precision=precision)

    assert same(each, at_scale(each, value), value)
