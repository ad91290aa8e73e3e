"""Rules P4, P15: which fields are decided as one, and how."""

from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field, Policy, default_fields
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.rules.units import CONSENT, Kind, split_units, units_of


def field(column: str, kind: ColumnType = ColumnType.TEXT, policy: Policy | None = None) -> Field:
    return Field(
        entity=Entity.LEAD,
        column=column,
        api_name=column.upper(),
        label=column,
        type=kind,
        direction=Direction.BOTH,
        policy=policy,
    )


STATE, STATUS = field("statecode", ColumnType.STATE), field("statuscode", ColumnType.STATUS)
CURRENCY = field("transactioncurrencyid", ColumnType.LOOKUP)
REVENUE, BUDGET = field("revenue", ColumnType.MONEY), field("budgetamount", ColumnType.MONEY)
STREET, TOWN, OTHER_TOWN = field("address1_line1"), field("address1_city"), field("address2_city")
CITY, SCORE = field("city"), field("score", ColumnType.INTEGER)
EVERY = [STATE, STATUS, CURRENCY, REVENUE, BUDGET, STREET, TOWN, OTHER_TOWN, CITY, SCORE]


def columns(fields, *, address_block=True, consent=False):
    found = units_of(fields, address_block=address_block, consent=consent)
    return {frozenset(each.column for each in unit.fields) for unit in found}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([STATUS, CITY, STATE], [{"statecode", "statuscode"}, {"city"}], id="state and status reason"),
        pytest.param([STATUS], [{"statuscode"}], id="a status reason alone"),
        pytest.param([REVENUE, BUDGET], [{"revenue"}, {"budgetamount"}], id="amounts without the currency stand alone"),
        pytest.param(
            [REVENUE, CURRENCY, BUDGET],
            [{"revenue", "budgetamount", "transactioncurrencyid"}],
            id="a record has one currency, so its amounts are one unit",
        ),
        pytest.param(
            [STREET, OTHER_TOWN, TOWN],
            [{"address1_line1", "address1_city"}, {"address2_city"}],
            id="each address of a record is one",
        ),
        pytest.param(
            [TOWN, field("address1_telephone1"), field("address1_line4")],
            [{"address1_city"}, {"address1_telephone1"}, {"address1_line4"}],
            id="a telephone number is no line of an address",
        ),
    ],
)
def test_P4_what_says_one_thing_is_one_unit(fields, expected):
    """Whatever the order of the fields."""
    assert columns(fields) == columns(fields[::-1]) == {frozenset(each) for each in expected}


def test_P4_addresses_are_one_only_by_the_setting():
    """It is off by default."""
    assert columns([STREET, TOWN], address_block=False) == {frozenset({"address1_line1"}), frozenset({"address1_city"})}


def test_P15_consent_is_only_restrictive_by_the_setting():
    """It is off by default: the winners of P4."""
    (no_calls,) = units_of([field("donotphone", ColumnType.BOOLEAN)], address_block=False, consent=False)

    assert no_calls.kind is Kind.SCALAR


def test_P15_the_five_consents_are_in_the_default_map_of_both_tables():
    """A misspelt column would never be restrictive."""
    for entity in (Entity.LEAD, Entity.CONTACT):
        assert {row.column for row in default_fields(entity)} >= CONSENT
    assert len(CONSENT) == 5


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param([Policy.MARKETING, None], Policy.MARKETING, id="one choice holds for both"),
        pytest.param([Policy.MARKETING, Policy.DYNAMICS], Policy.DYNAMICS, id="dynamics before marketing"),
        pytest.param([Policy.HOLD, Policy.DYNAMICS], Policy.HOLD, id="hold before anything"),
        pytest.param([Policy.ADD, None], None, id="a unit of several fields is not added up"),
    ],
)
def test_P4_of_several_choices_the_most_careful_one_holds_for_the_unit(chosen, expected):
    """In either order."""
    for first, second in (chosen, chosen[::-1]):
        (unit,) = units_of(
            [replace(STREET, policy=first), replace(TOWN, policy=second)], address_block=True, consent=False
        )
        assert (unit.policy, unit.kind) == (expected, Kind.SCALAR)


@pytest.mark.parametrize("kind", [ColumnType.MONEY, ColumnType.TEXT, ColumnType.DATE, ColumnType.CHOICE])
def test_P4_only_plain_numbers_are_added_up(kind):
    """A change in another currency is another amount."""
    (unit,) = units_of([field("x", kind, Policy.ADD)], address_block=False, consent=False)

    assert (unit.kind, unit.policy) == (Kind.SCALAR, None)


@given(fields=st.lists(st.sampled_from(EVERY), unique=True), address_block=st.booleans(), consent=st.booleans())
def test_P4_every_field_is_in_exactly_one_unit(fields, address_block, consent):
    """None is decided twice, and none is forgotten."""
    found = units_of(fields, address_block=address_block, consent=consent)

    assert sorted(each.column for unit in found for each in unit.fields) == sorted(each.column for each in fields)


@given(names=st.sets(st.sampled_from([each.api_name for each in EVERY])))
def test_P11_units_are_split_by_what_was_agreed_before(names):
    """A unit may have members on both sides; none is lost."""
    units = units_of(EVERY, address_block=True, consent=False)
    named, others = split_units(units, names)

    assert {each.api_name for unit in named for each in unit.fields} == names
    assert {each.api_name for unit in others for each in unit.fields} == {each.api_name for each in EVERY} - names
    assert {unit.kind for unit in chain(named, others)} <= {unit.kind for unit in units}
