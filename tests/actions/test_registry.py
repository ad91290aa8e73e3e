"""One door to all actions: what it takes, what it refuses, and for many people (rules F1-F5, P9, P16, R2)."""

import inspect
import itertools
from functools import partial
from typing import Any

import pytest

from tandem.actions.arguments import ARGUMENTS, Action, ChangeOwner
from tandem.actions.registry import go_on, perform_each, read_arguments
from tandem.actions.requests import BadArguments, RequestIdTaken, RequestState
from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import Unavailable
from tandem.mapping.selection import UnknownField
from tandem.mapping.values import BadValue
from tandem.model.entities import Entity
from tandem.model.errors import OurBug
from tandem.runtime.acting import acting
from tandem.state.reviews import ReviewKind
from tandem.sync.edits import NotEditable, UnknownPerson
from tandem.sync.removing import NotMergeable
from tandem.testing.world import World

DONE, REFUSED, BEGUN = RequestState.DONE, RequestState.REFUSED, RequestState.BEGUN


# What it takes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", Action)
def test_F1_every_action_says_what_it_is_and_what_it_takes(action: Action) -> None:
    """Its help begins with its name, and each argument is described."""
    name, _, sentence = (inspect.getdoc(ARGUMENTS[action]) or "").partition(": ")
    words = action.value.split("-")

    assert words[0] == name.split()[0].lower()
    assert sentence
    for hint in inspect.get_annotations(ARGUMENTS[action]).values():
        assert hint.__metadata__[0].description


@pytest.mark.parametrize(
    ("action", "arguments", "said"),
    [
        (Action.CHANGE_OWNER, {}, "missing required field `owner`"),
        (Action.CHANGE_OWNER, {"owner": "North", "when": "now"}, "unknown field `when`"),
        (Action.CHANGE_OWNER, {"owner": 7}, "Expected `str`, got `int`"),
        (Action.SYNC_PERSON, {"as": "account"}, "Invalid enum value 'account'"),
        (Action.SYNC_PERSON, {"wanted": "lead"}, "unknown field `wanted`"),
        (Action.MERGE_PEOPLE, {"winner": "everybody"}, "Expected `int`, got `str`"),
        (Action.DELETE_PERSON, ChangeOwner(owner="North"), "got `ChangeOwner`"),
    ],
    ids=[
        "missing",
        "unknown",
        "of another type",
        "no such record",
        "by its Python name",
        "no number",
        "of another one",
    ],
)
def test_F1_arguments_that_do_not_fit_are_an_error_before_anything_else(
    action: Action, arguments: Any, said: str
) -> None:
    """Each with the action's name."""
    with pytest.raises(BadArguments, match=said) as caught:
        read_arguments(action, arguments)

    assert caught.value.message.startswith(f"{action.value}: ")


def test_F1_nothing_is_stored_of_a_request_that_does_not_fit(world: World, marketer: Any) -> None:
    """And the same id may be used for what fits."""
    person = marketer.create(lastname="Ek")
    with pytest.raises(BadArguments):
        marketer.ask(Action.CHANGE_OWNER, person, "first", owners="North")

    assert DONE is marketer.ask(Action.CHANGE_DATA_VALUE, person, "first", field="city", value="Umeå").state


def test_F1_a_request_id_belongs_to_its_action_person_and_arguments(world: World, marketer: Any) -> None:
    """For anything else it is taken."""
    person, other = marketer.create(lastname="Ek"), marketer.create(lastname="Lund")
    marketer.ask(Action.CHANGE_DATA_VALUE, person, "first", field="city", value="Umeå")

    for whose, value in ((other, "Umeå"), (person, "Luleå")):
        with pytest.raises(RequestIdTaken):
            marketer.ask(Action.CHANGE_DATA_VALUE, whose, "first", field="city", value=value)
    with pytest.raises(RequestIdTaken):
        marketer.ask(Action.DELETE_PERSON, person, "first")
    assert marketer.world.subscription.marketing.people.get([person])


@pytest.mark.parametrize("given", ["", "x" * 201, "a\x00b", "\ud800"], ids=["empty", "long", "control", "no Unicode"])
def test_F1_what_can_be_no_id_of_a_request_is_an_error(world: World, marketer: Any, given: str) -> None:
    """An empty one above all: it would be made up anew each time, and the same request act twice."""
    person = marketer.create(lastname="Ek")
    with pytest.raises(BadArguments, match="no id of a request"):
        marketer.sync(person, request=given)
    with pytest.raises(BadArguments), acting(world.subscription) as (engine, context):
        list(perform_each(engine, context, Action.SYNC_PERSON, [person], {}, given))

    assert [] == marketer.records("lead", "Ek")


@pytest.mark.parametrize("nobody", [0, -1, 2**63, 10**30])
def test_F1_a_number_that_nobody_can_have_is_nobodys(world: World, marketer: Any, nobody: int) -> None:
    """However large, on every database."""
    person = marketer.create(lastname="Ek")
    with pytest.raises(UnknownPerson):
        marketer.sync(nobody)
    with pytest.raises(UnknownPerson):
        marketer.ask(Action.MERGE_PEOPLE, person, winner=nobody)


# For many people ----------------------------------------------------------------------------------------------------


def test_F1_many_people_have_a_request_and_an_outcome_each(world: World, marketer: Any) -> None:
    """What keeps it from one says nothing of the others; asked again, nobody gets a second record."""
    people = [marketer.create(lastname="Ek"), 4711, marketer.create(), marketer.create(lastname="Ek")]
    with acting(world.subscription) as (engine, context):
        first, again = (list(perform_each(engine, context, Action.SYNC_PERSON, people, {}, "night")) for _ in range(2))

    assert [DONE, REFUSED, REFUSED, DONE] == [each.state for each in first]
    assert [f"night:{person}" for person in people] == [each.request for each in first]
    assert "There is no person 4711." in first[1].outcome
    assert "lastName is required" in first[2].outcome
    assert first == again
    assert 2 == len(marketer.records("lead", "Ek"))


def test_F3_a_subject_that_is_empty_for_one_person_is_the_outcome_of_that_one(world: World, marketer: Any) -> None:
    """The others have their task."""
    people = [marketer.create(lastname="Ek"), marketer.create(lastname="Ek", city="Umeå")]
    with acting(world.subscription) as (engine, context):
        acted = list(perform_each(engine, context, Action.CREATE_TASK, people, {"subject": "{{lead.City}}"}, "night"))

    assert [REFUSED, DONE] == [each.state for each in acted]
    assert "would have no subject" in acted[0].outcome


def test_F5_what_cannot_be_done_with_one_person_is_the_outcome_of_that_one(world: World, marketer: Any) -> None:
    """As where a file of people to be merged names the winner, too."""
    winner, loser = (marketer.create(lastname="Ek") for _ in range(2))
    with acting(world.subscription) as (engine, context):
        asked = perform_each(engine, context, Action.MERGE_PEOPLE, [winner, loser], {"winner": winner}, "night")

        assert [REFUSED, DONE] == [each.state for each in asked]


def test_F1_what_concerns_everybody_ends_it(world: World, marketer: Any) -> None:
    """Before the first person."""
    people = [marketer.create(lastname="Ek")]
    with acting(world.subscription) as (engine, context), pytest.raises(BadArguments):
        next(perform_each(engine, context, Action.CHANGE_OWNER, people, {}, "night"))


# In marketing alone -------------------------------------------------------------------------------------------------


def test_F5_a_value_is_changed_once_without_dynamics(world: World, marketer: Any) -> None:
    """Its log has the change; the next cycle sends what belongs to a record."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.fault("reset-before", times=None)

    acted = marketer.ask(Action.CHANGE_DATA_VALUE, person, "first", field="city", value="Umeå")
    marketer.edit(person, city="Luleå")
    again = marketer.ask(Action.CHANGE_DATA_VALUE, person, "first", field="city", value="Umeå")
    same = marketer.ask(Action.CHANGE_DATA_VALUE, person, field="City", value="Luleå", request=None)

    assert (DONE, "changed city") == (acted.state, acted.outcome)
    assert acted == again
    assert (DONE, "nothing to change") == (same.state, same.outcome)
    assert '"city":"Luleå"' in world.person("lead", lead).fields


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [("shoeSize", "42", UnknownField), ("microsoftIsDeleted", "yes", NotEditable), ("unsubscribed", "?", BadValue)],
    ids=["an unknown field", "one of the sync's", "no such value"],
)
def test_F5_a_value_that_cannot_be_set_is_an_error(
    world: World, marketer: Any, field: str, value: str, kind: type[Exception]
) -> None:
    """Nothing is stored of the request."""
    person = marketer.create(lastname="Ek")

    with pytest.raises(kind):
        marketer.ask(Action.CHANGE_DATA_VALUE, person, "first", field=field, value=value)

    assert world.subscription.state.actions.of("first") is None


def test_F5_a_person_is_deleted_in_marketing_alone(world: World, marketer: Any) -> None:
    """Its record stays; the same request says so again, another one that there is nobody (P9)."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.fault("reset-before", times=None)

    acted = marketer.ask(Action.DELETE_PERSON, person, "first")

    assert (DONE, "deleted", None) == (acted.state, acted.outcome, acted.record)
    assert acted == marketer.ask(Action.DELETE_PERSON, person, "first")
    with pytest.raises(UnknownPerson):
        marketer.ask(Action.DELETE_PERSON, person, "second")
    assert world.row("lead", lead)["lastname"] == "Ek"


@pytest.mark.parametrize("never_return", [False, True], ids=["may return", "never returns"])
def test_F5_a_deleted_person_returns_unless_it_is_not_to(world: World, marketer: Any, never_return: bool) -> None:
    """At the next change of its record (P9)."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id

    marketer.ask(Action.DELETE_PERSON, person, never_return=never_return)
    world.edit("lead", lead, jobtitle="CTO")
    world.cycle()

    people = [each["id"] for each in world.export("person")]
    assert (1 - never_return, True) == (len(people), person not in people)


def test_F5_what_was_asked_for_a_deleted_person_is_forgotten(world: World, marketer: Any) -> None:
    """A request keeps its outcome, not the values it was given."""
    person = marketer.create(lastname="Ek")
    marketer.ask(Action.CHANGE_DATA_VALUE, person, "first", field="city", value="Umeå")
    marketer.ask(Action.DELETE_PERSON, person)

    stored = world.subscription.state.actions.of("first")
    assert stored is not None
    assert (None, "done") == (stored.arguments, stored.state)


def test_F5_a_person_becomes_part_of_another(world: World, marketer: Any) -> None:
    """The request's person is the one that ends; its record goes on or is set aside (P16)."""
    leads = [world.create("lead", lastname=name, subject="Visit") for name in ("Ek", "Lund")]
    world.cycle()
    winner, loser = (world.person("lead", each).id for each in leads)

    acted = marketer.ask(Action.MERGE_PEOPLE, loser, "first", winner=winner)

    assert (DONE, f"part of person {winner}; its lead is set aside") == (acted.state, acted.outcome)
    assert leads[0] == acted.record_id
    assert acted == marketer.ask(Action.MERGE_PEOPLE, loser, "first", winner=winner)
    with pytest.raises(NotMergeable):
        marketer.ask(Action.MERGE_PEOPLE, winner, winner=winner)


def test_F5_a_parked_person_can_be_changed_in_marketing(world: World, marketer: Any) -> None:
    """Nothing of it reaches Dynamics while the filter says No (D8)."""
    world.filter_column("lead")
    world.sync()
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.edit("lead", lead, new_synctomkto=False)
    world.cycle()

    acted = marketer.ask(Action.CHANGE_DATA_VALUE, person, field="city", value="Umeå")
    world.cycle()

    assert (DONE, None) == (acted.state, world.row("lead", lead)["address1_city"])


# Going on -----------------------------------------------------------------------------------------------------------


def test_R2_the_next_cycle_goes_on_with_what_was_cut_off(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once: what is settled by then is left alone, and a stop is obeyed."""
    team = world.create("team", name="North", teamtype=0)
    leads = [world.create("lead", lastname="Ek", subject="Visit") for _ in range(2)]
    world.cycle()
    people = [world.person("lead", each).id for each in leads]
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        acted = [marketer.ask(Action.CHANGE_OWNER, each, f"for {each}", owner="North") for each in people]
    assert [BEGUN, BEGUN] == [each.state for each in acted]
    marketer.ask(Action.CHANGE_OWNER, people[0], f"for {people[0]}", owner="North")

    with acting(world.subscription) as (engine, context):
        context.stopping = lambda: True
        go_on(engine, context)
        assert [f"for {people[1]}"] == [each for _, each in world.subscription.state.actions.begun(limit=9)]
    world.sync()
    world.sync()

    assert [team, team] == [world.row("lead", each)["ownerid"] for each in leads]
    told = [marketer.told(each, "Change Owner in Microsoft") for each in people]
    assert [["owner changed"], ["owner changed"]] == [[each["outcome"] for each in log] for log in told]


def test_P7_what_the_next_cycle_cannot_carry_out_either_is_an_error(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that counts how often, and is healed when it is done: nothing waits for ever unseen."""
    world.create("team", name="North", teamtype=0)
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person, journal = world.person("lead", lead).id, world.subscription.state.journal
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        marketer.ask(Action.CHANGE_OWNER, person, owner="North")
        before = journal.errors()
        world.sync()
        world.sync()
    (error,) = journal.errors()
    world.sync()

    assert ([], "open", "action-not-yet", "Away.", 2) == (
        before,
        error["state"],
        error["code"],
        error["message"],
        error["times"],
    )
    assert (lead, person) == (error["crm_id"], error["person_id"])
    assert ["healed"] == [each["state"] for each in journal.errors()]


def test_S12_what_cannot_be_carried_out_keeps_nobody_behind_it_waiting(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little time there is: the next time begins where the last one ended, and then anew."""
    team = world.create("team", name="North", teamtype=0)
    lead, contact = world.create("lead", lastname="Ek", subject="Visit"), world.create("contact", lastname="Ek")
    world.cycle()
    people = [world.person("lead", lead).id, world.person("contact", contact).id]
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        for person in people:
            marketer.ask(Action.CHANGE_OWNER, person, f"for {person}", owner="North")
    state = world.subscription.state
    hold = state.journal.add_hold("own-writes", Entity.LEAD, count=9, known=3, brake=4, at=world.subscription.now())
    done = list[list[bool]]()
    with acting(world.subscription) as (engine, context):
        context.monotonic = partial(next, itertools.count(0, context.settings.fresh_interval * 2 / 3))
        for _ in range(3):
            go_on(engine, context)
            done.append(
                [each.state == DONE for each in map(state.actions.of, [f"for {each}" for each in people]) if each]
            )
        state.journal.settle_hold(hold, "approved", at=world.subscription.now())
        go_on(engine, context)

    assert [[False, False], [False, True], [False, True]] == done
    assert [team, team] == [world.row("lead", lead)["ownerid"], world.row("contact", contact)["ownerid"]]


def test_P7_a_fault_of_one_request_does_not_end_the_sync(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an error of its person, and the others are gone on with."""
    world.create("team", name="North", teamtype=0)
    leads = [world.create("lead", lastname="Ek", subject="Visit") for _ in range(2)]
    world.cycle()
    people, write = [world.person("lead", each).id for each in leads], Dynamics.write
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        for each in people:
            marketer.ask(Action.CHANGE_OWNER, each, f"for {each}", owner="North")

    def faulty(dynamics: Dynamics, writes: Any, decoder: Any) -> Any:
        if writes[0].id == leads[0]:
            raise OurBug("Something nobody thought of.")
        return write(dynamics, writes, decoder)

    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", faulty)
        world.sync()
    (error,) = world.subscription.state.journal.errors()
    world.sync()

    assert (people[0], "our-bug", "change-owner") == (error["person_id"], error["code"], error["operation"])
    assert [DONE, DONE] == [
        marketer.ask(Action.CHANGE_OWNER, each, f"for {each}", owner="North").state for each in people
    ]


def test_S9_nothing_is_gone_on_with_while_nothing_may_be_written(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a request that waits keep the cycles from reading."""
    world.create("team", name="North", teamtype=0)
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    state, at = world.subscription.state, world.subscription.now()
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        marketer.ask(Action.CHANGE_OWNER, world.person("lead", lead).id, "first", owner="North")
    outcomes = list[str]()
    with acting(world.subscription) as (engine, context):
        state.reviews.begin(ReviewKind.ADOPT, "It was copied.", by="a test", at=at)
        for _ in range(2):
            go_on(engine, context)
            stored = state.actions.of("first")
            outcomes.append(stored.state if stored else "")
            state.reviews.end(at=at)

    assert [BEGUN, DONE] == outcomes
