"""A table's stream and the one that is to take its place (rules D1, D5, D6, S12).

What is to become of them is decided whenever tables are put together, by the engine as by an action in another process;
only the engine stores it. So deciding makes new streams and touches no row.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tandem.mapping.fields import Field
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Table
from tandem.rules.succession import Standing, Succession, Successor, decide_succession
from tandem.state import SyncState
from tandem.state.quick_syncs import QuickSync, QuickSyncState
from tandem.state.streams import Reading, Stream, StreamState
from tandem.sync.context import Context
from tandem.sync.plan import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The stream of one table and its successor, as they are to be; `changed`: something of that is not stored yet."""

    present: Stream
    successor: Stream | None
    changed: bool


def settle(identity: Identity, table: Table, *, held: Stream | None, successor: Stream | None) -> Streams:
    """The streams of one table, given those that are stored."""
    weak = not table.change_tracking
    if held is None:
        return Streams(present=_stream(identity, identity.wanted, weak=weak), successor=None, changed=True)
    if held.weak != weak and still_brings(identity, table, held):
        held = replace(held, weak=weak)
        held.begin_again("change tracking was switched off" if weak else "change tracking was switched on")
        return Streams(present=held, successor=None, changed=True)
    match _decide(identity, table, held, successor):
        case Succession.REPLACE:
            return Streams(present=_replaced(identity, held, weak=weak), successor=None, changed=True)
        case Succession.KEEP:
            return Streams(present=held, successor=None, changed=successor is not None)
        case Succession.SUCCEED:
            begun = _stream(identity, identity.wanted, weak=weak)
            begun.reading, begun.successor = Reading.SELECTION, True
            return Streams(present=held, successor=begun, changed=True)
        case Succession.TAKE_OVER if successor is not None:
            # Its first changes hold what happened since it began, also where that is known without its columns.
            heir = replace(
                successor,
                successor=False,
                live_at=held.live_at,
                reads_begun=held.reads_begun,
                reads_finished=held.reads_finished,
            )
            return Streams(present=heir, successor=None, changed=True)
        case _:
            return Streams(present=held, successor=successor, changed=False)


def store(context: Context, streams: Streams) -> None:
    """Store what was settled. Belongs into a transaction."""
    state, present, successor = context.state, streams.present, streams.successor
    state.streams.drop(present.entity)
    state.streams.put(present)
    if successor is not None:
        state.streams.put(successor)
    last = successor or present
    state.quick_syncs.wait_again(present.entity, but=last.fingerprint)


def looked_at(
    state: SyncState, stream: Stream, fields: Iterable[Field], quick_syncs: Sequence[QuickSync]
) -> list[Field]:
    """Those of the chosen fields that a stream brings by itself.

    Read from its start for other columns, it leaves to a quick sync what that is for, and alone what is to stay as it
    is of records that do not change.
    """
    fields = [each for each in fields if each.column in (stream.columns or ())]
    if stream.reading is not Reading.SELECTION or stream.state is not StreamState.COPYING:
        return fields
    mine = [each for each in quick_syncs if each.entity is stream.entity and not rides(each, stream)]
    others, alone = {column for each in mine for column in each.columns}, state.fields_left_alone(stream.entity)
    return [each for each in fields if each.column not in others and each.api_name not in alone]


def rides(quick_sync: QuickSync, stream: Stream) -> bool:
    """Does the reading of `stream` from the start bring what the quick sync asks for?"""
    if quick_sync.rides:
        return quick_sync.fingerprint == stream.fingerprint
    waits = quick_sync.state is QuickSyncState.WAITING and quick_sync.range is None
    return waits and stream.begun_at is None and set(quick_sync.columns) <= set(stream.columns or ())


def is_read_again(
    streams: Mapping[Entity, Stream],
    successors: Collection[Entity],
    quick_syncs: Sequence[QuickSync],
    entity: Entity,
) -> bool:
    """Is a version that is known no proof that all columns of the record were looked at (P19, D5)?"""
    stream = streams.get(entity)  # None: an action comes before the first cycle
    if stream is None:
        return False
    asked = any(each.entity is entity for each in quick_syncs)
    return asked or entity in successors or stream.reading is Reading.SELECTION


def _decide(identity: Identity, table: Table, held: Stream, successor: Stream | None) -> Succession:
    wanted, state = set(identity.wanted), Successor.LACKING
    if successor is not None and still_brings(identity, table, successor) and wanted <= set(successor.columns or ()):
        state = Successor.READ if successor.state is StreamState.LIVE else Successor.BEING_READ
    standing = Standing.LIVE if held.state is StreamState.LIVE else Standing.OTHER
    if held.reading.is_review and held.state is not StreamState.LIVE:
        standing = Standing.REVIEW
    return decide_succession(
        usable=still_brings(identity, table, held),
        complete=wanted <= set(held.columns or ()),
        standing=standing,
        successor=state,
        read_since=successor is not None and held.next_link is None and held.reads_finished > successor.reads_begun,
    )


def still_brings(identity: Identity, table: Table, stream: Stream) -> bool:
    """Do the stream's links still bring its columns, and with them what the rules need?"""
    columns = stream.columns or ()
    there = all(_selectable(table.columns.get(name)) for name in columns)
    return there and set(identity.internal) <= set(columns) and identity.fingerprint(columns) == stream.fingerprint


def _selectable(column: Column | None) -> bool:
    return column is not None and column.readable and column.type is not ColumnType.UNSUPPORTED


def _stream(identity: Identity, columns: Sequence[str], *, weak: bool) -> Stream:
    return Stream(entity=identity.entity, fingerprint=identity.fingerprint(columns), weak=weak, columns=tuple(columns))


def _replaced(identity: Identity, held: Stream, *, weak: bool) -> Stream:
    """The stream under the columns that are wanted now; the table is read from its start, fresh edits beside."""
    reading = Reading.SELECTION if held.reads_begun else Reading.FIRST_COPY
    if held.reading.is_review and held.state is not StreamState.LIVE:
        reading = held.reading
    return replace(
        held,
        fingerprint=identity.fingerprint(identity.wanted),
        columns=tuple(identity.wanted),
        weak=weak,
        state=StreamState.COPYING,
        reading=reading,
        next_link=None,
        delta_link=None,
        rows_read=0,
        begun_at=None,
        fresh_mark=held.read_until,
        reason=None,
    )
