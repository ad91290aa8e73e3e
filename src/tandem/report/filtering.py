"""The sync filter of each table: what Dynamics says, what is here, and what another value would do (rules D7-D10).

A filter is a switch that somebody turns on thousands of records at once. Whoever is about to must see first who would
stop, who would come, and whose unsent edits would stay behind.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from tandem.database.port import InUse
from tandem.dynamics.port import DynamicsOrganisation
from tandem.mapping.fields import FILTER_COLUMN, internal_columns
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Table
from tandem.report.plan import rehearse
from tandem.rules.presence import LinkState
from tandem.runtime import syncing
from tandem.runtime.subscription import Subscription
from tandem.state.streams import StreamState
from tandem.sync.context import Counts
from tandem.sync.cycle import Engine
from tandem.sync.plan import FilterUnreadable
from tandem.sync.supposing import Supposed, Supposing
from tandem.sync.tables import Tables, synced_entities


class IdsUnreadable(NeedsPerson):
    """A file of record ids cannot be read, or holds something else."""

    code = "ids-unreadable"
    advice = "Give a text file with one record id (a GUID) on each line."


class NoFilter(NeedsPerson):
    """A table was named that has no sync filter, or is not read now."""

    code = "no-filter"
    advice = "`tandem filter` lists the tables that can have one; `tandem validate` says why a table is not read."


class FilterColumn(StrEnum):
    """Whether a table has a filter."""

    MISSING = "missing"
    READABLE = "readable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterValues:
    """How many records say what; None where Dynamics does not count that many (more than 50,000)."""

    yes: int | None
    no: int | None
    empty: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFilter:
    """The filter of one table. `problem` says why it cannot be read.

    `dynamics` is what its records say, None without a readable column. `live`, `parked` and `excluded` count what is
    here. `created`, `updated` and `excluding` are the rows that the next cycle would create, change, and park or leave
    out, None while another Tandem is at work, whose next cycle that is; `copying`: the table is still to be read, which
    is not counted.
    """

    entity: Entity
    column: FilterColumn
    problem: str | None
    dynamics: FilterValues | None
    live: int
    parked: int
    excluded: int
    created: int | None
    updated: int | None
    excluding: int | None
    copying: bool


def read_filters(
    subscription: Subscription,
    only: Collection[Entity] | None = None,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> list[TableFilter]:
    """The filter of every table that can have one, or of those in `only`.

    Dynamics is asked, and the next cycle is rehearsed, but for while another Tandem is at work; nothing is stored.
    Raises what a cycle raises; NoFilter for a table that can have none.
    """
    try:
        with syncing.engine_of(subscription, stopping=stopping) as (engine, context):
            coming = rehearse(context, engine.organization_id).cycle.entities
            return _told(subscription, engine, only, coming)
    except InUse:
        with _beside(subscription, stopping) as engine:
            return _told(subscription, engine, only, None)


def suppose_filter(
    subscription: Subscription,
    entity: Entity,
    *,
    wanted: bool,
    condition: str | None = None,
    ids: Sequence[str] = (),
    stopping: Callable[[], bool] = lambda: False,
) -> Supposed:
    """What would become of the records that meet an OData condition, or of those with these ids, were their filter set.

    The sync may be at work meanwhile. Raises ConditionRefused, NoFilter, or what a cycle raises. Nothing is stored and
    nothing is sent.
    """
    _filtered(subscription, [entity])
    with _beside(subscription, stopping) as engine:
        tables = engine.tables()
        if entity not in tables.plans:
            raise tables.problems.get(entity, NoFilter(f"{entity.value} is not read.", entity=entity.value))
        supposing = Supposing(engine.context, tables, entity, wanted=wanted)
        return supposing.of(ids) if condition is None else supposing.where(condition)


def read_ids(file: Path) -> list[str]:
    """The record ids in a file, one on each line. Raises IdsUnreadable."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as problem:
        raise IdsUnreadable(f"{file} cannot be read: {problem}.", file=str(file)) from problem
    return [_id(line, file) for line in lines if line]


def _id(text: str, file: Path) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise IdsUnreadable(f"{file} holds {text[:40]!r}, which is no record id.", file=str(file)) from None


def _filtered(subscription: Subscription, only: Collection[Entity] | None) -> list[Entity]:
    every = [each for each in synced_entities(subscription.state) if FILTER_COLUMN in internal_columns(each)]
    for entity in only or ():
        if entity not in every:
            raise NoFilter(f"{entity.value} cannot have a sync filter.", entity=entity.value)
    return every if only is None else [each for each in every if each in only]


@contextmanager
def _beside(subscription: Subscription, stopping: Callable[[], bool]) -> Iterator[Engine]:
    """What the tables are put together by, while the sync may be at work in another process."""
    with syncing.dynamics_of(subscription) as dynamics:
        context = replace(syncing.context_of(subscription, dynamics), stopping=stopping)
        yield Engine(context, organization_id=subscription.connection().organization_id)


def _told(
    subscription: Subscription,
    engine: Engine,
    only: Collection[Entity] | None,
    coming: Mapping[Entity, Counts] | None,
) -> list[TableFilter]:
    entities, tables, here = _filtered(subscription, only), engine.tables(), _Here(subscription)
    dynamics = engine.context.dynamics
    return [
        here.filter_of(each, tables, dynamics, None if coming is None else coming.get(each, Counts()))
        for each in entities
    ]


class _Here:
    """What is kept of the tables' filters."""

    def __init__(self, subscription: Subscription) -> None:
        self._links = subscription.state.links.counts()
        self._records, self._parked = subscription.marketing.counts(), subscription.marketing.parked()
        self._excluded, self._streams = subscription.state.excluded_counts(), subscription.state.streams.all()

    def filter_of(
        self, entity: Entity, tables: Tables, dynamics: DynamicsOrganisation, coming: Counts | None
    ) -> TableFilter:
        """One table."""
        plan, problem, stream = tables.plans.get(entity), tables.problems.get(entity), self._streams.get(entity)
        has_column = plan is not None and FILTER_COLUMN in plan.decoder.fields
        column = FilterColumn.READABLE if has_column else FilterColumn.MISSING
        live, parked, excluded = self._counts(entity)
        return TableFilter(
            entity=entity,
            column=FilterColumn.UNREADABLE if isinstance(problem, FilterUnreadable) else column,
            problem=problem.message if problem else None,
            dynamics=_values(dynamics, plan.table) if plan is not None and has_column else None,
            live=live,
            parked=parked,
            excluded=excluded,
            created=coming.created if coming else None,
            updated=coming.updated if coming else None,
            excluding=coming.excluded if coming else None,
            copying=stream is None or stream.state is StreamState.COPYING,
        )

    def _counts(self, entity: Entity) -> tuple[int, int, int]:
        """Live, parked, excluded."""
        if entity.is_person:
            states = (LinkState.LIVE, LinkState.PARKED, LinkState.EXCLUDED)
            live, parked, excluded = (self._links.get((entity, state), 0) for state in states)
            return live, parked, excluded
        name, excluded = entity.marketing_name, self._excluded.get(entity.value, 0)
        records, deleted = self._records.get(name, (0, 0))
        parked = self._parked.get(name, 0)
        # Of an account that is parked the company alone remembers it; other records are listed as excluded as well.
        return records - deleted - parked, parked, excluded if entity is Entity.ACCOUNT else excluded - parked


def _values(dynamics: DynamicsOrganisation, table: Table) -> FilterValues:
    yes, no, empty = (dynamics.count(table, f"{FILTER_COLUMN} eq {value}") for value in ("true", "false", "null"))
    return FilterValues(yes=yes, no=no, empty=empty)
