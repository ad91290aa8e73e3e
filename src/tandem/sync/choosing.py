"""Which fields are selected, which way they go and what settles their collisions, as somebody changes it.

A choice that names one unknown field must change nothing: half a selection re-reads a table for the wrong columns. So
the new choices are worked out whole, before any of them is stored (rules D1, D2, D6, P4).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from tandem.mapping.fields import Direction, Field, Policy
from tandem.mapping.ranges import Range
from tandem.mapping.selection import (
    UnknownField,
    broken_because,
    find_offer,
    offered_fields,
    with_direction,
    with_policy,
)
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import ColumnType, Table
from tandem.rules.brakes import Brakes
from tandem.state import SyncState
from tandem.state.queues import Lane
from tandem.state.quick_syncs import AskedBy
from tandem.state.state import FieldChoice
from tandem.sync.pushing.balance import Balance

_OPENED = (
    (Direction.FROM, Direction.BOTH),
    (Direction.FROM, Direction.TO),
    (Direction.BLOCKED, Direction.TO),
)
"""Changes of direction after which what is known to differ may be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedField:
    """A field that can be chosen, or was chosen and cannot be read any more (`broken` says why)."""

    entity: Entity
    column: str
    api_name: str
    label: str
    type: ColumnType | None
    direction: Direction
    on_collision: Policy | None
    selected: bool
    broken: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to change, by either side's names of fields; a policy of None lets the rules decide again."""

    select: Sequence[str] = ()
    deselect: Sequence[str] = ()
    directions: Mapping[str, Direction] = field(default_factory=dict)
    policies: Mapping[str, Policy | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.select or self.deselect or self.directions or self.policies)


class Selection:
    """One table's fields: what is offered, and what was chosen of it."""

    def __init__(
        self, entity: Entity, table: Table, choices: Mapping[str, FieldChoice], unreadable: Collection[str]
    ) -> None:
        self._entity = entity
        self._table = table
        self._choices = dict(choices)
        self._unreadable = unreadable
        self._offers = offered_fields(entity, table, unreadable)

    def listed(self) -> list[ListedField]:
        """Every field that is offered, and those that are selected and lost."""
        offered = {offer.field.column: offer.field for offer in self._offers}
        lost = [choice for column, choice in self._choices.items() if choice.selected and column not in offered]
        return [self._listed(field) for field in offered.values()] + [self._lost(choice) for choice in lost]

    def columns(self, names: Sequence[str]) -> list[str]:
        """The columns of fields that can be chosen, by either side's names. Raises UnknownField."""
        return [find_offer(self._offers, name).field.column for name in names]

    def changed(self, wishes: Wishes) -> list[FieldChoice]:
        """The choices that differ once the wishes are granted. Raises UnknownField; `self` is as it was then."""
        after, selected = dict(self._choices), self.columns(wishes.select)
        for name in wishes.select:
            field = find_offer(self._offers, name).field
            choice = after.get(field.column, self._choice(field))
            after[field.column] = replace(choice, selected=True, broken=None, type=field.type)
        for name in wishes.deselect:
            choice = self._chosen(name)
            if choice.column in selected:
                raise UnknownField(
                    f"{choice.api_name} of {self._entity.value} is to be selected and given up at once.",
                    advice="Name it once.",
                    field=choice.column,
                    entity=self._entity.value,
                )
            after[choice.column] = replace(after.get(choice.column, choice), selected=False, broken=None)
        for name, direction in wishes.directions.items():
            field = find_offer(self._offers, name).field
            choice = after.get(field.column, self._choice(field))
            after[field.column] = replace(
                choice,
                direction=with_direction(field, direction).direction,
                policy=choice.policy if direction is Direction.BOTH else None,
            )
        for name, policy in wishes.policies.items():
            field = find_offer(self._offers, name).field
            choice = after.get(field.column, self._choice(field))
            chosen = with_policy(with_direction(field, choice.direction), policy)
            after[field.column] = replace(choice, policy=chosen.policy)
        return [choice for column, choice in after.items() if choice != self._choices.get(column)]

    def _chosen(self, name: str) -> FieldChoice:
        """The choice of that name; one whose column is lost can only be found here, and deselected."""
        lowered = name.strip().lower()
        for choice in self._choices.values():
            if lowered in (choice.column, choice.api_name.lower()):
                return choice
        return self._choice(find_offer(self._offers, name).field)

    def _choice(self, field: Field) -> FieldChoice:
        """The choice in force, or the one that choosing nothing amounts to."""
        default = FieldChoice(
            entity=self._entity,
            column=field.column,
            api_name=field.api_name,
            direction=field.direction,
            selected=False,
            type=field.type,
        )
        return self._choices.get(field.column, default)

    def _listed(self, field: Field) -> ListedField:
        choice = self._choice(field)
        return ListedField(
            entity=self._entity,
            column=field.column,
            api_name=choice.api_name,
            label=field.label,
            type=field.type,
            direction=choice.direction,
            on_collision=choice.policy,
            selected=choice.selected,
            broken=self._broken(choice) if choice.selected else None,
        )

    def _lost(self, choice: FieldChoice) -> ListedField:
        return ListedField(
            entity=self._entity,
            column=choice.column,
            api_name=choice.api_name,
            label=choice.column,
            type=None,
            direction=choice.direction,
            on_collision=choice.policy,
            selected=True,
            broken=self._broken(choice) or "its type is none that can be synced",
        )

    def _broken(self, choice: FieldChoice) -> str | None:
        return broken_because(self._table, choice.column, choice.type, self._unreadable)


class FieldInQuickSync(NeedsPerson):
    """A field waits in a quick sync, so it can be neither given up nor asked for once more."""

    code = "field-in-quick-sync"
    advice = "Wait until it is done, or give it up: `tandem fields --cancel ID`. `tandem fields` lists the quick syncs."


def store_choices(
    state: SyncState,
    before: Mapping[str, FieldChoice],
    changed: Sequence[FieldChoice],
    *,
    now: Callable[[], str],
    refresh: Collection[str] = (),
    wanted: Range | None = None,
) -> None:
    """Store changed choices of one table. Belongs into a transaction.

    What begins to be pulled, and the columns to `refresh`, are brought by a quick sync, for all records or those
    `wanted` (D5). Where a field may be sent that might not before, everybody who differs is looked at again. Raises
    FieldInQuickSync.
    """
    after = {**before, **{each.column: each for each in changed}}
    entities = {each.entity for each in after.values()}
    asked = [each for each in state.quick_syncs.open() if each.entity in entities]
    waiting = {column: each.id for each in asked for column in each.columns}
    dropped = [each.column for each in changed if _gives_up(before.get(each.column), each)]
    for column in (*refresh, *dropped):
        if column in waiting:
            entity = after[column].entity.value
            raise FieldInQuickSync(
                f"{after[column].api_name} of {entity} waits in quick sync {waiting[column]}.", entity=entity
            )
    for each in changed:
        if each.column in before and before[each.column].type not in (None, each.type):
            # What both sides agreed on was of another type.
            state.forget_field_read(each.entity, each.api_name)
    for each in changed:
        if _pulled(before.get(each.column)) and not _pulled(each):
            state.note_fields_given_up(each.entity, [each.api_name])
    state.put_choices(list(changed))
    begins = [each.column for each in changed if _pulled(each) and not _pulled(before.get(each.column))]
    columns = {*begins, *(column for column in refresh if _pulled(after[column]))} - waiting.keys()
    for entity in entities:
        stream = state.streams.all().get(entity)
        if columns and stream is not None and stream.reads_begun:
            state.quick_syncs.ask(entity, columns, asked_by=AskedBy.PERSON, at=now(), wanted=wanted)
    for entity in {each.entity for each in changed if _opens(before.get(each.column), each)}:
        count = state.nominations.add_unsent(entity, Lane.BACKFILL, at=now())
        Balance(state, Brakes(), now).changed(count)


def _pulled(choice: FieldChoice | None) -> bool:
    return choice is not None and choice.is_pulled


def _gives_up(before: FieldChoice | None, after: FieldChoice) -> bool:
    """Is the field deselected, or does it go another way that brings nothing of it?"""
    return before is not None and (before.selected > after.selected or before.is_pulled > after.is_pulled)


def _opens(before: FieldChoice | None, after: FieldChoice) -> bool:
    """May the differences known of the field be sent now, and might they not before?

    A field that begins to be read says nothing yet: reading it tells who differs, and nominates them.
    """
    if before is None:
        return False
    return (before.direction, after.direction) in _OPENED
