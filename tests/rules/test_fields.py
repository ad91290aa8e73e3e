"""Rules P3, P4, P11, P19: folding one pulled row into a person, field by field."""

from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field
from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.rules.fields import Collision, Winner, first_fold, fold_row


def field(api_name: str, kind: ColumnType, precision: int | None = None) -> Field:
    return Field(
        entity=Entity.LEAD,
        column=api_name.lower(),
        api_name=api_name,
        label=api_name,
        type=kind,
        direction=Direction.BOTH,
        precision=precision,
    )


CITY = field("city", ColumnType.TEXT)
FIELDS = [
    CITY,
    field("hobbies", ColumnType.CHOICES),
    field("annualRevenue", ColumnType.MONEY, 2),
    field("seenAt", ColumnType.DATETIME),
    field("rating", ColumnType.CHOICE),
]
BY_NAME = {each.api_name: each for each in FIELDS}
# Few values, some of which mean the same: what folds wrongly then does so within a few examples.
VALUES = {
    "city": st.sampled_from([None, "", "Rome", "Bonn", "rome"]),
    "hobbies": st.sampled_from([None, "", "1,2", "2,1", "3"]),
    "annualRevenue": st.sampled_from([None, Decimal("1.5"), Decimal("1.501"), Decimal("1.50"), 2]),
    "seenAt": st.sampled_from([None, "2025-01-01T00:00:00Z", "2025-01-01T00:00:00.5Z", "2025-01-02T00:00:00Z"]),
    "rating": st.sampled_from([None, 1, 2]),
}
rows = st.fixed_dictionaries(VALUES)
people = st.fixed_dictionaries({}, optional={**VALUES, "nickname": st.just("Al")})
winners = st.sampled_from(Winner)


@st.composite
def pairs(draw):
    """A person and a base, which holds only fields where the person differs from what was agreed."""
    person = draw(people)
    agreed = draw(st.fixed_dictionaries({}, optional=VALUES))
    return person, {name: value for name, value in agreed.items() if not same(BY_NAME[name], person.get(name), value)}


def fold(row, person, base, winner=Winner.CRM, fields=FIELDS):
    return fold_row(fields, row=row, person=person, base=base, winner=winner, rule="P4")


def fold_city(*, crm, held, base, winner=Winner.CRM):
    return fold({"city": crm}, {"city": held}, base, winner, [CITY])


# The table ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crm", "held", "base", "values", "left", "changes"),
    [
        pytest.param("Rome", "Rome", {}, {"city": "Rome"}, {}, [], id="nobody touched the field"),
        pytest.param(
            "Rome", "Oslo", {"city": "Rome"}, {"city": "Oslo"}, {"city": "Rome"}, [], id="an unsent edit is left alone"
        ),
        pytest.param(
            "Bonn", "Rome", {}, {"city": "Bonn"}, {}, [("city", "Rome", "Bonn")], id="only Dynamics edited the field"
        ),
        pytest.param(None, "Rome", {}, {}, {}, [("city", "Rome", None)], id="Dynamics emptied the field"),
        pytest.param("Bonn", None, {}, {"city": "Bonn"}, {}, [("city", None, "Bonn")], id="Dynamics filled the field"),
        pytest.param(
            "Bonn", "Bonn", {"city": "Rome"}, {"city": "Bonn"}, {}, [], id="both made the same edit, so they agree"
        ),
        pytest.param(
            None, "", {"city": "Rome"}, {"city": ""}, {}, [], id="both emptied the field, each in its own way"
        ),
    ],
)
@pytest.mark.parametrize("winner", Winner)
def test_P3_each_field_goes_its_own_way(crm, held, base, values, left, changes, winner):
    """Without a collision it makes no difference who would win one."""
    folded = fold_city(crm=crm, held=held, base=base, winner=winner)

    assert (folded.values, folded.base, folded.changes, folded.collisions) == (values, left, changes, [])


def test_P3_different_fields_edited_on_the_two_sides_both_survive():
    """Marketing's city waits to be sent, Dynamics' rating arrives."""
    folded = fold_row(
        [CITY, BY_NAME["rating"]],
        row={"city": "Rome", "rating": 2},
        person={"city": "Oslo", "rating": 1},
        base={"city": "Rome"},
        winner=Winner.CRM,
        rule="P4",
    )

    assert folded.values == {"city": "Oslo", "rating": 2}
    assert folded.base == {"city": "Rome"}


@pytest.mark.parametrize(
    ("winner", "values", "base", "changes"),
    [
        pytest.param(
            Winner.CRM, {"city": "Bonn"}, {}, [("city", "Oslo", "Bonn")], id="on a contact Dynamics' value wins"
        ),
        pytest.param(
            Winner.MARKETING, {"city": "Oslo"}, {"city": "Bonn"}, [], id="on a lead marketing's value wins, to be sent"
        ),
    ],
)
def test_P4_a_collision_has_one_winner_and_a_journalled_loser(winner, values, base, changes):
    """Both sides left Rome: the journal keeps all three values, so that the loser can be restored."""
    folded = fold_city(crm="Bonn", held="Oslo", base={"city": "Rome"}, winner=winner)

    assert (folded.values, folded.base, folded.changes) == (values, base, changes)
    assert folded.collisions == [
        Collision(field="city", base="Rome", marketing="Oslo", crm="Bonn", winner=winner, rule="P4")
    ]


def test_P11_the_base_is_carried_to_the_contact():
    """An unsent edit of the lead is sent only where the contact still holds the base value; else Dynamics wins."""
    kept = fold_city(crm="Rome", held="Oslo", base={"city": "Rome"})
    lost = fold_city(crm="Bonn", held="Oslo", base={"city": "Rome"})

    assert (kept.values, kept.base) == ({"city": "Oslo"}, {"city": "Rome"})
    assert (lost.values, lost.base) == ({"city": "Bonn"}, {})


@pytest.mark.parametrize(
    ("crm", "held", "winner", "values", "base", "collides"),
    [
        pytest.param("Rome", "Rome", Winner.CRM, {"city": "Rome"}, {}, False, id="equal values are agreed"),
        pytest.param(None, "", Winner.CRM, {"city": ""}, {}, False, id="two empty values are agreed"),
        pytest.param("Rome", None, Winner.MARKETING, {"city": "Rome"}, {}, False, id="an empty person is filled"),
        pytest.param(
            None, "Oslo", Winner.CRM, {"city": "Oslo"}, {"city": None}, False, id="an empty record is to be filled"
        ),
        pytest.param("Rome", "Oslo", Winner.CRM, {"city": "Rome"}, {}, True, id="of two values Dynamics' stays"),
        pytest.param(
            "Rome", "Oslo", Winner.MARKETING, {"city": "Oslo"}, {"city": "Rome"}, True, id="or marketing's, to be sent"
        ),
    ],
)
def test_P19_a_first_fold_fills_and_decides(crm, held, winner, values, base, collides):
    """Nothing was agreed before, so the base begins with what Dynamics holds."""
    folded = first_fold([CITY], row={"city": crm}, person={"city": held}, rule="P19", winner=winner)

    assert (folded.values, folded.base) == (values, base)
    assert [each.rule for each in folded.collisions] == (["P19"] if collides else [])


# Whatever is folded ---------------------------------------------------------------------------------------------------


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_the_same_row_folds_to_the_same_and_changes_nothing_it_was_given(row, pair, winner):
    """Deterministic, and without a trace in its arguments."""
    before = deepcopy((row, *pair))
    first, second = fold(row, *pair, winner), fold(row, *pair, winner)

    assert first == second
    assert (row, *pair) == before


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_folding_the_folded_row_again_changes_nothing(row, pair, winner):
    """A page that is read twice, or an echo, is harmless."""
    once = fold(row, *pair, winner)
    twice = fold(row, once.values, once.base, winner)

    assert (twice.values, twice.base, twice.changes, twice.collisions) == (once.values, once.base, [], [])


@given(row=rows, person=people, winner=winners)
def test_P19_a_first_fold_leaves_nothing_for_a_second_fold(row, person, winner):
    """What it agreed is what an ordinary fold of the same row finds agreed."""
    once = first_fold(FIELDS, row=row, person=person, rule="P19", winner=winner)
    twice = fold(row, once.values, once.base, winner)

    assert (twice.values, twice.base, twice.changes, twice.collisions) == (once.values, once.base, [], [])


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_a_field_that_dynamics_did_not_change_is_not_touched(row, pair, winner):
    """Neither its value, nor its base, nor the log."""
    person, base = pair
    folded = fold(row, person, base, winner)
    untouched = {
        name
        for name, each in BY_NAME.items()
        if same(each, row[name], base[name] if name in base else person.get(name))
    }

    assert {name: folded.values.get(name) for name in untouched} == {name: person.get(name) for name in untouched}
    assert {name: folded.base[name] for name in untouched & set(folded.base)} == {
        name: base[name] for name in untouched & set(base)
    }
    assert not untouched & {name for name, _, _ in folded.changes}
    assert not untouched & {each.field for each in folded.collisions}


@given(edit=st.sampled_from(["Oslo", None]), others=st.lists(rows, max_size=6), winner=winners)
def test_P3_an_unsent_edit_survives_any_sequence_of_other_changes(edit, others, winner):
    """As long as Dynamics still says Rome, marketing's city stays and stays to be sent."""
    person, base = {"city": edit}, {"city": "Rome"}
    for row in others:
        folded = fold({**row, "city": "Rome"}, person, base, winner)
        person, base = folded.values, folded.base

    assert (person.get("city"), base["city"]) == (edit, "Rome")


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_the_base_holds_observed_values_only_where_the_person_differs(row, pair, winner):
    """Never a value somebody assumed; and a field both sides hold needs none."""
    person, base = pair
    folded = fold(row, person, base, winner)

    for name, value in folded.base.items():
        assert value in (row[name], base.get(name, row[name]))
        assert not same(BY_NAME[name], folded.values.get(name), value)


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_afterwards_what_is_agreed_is_what_the_row_says(row, pair, winner):
    """The base where there is one, else what the person holds, means what Dynamics was seen to hold."""
    folded = fold(row, *pair, winner)
    agreed = {name: folded.base[name] if name in folded.base else folded.values.get(name) for name in BY_NAME}

    assert [name for name, each in BY_NAME.items() if not same(each, agreed[name], row[name])] == []


@given(row=rows, pair=pairs(), winner=winners)
def test_P4_no_value_is_overwritten_unless_it_was_agreed_or_is_journalled(row, pair, winner):
    """An edit that loses is in the journal with the value that was lost (R2)."""
    person, base = pair
    folded = fold(row, person, base, winner)
    lost = {name: old for name, old, _ in folded.changes if name in base}

    assert lost == {each.field: each.marketing for each in folded.collisions if each.winner is Winner.CRM}


@given(row=rows, pair=pairs(), winner=winners, order=st.permutations(FIELDS))
def test_P3_the_order_of_the_fields_is_irrelevant(row, pair, winner, order):
    """Only the order of the entries follows it."""
    one, other = fold(row, *pair, winner), fold(row, *pair, winner, order)

    assert (one.values, one.base) == (other.values, other.base)
    assert sorted(map(repr, one.changes)) == sorted(map(repr, other.changes))
    assert sorted(map(repr, one.collisions)) == sorted(map(repr, other.collisions))


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_fields_that_are_not_pulled_are_left_alone(row, pair, winner):
    """A row may carry columns nobody selected; marketing's own fields are no business of a pull."""
    person, base = pair
    folded = fold({**row, "nickname": "Bob"}, person, base, winner, [CITY])

    assert {name: value for name, value in folded.values.items() if name != "city"} == {
        name: value for name, value in person.items() if name != "city"
    }
