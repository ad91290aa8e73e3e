"""Carries out what a person decides about a hold (rules P4, P15, R6).

Every hold offers two ways out, and neither may lose anything: what is taken from a person goes to the journal, what is
kept is sent to Dynamics or stays listed. `WAYS_OUT` is the table.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tandem.mapping.projection import decode_fields, encode_all, encode_fields, encode_value
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import FROM_DYNAMICS, Activity, ActivityType, Person
from tandem.model.errors import NeedsPerson
from tandem.model.ids import PersonId
from tandem.rules.brakes import Brakes, HoldKind
from tandem.rules.fields import Collision, Winner
from tandem.state import SyncState
from tandem.state.journal import CollisionFilter, Hold
from tandem.state.links import Link
from tandem.state.queues import Lane
from tandem.sync.pushing.balance import Balance


class WaysOut(NamedTuple):
    """What becomes of held work, in words."""

    approved: str
    cancelled: str


_OURS, _THEIRS = "marketing's value is sent", "Dynamics' value is taken"
WAYS_OUT: Mapping[HoldKind, WaysOut] = {
    HoldKind.MASS_DELETE: WaysOut("the next cycle carries the deletions out", "the records stay"),
    HoldKind.EMPTY_TABLE: WaysOut("its records are deleted", "the table is read again"),
    HoldKind.MASS_BLANK: WaysOut("the values are emptied here too", "they stay, and go back to Dynamics"),
    HoldKind.OWN_WRITES: WaysOut("writing goes on", "what waits is not sent, and stays listed"),
    HoldKind.CONFLICT: WaysOut(_OURS, _THEIRS),
    HoldKind.UNDONE: WaysOut("marketing's value is sent once more", _THEIRS),
    HoldKind.PING_PONG: WaysOut(_OURS, _THEIRS),
    HoldKind.CONSENT: WaysOut("the opt-out is lifted here too", "it goes back to Dynamics"),
}

_TAKEN_WHEN_APPROVED = (HoldKind.MASS_BLANK, HoldKind.CONSENT)
_OF_DELETIONS = (HoldKind.MASS_DELETE, HoldKind.EMPTY_TABLE)


class NoSuchHold(NeedsPerson):
    """A hold was named that is not open."""

    code = "no-such-hold"
    advice = "`tandem holds` lists what is held, with the ids."


class Settling:
    """Settles the holds of one subscription. Every method belongs into a transaction."""

    def __init__(self, marketing: MarketingDatabase, state: SyncState) -> None:
        self._marketing = marketing
        self._state = state

    def approve(self, hold_id: int, *, at: str) -> None:
        """Let happen what a hold keeps back. Raises NoSuchHold."""
        self._settle(hold_id, "approved", at)

    def cancel(self, hold_id: int, *, at: str) -> None:
        """Do not let happen what a hold keeps back. Raises NoSuchHold."""
        self._settle(hold_id, "cancelled", at)

    def take_all(self, hold: Hold, *, at: str) -> None:
        """The people take Dynamics' values of the held fields, as any pull would have it, and the hold is over."""
        self._all(hold, taken=True, journalled=False, at=at)
        self._state.journal.settle_hold(hold.id, "settled", at=at)

    def _settle(self, hold_id: int, outcome: str, at: str) -> None:
        hold = next((each for each in self._state.journal.holds() if each.id == hold_id), None)
        if hold is None or not self._state.journal.settle_hold(hold_id, outcome, at=at):
            raise NoSuchHold(f"There is no open hold {hold_id}.", hold=hold_id)
        kind = HoldKind(hold.kind)
        if kind in _OF_DELETIONS:
            if outcome == "cancelled" and kind is HoldKind.EMPTY_TABLE:
                # The table is read again, which tells what is to be deleted. Other deletions stay known as refused.
                self._state.deletions.release(hold_id)
        elif kind is HoldKind.OWN_WRITES:
            if outcome == "cancelled":
                self._state.nominations.drop(hold.entity)
            Balance(self._state, Brakes(), lambda: at).begin_again()
        else:
            taken = (kind in _TAKEN_WHEN_APPROVED) is (outcome == "approved")
            # A collision stands in the journal since it was held.
            self._all(hold, taken=taken, journalled=kind is not HoldKind.CONFLICT, at=at)

    def _all(self, hold: Hold, *, taken: bool, journalled: bool, at: str) -> None:
        while page := self._state.held_fields.under(hold.id):
            if taken:
                self._take(page, journalled=journalled, at=at)
            else:
                self._keep(page, at=at)
                self._state.nominations.add([person for person, _ in page], Lane.FRESH, at=at)
            if hold.kind == HoldKind.CONFLICT:
                winner = Winner.CRM if taken else Winner.MARKETING
                self._state.journal.settle_collisions(page, winner.value)
            self._state.held_fields.release(page)

    def _keep(self, page: Sequence[tuple[int, str]], *, at: str) -> None:
        """The people keep their values, which are sent: what Dynamics holds by now goes to the journal (P4, AS-I5)."""
        ids = {person for person, _ in page}
        people, links = self._marketing.people.get(ids), self._state.links.of_people(ids)
        lost = list[tuple[int | None, str | None, Collision]]()
        for number, name in page:
            person, link = people.get(PersonId(number)), links.get(number)
            crm = decode_fields(link.base).get(name) if link is not None else None
            if person is None or crm in (None, ""):
                continue
            lost_so_far = self._state.journal.collisions(CollisionFilter(person_id=number))
            journalled = {(each["field"], each["crm"]) for each in lost_so_far}
            if (name, encode_value(crm)) not in journalled:
                held = decode_fields(person.fields).get(name)
                collision = Collision(
                    field=name, base=None, marketing=held, crm=crm, winner=Winner.MARKETING, rule="R6"
                )
                lost.append((number, None, collision))
        self._state.journal.add_collisions(lost, at=at)

    def _take(self, page: Sequence[tuple[int, str]], *, journalled: bool, at: str) -> None:
        names: dict[int, list[str]] = {}
        for owner, name in page:
            names.setdefault(owner, []).append(name)
        people, links = self._marketing.people.get(list(names)), self._state.links.of_people(list(names))
        after, activities, lost = list[Person](), list[Activity](), list[tuple[int | None, str | None, Collision]]()
        for number, fields in names.items():
            person, link = people.get(PersonId(number)), links.get(number)
            if person is not None and link is not None:
                taken = self._taken(person, link, fields)
                after.append(taken[0])
                activities += taken[1]
                lost += [(number, None, each) for each in taken[2]]
        self._marketing.people.update(after, at=at)
        self._marketing.people.log(activities, at=at)
        if journalled:
            self._state.journal.add_collisions(lost, at=at)

    def _taken(
        self, person: Person, link: Link, names: Sequence[str]
    ) -> tuple[Person, list[Activity], list[Collision]]:
        """The person with Dynamics' values of these fields, its log, and what is lost by it."""
        values, base = decode_fields(person.fields), decode_fields(link.base)
        activities, lost = [], []
        for name in names:
            if name not in base:
                continue
            held, crm = values.get(name), base.pop(name)
            values[name] = crm
            activities.append(
                Activity(
                    person.id,
                    ActivityType.CHANGE_DATA_VALUE,
                    name,
                    encode_value(held),
                    encode_value(crm),
                    FROM_DYNAMICS,
                )
            )
            lost.append(Collision(field=name, base=None, marketing=held, crm=crm, winner=Winner.CRM, rule="R6"))
        self._state.links.set_base(link.entity, link.crm_id, encode_all(base) if base else None)
        return person._replace(email=values.get("email"), fields=encode_fields(values)), activities, lost
