"""Lets a qualified lead's person go on as the contact's (rules P11, D9).

Leads and contacts are two streams in any order. Nothing here guesses: a contact whose lead may still come waits with
the reason, everything else is decided from the links.
"""

from collections.abc import Collection, Sequence
from typing import Any

from tandem.mapping.projection import decode_fields
from tandem.marketing.records import FROM_DYNAMICS, Activity, ActivityType, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Folded, Winner, first_fold, fold_row
from tandem.rules.presence import LinkState
from tandem.rules.qualify import QUALIFIED, Qualified, decide_contact
from tandem.rules.units import split_units
from tandem.state.links import Link, Waiter
from tandem.sync.applier import How
from tandem.sync.context import Context, Counts
from tandem.sync.linking import FoldedPerson, Linking
from tandem.sync.merging import Merging, superseded
from tandem.sync.placing import Placing
from tandem.sync.plan import TablePlan
from tandem.sync.waiting import CONTACT_OF_LEAD, LEAD_OF_CONTACT


class QualifiedContacts:
    """New contacts that may be somebody's lead."""

    def __init__(
        self, context: Context, plan: TablePlan, plans: dict[Entity, TablePlan], placing: Placing, linking: Linking
    ) -> None:
        self._context = context
        self._plan = plan
        self._leads = plans.get(Entity.LEAD)
        self._placing = placing
        self._linking = linking
        self._lead = plan.get("originatingleadid")

    def settle(
        self, rows: Sequence[Any], links: dict[str, Link], how: How, counts: Counts, *, read_again: bool
    ) -> Sequence[Any]:
        """Link or keep waiting those rows that belong to a lead, return the others, which are new people.

        `read_again`: leads that nobody knows will not come any more.
        """
        plan = self._plan
        leads = self._context.state.links.of(Entity.LEAD, {self._lead(row) for row in rows if self._lead(row)})
        promised = self._promised([plan.id(row) for row in rows], leads)
        if not promised and not any(map(self._lead, rows)):
            return rows
        read_again = read_again or self._leads is None
        for named in list(leads):
            # A lead that lost a merge: it is the winner's person that the contact may take over.
            self._context.state.links.follow(Entity.LEAD, named, leads)
        free = self._free_people(leads)
        plain, same, waiting = list[Any](), list[tuple[Any, Link]](), list[Any]()
        for row in rows:
            link, decision = self._lead_of(row, leads, free, read_again=read_again)
            if decision is not Qualified.SAME_PERSON:
                # Qualified into an existing contact: the lead names the contact, not the contact the lead.
                into = next((each for each in promised.get(plan.id(row), ()) if each.person_id in free), None)
                link, decision = (into, Qualified.SAME_PERSON) if into else (link, decision)
            if decision is Qualified.SAME_PERSON and link is not None:
                free.discard(link.person_id)
                same.append((row, link))
            else:
                (waiting if decision is Qualified.WAIT else plain).append(row)
        self._relink(same, links, how)
        self._wait(waiting)
        counts.updated += len(same)
        counts.waiting += len(waiting)
        return plain

    def _lead_of(
        self, row: Any, leads: dict[str, Link], free: set[int | None], *, read_again: bool
    ) -> tuple[Link | None, Qualified]:
        named = self._lead(row)
        if not named:
            return None, Qualified.NEW_PERSON
        link = leads.get(self._context.state.links.follow(Entity.LEAD, named, leads))
        if link is None:
            return None, decide_contact(LinkState.NONE, has_person=False, read_again=read_again)
        return link, decide_contact(link.state, has_person=link.person_id in free, read_again=read_again)

    def _promised(self, contacts: list[str], leads: dict[str, Link]) -> dict[str, list[Link]]:
        """The leads that were qualified into these contacts, by contact; `leads` is filled with them."""
        waiters = self._context.state.waiting.for_targets(Entity.CONTACT, contacts)
        wanted = [each for each in waiters if each.kind == CONTACT_OF_LEAD]
        if not wanted:
            return {}
        leads.update(self._context.state.links.of(Entity.LEAD, {each.crm_id for each in wanted}))
        found: dict[str, list[Link]] = {}
        for each in wanted:
            if each.crm_id in leads:
                found.setdefault(each.target_id, []).append(leads[each.crm_id])
        return found

    def _free_people(self, leads: dict[str, Link]) -> set[int | None]:
        """People a contact may take over: of live leads, and of deleted leads where nothing else is linked."""
        live = {link.person_id for link in leads.values() if link.state is LinkState.LIVE}
        severed = {link.person_id for link in leads.values() if link.state is LinkState.SEVERED and link.person_id}
        taken = set(self._context.state.links.of_people([each for each in severed if each])) if severed else set()
        return live | (severed - taken)

    def _wait(self, rows: Sequence[Any]) -> None:
        if not rows:
            return
        stream = self._context.state.streams.all().get(Entity.LEAD)
        begun, plan = stream.reads_begun if stream else 0, self._plan
        reason = "the lead it was qualified from has not been read yet"
        self._context.state.waiting.add(
            [
                (
                    Waiter(Entity.CONTACT, plan.id(row), self._lead(row), LEAD_OF_CONTACT, plan.payload(row)),
                    Entity.LEAD.value,
                    begun,
                    reason,
                )
                for row in rows
            ],
            at=self._context.now(),
        )

    def _relink(self, pairs: Sequence[tuple[Any, Link]], links: dict[str, Link], how: How) -> None:
        if not pairs:
            return
        rows = [row for row, _ in pairs]
        people = self._context.marketing.people.get({lead.person_id for _, lead in pairs if lead.person_id})
        held = self._context.state.held_fields.of_people(list(people))
        names, unread = self._lead_fields()
        folded = []
        for (row, lead), place in zip(pairs, self._placing.places(rows), strict=True):
            person = people[PersonId(lead.person_id or 0)]
            carried = self._carry(row, person, lead, held.get(person.id, ()), names, unread)
            folded.append(FoldedPerson(person, carried, place))
        gone = [superseded(lead, self._plan.id(row), Entity.CONTACT) for row, lead in pairs]
        self._context.state.links.update(gone)
        self._context.state.waiting.stop_all(Entity.LEAD, [lead.crm_id for lead in gone])
        converted = [Activity(each.id, ActivityType.CONVERTED, source=FROM_DYNAMICS) for each in folded]
        self._linking.attach(rows, folded, links, how, extra=converted)

    def _lead_fields(self) -> tuple[set[str], set[str]]:
        """The fields of leads, and those of them that were not read of every lead: those were never agreed on (P19)."""
        state, names = self._context.state, {field.api_name for field in (self._leads.fields if self._leads else ())}
        read = state.fields_read(Entity.LEAD)
        return names, set() if read is None else names - read | state.fields_partly_agreed(Entity.LEAD)

    def _carry(
        self, row: Any, person: Person, lead: Link, frozen: Collection[str], names: set[str], unread: set[str]
    ) -> Folded:
        """The base goes on field by field through both mappings; lead-only fields keep their values (P11)."""
        pairs, values, base = self._plan.projection.pairs(row), decode_fields(person.fields), decode_fields(lead.base)
        # What was edited before it was read has a base by that.
        shared, new = split_units(self._plan.units, names - unread.difference(base))
        carried = {field.api_name for unit in shared for field in unit.fields}
        base = {name: value for name, value in base.items() if name in carried}
        first = fold_row(shared, row=pairs, person=values, base=base, winner=Winner.CRM, rule="P11", frozen=frozen)
        second = first_fold(new, row=pairs, person=first.values, rule="P19", frozen=frozen)
        return first.followed_by(second)


class QualifiedLeads:
    """Leads whose contact is there without them: it existed before, was merged away, or came in another order."""

    def __init__(self, context: Context, plan: TablePlan, merging: Merging) -> None:
        self._context = context
        self._plan = plan
        self._merging = merging
        self._state, self._contact = plan.get("statecode"), plan.get("parentcontactid")
        self._lead = plan.get("originatingleadid")

    def of_leads(self, rows: Sequence[Any]) -> list[tuple[str, str]]:
        """(lead, contact) of those of these leads that are qualified."""
        return [
            (self._plan.id(row), self._contact(row))
            for row in rows
            if self._state(row) == QUALIFIED and self._contact(row)
        ]

    def of_contacts(self, rows: Sequence[Any]) -> list[tuple[str, str]]:
        """(lead, contact) of those of these contacts that name a lead."""
        return [(self._lead(row), self._plan.id(row)) for row in rows if self._lead(row)]

    def awaiting(self, contacts: Sequence[str]) -> list[tuple[str, str]]:
        """(lead, contact) of the leads that wait for one of these contacts."""
        waiters = self._context.state.waiting.for_targets(Entity.CONTACT, contacts)
        return [(each.crm_id, each.target_id) for each in waiters if each.kind == CONTACT_OF_LEAD]

    def join(self, pairs: Sequence[tuple[str, str]], counts: Counts) -> None:
        """Where the contact has a person the two merge and the contact's wins, else the contact is awaited.

        A contact that lost a merge is spoken for by the winner.
        """
        if not pairs:
            return
        state, settled, awaited = self._context.state, list[str](), []
        leads = state.links.of(Entity.LEAD, {lead for lead, _ in pairs})
        contacts = state.links.of(Entity.CONTACT, {contact for _, contact in pairs})
        for lead_id, named in dict(pairs).items():
            lead, contact_id = leads.get(lead_id), state.links.follow(Entity.CONTACT, named, contacts)
            if lead is None or lead.state is not LinkState.LIVE or lead.person_id is None:
                continue
            contact = contacts.get(contact_id)
            if contact is None or contact.state is not LinkState.LIVE or contact.person_id is None:
                waiter = Waiter(Entity.LEAD, lead_id, contact_id, CONTACT_OF_LEAD, None)
                awaited.append((waiter, Entity.CONTACT.value, None, "the contact it was qualified into is not synced"))
                settled += [lead_id] if contact_id != named else []
            else:
                state.links.update([superseded(lead, contact_id, Entity.CONTACT)])
                self._merging.join(lead.person_id, contact.person_id)
                settled.append(lead_id)
                counts.updated += 1
        state.waiting.stop_all(Entity.LEAD, settled)
        state.waiting.add(awaited, at=self._context.now())
