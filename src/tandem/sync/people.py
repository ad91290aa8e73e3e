"""Applies pages of leads and contacts to people (rules P1, P3, P4, P8, P11-P14, P17, D7-D10).

A page is classified against its links in one look-up; every outcome is then carried out for the page as a whole. What
moves a person from one record to another has rooms of its own: `qualifying`, `merging`, `matching`.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from tandem.mapping.projection import decode_fields, encode_all
from tandem.marketing.port import FROM_DYNAMICS, Activity, ActivityType, NewPerson, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Winner, fold_row
from tandem.rules.presence import LinkState, Presence, decide_presence
from tandem.state.links import Link
from tandem.sync.applier import Applier, How, check_versions, latest
from tandem.sync.context import Context, Counts
from tandem.sync.linking import FoldedPerson, Linking
from tandem.sync.matching import Matching
from tandem.sync.merging import Merging
from tandem.sync.placing import Placing
from tandem.sync.plan import TablePlan
from tandem.sync.qualifying import QualifiedContacts, QualifiedLeads
from tandem.sync.waiting import Waiting

_UPDATES = (Presence.UPDATE, Presence.RESUME, Presence.RESTORE)


class PeopleApplier(Applier):
    """Leads or contacts. `plans` holds the plans of both tables; a table that is not read is absent."""

    def __init__(self, context: Context, plan: TablePlan, plans: dict[Entity, TablePlan]) -> None:
        self._context = context
        self._plan = plan
        self._plans = plans
        self.entity = plan.entity
        self._winner = Winner.MARKETING if plan.entity is Entity.LEAD else Winner.CRM
        self._merged, self._master = plan.get("merged"), plan.get("masterid")
        self._placing = Placing(context, plan)
        self._linking = Linking(context, plan, self._placing)
        self._merging = Merging(context, plan, plans)
        self._matching = Matching(context, plan, self._placing, self._linking)
        self._waiting = Waiting(context, plans, plan.entity)
        self._contacts = QualifiedContacts(context, plan, plans, self._placing, self._linking)
        self._leads = QualifiedLeads(context, plan, self._merging)

    def apply(self, rows: Sequence[Any], how: How, *, read_again: bool = False) -> Counts:
        """Apply one page. `read_again`: leads that these contacts name and nobody knows will not come any more."""
        plan = self._plan
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        links = self._context.state.links.of(self.entity, ids)
        if how is How.LIVE:
            check_versions(self.entity.value, zip(ids, versions, strict=True), {k: v.version for k, v in links.items()})
        sorted_rows = self._classified(rows, links, how)
        counts = Counts(read=len(rows), unchanged=len(sorted_rows[Presence.KNOWN]))
        strangers: Sequence[Any] = sorted_rows[Presence.CREATE] + sorted_rows[Presence.START]
        if self.entity is Entity.CONTACT:
            strangers = self._contacts.settle(strangers, links, how, counts, read_again=read_again)
        strangers = self._matching.settle(strangers, links, how, counts)
        self._create(strangers, links, counts)
        self._exclude(sorted_rows[Presence.EXCLUDE], links, counts)
        self._update([row for kind in _UPDATES for row in sorted_rows[kind]], links, how, counts)
        self._restore_parked(sorted_rows[Presence.RESTORE_PARKED], links, counts)
        self._park(sorted_rows[Presence.PARK], links, counts)
        self._note(sorted_rows[Presence.NOTE], counts)
        self._merging.merge(sorted_rows[Presence.MERGE], counts)
        self._waiting.release(ids, partial(self._apply_waiting, how=how, counts=counts, read_again=False))
        self._join_leads(ids, sorted_rows, counts)
        return counts

    def _join_leads(self, ids: Sequence[str], sorted_rows: dict[Presence, list[Any]], counts: Counts) -> None:
        """Leads and contacts of this page that turn out to be one human with a person each (P11)."""
        if self.entity is Entity.LEAD:
            news = [row for kind, rows in sorted_rows.items() if kind is not Presence.KNOWN for row in rows]
            self._leads.join(self._leads.of_leads(news), counts)
        else:
            known = [row for kind in (*_UPDATES, Presence.MERGE) for row in sorted_rows[kind]]
            self._leads.join(self._leads.of_contacts(known) + self._leads.awaiting(ids), counts)

    def settle_waiting(self, finished: int, how: How, counts: Counts) -> bool:
        """Contacts whose lead did not come with a read that would have brought it become new people (P11).

        One page of them, which belongs into a transaction; False when there are no more.
        """
        return self._waiting.settle(finished, partial(self._apply_waiting, how=how, counts=counts, read_again=True))

    def _apply_waiting(self, rows: Sequence[Any], *, how: How, counts: Counts, read_again: bool) -> None:
        """Apply contacts that waited. A newer state of one may have come meanwhile, so this is no plain delta."""
        contacts = self
        if self.entity is not Entity.CONTACT:
            contacts = PeopleApplier(self._context, self._plans[Entity.CONTACT], self._plans)
        found = contacts.apply(rows, How.COPY if how is How.COPY else How.BASELINE, read_again=read_again)
        found.read = 0
        counts.add(found)

    def delete(self, ids: Sequence[str]) -> int:
        """P8: the person stays, flagged, without a type; the link is severed."""
        links = self._context.state.links.of(self.entity, ids)
        gone = [link for link in links.values() if link.state in (LinkState.LIVE, LinkState.PARKED) and link.person_id]
        people = self._people(gone)
        at = self._context.now()
        self._context.marketing.people.update(
            [person._replace(type=None, is_deleted=True) for person in people.values()], at=at
        )
        self._context.marketing.people.log(
            [Activity(person, ActivityType.IS_DELETED, source=FROM_DYNAMICS) for person in people], at=at
        )
        self._context.state.links.update([link._replace(state=LinkState.SEVERED) for link in gone])
        rest = [link.crm_id for link in links.values() if link.state is LinkState.EXCLUDED]
        self._context.state.links.forget(self.entity, rest)
        self._context.state.waiting.stop_all(self.entity, list(ids))
        return len(gone)

    def known(self, ids: Sequence[str]) -> list[str]:
        """The records with a person."""
        links = self._context.state.links.of(self.entity, ids)
        return [each for each, link in links.items() if link.state in (LinkState.LIVE, LinkState.PARKED)]

    def count_known(self) -> int:
        return self._context.state.links.count_known(self.entity)

    def all_known(self) -> Iterable[str]:
        return [*self._context.state.links.unseen(self.entity), *self._context.state.waiting.unseen(self.entity)]

    def _classified(self, rows: Sequence[Any], links: dict[str, Link], how: How) -> dict[Presence, list[Any]]:
        found: dict[Presence, list[Any]] = {each: [] for each in Presence}
        crm_id, version, wanted, merged = self._plan.id, self._plan.version, self._plan.wanted, self._merged
        for row in rows:
            link = links.get(crm_id(row))
            state, known = (link.state, link.version) if link else (LinkState.NONE, -1)
            outcome = decide_presence(
                state,
                newer=how.is_news(version(row), known),
                merged=bool(merged(row) and self._master(row)),
                wanted=wanted(row),
            )
            found[outcome].append(row)
        return found

    def _create(self, rows: Sequence[Any], links: dict[str, Link], counts: Counts) -> None:
        if not rows:
            return
        at, kind, plan = self._context.now(), self.entity.value, self._plan
        places = self._placing.places(rows)
        texts = plan.projection.encode(rows)
        page = [
            NewPerson(kind, email, *place, text)
            for email, place, text in zip(map(plan.email, rows), places, texts, strict=True)
        ]
        people, records = self._context.marketing.people, self._context.state.links
        ids = people.create(page, at=at)
        linked = list(zip(map(plan.id, rows), ids, map(plan.version, rows), strict=True))
        made = [each for each in linked if each[0] not in links]
        started = [each for each in linked if each[0] in links]
        records.begin(self.entity, made)
        records.update([Link(each[0], self.entity, each[1], LinkState.LIVE, each[2]) for each in started])
        people.log_each([each[1] for each in made], ActivityType.NEW_PERSON, at=at)
        people.log_each([each[1] for each in started], ActivityType.CREATE_START_SYNC, at=at)
        counts.created += len(rows)

    def _exclude(self, rows: Sequence[Any], links: dict[str, Link], counts: Counts) -> None:
        plan = self._plan
        excluded = [Link(plan.id(row), self.entity, None, LinkState.EXCLUDED, plan.version(row)) for row in rows]
        self._context.state.links.add([link for link in excluded if link.crm_id not in links])
        if rows:
            self._context.state.waiting.stop_all(self.entity, [link.crm_id for link in excluded])
        counts.excluded += len(rows)

    def _update(self, rows: Sequence[Any], links: dict[str, Link], how: How, counts: Counts) -> None:
        if not rows:
            return
        plan = self._plan
        people = self._people(links[plan.id(row)] for row in rows)
        places = self._placing.places(rows)
        owners = [people[PersonId(links[plan.id(row)].person_id or 0)] for row in rows]
        moves = self._placing.moves(list(zip(owners, places, strict=True)))
        folded, changed, extra = list[FoldedPerson](), [], list[Activity]()
        for row, person, place in zip(rows, owners, places, strict=True):
            link = links[plan.id(row)]
            kept = moves.kept.get(person.id, {})
            fold = fold_row(
                plan.projection.fields,
                row=plan.projection.pairs(row),
                person={**decode_fields(person.fields), **kept},
                base=decode_fields(link.base),
                winner=self._winner,
                rule="P4",
            )
            after = FoldedPerson(person, fold, place)
            returns = person.is_deleted or person.type != self.entity.value
            if fold.changes or fold.collisions or kept or returns or after.moved():
                folded.append(after)
                extra += moves.activities.get(person.id, [])
            base = encode_all(fold.base) if fold.base else None
            changed.append(link._replace(state=LinkState.LIVE, version=plan.version(row), base=base))
        self._linking.store(folded, how, extra=extra)
        self._context.state.links.update(changed)
        counts.updated += len(folded)
        counts.unchanged += len(rows) - len(folded)

    def _restore_parked(self, rows: Sequence[Any], links: dict[str, Link], counts: Counts) -> None:
        """The record is back and the filter says No: the same person, and none of its values moves (P8, D8)."""
        plan = self._plan
        back = [links[plan.id(row)]._replace(state=LinkState.PARKED, version=plan.version(row)) for row in rows]
        people = [person._replace(type=self.entity.value, is_deleted=False) for person in self._people(back).values()]
        self._context.marketing.people.update(people, at=self._context.now())
        self._context.state.links.update(back)
        counts.excluded += len(rows)

    def _park(self, rows: Sequence[Any], links: dict[str, Link], counts: Counts) -> None:
        plan = self._plan
        parked = [links[plan.id(row)]._replace(state=LinkState.PARKED, version=plan.version(row)) for row in rows]
        self._context.state.links.update(parked)
        self._context.marketing.people.log(
            [Activity(PersonId(link.person_id or 0), ActivityType.STOP_SYNC) for link in parked],
            at=self._context.now(),
        )
        counts.excluded += len(rows)

    def _note(self, rows: Sequence[Any], counts: Counts) -> None:
        versions = [(self._plan.id(row), self._plan.version(row)) for row in rows]
        self._context.state.links.note_versions(self.entity, versions)
        counts.unchanged += len(rows)

    def _people(self, links: Iterable[Link]) -> dict[PersonId, Person]:
        return self._context.marketing.people.get({link.person_id for link in links if link.person_id})
