"""Rules A3 and A4: what a newer account row does to its company, and who is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.rules.companies import company_changes, logs_per_person, reset_company


def field(api_name: str, kind: ColumnType = ColumnType.TEXT, precision: int | None = None) -> Field:
    return Field(
        entity=Entity.ACCOUNT,
        column=api_name.lower(),
        api_name=api_name,
        label=api_name,
        type=kind,
        direction=Direction.FROM,
        precision=precision,
    )


FIELDS = [field("company"), field("billingCity"), field("annualRevenue", ColumnType.MONEY, 2)]
values = st.dictionaries(st.sampled_from(["company", "billingCity", "tier", "note"]), st.text(max_size=3))
rows = st.fixed_dictionaries({name: st.none() | st.text(max_size=3) for name in ("company", "billingCity")})


@given(held=values, row=rows)
def test_A3_every_mapped_field_is_dynamics_and_every_other_is_kept(held, row):
    """An edit made in marketing is reset by any newer row, one that changed nothing included."""
    after = reset_company(held, row)

    assert {name: after[name] for name in row} == row
    assert {name: value for name, value in after.items() if name not in row} == {
        name: value for name, value in held.items() if name not in row
    }


@given(held=values, row=rows)
def test_A3_a_second_row_that_says_the_same_changes_nothing(held, row):
    """Resetting what was reset is no change, so nothing is logged for it."""
    after = reset_company(held, row)

    assert reset_company(after, row) == after
    assert company_changes(FIELDS[:2], held=after, row=row) == []


def test_A4_a_change_is_logged_with_its_old_and_new_value():
    """Only the fields whose meaning changed, an emptied one included."""
    held = {"company": "Northwind", "billingCity": "Rome", "annualRevenue": 10}
    row = {"company": "Northwind Ltd", "billingCity": None, "annualRevenue": 10.001}

    assert company_changes(FIELDS, held=held, row=row) == [
        ("company", "Northwind", "Northwind Ltd"),
        ("billingCity", "Rome", None),
    ]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        pytest.param(0, True, id="nobody is linked to the company"),
        pytest.param(4_999, True, id="fewer people than the limit"),
        pytest.param(5_000, True, id="exactly 5,000 people are still told"),
        pytest.param(5_001, False, id="of 5,001 people none is told"),
    ],
)
def test_A4_a_change_is_logged_on_up_to_5000_people(people, expected):
    """A company with tens of thousands of people would flood the activity log."""
    assert logs_per_person(people) is expected


@given(people=st.integers(0, 10**7), limit=st.integers(0, 10**7))
def test_A4_the_limit_is_a_setting(people, limit):
    """The limit itself still logs."""
    assert logs_per_person(people, limit=limit) is (people <= limit)
