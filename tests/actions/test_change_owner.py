"""Change Owner in Microsoft: whose a record is, told by Dynamics alone (rules F2, P13, U1, R2, S5)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.requests import Acted, RequestIdTaken, RequestState
from tandem.database.port import Dialect
from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import Throttled, Unavailable
from tandem.model.entities import Entity
from tandem.report.errors import retry
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.sandbox.door.automation import Unplug
from tandem.sandbox.door.operations import Privilege
from tandem.sync.edits import UnknownPerson
from tandem.testing.world import World

on_sqlite = pytest.mark.parametrize("world", [Dialect.SQLITE.value], indirect=True)
"""For what takes long: what a kill leaves in either database is for tests/crash to show."""

DONE, REFUSED, BEGUN = RequestState.DONE, RequestState.REFUSED, RequestState.BEGUN
CHANGED = "Change Owner in Microsoft"


class Owners:
    """A lead, its person, and who may own it."""

    def __init__(self, world: World, marketer: Any) -> None:
        self.world = world
        self.marketer = marketer
        other = world.create("systemuser", firstname="Olivia", lastname="Other")
        self.sam = world.create("systemuser", firstname="Sam", lastname="Sale", internalemailaddress="sam@example.com")
        self.team = world.create("team", name="North", teamtype=0)
        self.lead = world.create("lead", lastname="Ek", subject="Visit", ownerid__bind=f"/systemusers({other})")
        world.cycle()
        self.person = world.person("lead", self.lead).id

    def give(self, owner: str, person: int | None = None, request: str | None = None, **arguments: Any) -> Acted:
        """Ask for another owner."""
        whose = self.person if person is None else person
        acted: Acted = self.marketer.ask(Action.CHANGE_OWNER, whose, request, owner=owner, **arguments)
        return acted

    def told(self) -> list[dict[str, Any]]:
        """What the person's log says of it."""
        told: list[dict[str, Any]] = self.marketer.told(self.person, CHANGED)
        return told

    def owner(self) -> str:
        """Whose the lead is in Dynamics."""
        return str(self.world.row("lead", self.lead)["ownerid"])

    def outcomes(self) -> list[str]:
        """The outcomes told in the person's log."""
        return [str(each["outcome"]) for each in self.told()]


@pytest.fixture
def owners(world: World, marketer: Any) -> Owners:
    """A lead that belongs to somebody else."""
    return Owners(world, marketer)


# It changes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("called", ["id", "email", "name", "team"])
def test_F2_a_record_is_given_to_a_user_or_a_team(owners: Owners, called: str) -> None:
    """The person belongs to it at once, as Dynamics answered (P13); a team has no sales person."""
    names = {"id": owners.sam.upper(), "email": "Sam@Example.com", "name": "sam sale", "team": "North"}

    acted = owners.give(names[called])

    owner = owners.team if called == "team" else owners.sam
    person = owners.world.person("lead", owners.lead)
    assert (DONE, "owner changed", owners.lead) == (acted.state, acted.outcome, acted.record_id)
    assert acted.details["owner"] == owner == owners.owner()
    assert ((None, owner) if called == "team" else (owner, None)) == (person.external_sales_person_id, person.team_id)
    assert [{"outcome": "owner changed", "owner": owner}] == owners.told()


def test_F2_who_owns_it_already_is_said_and_nothing_is_written(owners: Owners) -> None:
    """It is no error; the record keeps its version."""
    owners.give("North")
    before = owners.world.row("lead", owners.lead)["versionnumber"]

    acted = owners.give("North")

    assert (DONE, "already the owner") == (acted.state, acted.outcome)
    assert before == owners.world.row("lead", owners.lead)["versionnumber"]
    assert ["owner changed", "already the owner"] == owners.outcomes()


@pytest.mark.parametrize("made_as", [None, "lead", "contact"], ids=["nothing", "a lead", "a contact"])
def test_F2_a_person_without_a_record_gets_one_first(owners: Owners, made_as: str | None) -> None:
    """As what it was asked for, else as a lead; with the owner from the start."""
    person = owners.marketer.create(lastname="Lund")

    acted = owners.give("North", person, as_=made_as)

    (record,) = owners.marketer.records(made_as or "lead", "Lund")
    assert (DONE, "created with this owner", made_as or "lead") == (acted.state, acted.outcome, acted.record)
    assert owners.team == record["ownerid"]
    assert ["created"] == [each["outcome"] for each in owners.marketer.told(person)]
    assert ["created with this owner"] == [each["outcome"] for each in owners.marketer.told(person, CHANGED)]


def test_F2_a_person_whose_record_was_deleted_gets_a_new_one(owners: Owners) -> None:
    """As after Sync Person (P10); while the deletion is not known yet, the next cycle goes on with it."""
    owners.world.delete("lead", owners.lead)

    first = owners.give("North", request="first")
    owners.world.sync()
    again = owners.give("North", request="first")

    assert BEGUN is first.state
    assert "was deleted in Dynamics" in first.outcome
    (record,) = owners.marketer.records(Entity.LEAD, "Ek")
    assert (DONE, record["leadid"], owners.team) == (again.state, again.record_id, record["ownerid"])


def test_F2_an_edit_made_elsewhere_meanwhile_stays(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody changes the record after it was read: it is read again, and only the owner is written (P5)."""
    write, edits = Dynamics.write, ["Umeå", "Luleå"]

    def beaten(dynamics: Dynamics, *request: Any) -> Any:
        if edits:
            owners.world.edit("lead", owners.lead, address1_city=edits.pop())
        return write(dynamics, *request)

    monkeypatch.setattr(Dynamics, "write", beaten)
    acted = owners.give("North")

    assert (DONE, "owner changed") == (acted.state, acted.outcome)
    assert (owners.team, "Umeå") == (owners.owner(), owners.world.row("lead", owners.lead)["address1_city"])
    assert '"city":"Umeå"' in owners.world.person("lead", owners.lead).fields


def test_F2_a_record_that_keeps_changing_is_left_to_the_next_cycle(
    owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three tries."""
    write = Dynamics.write

    def beaten(dynamics: Dynamics, *request: Any) -> Any:
        owners.world.edit("lead", owners.lead, address1_city="Umeå")
        return write(dynamics, *request)

    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", beaten)
        acted = owners.give("North", request="first")
    owners.world.sync()

    assert (BEGUN, "Its lead keeps changing in Dynamics.") == (acted.state, acted.outcome)
    assert owners.team == owners.owner()
    assert ["owner changed"] == owners.outcomes()


# It is refused ------------------------------------------------------------------------------------------------------


def test_F2_who_cannot_own_is_refused_with_the_reason(owners: Owners) -> None:
    """Nobody, somebody disabled, an access team (U1); nobody gets a record for it either."""
    owners.world.create("systemuser", firstname="Kim", lastname="Old", isdisabled=True)
    owners.world.create("team", name="Access", teamtype=1)
    owners.world.cycle()
    before, reasons = owners.owner(), {"Nobody": "no user or team", "Kim Old": "disabled", "Access": "an access team"}
    person = owners.marketer.create(lastname="Lund")

    for owner, reason in reasons.items():
        for whose in (owners.person, person):
            acted = owners.give(owner, whose)
            assert REFUSED is acted.state
            assert reason in acted.outcome

    assert before == owners.owner()
    assert [] == owners.marketer.records(Entity.LEAD, "Lund")
    assert ["failed"] * 3 == owners.outcomes()


def test_F2_a_parked_person_is_refused(owners: Owners) -> None:
    """Its record says No: nothing moves in either direction (D8)."""
    owners.world.filter_column("lead")
    owners.world.sync()
    owners.world.edit("lead", owners.lead, new_synctomkto=False)
    owners.world.cycle()
    before = owners.owner()

    acted = owners.give("North")

    assert REFUSED is acted.state
    assert acted.outcome.startswith("The sync filter says No")
    assert before == owners.owner()
    assert ["failed"] == owners.outcomes()


def test_F2_a_record_parked_since_the_last_cycle_is_not_written(owners: Owners) -> None:
    """It is seen when the record is read; asked again, the person is refused."""
    owners.world.filter_column("lead")
    owners.world.sync()
    owners.world.edit("lead", owners.lead, new_synctomkto=False)

    first, second = owners.give("North", request="first"), owners.give("North", request="first")

    assert (BEGUN, REFUSED) == (first.state, second.state)
    assert owners.team != owners.owner()


@pytest.mark.parametrize("reason", ["a plug-in", "a missing right", "an owner that is gone"])
def test_F2_what_dynamics_refuses_is_refused_and_listed(owners: Owners, reason: str) -> None:
    """As an error of that record (P7), which is healed when a later request succeeds, and by nothing else."""
    if reason == "a plug-in":
        owners.world.plug_in(Refuse(table="lead", message="Not on Fridays."))
    elif reason == "a missing right":
        owners.world.do(Privilege(privilege="prvAssignLead"))
    else:
        owners.world.delete("team", owners.team)
    acted = owners.give("North")
    (error,) = owners.world.subscription.state.journal.errors()

    assert REFUSED is acted.state
    assert ("change-owner", owners.person, "open") == (error["operation"], error["person_id"], error["state"])
    assert ["failed"] == owners.outcomes()
    assert [] == owners.world.subscription.state.intents.begun()

    if reason == "a plug-in":
        owners.world.do(Unplug())
    elif reason == "a missing right":
        owners.world.do(Privilege(privilege="prvAssignLead", depth="Global"))
    owners.marketer.edit(owners.person, city="Umeå")
    assert 0 == retry(owners.world.subscription, error["id"])
    owners.world.cycle()
    assert "Umeå" == owners.world.row("lead", owners.lead)["address1_city"]
    assert ["open"] == [each["state"] for each in owners.world.subscription.state.journal.errors()]
    assert DONE is owners.give("Sam Sale").state
    assert ["healed"] == [each["state"] for each in owners.world.subscription.state.journal.errors()]


def test_F2_a_person_that_cannot_get_a_record_keeps_none(owners: Owners) -> None:
    """The reason why the record was not made is the outcome."""
    owners.world.plug_in(Refuse(table="lead", message="Not on Fridays."))
    person = owners.marketer.create(lastname="Lund")

    acted = owners.give("North", person)

    assert REFUSED is acted.state
    assert "Not on Fridays." in acted.outcome
    assert [] == owners.marketer.records(Entity.LEAD, "Lund")


def test_F2_nobody_has_no_owner(owners: Owners) -> None:
    """And nothing is stored of the request."""
    with pytest.raises(UnknownPerson, match="There is no person 4711"):
        owners.give("North", 4711, request="first")

    assert owners.world.subscription.state.actions.of("first") is None


# The same request, and no answer ------------------------------------------------------------------------------------


def test_F2_the_same_request_never_acts_twice(owners: Owners) -> None:
    """Its outcome is told, although the owner is another one by now; for another owner the id is taken."""
    first = owners.give("North", request="first")
    owners.world.edit("lead", owners.lead, ownerid__bind=f"/systemusers({owners.sam})")

    assert first == owners.give("North", request="first")
    with pytest.raises(RequestIdTaken, match="was change-owner in another way"):
        owners.give("Sam Sale", request="first")
    assert owners.sam == owners.owner()


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "truncate", "unexpected", "unexpected-after"])
def test_R2_an_owner_without_an_answer_is_looked_for(owners: Owners, fault: str) -> None:
    """Whether it arrived or not: the owner is changed, and told once."""
    owners.world.fault(fault, method="PATCH")

    acted = owners.give("North")

    assert (DONE, "owner changed", owners.team) == (acted.state, acted.outcome, owners.owner())
    assert ["owner changed"] == owners.outcomes()
    assert owners.team == owners.world.person("lead", owners.lead).team_id


@pytest.mark.parametrize("problem", [Throttled("Wait.", retry_after=1.0), Unavailable("Away.")], ids=["429", "500"])
def test_F2_what_passes_by_itself_is_gone_on_with(
    owners: Owners, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """By the next cycle; until then the request says so."""

    def refused(*_: Any) -> Any:
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write", refused)
        acted = owners.give("North", request="first")
    owners.world.sync()

    assert (BEGUN, str(problem)) == (acted.state, acted.outcome)
    assert (DONE, "owner changed") == (owners.give("North", request="first").state, owners.outcomes()[0])


def test_F2_writes_that_are_held_hold_it_too(owners: Owners, make_marketer: Callable[..., Any]) -> None:
    """Until a person has looked (R6)."""
    subscription = owners.world.subscription
    with subscription.database.transaction():
        subscription.state.journal.add_hold("own-writes", Entity.LEAD, count=9, known=1, brake=1, at=subscription.now())

    acted = owners.give("North", request="first")
    owners.world.approve(owners.world.open_holds()[0])
    owners.world.sync()

    assert (BEGUN, "Writes to lead are held: `tandem holds` says why.") == (acted.state, acted.outcome)
    assert ["owner changed"] == owners.outcomes()


def test_S5_an_owner_is_written_by_its_action_alone(owners: Owners) -> None:
    """No edit of a person reaches the owner: the field cannot be edited (P13)."""
    names = [each.api_name for each in owners.world.subscription.state.choices()[Entity.LEAD].values()]

    assert "ownerid" not in names
    assert replace(owners.give("North"), request="") == replace(
        owners.give("North"), request="", outcome="owner changed", details={"owner": owners.team, "sent": True}
    )


@on_sqlite
@pytest.mark.parametrize("next_is", ["a cycle", "the same request"])
def test_R2_killed_at_any_point_an_owner_is_changed_once(owners: Owners, killed_at: Any, next_is: str) -> None:
    """Whoever comes next: the record has the owner, and the log tells of it once."""
    world, marketer, asked = owners.world, owners.marketer, list[int]()
    for person in some_people(owners):
        asked.append(person)
        with killed_at(len(asked)) as finished:
            owners.give("North", person, f"request {person}")
        if finished:
            break
        if next_is == "a cycle":
            world.sync()
        acted = owners.give("North", person, f"request {person}")
        assert (DONE, "owner changed") == (acted.state, acted.outcome), len(asked)

    state = world.subscription.state
    assert len(asked) > 10
    assert {owners.team} == {world.row("lead", state.links.of_people([each])[each].crm_id)["ownerid"] for each in asked}
    told = [[each["outcome"] for each in marketer.told(person, CHANGED)] for person in asked]
    assert told == [["owner changed"]] * len(asked)
    assert ([], []) == (state.intents.begun(), state.actions.begun(limit=1))


def some_people(owners: Owners) -> Iterator[int]:
    """People of leads that belong to Sam, made twenty at a time."""
    while True:
        sam = f"/systemusers({owners.sam})"
        leads = [owners.world.create("lead", lastname="Ek", subject="x", ownerid__bind=sam) for _ in range(20)]
        owners.world.cycle()
        yield from [int(owners.world.person("lead", each).id) for each in leads]
