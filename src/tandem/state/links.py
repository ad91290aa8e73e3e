"""Links: which person is which CRM record, what was agreed, and what waits for a record that is not here.

A link that is lost or doubled makes a second person of one human, or a second record: the database itself keeps at most
one live link of a record and of a person.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.model.entities import Entity
from tandem.rules.presence import LinkState

UNDONE = -2
"""The version of a severed record whose person is decided at the end of a review: below any other, and not that of one
without a link. It is there as it was before it was merged or qualified, or before its person had another record."""
_SQL = load_statements("tandem.state")


class Link(NamedTuple):
    """One CRM record and its person. `base` is JSON: the agreed Dynamics values, only where the person differs."""

    crm_id: str
    entity: Entity
    person_id: int | None
    state: LinkState
    version: int
    base: str | None = None
    successor: str | None = None
    successor_entity: Entity | None = None


class Waiter(NamedTuple):
    """A reference that waits for `target_id`; `payload` is JSON or None."""

    entity: Entity
    crm_id: str
    target_id: str
    kind: str
    payload: str | None


_NEW_LINK = ("crm_id", "entity", "person_id", "state", "version", "base", "successor", "successor_entity")


class Links:
    """The links and the waiting references of one subscription. Every method takes a page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, entity: Entity, ids: Collection[str]) -> dict[str, Link]:
        """The links of these CRM records, by id; a record never seen is absent."""
        if not ids:
            return {}
        rows = self._database.all(_SQL["links"], entity=entity.value, ids=self._database.array(list(ids)))
        return {
            row[0]: Link(
                row[0], entity, row[1], LinkState(row[2]), row[3], row[4], row[5], Entity(row[6]) if row[6] else None
            )
            for row in rows
        }

    def of_people(self, ids: Collection[int]) -> dict[int, Link]:
        """The live or parked link of each of these people."""
        rows = self._database.all(_SQL["links_of_people"], ids=self._database.array(list(ids)))
        return {row[2]: Link(row[0], Entity(row[1]), row[2], LinkState(row[3]), row[4], row[5]) for row in rows}

    def of_person(self, person_id: int) -> list[Link]:
        """Every link one person has or had."""
        return self.every_of_people([person_id]).get(person_id, [])

    def every_of_people(self, ids: Collection[int]) -> dict[int, list[Link]]:
        """Every link these people have or had."""
        found: dict[int, list[Link]] = {}
        for row in self._database.all(_SQL["every_link_of_people"], ids=self._database.array(list(ids))):
            link = Link(row[0], Entity(row[1]), row[2], LinkState(row[3]), row[4], row[5])
            found.setdefault(row[2], []).append(link)
        return found

    def unsent(self, entity: Entity, *, after: int, limit: int = 500) -> list[Link]:
        """A page of the links whose person, above `after`, differs from its record, in the order of people."""
        rows = self._database.all(_SQL["unsent_links"], entity=entity.value, after=after, limit=limit)
        return [Link(row[0], entity, row[1], LinkState(row[2]), row[3], row[4]) for row in rows]

    def sample(self, entity: Entity, *, size: int) -> list[Link]:
        """Up to `size` live links, spread evenly over the records in the order of their ids."""
        step = max(1, -(-self.counts().get((entity, LinkState.LIVE), 0) // size))
        rows = self._database.all(_SQL["link_sample"], entity=entity.value, step=step, limit=size)
        return [Link(row[0], entity, row[1], LinkState(row[2]), row[3], row[4]) for row in rows]

    def undone(self, entity: Entity) -> list[str]:
        """The records whose person is decided at the end of the review."""
        return [row[0] for row in self._database.all(_SQL["undone_links"], entity=entity.value)]

    def newest(self, entity: Entity, *, size: int) -> dict[str, int]:
        """The versions of up to `size` records that were changed last in Dynamics, whatever became of their links."""
        return dict(self._database.all(_SQL["newest_links"], entity=entity.value, limit=size))

    def count_unsent(self) -> dict[Entity, int]:
        """How many people differ from their live record, by entity."""
        return {Entity(row[0]): row[1] for row in self._database.all(_SQL["count_unsent"])}

    def follow(self, entity: Entity, crm_id: str, known: dict[str, Link]) -> str:
        """The record that speaks for `crm_id` after merges, chains followed to the end; cycles end where they close.

        `known` is filled with the links met on the way.
        """
        passed: set[str] = set()
        while crm_id not in passed:
            passed.add(crm_id)
            if crm_id not in known:
                known.update(self.of(entity, [crm_id]))
            link = known.get(crm_id)
            merged = link and link.state is LinkState.SUPERSEDED and link.successor_entity is entity
            if not (link and merged and link.successor):
                break
            crm_id = link.successor
        return crm_id

    def begin(self, entity: Entity, page: Sequence[tuple[str, int, int]]) -> None:
        """Link records never seen to new people, as (CRM id, person id, version): a first copy does nothing else."""
        name, live = entity.value, LinkState.LIVE.value
        rows = [(crm_id, name, person, live, version) for crm_id, person, version in page]
        self._database.insert("link", _NEW_LINK[:5], rows)

    def add(self, page: Sequence[Link]) -> None:
        """Store new links."""
        self._database.insert("link", _NEW_LINK, [_stored(link) for link in page])

    def update(self, page: Iterable[Link]) -> None:
        """Store changed links."""
        rows = [dict(zip(_NEW_LINK, _stored(link), strict=True)) for link in page]
        self._database.run_many(_SQL["update_link"], rows)

    def note_versions(self, entity: Entity, versions: Sequence[tuple[str, int]]) -> None:
        """Only the version of these records is new."""
        rows = [{"entity": entity.value, "crm_id": crm_id, "version": version} for crm_id, version in versions]
        self._database.run_many(_SQL["note_versions"], rows)

    def set_base(self, entity: Entity, crm_id: str, base: str | None) -> None:
        """Replace one link's base."""
        self.set_bases([(entity, crm_id, base)])

    def set_bases(self, page: Sequence[tuple[Entity, str, str | None]]) -> None:
        """Replace the bases of links, given as (table, CRM id, base)."""
        rows = [{"entity": entity.value, "crm_id": crm_id, "base": base} for entity, crm_id, base in page]
        self._database.run_many(_SQL["set_base"], rows)

    def forget(self, entity: Entity, ids: Collection[str]) -> None:
        """Records without a person of their own are gone from Dynamics: excluded or merged away."""
        self._database.run(_SQL["forget_links"], entity=entity.value, ids=self._database.array(list(ids)))

    def count_known(self, entity: Entity) -> int:
        """How many records of `entity` have a person now."""
        row = self._database.one(_SQL["known_people"], entity=entity.value)
        return int(row[0]) if row else 0

    def known_after(self, entity: Entity, place: str, *, limit: int) -> list[str]:
        """The records with a person that come after `place` in the order of ids."""
        rows = self._database.all(_SQL["known_after"], entity=entity.value, place=place, limit=limit)
        return [row[0] for row in rows]

    def counts(self) -> dict[tuple[Entity, LinkState], int]:
        """How many links there are, by entity and state."""
        return {(Entity(row[0]), LinkState(row[1])): row[2] for row in self._database.all(_SQL["count_links"])}

    def unseen(self, entity: Entity) -> list[str]:
        """The records a re-baseline has not listed."""
        return [row[0] for row in self._database.all(_SQL["unseen_links"], entity=entity.value)]

    def move(self, loser: int, winner: int) -> None:
        """The links of a merged person belong to the winner; at most one of them may be live."""
        self._database.run(_SQL["move_links"], loser=loser, winner=winner)

    def remove(self, person_id: int, state: LinkState) -> None:
        """The person is no more: its records are in `state` from now on, at the versions known (P9).

        A record that another one speaks for stays superseded.
        """
        self._database.run(_SQL["remove_links"], person_id=person_id, state=state.value)

    def set_aside(self, *, limit: int = 1_000) -> list[Link]:
        """Records that are not synced and that no other record speaks for (P16)."""
        rows = self._database.all(_SQL["set_aside_links"], limit=limit)
        return [Link(row[0], Entity(row[1]), row[2], LinkState.SUPERSEDED, row[3]) for row in rows]

    def possible_duplicates(self, *, limit: int = 1_000) -> list[tuple[str, list[int]]]:
        """Linked people that share an e-mail (P18), as (e-mail, ids)."""
        rows = self._database.all(_SQL["possible_duplicates"], limit=limit)
        return [(email, sorted(int(each) for each in str(ids).split(","))) for email, ids in rows]


class Waiting:
    """References to records that are not here yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, page: Sequence[tuple[Waiter, str, int | None, str]], *, at: str) -> None:
        """Store (waiter, target entity, number of the target's read that cannot settle it, reason)."""
        rows = [
            {
                **waiter._asdict(),
                "entity": waiter.entity.value,
                "target_entity": target,
                "after_read": after_read,
                "reason": reason,
                "since": at,
            }
            for waiter, target, after_read, reason in page
        ]
        self._database.run_many(_SQL["wait"], rows)

    def for_targets(self, target: Entity, ids: Collection[str]) -> list[Waiter]:
        """Who waits for these records."""
        # Asked for every page; mostly nobody waits for anything of the table, and that is told by one look.
        anybody = self._database.one(_SQL["anybody_waits"], target_entity=target.value)
        if not anybody or not anybody[0]:
            return []
        rows = self._database.all(_SQL["waiting_for"], target_entity=target.value, ids=self._database.array(list(ids)))
        return [Waiter(Entity(row[0]), *row[1:]) for row in rows]

    def unseen(self, entity: Entity) -> list[str]:
        """The records that wait and that a re-baseline has not listed."""
        return [row[0] for row in self._database.all(_SQL["unseen_waiting"], entity=entity.value)]

    def settled(self, target: Entity, kind: str, *, finished: int, limit: int = 5_000) -> list[Waiter]:
        """Who waited for a record of `target` that a finished read would have brought, and did not."""
        rows = self._database.all(
            _SQL["waiting_past"], target_entity=target.value, kind=kind, finished=finished, limit=limit
        )
        return [Waiter(Entity(row[0]), *row[1:]) for row in rows]

    def of_kind(self, kind: str, *, limit: int = 1_000) -> list[tuple[Entity, str, str, str]]:
        """Who waits for this kind of reason, as (entity, CRM id, target id, since when)."""
        rows = self._database.all(_SQL["waiting_of_kind"], kind=kind, limit=limit)
        return [(Entity(row[0]), row[1], row[2], row[3]) for row in rows]

    def of(self, entity: Entity, crm_id: str) -> list[tuple[str, str, str]]:
        """What one record waits for, as (target entity, reason, since when)."""
        rows = self._database.all(_SQL["waiting_of"], entity=entity.value, crm_id=crm_id)
        return [(row[0], row[1], row[2]) for row in rows]

    def stop(self, page: Sequence[Waiter]) -> None:
        """These wait no more."""
        rows = [{**waiter._asdict(), "entity": waiter.entity.value} for waiter in page]
        self._database.run_many(_SQL["stop_waiting"], rows)

    def stop_all(self, entity: Entity, ids: Collection[str]) -> None:
        """Nothing these records wait for matters any more."""
        self._database.run(_SQL["stop_all_waiting"], entity=entity.value, ids=self._database.array(list(ids)))

    def forget(self, entity: Entity) -> None:
        """No record of this table waits any more; what has to is read again."""
        self._database.run(_SQL["forget_waiting"], entity=entity.value)

    def counts(self) -> list[tuple[str, str, str, str, int, str]]:
        """(entity, target entity, kind, reason, how many, since when)."""
        return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in self._database.all(_SQL["count_waiting"])]

    def companies(self) -> dict[bool, int]:
        """How many people name a company that is not here: by True one the filter excludes, by False one not read."""
        return {bool(excluded): people for excluded, people in self._database.all(_SQL["count_without_company"])}

    def listed(self, *, limit: int) -> dict[tuple[str, str, str, str], list[tuple[str, str, str]]]:
        """(CRM id, target id, since when) of the oldest, by (entity, target entity, kind, reason)."""
        found: dict[tuple[str, str, str, str], list[tuple[str, str, str]]] = {}
        for entity, target, kind, reason, *reference in self._database.all(_SQL["list_waiting"], limit=limit):
            found.setdefault((entity, target, kind, reason), []).append((reference[0], reference[1], reference[2]))
        return found


def _stored(link: Link) -> tuple[object, ...]:
    """The link's columns; enums as their values, which is what both drivers store alike."""
    successor = link.successor_entity.value if link.successor_entity else None
    return (link.crm_id, link.entity.value, link.person_id, link.state.value, *link[4:7], successor)
