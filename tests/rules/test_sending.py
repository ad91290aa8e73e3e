"""Rules P5, P7, D1, D3, R1: what of a person's values goes to Dynamics."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field
from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Option, Required
from tandem.rules.sending import Difference, ProblemCode, decide_creation, decide_sending
from tandem.rules.units import units_of


def field(column: str, kind: ColumnType = ColumnType.TEXT, **facts: object) -> Field:
    return Field(
        **{
            "entity": Entity.LEAD,
            "column": column,
            "api_name": column.upper(),
            "label": column,
            "type": kind,
            "direction": Direction.BOTH,
            **facts,
        }
    )


TITLE = field("jobtitle", max_length=10)
NAME = field("lastname", max_length=10, required=Required.APPLICATION)
REVENUE = field("revenue", ColumnType.MONEY, precision=2, maximum=100.0)
CURRENCY = field("transactioncurrencyid", ColumnType.LOOKUP, writable=False, direction=Direction.FROM)
STATE = field(
    "statecode",
    ColumnType.STATE,
    options=tuple(Option(value=code, label=str(code)) for code in (0, 1, 2)),
)
STATUS = field(
    "statuscode",
    ColumnType.STATUS,
    options=(
        Option(value=1, label="New", state=0),
        Option(value=3, label="Qualified", state=1),
        Option(value=4, label="Lost", state=2),
    ),
)
SECRET = "hunter2 "


def send(*fields, person, base, frozen=frozenset()):
    """Person and base by column."""
    return decide_sending(
        units_of(fields, address_block=False, consent=False),
        person={name.upper(): value for name, value in person.items()},
        base={name.upper(): value for name, value in base.items()},
        frozen={name.upper() for name in frozen},
    )


def create(*fields, person, required=()):
    return decide_creation(
        units_of(fields, address_block=False, consent=False),
        person={name.upper(): value for name, value in person.items()},
        required=[Column(name=name, type=ColumnType.TEXT) for name in required],
    )


def codes(result):
    return {(each.field, each.code) for each in result.problems}


# Edits ----------------------------------------------------------------------------------------------------------------


def test_P5_only_fields_that_differ_from_dynamics_are_sent():
    """Under the column's name to Dynamics, under the API name to be recognised in the answer."""
    result = send(TITLE, NAME, person={"jobtitle": "CTO", "lastname": "Ek"}, base={"jobtitle": None})

    assert (result.values, result.sent, result.problems, result.differs) == (
        {"jobtitle": "CTO"}, {"JOBTITLE": "CTO"}, [], {},
    )  # fmt: skip


def test_P5_a_base_that_means_the_same_sends_nothing():
    """A half cent is no difference, nor is an empty text."""
    result = send(
        REVENUE, TITLE, person={"revenue": Decimal("1.504"), "jobtitle": ""}, base={"revenue": 1.5, "jobtitle": None}
    )

    assert result.values == {}


@pytest.mark.parametrize("empty", [pytest.param(None, id="no value"), pytest.param("", id="an empty text")])
def test_P5_a_field_that_was_emptied_is_emptied_in_dynamics(empty):
    """As null: an empty text would be stored as one."""
    result = send(TITLE, person={"jobtitle": empty}, base={"jobtitle": "CTO"})

    assert (result.values, result.problems) == ({"jobtitle": None}, [])


def test_D3_money_is_sent_at_the_columns_decimals_and_its_currency_never():
    """What is sent is what the answer will say."""
    result = send(
        REVENUE,
        CURRENCY,
        person={"revenue": Decimal("1.505001"), "transactioncurrencyid": "b"},
        base={"revenue": 1, "transactioncurrencyid": "a"},
    )

    assert (result.values, result.sent) == ({"revenue": Decimal("1.51")}, {"REVENUE": Decimal("1.51")})
    assert result.differs == {"TRANSACTIONCURRENCYID": Difference.FROM}


@pytest.mark.parametrize(
    ("facts", "frozen", "expected"),
    [
        pytest.param({}, {"jobtitle"}, Difference.FROZEN, id="a frozen field"),
        pytest.param({"direction": Direction.BLOCKED}, set(), Difference.BLOCKED, id="a blocked field"),
        pytest.param({"direction": Direction.FROM}, set(), Difference.FROM, id="a pull-only field"),
        pytest.param({"writable": False}, set(), Difference.READ_ONLY, id="a column that became read-only"),
    ],
)
def test_R1_a_difference_by_rule_is_listed_with_its_reason(facts, frozen, expected):
    """It is no problem, and it does not keep the other fields."""
    result = send(
        replace(TITLE, **facts),
        NAME,
        person={"jobtitle": "CTO", "lastname": "Ek"},
        base={"jobtitle": None, "lastname": "Oh"},
        frozen=frozen,
    )

    assert (result.differs, result.values, result.problems) == ({"JOBTITLE": expected}, {"lastname": "Ek"}, [])


def test_P4_a_field_that_only_goes_to_dynamics_is_sent():
    """The direction `to` writes."""
    result = send(replace(TITLE, direction=Direction.TO), person={"jobtitle": "CTO"}, base={"jobtitle": None})

    assert result.values == {"jobtitle": "CTO"}


@pytest.mark.parametrize("level", [Required.APPLICATION, Required.SYSTEM])
def test_P7_a_required_column_is_not_emptied(level):
    """Dynamics' API would let ApplicationRequired pass; its forms would not."""
    result = send(
        replace(NAME, required=level), TITLE, person={"jobtitle": "CTO"}, base={"lastname": "Ek", "jobtitle": ""}
    )

    assert (result.values, codes(result)) == ({"jobtitle": "CTO"}, {("LASTNAME", ProblemCode.REQUIRED)})


def test_P7_a_value_that_does_not_fit_stays_alone():
    """The rest is sent; the reason names the field, the limit and what to do, and never the value."""
    result = send(
        TITLE, NAME, person={"jobtitle": SECRET * 2, "lastname": "Ek"}, base={"jobtitle": None, "lastname": None}
    )
    (problem,) = result.problems

    assert result.values == {"lastname": "Ek"}
    assert problem.message == "JOBTITLE is too long: it has 16 characters and Dynamics takes 10."
    assert problem.advice == "Shorten the value in marketing, or lengthen the column in Dynamics."
    assert SECRET.strip() not in repr(result.problems)


# State and status reason ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [
        pytest.param({"statecode": 0, "statuscode": 1}, id="both were edited"),
        pytest.param({"statuscode": 5}, id="only the reason was edited"),
    ],
)
def test_D3_state_and_status_reason_are_written_together(base):
    """Even if only one of them differs."""
    person = {"statecode": 2, "statuscode": 4}
    result = send(STATE, STATUS, TITLE, person=person, base=base)

    assert result.values == person
    assert result.sent == {"STATECODE": 2, "STATUSCODE": 4}


@pytest.mark.parametrize(
    "person",
    [
        pytest.param({"statecode": 2, "statuscode": 1}, id="a reason of another state"),
        pytest.param({"statecode": 2, "statuscode": None}, id="a state without a reason"),
        pytest.param({"statecode": None, "statuscode": 4}, id="a reason without a state"),
    ],
)
def test_D3_a_pair_that_does_not_belong_together_is_not_sent(person):
    """Dynamics would refuse the whole record."""
    result = send(STATE, STATUS, TITLE, person=person | {"jobtitle": "CTO"}, base={"statecode": 0, "jobtitle": None})

    assert (result.values, codes(result)) == ({"jobtitle": "CTO"}, {("STATECODE", ProblemCode.STATE_PAIR)})


def test_D3_a_lead_is_never_written_qualified():
    """That would be a qualified lead without a contact."""
    person, base = {"statecode": 1, "statuscode": 3}, {"statecode": 0, "statuscode": 1}
    of_contact = [replace(each, entity=Entity.CONTACT) for each in (STATE, STATUS)]

    assert codes(send(STATE, STATUS, person=person, base=base)) == {
        ("STATECODE", ProblemCode.QUALIFIED),
        ("STATUSCODE", ProblemCode.QUALIFIED),
    }
    assert send(*of_contact, person=person, base=base).values == person


def test_D3_a_status_reason_alone_brings_its_state():
    """Alone it would be refused; the state that is not two-way comes back with the answer."""
    pull_only = replace(STATE, direction=Direction.FROM)
    for fields in ([STATUS], [pull_only, STATUS]):
        result = send(*fields, person={"statecode": 0, "statuscode": 4}, base={"statuscode": 1})
        assert (result.values, result.sent) == ({"statecode": 2, "statuscode": 4}, {"STATUSCODE": 4})


def test_D3_a_state_alone_takes_its_default_reason():
    """Dynamics picks it."""
    result = send(STATE, person={"statecode": 2}, base={"statecode": 0})

    assert (result.values, result.sent) == ({"statecode": 2}, {"STATECODE": 2})


def test_D3_a_status_reason_dynamics_does_not_have_is_that_fields_problem():
    """It is found before the pair is looked at."""
    result = send(STATE, STATUS, person={"statecode": 0, "statuscode": 99}, base={"statuscode": 1})

    assert (result.values, codes(result)) == ({}, {("STATUSCODE", "unknown-option")})


def test_R6_of_a_pair_with_a_frozen_member_neither_is_sent():
    """One without the other is no pair."""
    result = send(
        STATE,
        STATUS,
        person={"statecode": 2, "statuscode": 4},
        base={"statecode": 0, "statuscode": 1},
        frozen={"statecode"},
    )

    assert result.values == {}
    assert result.differs == {"STATECODE": Difference.FROZEN, "STATUSCODE": Difference.FROZEN}


# Records that are made ------------------------------------------------------------------------------------------------


def test_P5_a_record_is_made_of_everything_the_person_has_there():
    """But not of what is pull-only, empty, or a state."""
    fields = [TITLE, NAME, REVENUE, STATE, STATUS, field("fax", direction=Direction.FROM), field("pager")]
    person = {
        "jobtitle": "CTO",
        "lastname": "Ek",
        "revenue": 5,
        "statecode": 0,
        "statuscode": 1,
        "fax": "1",
        "pager": "",
    }
    result = create(*fields, person=person, required=["lastname"])

    assert result.values == {"jobtitle": "CTO", "lastname": "Ek", "revenue": Decimal("5.00")}
    assert set(result.sent) == {"JOBTITLE", "LASTNAME", "REVENUE"}
    assert (result.problems, result.missing) == ([], [])


@pytest.mark.parametrize(
    ("fields", "person", "missing", "problems"),
    [
        pytest.param([NAME], {}, ["LASTNAME"], {("LASTNAME", "required-empty")}, id="a selected column is empty"),
        pytest.param([TITLE], {}, ["lastname"], {("lastname", "required-empty")}, id="a column is not selected"),
        pytest.param(
            [NAME], {"lastname": "x" * 11}, ["LASTNAME"], {("LASTNAME", "too-long")}, id="a value does not fit"
        ),
        pytest.param(
            [replace(NAME, direction=Direction.FROM)],
            {"lastname": "Ek"},
            ["LASTNAME"],
            {("LASTNAME", "required-empty")},
            id="a column is pull-only",
        ),
    ],
)
def test_P7_a_record_that_lacks_a_required_column_is_not_made(fields, person, missing, problems):
    """Each missing column has one reason."""
    result = create(*fields, person=person, required=["lastname"])

    assert (result.missing, codes(result)) == (missing, problems)


def test_P7_a_record_is_made_without_a_value_that_does_not_fit():
    """The field is a problem of its own."""
    result = create(TITLE, NAME, person={"jobtitle": "x" * 11, "lastname": "Ek"}, required=["lastname"])

    assert (result.values, codes(result), result.missing) == ({"lastname": "Ek"}, {("JOBTITLE", "too-long")}, [])


# Whatever is sent -----------------------------------------------------------------------------------------------------

NAMES = ["jobtitle", "lastname", "revenue", "statecode", "statuscode", "transactioncurrencyid"]
VALUES = st.sampled_from([None, "", "Ek", "x" * 11, "\x00", 0, 1, 2, 3, 4, Decimal("1.505"), 101, True])
records = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES))


@given(person=records, base=records, frozen=st.sets(st.sampled_from(NAMES)))
def test_R1_every_difference_is_sent_or_has_a_reason(person, base, frozen):
    """Nothing differs in silence, nothing is sent that did not differ but for the other of a pair."""
    fields = [TITLE, NAME, REVENUE, STATE, STATUS, CURRENCY]
    result = send(*fields, person=person, base=base, frozen=frozen)
    settled = [set(result.sent), set(result.differs), {each.field for each in result.problems}]
    pair = {"STATECODE", "STATUSCODE"}
    differing = {
        each.api_name
        for each in fields
        if each.column in base and not same(each, person.get(each.column), base[each.column])
    }

    assert differing <= set.union(*settled) <= differing | (pair if differing & pair else set())
    assert sum(map(len, settled)) == len(set.union(*settled))
    assert not {name.upper() for name in frozen} & set(result.sent)
    assert "transactioncurrencyid" not in result.values
    assert result.values.get("statecode") != 1
