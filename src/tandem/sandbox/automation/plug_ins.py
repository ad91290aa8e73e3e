"""A tenant answers a write with more than a yes: its own automation refuses it, changes it, or comes back to it later.

A sync that has only met an organisation without customers loses to the first workflow. These are the stand-ins for
what a customer builds (plug-ins, real-time workflows, flows): one declaration for each way to interfere with a write,
armed at the control door. `KINDS` is the only list of them; the table in the documentation is made from it
(reference 7.2, 9.6 and 10 item 12).
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

import msgspec

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.storage import to_stored
from tandem.sandbox.tables import TEXTUAL, ColumnDefinition, TableDefinition
from tandem.sandbox.writing.values import CONVERTED, accept

Values = Mapping[str, object]
Row = Mapping[str, object]
Scalar = str | int | float | bool | None
"""A value as JSON holds it."""


class Form(StrEnum):
    """What a rewritten value becomes."""

    UPPER = "upper"
    TRIM = "trim"
    VALUE = "value"
    BEFORE = "before"


class PlugIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A stand-in, and the writes that it acts on.

    It acts on the creates and updates of `table` that set `column` (None: on all) and leave every value of `when` in
    the row. `step` is the id by which a client may ask for it to be skipped (reference 5.8).
    """

    table: str
    column: str | None = None
    when: dict[str, Scalar] = msgspec.field(default_factory=dict)
    step: str | None = None
    later: ClassVar[bool] = False
    """Whether it acts when the reply is long gone, as a flow does, in a write of its own."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns of its table without which it could not act."""
        return frozenset((*self.when, *filter(None, [self.column])))

    def check(self, table: TableDefinition) -> None:
        """Raise KeyError for an unknown column, ValueError or Refused for what could never be carried out."""
        for name, value in self.when.items():
            column = _writable(table, name)
            if column.type in CONVERTED:
                accept(table, column, value)
        if self.column is not None:
            _writable(table, self.column)

    def acts_on(self, table: str, row: Row, written: Values) -> bool:
        """Whether a write of `written` that leaves `row` is one to act on."""
        return (
            table == self.table
            and (self.column is None or self.column in written)
            and all(_is(row.get(name), value) for name, value in self.when.items())
        )

    def changes(self, table: TableDefinition, row: Row, before: Row | None) -> Values | None:
        """What it writes into `row`, which was `before` (None: not there); None for nothing. Raises Refused."""
        raise NotImplementedError


class Refuse(PlugIn, frozen=True, kw_only=True, tag="refuse"):
    """400 0x80040265 with the `message`; nothing is written"""

    message: str = "A business rule does not allow this change."

    def changes(self, table: TableDefinition, row: Row, before: Row | None) -> None:
        """Always raises Refused (400, 0x80040265)."""
        raise Refused(400, "0x80040265", self.message)


class Rewrite(PlugIn, frozen=True, kw_only=True, tag="rewrite"):
    """within the same write, rewrite the column `target` (`column` unless given); `to` tells how: `upper` and `trim`
    for text, `value` for the given `value` (null empties), `before` to put back what was there; the answer shows it"""

    to: Form
    target: str | None = None
    value: Scalar = None

    @property
    def _target(self) -> str:
        return self.target or self.column or ""

    @property
    def columns(self) -> frozenset[str]:
        """As for every stand-in, with the column that it rewrites."""
        return super().columns | {self._target}

    def check(self, table: TableDefinition) -> None:
        """As for every stand-in; the form must suit the column."""
        super().check(table)
        if not self._target:
            raise ValueError("a rewrite needs a 'column' or a 'target'")
        column = _writable(table, self._target)
        if self.to in (Form.UPPER, Form.TRIM) and column.type not in TEXTUAL:
            raise ValueError(f"'{column.name}' is no text; '{self.to}' is for text")
        if self.value is not None and column.type not in CONVERTED:
            raise ValueError(f"'{column.name}' is a reference; it can be emptied or put back")
        self._given(table)

    def changes(self, table: TableDefinition, row: Row, before: Row | None) -> Values | None:
        """The target's new value; None where it has that value already, or had none before it was created."""
        column = table.columns[self._target]
        kind = f"{column.name}_type"
        new, new_kind = row.get(column.name), row.get(kind)
        match self.to:
            case Form.UPPER:
                new = None if new is None else str(new).upper()
            case Form.TRIM:
                new = None if new is None else str(new).strip() or None
            case Form.VALUE:
                new, new_kind = self._given(table), None
            case Form.BEFORE if before is None:
                return None
            case Form.BEFORE:
                new, new_kind = before.get(column.name), before.get(kind)
        if to_stored(column, new) == to_stored(column, row.get(column.name)):
            return None
        return {column.name: new, kind: new_kind} if column.polymorphic else {column.name: new}

    def _given(self, table: TableDefinition) -> object:
        """`value` as the organisation takes it. Raises Refused."""
        return None if self.value is None else accept(table, table.columns[self._target], self.value)


class RewriteLater(Rewrite, frozen=True, kw_only=True, tag="rewrite-later"):
    """the same, some time after the reply: another user's write, with a version of its own"""

    later: ClassVar[bool] = True


class Touch(PlugIn, frozen=True, kw_only=True, tag="touch"):
    """some time after the reply, raise the version and change no value, as another user"""

    later: ClassVar[bool] = True

    def changes(self, table: TableDefinition, row: Row, before: Row | None) -> Values:
        """No value: a write of nothing still takes a version."""
        return {}


AnyPlugIn = Refuse | Rewrite | RewriteLater | Touch
KINDS: tuple[type[PlugIn], ...] = (Refuse, Rewrite, RewriteLater, Touch)


def _writable(table: TableDefinition, name: str) -> ColumnDefinition:
    """A column that somebody writes. Raises KeyError for one that is not there, ValueError for a computed one."""
    column = table.columns[name]
    if column.derived is not None:
        raise ValueError(f"'{name}' is computed, nobody writes it")
    return column


def _is(held: object, wanted: Scalar) -> bool:
    """Amounts are held exactly, and no float is: 0.1 is meant as it is written."""
    return held == (Decimal(str(wanted)) if isinstance(held, Decimal) and isinstance(wanted, float) else wanted)


def plug_in_table() -> str:
    """The kinds as a Markdown table, for the docs and for people at the control door."""
    shared = {field.name for field in msgspec.structs.fields(PlugIn)}
    lines = ["| `kind` | takes | does |", "|---|---|---|"]
    for kind in KINDS:
        own = [field for field in msgspec.structs.fields(kind) if field.name not in shared]
        fields = ", ".join(f"`{field.name}`" if field.required else f"[`{field.name}`]" for field in own)
        does = " ".join((kind.__doc__ or "").split())
        lines.append(f"| `{kind.__struct_config__.tag}` | {fields} | {does} |")
    return "\n".join([*lines, ""])
