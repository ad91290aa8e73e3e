"""What would become of records if their sync filter said Yes, or No (rules D7-D10).

Nobody should learn from their data what a filter does. A preview worked out by other code than the work is a guess, so
the rows are read as they are, taken for ones in which the filter was just set, and applied as any page is, in a
transaction that is taken back. Nothing is written anywhere.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tandem.dynamics.errors import BadQuery, ColumnUnknown, InvalidValue, Refused
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import VERSION
from tandem.marketing.records import ActivityType
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.sync.applier import How, Kept
from tandem.sync.context import Context
from tandem.sync.pages import pages
from tandem.sync.tables import Tables

SAMPLES = 10
"""Names that are told of each outcome."""
_BATCH = 100
_NAMES = ("firstName", "lastName", "company", "name")
_ENTRIES = 10
"""Entries of activity logs that one record makes at most; what begins somebody is among the first."""
_BEGINS = (ActivityType.NEW_PERSON, ActivityType.CREATE_START_SYNC)


class ConditionRefused(NeedsPerson):
    """Dynamics does not take the condition that was given."""

    code = "condition-refused"
    advice = (
        "It is sent to Dynamics as it is: an OData $filter by logical column names, such as "
        "\"address1_country eq 'Norway'\"."
    )


class Fate(StrEnum):
    """What would become of a record."""

    PARKED = "parked"  # synced now, and nothing would move any more
    RESUMED = "resumed"  # parked now, and both sides' edits would be merged
    CREATED = "created"  # nobody now, and a new person, company or other record in marketing
    JOINED = "joined"  # nobody now, and the record of a person who is here, such as that of its lead
    WAITING = "waiting"  # nobody now, and nobody until the record comes whose person it is
    UNCHANGED = "unchanged"  # what it is already


@dataclass(slots=True, kw_only=True)
class Supposed:
    """What would become of `records`. `missing`: ids that Dynamics does not have.

    `unsent` and `contested` count the people that would be parked or resumed with edits that Dynamics does not have,
    or with a field that waits for a decision. `samples` names a few records of each fate that is a change.
    """

    wanted: bool
    records: int = 0
    missing: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    unsent: int = 0
    contested: int = 0
    samples: dict[Fate, list[str]] = field(default_factory=dict)


class _TakenBack(Exception):
    """Ends the transaction of a supposition without storing anything."""


class Supposing:
    """Works for one table whose filter is supposed to say `wanted`; `tables` are not to be used for anything else."""

    def __init__(self, context: Context, tables: Tables, entity: Entity, *, wanted: bool) -> None:
        self._context = context
        self._plan, self._applier = tables.plans[entity], tables.appliers[entity]
        self._plan.wanted = lambda _row: wanted
        self._found = Supposed(wanted=wanted)

    def where(self, condition: str) -> Supposed:
        """Of the records that meet an OData condition. Raises ConditionRefused."""
        plan = self._plan
        query = PageQuery(table=plan.table, columns=plan.columns, filter=condition, orderby=plan.table.primary_id)
        size = min(self._context.settings.page_size, plan.decoder.page_size)
        try:
            for page in pages(self._context.dynamics, query, plan.decoder, page_size=size):
                self._suppose(page.rows)
        except (BadQuery, ColumnUnknown, InvalidValue, Refused) as problem:
            raise ConditionRefused(f"{problem.message} The condition was: {condition}", entity=plan.entity) from problem
        return self._found

    def of(self, ids: Sequence[str]) -> Supposed:
        """Of the records with these ids."""
        for batch in _batches(list(dict.fromkeys(ids))):
            rows, missing = self._context.dynamics.fetch(self._plan.table, batch, self._plan.decoder)
            self._found.missing += len(missing)
            self._suppose(rows)
        return self._found

    def _suppose(self, rows: Sequence[Any]) -> None:
        for row in rows:
            # Setting the filter makes another version of the record.
            setattr(row, VERSION, self._plan.version(row) + 1)
        self._applier.prepare(rows)
        with contextlib.suppress(_TakenBack), self._context.database.transaction():
            self._apply(rows)
            raise _TakenBack

    def _apply(self, rows: Sequence[Any]) -> None:
        ids, found, people = list(map(self._plan.id, rows)), self._found, self._context.marketing.people
        before, logged = self._applier.kept(ids), people.last_logged()
        unsent, contested = self._open(before)
        counts = self._applier.apply(rows, How.LIVE)
        after, news = self._applier.kept(ids), people.logged_after(logged, limit=_ENTRIES * len(ids))
        begun = {each["person_id"] for each in news if each["type"] in _BEGINS}
        fates = {key: _fate(before.get(key), after.get(key), begun) for key in ids}
        found.records += len(ids)
        found.fates.update(fates.values())
        found.fates.update({Fate.WAITING: counts.waiting, Fate.UNCHANGED: -counts.waiting})
        for key, fate in fates.items():
            if fate in (Fate.PARKED, Fate.RESUMED):
                found.unsent += key in unsent
                found.contested += before[key].person_id in contested
            if fate is not Fate.UNCHANGED and len(told := found.samples.setdefault(fate, [])) < SAMPLES:
                told.append(_name(after[key], key))

    def _open(self, kept: Mapping[str, Kept]) -> tuple[set[str], set[int | None]]:
        """The records whose people differ from them, and the people with a field that waits for a decision."""
        people = [each.person_id for each in kept.values() if each.person_id is not None]
        links = self._context.state.links.of_people(people).values()
        return {link.crm_id for link in links if link.base}, {*self._context.state.held_fields.of_people(people)}


def _fate(before: Kept | None, after: Kept | None, begun: Iterable[int]) -> Fate:
    if after is None or (before is not None and before.wanted is after.wanted):
        return Fate.UNCHANGED
    if before is not None:
        return Fate.RESUMED if after.wanted else Fate.PARKED
    return Fate.CREATED if after.person_id is None or after.person_id in begun else Fate.JOINED


def _name(kept: Kept, crm_id: str) -> str:
    named = " ".join(str(kept.values[name]) for name in _NAMES if kept.values.get(name))
    return f"{named} ({crm_id})" if named else crm_id


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
