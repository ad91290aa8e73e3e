"""Rules P3, P4, P6, P11, P15, P19: folding one pulled row into a person, unit by unit."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field, Policy
from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.rules.brakes import HoldKind
from tandem.rules.fields import Collision, Held, Winner, first_fold, fold_row
from tandem.rules.sending import decide_sending
from tandem.rules.units import units_of


def field(column: str, kind: ColumnType = ColumnType.TEXT, **facts: object) -> Field:
    return Field(
        entity=Entity.LEAD,
        column=column.lower(),
        api_name=column,
        label=column,
        type=kind,
        **{"direction": Direction.BOTH, **facts},
    )


CITY = field("city")
SCORE = field("leadScore", ColumnType.INTEGER, policy=Policy.ADD)
HOBBIES = field("hobbies", ColumnType.CHOICES)
NO_CALLS = field("doNotPhone", ColumnType.BOOLEAN)
STREET, TOWN = field("address1_line1"), field("address1_city")
REVENUE = field("annualRevenue", ColumnType.MONEY, precision=2)
CURRENCY = field("transactioncurrencyid", ColumnType.LOOKUP, writable=False, direction=Direction.FROM)
FIELDS = [
    CITY,
    HOBBIES,
    REVENUE,
    CURRENCY,
    field("seenAt", ColumnType.DATETIME),
    field("rating", ColumnType.CHOICE, policy=Policy.HOLD),
    SCORE,
    NO_CALLS,
    STREET,
    TOWN,
    field("source", direction=Direction.FROM),
    field("nickname", policy=Policy.MARKETING),
]
BY_NAME = {each.api_name: each for each in FIELDS}
EUR, USD = "00000000-0000-0000-0000-00000000000e", "00000000-0000-0000-0000-00000000000d"
# Few values, some of which mean the same: what folds wrongly then does so within a few examples.
TEXTS = st.sampled_from([None, "", "Rome", "Bonn", "rome"])
VALUES = {
    "city": TEXTS,
    "hobbies": st.sampled_from([None, "", "1,2", "2,1", "3", "1,3"]),
    "annualRevenue": st.sampled_from([None, Decimal("1.5"), Decimal("1.501"), Decimal("1.50"), 2]),
    "transactioncurrencyid": st.sampled_from([None, EUR, USD]),
    "seenAt": st.sampled_from([None, "2025-01-01T00:00:00Z", "2025-01-01T00:00:00.5Z", "2025-01-02T00:00:00Z"]),
    "rating": st.sampled_from([None, 1, 2]),
    "leadScore": st.sampled_from([None, 0, 10, 15]),
    "doNotPhone": st.sampled_from([None, False, True]),
    "address1_line1": TEXTS,
    "address1_city": TEXTS,
    "source": TEXTS,
    "nickname": TEXTS,
}
rows = st.fixed_dictionaries(VALUES)
people = st.fixed_dictionaries({}, optional={**VALUES, "shoeSize": st.just(42)})
winners = st.sampled_from([Winner.MARKETING, Winner.CRM])


@st.composite
def pairs(draw):
    """A person and a base, which holds only fields where the person differs from what was agreed."""
    person = draw(people)
    agreed = draw(st.fixed_dictionaries({}, optional=VALUES))
    return person, {name: value for name, value in agreed.items() if not same(BY_NAME[name], person.get(name), value)}


def units(fields=FIELDS):
    return units_of(fields, address_block=True, consent=True)


def fold(row, person, base, winner=Winner.CRM, fields=FIELDS, **more):
    return fold_row(units(fields), row=row, person=person, base=base, winner=winner, rule="P4", **more)


def fold_one(each, *, crm, held, winner=Winner.CRM, **facts):
    """Fold one field; `base` among the facts where it was edited, and what was chosen for it."""
    agreed = {each.api_name: facts.pop("base")} if "base" in facts else {}
    more = {name: facts.pop(name) for name in ("sent", "frozen") if name in facts}
    chosen = replace(each, **facts)
    return fold({each.api_name: crm}, {each.api_name: held}, agreed, winner, [chosen], **more)


def traces(folded):
    return folded.values, folded.base, folded.changes, folded.collisions, folded.held, folded.freed


# One field ------------------------------------------------------------------------------------------------------------


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
    folded = fold({"city": crm}, {"city": held}, base, winner, [CITY])

    assert traces(folded) == (values, left, changes, [], [], [])


def test_P3_different_fields_edited_on_the_two_sides_both_survive():
    """Marketing's city waits to be sent, Dynamics' rating arrives."""
    folded = fold({"city": "Rome", "rating": 2}, {"city": "Oslo", "rating": 1}, {"city": "Rome"})

    assert (folded.values, folded.base) == ({"city": "Oslo", "rating": 2}, {"city": "Rome"})


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
    folded = fold_one(CITY, crm="Bonn", held="Oslo", base="Rome", winner=winner)

    assert (folded.values, folded.base, folded.changes) == (values, base, changes)
    assert folded.collisions == [
        Collision(field="city", base="Rome", marketing="Oslo", crm="Bonn", winner=winner, rule="P4")
    ]


@pytest.mark.parametrize("default", [Winner.MARKETING, Winner.CRM])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(Policy.MARKETING, Winner.MARKETING, id="marketing was chosen"),
        pytest.param(Policy.DYNAMICS, Winner.CRM, id="Dynamics was chosen"),
        pytest.param(Policy.HOLD, Winner.NOBODY, id="a person is to be asked"),
    ],
)
@pytest.mark.parametrize(
    ("each", "agreed", "held", "crm"),
    [
        pytest.param(CITY, "Rome", "Oslo", "Bonn", id="a text"),
        pytest.param(HOBBIES, "1", "1,2", "1,3", id="choices"),
        pytest.param(SCORE, 10, 15, 13, id="a score"),
        pytest.param(NO_CALLS, None, True, False, id="a consent"),
    ],
)
def test_P4_what_was_chosen_for_a_field_beats_its_kind_and_the_default(
    each, agreed, held, crm, policy, expected, default
):
    """A field that was chosen has a winner, whatever it is."""
    folded = fold_one(each, crm=crm, held=held, base=agreed, winner=default, policy=policy)

    assert [collision.winner for collision in folded.collisions] == [expected]


def test_P4_a_field_that_was_chosen_to_be_asked_about_waits_for_a_person():
    """Neither value moves; the base says what Dynamics holds, and the journal has both."""
    folded = fold_one(CITY, crm="Bonn", held="Oslo", base="Rome", policy=Policy.HOLD)

    assert (folded.values, folded.base, folded.changes) == ({"city": "Oslo"}, {"city": "Bonn"}, [])
    assert folded.held == [Held("city", HoldKind.CONFLICT)]
    assert folded.collisions == [
        Collision(field="city", base="Rome", marketing="Oslo", crm="Bonn", winner=Winner.NOBODY, rule="P4")
    ]


@pytest.mark.parametrize("policy", [None, *Policy])
def test_P4_an_edit_that_can_never_be_sent_cannot_win(policy):
    """It was made before the field became pull-only; the journal has it."""
    folded = fold_one(
        CITY, crm="Bonn", held="Oslo", base="Rome", winner=Winner.MARKETING, direction=Direction.FROM, policy=policy
    )

    assert (folded.values, folded.base) == ({"city": "Bonn"}, {})
    assert [each.marketing for each in folded.collisions] == ["Oslo"]


def test_P11_the_base_is_carried_to_the_contact():
    """An unsent edit of the lead is sent only where the contact still holds the base value; else Dynamics wins."""
    kept = fold_one(CITY, crm="Rome", held="Oslo", base="Rome")
    lost = fold_one(CITY, crm="Bonn", held="Oslo", base="Rome")

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
    folded = first_fold(units([CITY]), row={"city": crm}, person={"city": held}, rule="P19", winner=winner)

    assert (folded.values, folded.base) == (values, base)
    assert [each.rule for each in folded.collisions] == (["P19"] if collides else [])


# Kinds without a loser ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agreed", "held", "crm", "merged"),
    [
        pytest.param("1,2", "1,2,3", "1,2,4", "1,2,3,4", id="each side added one"),
        pytest.param("1,2,3", "2,3", "1,3", "3", id="each side removed one"),
        pytest.param("1,2", "1,2,3", "2", "2,3", id="one side added, the other removed"),
        pytest.param("1,2", "1", "2", None, id="between them they removed all"),
        pytest.param(None, "10", "9", "9,10", id="each side began it"),
        pytest.param("1", "2", None, "2", id="Dynamics emptied what marketing replaced"),
    ],
)
def test_P4_of_two_sets_both_sides_changes_are_kept(agreed, held, crm, merged):
    """The person takes the outcome at once, and it waits to be sent; nobody lost, so nothing is journalled."""
    folded = fold_one(HOBBIES, crm=crm, held=held, base=agreed)

    assert folded.values.get("hobbies") == merged
    assert folded.base == ({} if merged == crm else {"hobbies": crm})
    assert folded.collisions == []


@pytest.mark.parametrize(
    ("agreed", "held", "crm", "total"),
    [
        pytest.param(10, 15, 13, 18, id="both sides added"),
        pytest.param(10, 15, 8, 13, id="one side added, the other took away"),
        pytest.param(None, 5, 3, 8, id="both sides began it"),
        pytest.param(10, 15, None, 5, id="Dynamics started again"),
        pytest.param(Decimal("1.5"), Decimal("2.5"), Decimal("1.75"), Decimal("2.75"), id="decimals"),
        pytest.param(1.5, 2.5, 1.75, Decimal("2.75"), id="doubles, exactly"),
    ],
)
def test_P4_a_score_counts_what_both_sides_added(agreed, held, crm, total):
    """The base and both differences."""
    folded = fold_one(SCORE, crm=crm, held=held, base=agreed)

    assert (folded.values["leadScore"], folded.base, folded.collisions) == (total, {"leadScore": crm}, [])


def test_P4_a_score_both_sides_hold_is_not_counted_twice():
    """Dynamics has the fifteen because we sent them, and the answer was lost."""
    folded = fold_one(SCORE, crm=15, held=15, base=10)

    assert (folded.values, folded.base) == ({"leadScore": 15}, {})


@pytest.mark.parametrize(
    ("each", "held", "crm"),
    [pytest.param(SCORE, 15, 13, id="a score"), pytest.param(HOBBIES, "1,2", "1,3", id="choices")],
)
def test_P19_without_a_common_past_nothing_is_added_up(each, held, crm):
    """Nobody knows what either side added, so there is a winner."""
    folded = first_fold(units([each]), row={each.api_name: crm}, person={each.api_name: held}, rule="P19")

    assert folded.values == {each.api_name: crm}
    assert [collision.marketing for collision in folded.collisions] == [held]


# Consent --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("winner", [Winner.MARKETING, Winner.CRM])
@pytest.mark.parametrize(
    ("agreed", "held", "crm", "value", "base"),
    [
        pytest.param(False, False, True, True, {}, id="opted out in Dynamics: the person is opted out"),
        pytest.param(False, True, False, True, False, id="opted out in marketing: it waits to be sent"),
        pytest.param(None, False, True, True, {}, id="a no in marketing meets an opt-out in Dynamics: opted out"),
        pytest.param(None, True, False, True, False, id="an opt-out in marketing meets a no in Dynamics: to be sent"),
        pytest.param(False, True, True, True, {}, id="opted out on both sides: agreed"),
        pytest.param(True, False, True, False, True, id="lifted by a person in marketing: it waits to be sent"),
        pytest.param(True, None, None, None, {}, id="no answer any more on both sides: agreed"),
    ],
)
def test_P15_an_opt_out_wins_on_both_sides(agreed, held, crm, value, base, winner):
    """Whoever wins collisions."""
    facts = {"base": agreed} if agreed != held else {}
    folded = fold_one(NO_CALLS, crm=crm, held=held, winner=winner, **facts)

    assert folded.values.get("doNotPhone") is value
    assert folded.base == (base if base == {} else {"doNotPhone": base})
    assert folded.held == []


@pytest.mark.parametrize("crm", [pytest.param(False, id="lifted"), pytest.param(None, id="cleared")])
@pytest.mark.parametrize("winner", [Winner.MARKETING, Winner.CRM])
def test_P15_an_opt_out_lifted_in_dynamics_waits_for_a_person(crm, winner):
    """The person stays opted out; the base says what Dynamics holds now."""
    folded = fold_one(NO_CALLS, crm=crm, held=True, winner=winner)

    assert (folded.values, folded.base, folded.changes) == ({"doNotPhone": True}, {"doNotPhone": crm}, [])
    assert folded.held == [Held("doNotPhone", HoldKind.CONSENT)]


def test_P15_a_lost_opt_in_is_journalled():
    """The rule that decided is named."""
    folded = fold_one(NO_CALLS, crm=True, held=False, base=None, winner=Winner.MARKETING)

    assert [(each.marketing, each.winner, each.rule) for each in folded.collisions] == [(False, Winner.CRM, "P15")]


def test_P15_dynamics_does_not_take_away_an_opt_out_with_its_answer():
    """A rewritten value is accepted, but never one that opts somebody in."""
    folded = fold_one(NO_CALLS, crm=None, held=True, base=False, sent={"doNotPhone": True})

    assert folded.values == {"doNotPhone": True}
    assert folded.held == [Held("doNotPhone", HoldKind.CONSENT)]


@given(row=rows, pair=pairs(), winner=winners)
def test_P15_no_fold_ever_opts_a_person_in(row, pair, winner):
    """Whatever Dynamics says."""
    person, base = pair
    folded = fold(row, {**person, "doNotPhone": True}, base, winner)

    assert folded.values["doNotPhone"] is True


# Units of several fields ----------------------------------------------------------------------------------------------


ROME, BONN = {"address1_line1": "Via 1", "address1_city": "Rome"}, {"address1_line1": "Weg 2", "address1_city": "Bonn"}


@pytest.mark.parametrize(
    ("winner", "values", "base", "lost"),
    [
        pytest.param(Winner.CRM, BONN | {"address1_city": "Rome"}, {}, ["address1_city"], id="Dynamics' address stays"),
        pytest.param(
            Winner.MARKETING,
            ROME | {"address1_city": "Oslo"},
            {"address1_line1": "Weg 2", "address1_city": "Rome"},
            ["address1_line1"],
            id="marketing's address stays, to be sent",
        ),
    ],
)
def test_P4_two_sides_that_changed_different_lines_of_an_address_collide(winner, values, base, lost):
    """The winner's address is kept whole; each value that is lost is journalled."""
    row = {"address1_line1": "Weg 2", "address1_city": "Rome"}
    person = {"address1_line1": "Via 1", "address1_city": "Oslo"}
    folded = fold(row, person, {"address1_city": "Rome"}, winner, [STREET, TOWN])

    assert (folded.values, folded.base) == (values, base)
    assert [each.field for each in folded.collisions] == lost


def test_P4_without_the_setting_the_lines_of_an_address_are_fields_of_their_own():
    """Both edits survive."""
    folded = fold_row(
        units_of([STREET, TOWN], address_block=False, consent=False),
        row={"address1_line1": "Weg 2", "address1_city": "Rome"},
        person={"address1_line1": "Via 1", "address1_city": "Oslo"},
        base={"address1_city": "Rome"},
        winner=Winner.CRM,
        rule="P4",
    )

    assert (folded.values, folded.collisions) == ({"address1_line1": "Weg 2", "address1_city": "Oslo"}, [])


@pytest.mark.parametrize("winner", [Winner.MARKETING, Winner.CRM])
def test_P4_an_amount_edited_in_a_currency_that_is_gone_is_lost(winner):
    """Marketing meant euros, Dynamics says dollars now, and a currency is never sent."""
    folded = fold(
        {"annualRevenue": 100, "transactioncurrencyid": USD},
        {"annualRevenue": 200, "transactioncurrencyid": EUR},
        {"annualRevenue": 100},
        winner,
        [REVENUE, CURRENCY],
    )

    assert (folded.values, folded.base) == ({"annualRevenue": 100, "transactioncurrencyid": USD}, {})
    assert [(each.field, each.marketing) for each in folded.collisions] == [("annualRevenue", 200)]


def test_P4_a_unit_that_is_held_is_held_whole():
    """A later change of the town must not slip past a street that waits for a person."""
    fields = [replace(STREET, policy=Policy.HOLD), TOWN]
    row = {"address1_line1": "Weg 2", "address1_city": "Rome"}
    folded = fold(row, ROME | {"address1_line1": "Gate 3"}, {"address1_line1": "Via 1"}, Winner.CRM, fields)
    held = {each.field for each in folded.held}
    later = fold(BONN, folded.values, folded.base, Winner.CRM, fields, frozen=held)

    assert held == {"address1_line1", "address1_city"}
    assert (later.values, later.base, later.freed) == (folded.values, BONN, [])


@pytest.mark.parametrize(
    ("row", "freed"),
    [
        pytest.param({"address1_city": "Rome"}, [], id="one line agrees, the other does not"),
        pytest.param(ROME, ["address1_line1", "address1_city"], id="both lines agree"),
    ],
)
def test_R6_the_frozen_fields_of_a_unit_are_freed_together(row, freed):
    """Freed alone, a line could be taken or sent without the other."""
    folded = fold(BONN | row, ROME, BONN, Winner.CRM, [STREET, TOWN], frozen=set(ROME))

    assert (folded.values, folded.freed) == (ROME, freed)


# What waits for a person, and what answers our own write --------------------------------------------------------------


@pytest.mark.parametrize("base", [pytest.param({}, id="not edited"), pytest.param({"city": "Bern"}, id="edited")])
@pytest.mark.parametrize(
    ("crm", "left", "freed"),
    [
        pytest.param("Bonn", {"city": "Bonn"}, [], id="the base follows Dynamics"),
        pytest.param("Rome", {}, ["city"], id="Dynamics came to agree"),
    ],
)
def test_R6_a_frozen_field_moves_neither_way(base, crm, left, freed):
    """Only what Dynamics holds is remembered."""
    folded = fold({"city": crm}, {"city": "Rome"}, base, Winner.CRM, [CITY], frozen={"city"})

    assert traces(folded) == ({"city": "Rome"}, left, [], [], [], freed)


@pytest.mark.parametrize(
    ("held", "crm", "values", "base", "why"),
    [
        pytest.param("Oslo", "Oslo", {"city": "Oslo"}, {}, [], id="Dynamics took it"),
        pytest.param(
            "Oslo", "Rome", {"city": "Oslo"}, {"city": "Rome"}, [HoldKind.UNDONE], id="Dynamics put its value back"
        ),
        pytest.param("Oslo", "OSLO", {"city": "OSLO"}, {}, [], id="Dynamics wrote it in its own way"),
        pytest.param("Lima", "Oslo", {"city": "Lima"}, {"city": "Oslo"}, [], id="edited again while it was sent"),
        pytest.param("Lima", "Rome", {"city": "Lima"}, {"city": "Rome"}, [], id="edited again, and Dynamics undid it"),
        pytest.param("Lima", "Lima", {"city": "Lima"}, {}, [], id="edited again to what Dynamics made of it"),
    ],
)
def test_P6_what_dynamics_answers_to_a_write(held, crm, values, base, why):
    """Rome was agreed, Oslo was sent."""
    folded = fold_one(CITY, crm=crm, held=held, base="Rome", sent={"city": "Oslo"})

    assert (folded.values, folded.base, [each.why for each in folded.held]) == (values, base, why)
    assert folded.collisions == []


def test_P6_an_edit_back_to_the_old_value_while_the_write_was_under_way_is_sent():
    """Edited back it equals the base, so the base was closed; Dynamics has what was sent."""
    folded = fold({"city": "Oslo"}, {"city": "Rome"}, {}, Winner.CRM, [CITY], sent={"city": "Oslo"})

    assert (folded.values, folded.base) == ({"city": "Rome"}, {"city": "Oslo"})


@pytest.mark.parametrize(
    ("held", "base"),
    [pytest.param("Oslo", {}, id="agreed"), pytest.param("Lima", {"city": "Oslo"}, id="edited again: to be sent")],
)
def test_P6_a_field_that_only_goes_to_dynamics_is_agreed_by_being_sent(held, base):
    """No row tells of it."""
    fields = [replace(CITY, direction=Direction.TO)]
    folded = fold({}, {"city": held}, {"city": "Rome"}, Winner.CRM, fields, sent={"city": "Oslo"})

    assert (folded.values, folded.base) == ({"city": held}, base)


def test_P4_a_field_that_only_goes_to_dynamics_is_never_taken_from_a_row_without_it():
    """The edit waits, and nothing is emptied."""
    fields = [replace(CITY, direction=Direction.TO)]
    folded = fold({}, {"city": "Oslo"}, {"city": "Rome"}, Winner.CRM, fields)

    assert traces(folded) == ({"city": "Oslo"}, {"city": "Rome"}, [], [], [], [])


def test_P6_what_an_automation_changed_besides_arrives_with_the_answer():
    """A plug-in fills the rating when the city is written."""
    row, person = {"city": "Oslo", "rating": 2}, {"city": "Oslo", "rating": 1}
    folded = fold(row, person, {"city": "Rome"}, sent={"city": "Oslo"})

    assert (folded.values, folded.base) == ({"city": "Oslo", "rating": 2}, {})


def test_R6_a_field_that_was_emptied_can_be_put_back():
    """The person keeps the value until somebody decides about everybody it was emptied for; Dynamics holds nothing."""
    folded = fold({"city": None, "rating": 2}, {"city": "Rome", "rating": 1}, {})

    assert (folded.put_back("city"), folded.put_back("rating"), folded.put_back("source")) == (True, False, False)
    assert (folded.values, folded.base) == ({"city": "Rome", "rating": 2}, {"city": None})
    assert folded.changes == [("rating", 1, 2)]


# Whatever is folded ---------------------------------------------------------------------------------------------------


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_the_same_row_folds_to_the_same_and_changes_nothing_it_was_given(row, pair, winner):
    """Deterministic, and without a trace in its arguments."""
    before = deepcopy((row, *pair))
    first, second = fold(row, *pair, winner), fold(row, *pair, winner)

    assert first == second
    assert (row, *pair) == before


@given(row=rows, pair=pairs(), winner=winners, remembered=st.booleans())
def test_P3_folding_the_folded_row_again_changes_nothing(row, pair, winner, remembered):
    """A page that is read twice, or an echo, is harmless, whether or not what was held is remembered as frozen."""
    once = fold(row, *pair, winner)
    frozen = {each.field for each in once.held} if remembered else set()
    twice = fold(row, once.values, once.base, winner, frozen=frozen)

    assert (twice.values, twice.base, twice.changes, twice.collisions, twice.held) == (
        once.values, once.base, [], [], [],
    )  # fmt: skip
    assert twice.freed == []


@given(row=rows, person=people, winner=winners)
def test_P19_a_first_fold_leaves_nothing_for_a_second_fold(row, person, winner):
    """What it agreed is what an ordinary fold of the same row finds agreed."""
    once = first_fold(units(), row=row, person=person, rule="P19", winner=winner)
    twice = fold(row, once.values, once.base, winner)

    assert traces(twice) == (once.values, once.base, [], [], [], [])


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_a_unit_that_dynamics_did_not_change_is_not_touched(row, pair, winner):
    """Neither its values, nor its base, nor the log."""
    person, base = pair
    folded = fold(row, person, base, winner)
    untouched = {
        each.api_name
        for unit in units()
        if all(same(each, row[each.api_name], agreed(person, base, each.api_name)) for each in unit.fields)
        for each in unit.fields
    }

    assert {name: folded.values.get(name) for name in untouched} == {name: person.get(name) for name in untouched}
    assert {name: folded.base[name] for name in untouched & set(folded.base)} == {
        name: base[name] for name in untouched & set(base)
    }
    assert not untouched & {name for name, _, _ in folded.changes}
    assert not untouched & {each.field for each in (*folded.collisions, *folded.held)}


def agreed(person, base, name):
    return base[name] if name in base else person.get(name)


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

    wrong = [
        name for name, each in BY_NAME.items() if not same(each, agreed(folded.values, folded.base, name), row[name])
    ]
    assert wrong == []


@given(row=rows, pair=pairs(), winner=winners)
def test_P4_no_edit_is_overwritten_unless_it_is_journalled_or_merged(row, pair, winner):
    """An edit that loses is in the journal with the value that was lost (R2)."""
    person, base = pair
    folded = fold(row, person, base, winner)
    lost = {name: old for name, old, _ in folded.changes if name in base}
    merged = {"hobbies", "leadScore"}

    journalled = {each.field: each.marketing for each in folded.collisions if each.winner is Winner.CRM}
    assert {name: old for name, old in lost.items() if name not in merged} == journalled


@given(row=rows, pair=pairs(), winner=winners, order=st.permutations(FIELDS))
def test_P3_the_order_of_the_fields_is_irrelevant(row, pair, winner, order):
    """Only the order of the entries follows it."""
    one, other = fold(row, *pair, winner), fold(row, *pair, winner, order)

    assert (one.values, one.base) == (other.values, other.base)
    for entries in ("changes", "collisions", "held"):
        assert sorted(map(repr, getattr(one, entries))) == sorted(map(repr, getattr(other, entries)))


@given(agreed=TEXTS, held=TEXTS, crm=TEXTS)
def test_P4_what_both_sides_come_to_hold_does_not_depend_on_which_side_is_which(agreed, held, crm):
    """Swap the sides and the winner, and the same value stays."""

    def stays(held, crm, winner):
        facts = {} if same(CITY, agreed, held) else {"base": agreed}
        return fold_one(CITY, crm=crm, held=held, winner=winner, **facts).values.get("city")

    assert same(CITY, stays(held, crm, Winner.CRM), stays(crm, held, Winner.MARKETING))


@given(row=rows, pair=pairs(), winner=winners)
def test_P5_what_is_folded_sent_and_answered_leaves_nothing_to_send(row, pair, winner):
    """Dynamics takes what it is sent; what is left differs by a rule or waits for a person."""
    once = fold(row, *pair, winner)
    frozen = {each.field for each in once.held}
    sending = decide_sending(units(), person=once.values, base=once.base, frozen=frozen)
    answer = row | sending.sent
    again = fold(answer, once.values, once.base, winner, sent=sending.sent, frozen=frozen)
    rest = decide_sending(units(), person=again.values, base=again.base, frozen=frozen)

    assert (again.changes, again.collisions, again.held) == ([], [], [])
    assert (rest.values, rest.problems) == ({}, sending.problems)
    assert set(again.base) == set(rest.differs) | {each.field for each in rest.problems}


@given(row=rows, pair=pairs(), winner=winners)
def test_P3_fields_that_are_not_pulled_are_left_alone(row, pair, winner):
    """A row may carry columns nobody selected; marketing's own fields are no business of a pull."""
    person, base = pair
    folded = fold({**row, "shoeSize": 43}, person, base, winner, [CITY])

    assert {name: value for name, value in folded.values.items() if name != "city"} == {
        name: value for name, value in person.items() if name != "city"
    }
