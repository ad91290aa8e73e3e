"""What a choice of fields would do, found out by making it and taking it back (rules D5, AS-P).

How much is read is told by the streams that would be settled, and what becomes of people by a page of real records, put
through the code that would do it. Nothing is sent and nothing is kept; the sync may run meanwhile.
"""

import contextlib
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.mapping.projection import decode_fields
from tandem.mapping.ranges import Range
from tandem.marketing.records import ActivityType
from tandem.model.entities import Entity
from tandem.runtime.choosing import Offered, choose
from tandem.runtime.subscription import Subscription
from tandem.runtime.syncing import context_of
from tandem.state.links import Link
from tandem.state.streams import Reading
from tandem.sync.applier import Applier, How
from tandem.sync.choosing import Selection, Wishes
from tandem.sync.known_tables import KnownTables
from tandem.sync.plan import TablePlan
from tandem.sync.quick_syncs import count_wanted
from tandem.sync.tables import Metadata, Tables, build_tables

SAMPLE = 500
"""Records that are looked at."""
_ENTRIES = 100
"""The most entries that one record's row can leave in the log."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicePreview:
    """What a choice would cost and change.

    `rereads`: the table is read from its start, beside the sync, because its stream does not bring a field yet. `rows`
    and `requests` are the most there can be, as far as Dynamics tells how many rows there are; `minutes` go by the rate
    of the sample. Of the `sample` records looked at, `to_marketing` would take a value from Dynamics, `to_dynamics`
    would be sent one, and in `overwritten` of them marketing's own value would give way and go to the journal.
    """

    rereads: bool
    rows: int | None
    requests: int | None
    minutes: float | None
    sample: int
    to_marketing: int
    to_dynamics: int
    overwritten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effects:
    """How many of the records looked at would change."""

    to_marketing: int = 0
    to_dynamics: int = 0
    overwritten: int = 0


class _TakenBack(Exception):
    """Ends a transaction without storing anything."""


class ChoiceTrial:
    """One choice, tried as often as is needed."""

    def __init__(
        self, subscription: Subscription, dynamics: DynamicsOrganisation, offered: Offered, entity: Entity
    ) -> None:
        self._subscription = subscription
        self._offered = offered
        self._entity = entity
        self._context = context_of(subscription, dynamics)
        self._organization_id = subscription.connection().organization_id

    def preview(self, wishes: Wishes, wanted: Range | None = None) -> ChoicePreview:
        """What granting `wishes` would do. Raises what `runtime.choosing.choose` and reading a page raise."""
        # Whatever is asked of Dynamics is asked outside the transactions: those keep the sync waiting.
        metadata = KnownTables(self._context, organization_id=self._organization_id).definitions()
        rereads, refreshes = self._taken_back(lambda: self._reading(wishes, wanted, metadata))
        reads: list[Range | None] = [None] if rereads else []
        if refreshes and not (rereads and wanted is None):
            # One of all records would ride on the reading of the whole table.
            reads.append(wanted)
        if not reads:
            return ChoicePreview(rereads=False, rows=0, requests=0, minutes=0.0, sample=0, **asdict(_Effects()))
        context, began = self._context, self._context.monotonic()
        tables = self._taken_back(lambda: self._tables(wishes, metadata))
        plan, applier = tables.widest[self._entity], tables.widest_appliers[self._entity]
        query = PageQuery(
            table=plan.table,
            columns=plan.columns,
            filter=wanted.condition if wanted else None,
            orderby=plan.table.primary_id,
        )
        rows = context.dynamics.read_page(query, plan.decoder, page_size=SAMPLE).rows
        applier.prepare(rows)
        effects = self._taken_back(lambda: self._effects(wishes, plan, applier, rows))
        passed, size = context.monotonic() - began, min(context.settings.page_size, plan.decoder.page_size)
        totals = [count_wanted(context.dynamics, plan.table, self._entity, each) for each in reads]
        known = [each for each in totals if each is not None]
        total = sum(known) if len(known) == len(totals) else None
        return ChoicePreview(
            rereads=rereads,
            rows=total,
            requests=None if total is None else sum(math.ceil(each / size) for each in known),
            minutes=round(total * passed / len(rows) / 60, 1) if total and rows else None,
            sample=len(rows),
            **asdict(effects),
        )

    def _reading(self, wishes: Wishes, wanted: Range | None, metadata: Metadata) -> tuple[bool, bool]:
        """Would the table be read from its start, and would a quick sync be asked for?"""
        before = len(self._subscription.state.quick_syncs.open())
        choose(self._subscription, self._offered, self._entity, wishes, wanted=wanted)
        settled = self._built(metadata).streams[self._entity]
        last = settled.successor or settled.present
        rereads = settled.changed and last.begun_at is None and last.reading is Reading.SELECTION
        return rereads, len(self._subscription.state.quick_syncs.open()) > before

    def _tables(self, wishes: Wishes, metadata: Metadata) -> Tables:
        choose(self._subscription, self._offered, self._entity, wishes)
        return self._built(metadata)

    def _built(self, metadata: Metadata) -> Tables:
        return build_tables(self._context, metadata, organization_id=self._organization_id)

    def _effects(self, wishes: Wishes, plan: TablePlan, applier: Applier, rows: Sequence[Any]) -> _Effects:
        """What applying these rows changes in the fields that are chosen."""
        choose(self._subscription, self._offered, self._entity, wishes)
        state, people, entity = self._subscription.state, self._subscription.marketing.people, self._entity
        columns = Selection(
            entity, plan.table, {}, self._offered.unreadable[entity.table]
        ).columns(wishes.select)  # fmt: skip
        names = {field.api_name for field in plan.fields if field.column in columns}
        ids, logged = [plan.id(row) for row in rows], people.last_logged()
        before = state.links.of(entity, ids) if entity.is_person else {}
        counts = applier.apply(rows, How.SELECTION)
        if not entity.is_person:
            return _Effects(to_marketing=counts.updated)
        entries = [each for each in people.logged_after(logged, limit=len(rows) * _ENTRIES) if each["field"] in names]
        after = state.links.of(entity, ids)
        return _Effects(
            to_marketing=_people(entries, ActivityType.CHANGE_DATA_VALUE),
            to_dynamics=sum(_differs(after[key], names) and not _differs(before[key], names) for key in before),
            overwritten=sum(
                each["type"] == ActivityType.CONFLICT and '"winner":"crm"' in (each["detail"] or "") for each in entries
            ),
        )

    def _taken_back(self, trial: Callable[[], Result]) -> Result:
        found = list[Result]()
        with contextlib.suppress(_TakenBack), self._context.database.transaction():
            found.append(trial())
            raise _TakenBack
        return found[0]


def _people(entries: Sequence[dict[str, Any]], kind: ActivityType) -> int:
    return len({each["person_id"] for each in entries if each["type"] == kind})


def _differs(link: Link, names: Collection[str]) -> bool:
    return not decode_fields(link.base).keys().isdisjoint(names)
