"""Notes what became of the columns behind the fields that are synced (rules D6, P7, N5).

Somebody deletes a column, and a sync that stops for it stops for everybody until an administrator comes. So the field
alone is marked, told of once, and left as it is on both sides; when its column is back it is synced again, and read for
all records, because nobody knows what happened to it meanwhile.

    the column of a selected field      | before          | outcome
    ------------------------------------+-----------------+-------------------------------------------------------------
    is gone, unreadable, or retyped     | was synced      | BROKEN    marked and told; its values stay on both sides
    is gone, unreadable, or retyped     | broken          | nothing
    is as it was chosen                 | broken          | HEALED    told, and brought by a quick sync
    takes shorter texts than before     | -               | told, with how many people hold longer ones: P7 keeps those
    lost options                        | -               | told, with the options: P7 keeps their values
    is read-only, and was to be written | was written     | told; it goes from Dynamics to marketing only
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from tandem.mapping.fields import Direction, Field
from tandem.mapping.selection import broken_because
from tandem.marketing.records import FieldDefinition
from tandem.model.entities import Entity
from tandem.model.schema import Table
from tandem.state.notices import NoticeKind
from tandem.state.queues import Lane
from tandem.state.quick_syncs import AskedBy, QuickSyncState
from tandem.state.state import FieldChoice
from tandem.sync.context import Context
from tandem.sync.defined import definition, definition_key
from tandem.sync.pushing.balance import Balance

_BROKEN_ADVICE = (
    "Everything else goes on, and the field's values stay. When the column is back it is synced again by itself; "
    "`tandem fields ENTITY --deselect FIELD` gives it up."
)
_KEPT_ADVICE = "Such values stay in marketing; `tandem errors` lists the people once somebody edits them."
_WRITTEN = (Direction.BOTH, Direction.TO)


def note_columns(
    context: Context, entity: Entity, table: Table, choices: Iterable[FieldChoice], unreadable: Collection[str]
) -> None:
    """Mark and tell what became of one table's selected columns. Belongs into a transaction."""
    state, at = context.state, context.now()
    told = {each.about for each in state.notices.open(NoticeKind.FIELD_BROKEN)}
    changed, healed = list[FieldChoice](), list[FieldChoice]()
    for choice in choices:
        about = f"{entity.value}.{choice.column}"
        reason = broken_because(table, choice.column, choice.type, unreadable) if choice.selected else None
        if reason is None and about in told:
            state.notices.settle(NoticeKind.FIELD_BROKEN, about, at=at)
        if not choice.selected:
            continue
        after = msgspec.structs.replace(choice, broken=reason)
        if reason is not None:
            # Told once for as long as it lasts, however the reason changes.
            message = f"{choice.api_name} of {entity.value} is not synced any more: {reason}."
            state.notices.tell(NoticeKind.FIELD_BROKEN, about, message, advice=_BROKEN_ADVICE, at=at)
            if choice.is_pulled:
                state.note_fields_given_up(entity, [choice.api_name])
        else:
            after = msgspec.structs.replace(after, type=table.columns[choice.column].type)
            if choice.broken is not None:
                healed.append(choice)
        if after != choice:
            changed.append(after)
    state.put_choices(changed)
    _heal(context, entity, healed)


def _heal(context: Context, entity: Entity, healed: Sequence[FieldChoice]) -> None:
    state, at = context.state, context.now()
    for choice in healed:
        state.notices.tell(
            NoticeKind.FIELD_HEALED,
            f"{entity.value}.{choice.column}",
            f"{choice.api_name} of {entity.value} is synced again: its column is back.",
            advice="Nothing to do: a quick sync brings its values of all records.",
            at=at,
        )
    # One that runs has passed records while the column was not read.
    asked = [each for each in state.quick_syncs.open() if each.state is QuickSyncState.WAITING]
    waiting = {column for each in asked if each.entity is entity for column in each.columns}
    columns = {choice.column for choice in healed if choice.direction in (Direction.BOTH, Direction.FROM)} - waiting
    stream = state.streams.all().get(entity)
    if columns and stream is not None and stream.reads_begun:
        state.quick_syncs.ask(entity, columns, asked_by=AskedBy.SYNC, at=at)


def note_limits(context: Context, fields: Iterable[Field]) -> None:
    """Tell where the columns of these people's fields take less than before. Belongs into a transaction.

    The fields are as they are now; what they were is told by their definitions, which are not renewed yet.
    """
    before = {(each.entity, each.api_name): each for each in context.marketing.field_definitions()}
    for field in fields:
        held = before.get((definition_key(field.entity), field.api_name))
        if field.entity.is_person and held is not None and field.direction in _WRITTEN:
            _note_read_only(context, field)
            _note_length(context, field, held)
            _note_options(context, field, held)


def _note_read_only(context: Context, field: Field) -> None:
    about = f"{field.entity.value}.{field.column} read-only"
    if field.writable:
        if context.state.notices.settle(NoticeKind.FIELD_BROKEN, about, at=context.now()):
            # What marketing edited meanwhile may be sent now.
            count = context.state.nominations.add_unsent(field.entity, Lane.BACKFILL, at=context.now())
            Balance(context.state, context.settings.brakes, context.now).changed(count)
        return
    message = f"{field.api_name} of {field.entity.value} cannot be written any more: it was made read-only."
    advice = "It goes from Dynamics to marketing only; what was edited in marketing stays there: `tandem differences`."
    context.state.notices.tell(NoticeKind.FIELD_BROKEN, about, message, advice=advice, at=context.now())


def _note_length(context: Context, field: Field, held: FieldDefinition) -> None:
    about, length = f"{field.entity.value}.{field.column} length", field.max_length
    if length is None or held.max_length is None or length == held.max_length:
        return
    context.state.notices.settle(NoticeKind.FIELD_BROKEN, about, at=context.now())
    if length < held.max_length:
        people = context.marketing.people.count_longer(field.entity, field.api_name, length)
        message = (
            f"{field.api_name} of {field.entity.value} takes {length:,} characters in Dynamics now, not "
            f"{held.max_length:,}: {people:,} people hold longer values."
        )
        context.state.notices.tell(NoticeKind.FIELD_BROKEN, about, message, advice=_KEPT_ADVICE, at=context.now())


def _note_options(context: Context, field: Field, held: FieldDefinition) -> None:
    about, now = f"{field.entity.value}.{field.column} options", definition(field)
    if held.options == now.options:
        return
    left = {option.value for option in field.options}
    lost = [f"{label} ({value})" for value, label in _options(held) if value not in left]
    context.state.notices.settle(NoticeKind.FIELD_BROKEN, about, at=context.now())
    if lost:
        message = f"{field.api_name} of {field.entity.value} lost options in Dynamics: {', '.join(lost)}."
        context.state.notices.tell(NoticeKind.FIELD_BROKEN, about, message, advice=_KEPT_ADVICE, at=context.now())


def _options(held: FieldDefinition) -> list[tuple[int, str]]:
    return msgspec.json.decode(held.options or "[]", type=list[tuple[int, str]])
