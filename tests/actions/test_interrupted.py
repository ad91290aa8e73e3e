"""An action that is killed, or gets no answer, makes neither two records nor none (rules F1, R2, S9, S10, S11)."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tandem.actions.requests import RequestState
from tandem.database.port import BeingWritten, Dialect
from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import NotAnswered, Unavailable
from tandem.model.entities import Entity
from tandem.runtime import syncing
from tandem.runtime.instance import CopiedDatabase
from tandem.sync.applier import How
from tandem.sync.holds.settling import Settling
from tandem.sync.known_tables import OrganisationChanged
from tandem.sync.removing import Removing, WriteUnderWay
from tandem.testing.world import World

on_sqlite = pytest.mark.parametrize("world", [Dialect.SQLITE.value], indirect=True)
"""For what takes long: what a kill leaves in either database is for tests/crash to show."""

DONE, REFUSED, BEGUN = RequestState.DONE, RequestState.REFUSED, RequestState.BEGUN
LEAD, CONTACT = Entity.LEAD, Entity.CONTACT

# No answer ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "tries"),
    [("reset-before", 2), ("reset-after", 1), ("truncate", 1), ("unexpected", 2), ("unexpected-after", 1)],
)
def test_R2_a_creation_without_an_answer_makes_one_record(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch, fault: str, tries: int
) -> None:
    """It is looked for at once, and sent again only where it did not arrive; the request is done."""
    person, write, sent = marketer.create(lastname="Ek"), Dynamics.write, list[Any]()
    world.fault(fault, method="PATCH")

    def counted(dynamics: Dynamics, *request: Any) -> Any:
        sent.append(request)
        return write(dynamics, *request)

    monkeypatch.setattr(Dynamics, "write", counted)
    acted = marketer.sync(person)

    assert (DONE, "created", tries) == (acted.state, acted.outcome, len(sent))
    assert 1 == len(marketer.records(LEAD, "Ek"))
    assert ["created"] == [each["outcome"] for each in marketer.told(person)]


def test_R2_a_creation_that_never_arrives_is_carried_out_by_the_next_cycle(world: World, marketer: Any) -> None:
    """The answer says so; the same request is done then."""
    person = marketer.create(lastname="Ek")
    world.fault("reset-before", method="PATCH", times=2)

    acted = marketer.sync(person, request="first")
    world.cycle()
    again = marketer.sync(person, request="first")

    assert (BEGUN, "Dynamics could not take it now.", None) == (acted.state, acted.outcome, acted.record)
    assert (DONE, "created", LEAD) == (again.state, again.outcome, again.record)
    assert 1 == len(marketer.records(LEAD, "Ek"))


def test_R2_a_try_that_arrives_late_is_not_doubled(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is cut, the record is looked for in vain and made by the second try; then the first one arrives too."""
    person = marketer.create(lastname="Ek")
    write, fetch, late = Dynamics.write, Dynamics.fetch, list[Callable[[], Any]]()
    world.fault("reset-before", method="PATCH")

    def noted(dynamics: Dynamics, *request: Any) -> Any:
        late.append(lambda: write(dynamics, *request))
        return write(dynamics, *request)

    def arrives(dynamics: Dynamics, *query: Any) -> Any:
        answer = fetch(dynamics, *query)
        late.pop()()
        return answer

    monkeypatch.setattr(Dynamics, "write", noted)
    monkeypatch.setattr(Dynamics, "fetch", arrives)
    acted = marketer.sync(person)

    assert (DONE, "created") == (acted.state, acted.outcome)
    assert 1 == len(marketer.records(LEAD, "Ek"))
    assert ["created"] == [each["outcome"] for each in marketer.told(person)]
    assert [] == world.subscription.state.journal.errors()


@pytest.mark.parametrize("fault", ["reset-after", "truncate", "unexpected-after"])
def test_F1_a_qualification_without_an_answer_is_found_by_its_contact(world: World, marketer: Any, fault: str) -> None:
    """It took place: the same person goes on as that contact."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.fault(fault, path="QualifyLead")

    acted = marketer.sync(person, CONTACT)

    (contact,) = marketer.records(CONTACT, "Ek")
    assert (DONE, "qualified", contact["contactid"]) == (acted.state, acted.outcome, acted.record_id)
    assert person == world.person("contact", contact["contactid"]).id
    assert ["qualified"] == [each["outcome"] for each in marketer.told(person)]


@pytest.mark.parametrize("lost", [1, 2], ids=["once", "twice"])
def test_F1_a_qualification_that_never_arrived_is_tried_again(world: World, marketer: Any, lost: int) -> None:
    """It left no trace: once more at once, then by the next cycle."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.fault("reset-before", path="QualifyLead", times=lost)

    first = marketer.sync(person, CONTACT, request="first")
    world.sync()
    then = marketer.sync(person, CONTACT, request="first")

    assert (DONE if lost == 1 else BEGUN) is first.state
    assert (DONE, "qualified") == (then.state, then.outcome)
    assert 1 == len(marketer.records(CONTACT, "Ek"))
    assert ["qualified"] == [each["outcome"] for each in marketer.told(person)]


def test_F1_a_qualification_that_arrives_after_it_was_looked_for_is_found(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second try meets a lead that is closed: by the first."""
    lead, tries = world.create("lead", lastname="Ek", subject="Visit"), itertools.count(1)
    world.cycle()
    person, qualify = world.person("lead", lead).id, Dynamics.qualify

    def late(dynamics: Dynamics, lead_id: str) -> str:
        if next(tries) == 1:
            raise NotAnswered("Cut.")
        qualify(dynamics, lead_id)  # The first one, at last.
        return qualify(dynamics, lead_id)

    monkeypatch.setattr(Dynamics, "qualify", late)
    acted = marketer.sync(person, CONTACT)

    assert (DONE, "qualified", CONTACT) == (acted.state, acted.outcome, acted.record)
    assert [] == world.subscription.state.journal.errors()


def test_R2_an_action_that_cannot_look_leaves_it_to_the_next_cycle(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is lost, and then Dynamics is away altogether."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.fault("reset-after", path="QualifyLead")

    def away(*_: Any) -> Any:
        raise Unavailable("Dynamics is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "fetch", away)
        acted = marketer.sync(person, CONTACT, request="first")
    world.cycle()
    again = marketer.sync(person, CONTACT, request="first")

    assert (BEGUN, "Dynamics is away.", LEAD) == (acted.state, acted.outcome, acted.record)
    assert (DONE, "qualified", CONTACT) == (again.state, again.outcome, again.record)
    assert ["qualified"] == [each["outcome"] for each in marketer.told(person)]


# Killed -------------------------------------------------------------------------------------------------------------


def some_people(marketer: Any, *, leads: bool) -> Iterator[int]:
    """People to try it with, each with something to send, made twenty at a time."""
    while True:
        if leads:
            records = [marketer.world.create("lead", lastname="Ek", subject="Visit") for _ in range(20)]
            marketer.world.cycle()
            people = [marketer.world.person("lead", each).id for each in records]
        else:
            people = [marketer.create(lastname="Ek") for _ in range(20)]
        for person in people:
            marketer.edit(person, city=f"City {person}")
            yield person


@on_sqlite
@pytest.mark.parametrize("next_is", ["a cycle", "the same request"])
@pytest.mark.parametrize("qualified", [False, True], ids=["made", "qualified"])
def test_R2_killed_at_any_point_it_is_done_once(
    world: World, marketer: Any, killed_at: Any, next_is: str, qualified: bool
) -> None:
    """Whoever comes next, the cycle or the same request: one record, linked, told once."""
    wanted, asked = CONTACT if qualified else LEAD, list[int]()
    for person in some_people(marketer, leads=qualified):
        asked.append(person)
        with killed_at(len(asked)) as finished:
            marketer.sync(person, wanted, request=f"request {person}")
        if finished:
            break
        if next_is == "a cycle":
            world.cycle()
        acted = marketer.sync(person, wanted, request=f"request {person}")
        assert (DONE, wanted) == (acted.state, acted.record), len(asked)
    world.cycle()

    assert len(asked) > 10
    made = Counter(each["address1_city"] for each in marketer.records(wanted, "Ek"))
    assert made == {f"City {person}": 1 for person in asked}
    told = [[each["outcome"] for each in marketer.told(person) if each["outcome"] != "failed"] for person in asked]
    assert told == [["qualified" if qualified else "created"]] * len(asked)
    assert [] == world.subscription.state.intents.begun()
    assert 0 == world.subscription.state.nominations.count()


# Beside the sync ----------------------------------------------------------------------------------------------------


def test_F1_an_action_works_while_the_sync_is_running(world: World, marketer: Any) -> None:
    """It does not take the engine's lock; what it made is nothing new to the engine."""
    person = marketer.create(lastname="Ek")
    with world.engine() as (engine, _):
        acted = marketer.sync(person)
        report = engine.cycle()

    assert DONE is acted.state
    assert (0, 0) == (report.counts(LEAD).created, report.counts(LEAD).pushed)
    assert acted.record_id == world.subscription.state.links.of_people([person])[person].crm_id


def test_F1_a_record_the_sync_sees_before_the_answer_is_the_persons(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of the table holds the record while the action still waits for the answer: nobody is doubled."""
    person, write = marketer.create(lastname="Ek"), Dynamics.write

    def slow(dynamics: Dynamics, *request: Any) -> Any:
        answer = write(dynamics, *request)
        with world.engine() as (engine, context):
            tables = engine.tables()
            plan, (record,) = tables.plans[LEAD], marketer.records(LEAD, "Ek")
            rows, _ = dynamics.fetch(plan.table, [record["leadid"]], plan.decoder)
            with context.database.transaction():
                tables.appliers[LEAD].apply(rows, How.LIVE)
        return answer

    monkeypatch.setattr(Dynamics, "write", slow)
    acted = marketer.sync(person)

    assert (DONE, "created") == (acted.state, acted.outcome)
    assert ["created"] == [each["outcome"] for each in marketer.told(person)]
    assert 1 == len(world.export("person"))


@pytest.mark.parametrize("who", ["an action", "a cycle"])
def test_R2_whoever_writes_is_alone(world: World, marketer: Any, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else gets the right to write while a request is under way; afterwards it is free."""
    person, write, refusals = marketer.create(lastname="Ek"), Dynamics.write, list[BeingWritten]()
    marketer.sync(person)
    other = marketer.create(lastname="Ekman")
    marketer.edit(person, city="Umeå")

    def watched(dynamics: Dynamics, *request: Any) -> Any:
        with pytest.raises(BeingWritten) as caught, world.subscription.writing(patience=0):
            pass
        refusals.append(caught.value)
        return write(dynamics, *request)

    monkeypatch.setattr(Dynamics, "write", watched)
    if who == "a cycle":
        world.cycle()
    else:
        marketer.sync(other)

    assert 1 == len(refusals)
    with world.subscription.writing(patience=0) as held:
        assert held is None


def test_F5_a_person_is_not_deleted_while_its_record_is_made(
    world: World, marketer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever deletes is told to try again; the record finds its person."""
    person, write, subscription = marketer.create(lastname="Ek"), Dynamics.write, world.subscription
    removing = Removing(subscription.database, subscription.marketing, subscription.state)

    def late(dynamics: Dynamics, *request: Any) -> Any:
        with pytest.raises(WriteUnderWay):
            removing.delete(person, at=subscription.now())
        return write(dynamics, *request)

    monkeypatch.setattr(Dynamics, "write", late)
    acted = marketer.sync(person)

    assert (DONE, "created") == (acted.state, acted.outcome)
    assert person == world.person("lead", acted.record_id).id


def test_F5_a_person_deleted_while_it_is_wanted_is_not_made(world: World, marketer: Any) -> None:
    """The request says why."""
    person = marketer.create(lastname="Ek")
    world.fault("reset-before", method="PATCH", times=2)
    marketer.sync(person, request="first")
    subscription = world.subscription
    Removing(subscription.database, subscription.marketing, subscription.state).delete(person, at=subscription.now())
    world.cycle()

    acted = marketer.sync(person, request="first")

    assert (REFUSED, "the person was deleted") == (acted.state, acted.outcome)
    assert [] == marketer.records(LEAD, "Ek")


def test_R6_a_request_is_a_change_that_may_be_written(make_marketer: Callable[..., Any]) -> None:
    """However low the limit of own writes per change is, requests alone never pass it."""
    marketer = make_marketer(brake_write_floor="1", brake_write_ratio="1.0")
    people = [marketer.create(lastname="Ek") for _ in range(3)]

    assert [DONE] * 3 == [marketer.sync(person).state for person in people]


def test_R6_while_writes_are_held_a_request_waits(world: World, marketer: Any) -> None:
    """It says so, and is carried out when a person has approved them."""
    person, subscription = marketer.create(lastname="Ek"), world.subscription
    hold = subscription.state.journal.add_hold("own-writes", LEAD, count=9, known=3, brake=4, at=subscription.now())

    acted = marketer.sync(person, request="first")
    with subscription.database.transaction():
        Settling(subscription.marketing, subscription.state).approve(hold, at=subscription.now())
    world.cycle()

    assert (BEGUN, "Writes to lead are held: `tandem holds` says why.") == (acted.state, acted.outcome)
    assert DONE is marketer.sync(person, request="first").state


# Not at all ---------------------------------------------------------------------------------------------------------


def test_S9_nothing_is_written_to_another_organisation(world: World, marketer: Any) -> None:
    """Its identity is asked for before anything else."""
    person = marketer.create(lastname="Ek")
    world.become_a_copy()

    with pytest.raises(OrganisationChanged):
        marketer.sync(person, request="first")

    assert [] == marketer.records(LEAD, "Ek")
    assert world.subscription.state.actions.of("first") is None


def test_S10_a_copied_database_does_not_act(world: World, marketer: Any) -> None:
    """Its home is another one; the run is not counted, so that the engine may be at work."""
    person, before = marketer.create(lastname="Ek"), world.subscription.state.setting("instance")
    marketer.sync(person)
    after = world.subscription.state.setting("instance")
    home = world.settings.home / "copy"
    home.mkdir()
    world.subscription.settings = replace(world.subscription.settings, home=home)

    with pytest.raises(CopiedDatabase):
        marketer.sync(person)
    assert before == after


def test_S11_nothing_is_written_while_the_sync_is_off(world: World, marketer: Any) -> None:
    """Off means that nothing moves, whoever asks."""
    person = marketer.create(lastname="Ek")
    syncing.enable(world.subscription, False)

    with pytest.raises(syncing.NotEnabled):
        marketer.sync(person)
    assert [] == marketer.records(LEAD, "Ek")
