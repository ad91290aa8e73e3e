"""What goes wrong with one table stops that table only, is told, and is tried again in the next cycle.

A column that vanished, a right that was taken away or a token that was lost must not keep the other tables from being
read; and what Tandem does not know must not pass for one of these.
"""

import logging
from collections.abc import Callable

from tandem.dynamics.errors import (
    ChangeTrackingOff,
    ColumnTypeChanged,
    ColumnUnknown,
    MissingPrivilege,
    TableUnknown,
    TokenExpired,
)
from tandem.model.entities import Entity
from tandem.model.errors import OurBug, TandemError
from tandem.rules.brakes import HoldKind
from tandem.state.streams import Stream, StreamState
from tandem.sync.context import Context, Counts
from tandem.sync.cycle_report import CycleReport
from tandem.sync.known_tables import KnownTables
from tandem.sync.plan import FilterUnreadable
from tandem.sync.telling import tell_readable, tell_unreadable

log = logging.getLogger("tandem.sync")

_OF_ONE_TABLE = (MissingPrivilege, ChangeTrackingOff, TableUnknown, ColumnUnknown, ColumnTypeChanged, FilterUnreadable)
_OF_THE_SCHEMA = (TableUnknown, ColumnUnknown, ColumnTypeChanged, ChangeTrackingOff)


class Guard:
    """Keeps the tables of one cycle apart; what became of each stands in `report`."""

    def __init__(self, context: Context, known: KnownTables, report: CycleReport) -> None:
        self._context = context
        self._known = known
        self._report = report
        self._worked = set[Entity]()

    def work(self, entity: Entity, stream: Stream, work: Callable[[], Counts]) -> None:
        """Do one table's work; what concerns only this table stops only this table."""
        try:
            self._report.counts(entity).add(work())
        except TokenExpired as problem:
            log.warning("token lost", extra={"entity": entity.value, "code": problem.code})
            with self._context.database.transaction():
                stream.begin_again(problem.message)
                self._context.state.streams.put(stream)
        except _OF_ONE_TABLE as problem:
            if isinstance(problem, _OF_THE_SCHEMA):
                self._known.forget_definitions()
            self.fail(entity, problem, stream)
        except TandemError:
            raise
        except Exception as problem:
            raise OurBug(
                f"Reading {entity.value} failed in a way Tandem does not know: {type(problem).__name__}.",
                entity=entity.value,
            ) from problem
        else:
            self._worked.add(entity)
            if stream.state is StreamState.LIVE and stream.reason is not None:
                with self._context.database.transaction():
                    stream.reason = None
                    self._context.state.streams.put(stream)

    def recover(self) -> None:
        """Nothing is wrong any more with the tables whose work is done, all of it: a table of which one part works and
        another does not would be told to be well and to be down with every cycle."""
        well = self._worked - self._report.problems.keys()
        with self._context.database.transaction():
            for entity in well:
                self._context.state.journal.heal(entity)
            tell_readable(self._context.state, well, at=self._context.now())

    def fail(self, entity: Entity, problem: TandemError, stream: Stream | None = None) -> None:
        """Keep and tell that a table cannot be read. `stream`: where it is, if it has a place at all."""
        self._report.problems[entity] = problem
        self._report.counts(entity).failed += 1
        log.error(problem.message, extra={"entity": entity.value, "code": problem.code})
        with self._context.database.transaction():
            self._context.state.journal.add_error(problem, entity=entity, operation="read", at=self._context.now())
            tell_unreadable(self._context.state, entity, problem, at=self._context.now())
            if stream is not None:
                stream.reason = problem.message
                self._context.state.streams.put(stream)

    def retry_halted(self, entity: Entity, stream: Stream) -> None:
        """A table that answered empty goes on when its hold is approved, and is read again when it is cancelled."""
        kind = HoldKind.EMPTY_TABLE.value
        holds = [hold for hold in self._context.state.journal.holds() if hold.entity is entity and hold.kind == kind]
        newest = holds[-1] if holds else None
        if newest is None or newest.state == "open":
            return
        stream.state = StreamState.COPYING
        if newest.state == "cancelled":
            stream.begin_again("the hold was cancelled")
        with self._context.database.transaction():
            self._context.state.streams.put(stream)
