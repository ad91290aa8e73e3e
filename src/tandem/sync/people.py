"""Applies pages of leads and contacts to people (rules P1, P3, P4, P8, P9, P11-P14, P17, D7-D10).

A page is classified against its links in one look-up; every outcome is then carried out for the page as a whole. What
moves a person from one record to another has rooms of its own: `qualifying`, `merging`, `matching`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from tandem.mapping.projection import decode_fields, encode_all
from tandem.marketing.records import FROM_DYNAMICS, Activity, ActivityType, NewPerson, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Folded, Winner, first_fold, fold_row, unmerged
from tandem.rules.presence import LinkState, Presence, decide_presence
from tandem.rules.qualify import QUALIFIED
from tandem.rules.units import split_units
from tandem.state.links import UNDONE, Link
from tandem.sync.applier import Applier, Drift, How, Kept, check_versions, latest
from tandem.sync.context import Context, Counts
from tandem.sync.holds.blanking import keep_back
from tandem.sync.keeping import Keeping
from tandem.sync.linking import FoldedPerson, Linking
from tandem.sync.matching import Matching
from tandem.sync.merging import Merging, superseded
from tandem.sync.placing import Placing
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.creating import Creations
from tandem.sync.qualifying import QualifiedContacts, QualifiedLeads
from tandem.sync.waiting import Waiting

Sent = Mapping[str, Mapping[str, Any]]
_NOTHING: Sent = {}
_UPDATES = (Presence.UPDATE, Presence.RESUME, Presence.RESTORE)


class PeopleApplier(Applier):
    """Leads or contacts. `plans` holds the plans of both tables; a table that is not read is absent."""

    is_compared = True

    def __init__(self, context: Context, plan: TablePlan, plans: dict[Entity, TablePlan]) -> None:
        self._context = context
        self._plan = plan
        self._plans = plans
        self.entity = plan.entity
        self._winner = Winner.MARKETING if plan.entity is Entity.LEAD else Winner.CRM
        self._merged, self._master, self._state = plan.get("merged"), plan.get("masterid"), plan.get("statecode")
        self._placing = Placing(context, plan)
        self._linking = Linking(context, plan, self._placing)
        self._keeping = Keeping(context, plan, self._linking)
        self._merging = Merging(context, plan, plans)
        self._creations = Creations(context, plan, self._placing, self._linking)
        self._matching = Matching(context, plan, self._placing, self._linking)
        self._waiting = Waiting(context, plans, plan.entity)
        self._contacts = QualifiedContacts(context, plan, plans, self._placing, self._linking)
        self._leads = QualifiedLeads(context, plan, self._merging)

    def apply(self, rows: Sequence[Any], how: How, *, read_again: bool = False, sent: Sent = _NOTHING) -> Counts:
        """Apply one page. `read_again`: leads that these contacts name and nobody knows will not come any more.

        `sent` holds the values, by API name, of the writes that these rows answer, by record.
        """
        plan = self._plan
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        links = self._context.state.links.of(self.entity, ids)
        if how.goes_forward:
            check_versions(self.entity.value, zip(ids, versions, strict=True), {k: v.version for k, v in links.items()})
        sorted_rows = self._classified(rows, links, how)
        counts = Counts(read=len(rows), unchanged=len(sorted_rows[Presence.KNOWN]))
        strangers: Sequence[Any] = sorted_rows[Presence.CREATE] + sorted_rows[Presence.START]
        strangers = self._creations.settle(strangers, links, how, counts)
        self._welcome(strangers, links, how, counts, read_again=read_again)
        excluded = self._creations.settle(sorted_rows[Presence.EXCLUDE], links, how, counts, state=LinkState.PARKED)
        self._exclude(excluded, links, counts)
        self._without_taken(sorted_rows, links, how, counts)
        self._update([row for kind in _UPDATES for row in sorted_rows[kind]], links, how, counts, sent)
        self._restore_parked(sorted_rows[Presence.RESTORE_PARKED], links, counts)
        self._park(sorted_rows[Presence.PARK], links, counts)
        noted = sorted_rows[Presence.NOTE]
        self._note(self._without_undone(noted, links) if how is How.RELINK else noted, links, counts)
        self._merging.merge(sorted_rows[Presence.MERGE], counts)
        self._return(sorted_rows[Presence.RETURN], how, counts)
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
        """Apply contacts that waited, but for those of which a newer state came meanwhile."""
        contacts = self
        if self.entity is not Entity.CONTACT:
            contacts = PeopleApplier(self._context, self._plans[Entity.CONTACT], self._plans)
        plan = self._plans[Entity.CONTACT]
        links = self._context.state.links.of(Entity.CONTACT, list(map(plan.id, rows)))
        rows = [row for row in rows if (link := links.get(plan.id(row))) is None or plan.version(row) >= link.version]
        found = contacts.apply(rows, how if how is How.COPY or how.is_review else How.BASELINE, read_again=read_again)
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
        self._linking.nominate(gone, How.LIVE)
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

    def known_after(self, place: str, *, limit: int) -> list[str]:
        return self._context.state.links.known_after(self.entity, place, limit=limit)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        return self._keeping.kept(ids)

    def drifted(self, drifts: Sequence[Drift]) -> None:
        self._keeping.hold(drifts)

    def _classified(self, rows: Sequence[Any], links: dict[str, Link], how: How) -> dict[Presence, list[Any]]:
        found: dict[Presence, list[Any]] = {each: [] for each in Presence}
        crm_id, version, wanted, merged = self._plan.id, self._plan.version, self._plan.wanted, self._merged
        for row in rows:
            link = links.get(crm_id(row))
            state, known = (link.state, link.version) if link else (LinkState.NONE, -1)
            outcome = decide_presence(
                state,
                # Whose an undone record is waits for the end of the review, which reads it once more.
                newer=how.is_news(version(row), known) and (known != UNDONE or how is How.BASELINE),
                merged=bool(merged(row) and self._master(row)),
                wanted=wanted(row),
                revives=how is How.LIVE and not self._context.settings.never_return,
            )
            found[outcome].append(row)
        return found

    def _welcome(
        self, rows: Sequence[Any], links: dict[str, Link], how: How, counts: Counts, *, read_again: bool
    ) -> None:
        """Records without a person find theirs, wait for it, or become new people."""
        if self.entity is Entity.CONTACT:
            rows = self._contacts.settle(rows, links, how, counts, read_again=read_again)
        self._create(self._matching.settle(rows, links, how, counts), links, counts)

    def _return(self, rows: Sequence[Any], how: How, counts: Counts) -> None:
        """P9: a new person in place of the deleted one, unless a merge has just given the record the loser's."""
        if not rows:
            return
        links = self._context.state.links.of(self.entity, list(map(self._plan.id, rows)))
        given = [row for row in rows if links[self._plan.id(row)].state is not LinkState.REMOVED]
        self._update(given, links, how, counts, _NOTHING)
        # The lead such a contact names was waited for when the contact came for the first time.
        absent = [row for row in rows if links[self._plan.id(row)].state is LinkState.REMOVED]
        self._welcome(absent, links, how, counts, read_again=True)

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
        known = [each for each in linked if each[0] in links]
        started = {each[1] for each in known if links[each[0]].state is LinkState.EXCLUDED}
        records.begin(self.entity, [each for each in linked if each[0] not in links])
        records.update([Link(each[0], self.entity, each[1], LinkState.LIVE, each[2]) for each in known])
        people.log_each([each for each in ids if each not in started], ActivityType.NEW_PERSON, at=at)
        people.log_each(sorted(started), ActivityType.CREATE_START_SYNC, at=at)
        counts.created += len(rows)

    def _exclude(self, rows: Sequence[Any], links: dict[str, Link], counts: Counts) -> None:
        plan = self._plan
        excluded = [Link(plan.id(row), self.entity, None, LinkState.EXCLUDED, plan.version(row)) for row in rows]
        self._context.state.links.add([link for link in excluded if link.crm_id not in links])
        if rows:
            self._context.state.waiting.stop_all(self.entity, [link.crm_id for link in excluded])
        counts.excluded += len(rows)

    def _update(self, rows: Sequence[Any], links: dict[str, Link], how: How, counts: Counts, sent: Sent) -> None:
        if not rows:
            return
        people = self._people(links[self._plan.id(row)] for row in rows)
        places = self._placing.places(rows)
        owners = [people[PersonId(links[self._plan.id(row)].person_id or 0)] for row in rows]
        moves = self._placing.moves(list(zip(owners, places, strict=True)))
        held = self._context.state.held_fields.of_people(list(people))
        new, alone = self._never_read(how), self._left_alone(how)
        outdated = how is How.ADOPT or (how is How.RELINK and self._context.state.reviews.may_be_outdated())
        after = [
            FoldedPerson(
                person,
                self._fold(
                    row,
                    {**decode_fields(person.fields), **moves.kept.get(person.id, {})},
                    links[self._plan.id(row)],
                    outdated=outdated,
                    sent=sent,
                    frozen=held.get(person.id, ()),
                    new=new,
                    alone=alone,
                ),
                place,
            )
            for row, person, place in zip(rows, owners, places, strict=True)
        ]
        keep_back(self._context, self.entity, after, rows=len(rows))
        # Of a field that was brought for some records only nobody knows whether this value was ever agreed on.
        doubted = () if how.looks_again else self._context.state.fields_partly_agreed(self.entity)
        for row, each in zip(rows, after, strict=True):
            if how is How.RELINK or links[self._plan.id(row)].version == UNDONE:
                each.folded.keep_what_is_lost("S9")
            elif doubted:
                each.folded.keep_what_is_lost("P19", of=doubted)
        news = [each for each in after if each.id in moves.kept or self._changes(each)]
        changed = [self._linked(links[self._plan.id(row)], row, each) for row, each in zip(rows, after, strict=True)]
        extra = [entry for each in news for entry in moves.activities.get(each.id, [])]
        self._linking.store(news, how, extra=extra)
        self._context.state.links.update(changed)
        self._linking.nominate(changed, how, before=links)
        counts.updated += len(news)
        counts.unchanged += len(rows) - len(news)

    def _fold(
        self,
        row: Any,
        values: Mapping[str, Any],
        link: Link,
        *,
        outdated: bool,
        sent: Sent,
        frozen: Collection[str],
        new: Collection[str],
        alone: Collection[str],
    ) -> Folded:
        pairs, base = self._plan.projection.pairs(row), decode_fields(link.base)
        if alone:
            pairs = {name: value for name, value in pairs.items() if name not in alone}
        # What was edited while it was not read yet has a base by that: the edit is not lost to a rule for unknown ones.
        new = set(new) - base.keys()
        unread, known = split_units(self._plan.units, new) if new else ([], self._plan.units)
        # What an older database holds for an edit may have been sent long ago: what Dynamics made of it since is newer.
        first = fold_row(
            unmerged(known) if outdated else known,
            row=pairs,
            person=values,
            base=base,
            winner=Winner.CRM if outdated else self._winner,
            rule="S10" if outdated else "P4",
            sent=sent.get(link.crm_id, {}),
            frozen=frozen,
        )
        if not unread:
            return first
        return first.followed_by(first_fold(unread, row=pairs, person=first.values, rule="P19", frozen=frozen))

    def _never_read(self, how: How) -> set[str]:
        """Fields that were selected for the first time: there was never anything agreed about them (P19).

        Where a known version is looked at again, that is so of fields that were brought for some records only, too.
        """
        read = None if how is How.COPY else self._context.state.fields_read(self.entity)
        if read is None:
            return set()
        names = {field.api_name for field in self._plan.projection.fields}
        return names - read | (self._context.state.fields_partly_agreed(self.entity) if how.looks_again else set())

    def _left_alone(self, how: How) -> set[str]:
        """Fields that looking again at a known version must not touch (D5)."""
        known_versions = how in (How.SELECTION, How.ADOPT)
        return self._context.state.fields_left_alone(self.entity) if known_versions else set()

    def _changes(self, each: FoldedPerson) -> bool:
        """Is there anything of this person to write?"""
        returns = each.before.is_deleted or each.before.type != self.entity.value
        return each.folded.told or returns or each.moved()

    def _linked(self, link: Link, row: Any, each: FoldedPerson) -> Link:
        base = encode_all(each.folded.base) if each.folded.base else None
        return link._replace(state=LinkState.LIVE, version=self._plan.version(row), base=base)

    def _without_taken(
        self, sorted_rows: dict[Presence, list[Any]], links: dict[str, Link], how: How, counts: Counts
    ) -> None:
        """Records that came back after their person was given another one (P10, P16): set aside, nobody is doubled.

        In a review the other one may be gone: whose they are is decided at its end.
        """
        plan, kinds = self._plan, (Presence.RESTORE, Presence.RESTORE_PARKED)
        owners = [links[plan.id(row)].person_id for kind in kinds for row in sorted_rows[kind]]
        taken: set[int | None] = {*self._context.state.links.of_people([each for each in owners if each is not None])}
        aside = list[Link]()
        for kind in kinds:
            back, sorted_rows[kind] = sorted_rows[kind], []
            for row in back:
                link = links[plan.id(row)]
                if link.person_id in taken and how.is_review:
                    aside.append(link._replace(version=UNDONE))
                elif link.person_id in taken:
                    aside.append(link._replace(state=LinkState.SUPERSEDED, version=plan.version(row), base=None))
                else:
                    taken.add(link.person_id)
                    sorted_rows[kind].append(row)
        self._context.state.links.update(aside)
        counts.unchanged += len(aside)

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

    def _without_undone(self, rows: Sequence[Any], links: dict[str, Link]) -> Sequence[Any]:
        """All but the records that were merged or qualified after the time that the organisation was set back to (S9).

        Whose they are is decided when everything was read: their person's again, where its later record is gone.
        """
        plan, undone, others = self._plan, list[Link](), list[Any]()
        for row in rows:
            link = links[plan.id(row)]
            merged_away = link.state is LinkState.SUPERSEDED and link.successor is not None
            still_so = self._merged(row) or (self.entity is Entity.LEAD and self._state(row) == QUALIFIED)
            if merged_away and link.person_id is not None and not still_so:
                back = link._replace(state=LinkState.SEVERED, version=UNDONE, successor=None, successor_entity=None)
                undone.append(back)
            else:
                others.append(row)
        self._context.state.links.update(undone)
        return others

    def _note(self, rows: Sequence[Any], links: dict[str, Link], counts: Counts) -> None:
        versions = [(self._plan.id(row), self._plan.version(row)) for row in rows]
        self._context.state.links.note_versions(self.entity, versions)
        # Of a record whose person is gone here, or that was set aside, nothing is left but who speaks for it now.
        lost = [(links[self._plan.id(row)], row) for row in rows if self._merged(row) and self._master(row)]
        self._context.state.links.update(
            superseded(link, self._master(row), self.entity)._replace(version=self._plan.version(row))
            for link, row in lost
            if link.successor is None
        )
        counts.unchanged += len(rows)

    def _people(self, links: Iterable[Link]) -> dict[PersonId, Person]:
        return self._context.marketing.people.get({link.person_id for link in links if link.person_id})
