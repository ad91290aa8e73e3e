"""What the next cycle would do, found out by doing it and taking it back (rule AS-P).

Nobody should learn from their data what a setting means. The cycle runs as it will, nothing is sent, and what it would
have stored is read off before it is forgotten.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from tandem.dynamics.port import DynamicsOrganisation
from tandem.mapping.projection import decode_value
from tandem.runtime import syncing
from tandem.runtime.subscription import Subscription
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.cycle_report import CycleReport
from tandem.sync.rehearsing import PlannedWrite, Rehearsal

LISTED = 1_000
"""Entries of each kind that are listed; the counts speak of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """An entry that a person's activity log would get."""

    person_id: int
    type: str
    field: str | None
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a cycle would do. `cycle` has its counts; `unfinished` tables are still to be copied, which is not."""

    cycle: CycleReport
    writes: Sequence[PlannedWrite]
    changes: Sequence[PlannedChange]
    collisions: Sequence[dict[str, Any]]
    holds: Sequence[dict[str, Any]]
    errors: Sequence[dict[str, Any]]


class _TakenBack(Exception):
    """Ends the transaction of a rehearsal without storing anything."""


def read_plan(subscription: Subscription, *, stopping: Callable[[], bool] = lambda: False) -> Plan:
    """Rehearse a cycle. Raises what a cycle raises, InUse while another Tandem is at work included."""
    with syncing.engine_of(subscription, stopping=stopping) as (engine, context):
        return rehearse(context, engine.organization_id)


def rehearse(context: Context, organization_id: str) -> Plan:
    """Run a cycle of `context`'s subscription that leaves no trace."""
    rehearsal = Rehearsal(context.dynamics)
    trial = replace(context, dynamics=cast(DynamicsOrganisation, rehearsal))
    found = list[Plan]()
    with contextlib.suppress(_TakenBack), context.database.transaction():
        logged = context.marketing.people.last_logged()
        before = [{each["id"] for each in rows()} for rows in _journals(trial)]
        cycle = Engine(trial, organization_id=organization_id).cycle(backfill=False)
        collisions, holds, errors = (
            [each for each in rows() if each["id"] not in known][:LISTED]
            for rows, known in zip(_journals(trial), before, strict=True)
        )
        changes = [
            PlannedChange(
                person_id=each["person_id"],
                type=each["type"],
                field=each["field"],
                old=decode_value(each["old"]),
                new=decode_value(each["new"]),
            )
            for each in context.marketing.people.logged_after(logged, limit=LISTED)
        ]
        found.append(
            Plan(
                cycle=cycle,
                writes=rehearsal.writes[:LISTED],
                changes=changes,
                collisions=collisions,
                holds=holds,
                errors=errors,
            )
        )
        raise _TakenBack
    return found[0]


def _journals(context: Context) -> tuple[Callable[[], list[dict[str, Any]]], ...]:
    journal = context.state.journal
    return journal.collisions, lambda: [asdict(hold) for hold in journal.holds()], journal.errors
