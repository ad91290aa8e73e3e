"""From a page's bytes to typed rows, at the speed of the parser.

One msgspec struct is built per stream, from the columns it selects: a page is decoded in one call, a column the
stream did not ask for costs nothing, money and decimals stay exact, and a value of another type than the metadata
said stops the stream by the name of its column instead of entering the database.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from tandem.dynamics.errors import ColumnTypeChanged, NotDataverse
from tandem.model.errors import OurBug
from tandem.model.schema import ColumnType, Table

VERSION = "versionnumber"
"""The row version, always read: it orders the states of a row."""

_LARGEST_PAGE = 5_000
_VALUES_PER_PAGE = 200_000
_TARGET_ANNOTATION = "@Microsoft.Dynamics.CRM.lookuplogicalname"

_TYPES: dict[ColumnType, Any] = {
    ColumnType.TEXT: str | None,
    ColumnType.MEMO: str | None,
    ColumnType.INTEGER: int | None,
    ColumnType.BIGINT: int | None,
    ColumnType.DECIMAL: Decimal | None,
    ColumnType.DOUBLE: float | None,
    ColumnType.MONEY: Decimal | None,
    ColumnType.BOOLEAN: bool | None,
    ColumnType.DATETIME: str | None,
    ColumnType.DATE: str | None,
    ColumnType.CHOICE: int | None,
    ColumnType.CHOICES: str | None,
    ColumnType.STATE: int | None,
    ColumnType.STATUS: int | None,
    ColumnType.LOOKUP: str | None,
    ColumnType.GUID: str | None,
}
"""How a column arrives (reference 0.5, 2.8). Times stay text: most are never looked at."""

_DELETION = {"deleted_reason": "reason", "deleted_id": "id"}
"""What a deleted item has instead of columns: attribute -> name on the wire (reference 4.3)."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a stream. `rows` are structs of the decoder's `row_type`; `deleted` are ids.

    Exactly one of the links is set on a page of a tracked read; neither on the last page of an ordinary one.
    """

    rows: list[Any]
    deleted: list[str]
    next_link: str | None
    delta_link: str | None


def wire_name(table: Table, column: str) -> str:
    """The name under which a column is selected and read: `_x_value` for lookups, else its logical name."""
    known = table.columns.get(column)
    return f"_{column}_value" if known is not None and known.type is ColumnType.LOOKUP else column


def selection(table: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """The $select list for the given logical names, with the primary id and the row version, each once."""
    names = dict.fromkeys((table.primary_id, *columns, VERSION))
    return tuple(wire_name(table, name) for name in names)


class RowDecoder:
    """Reads the rows of one stream: the given columns (logical names) of one table.

    A row has one attribute per column, by logical name; the primary id and `versionnumber` always; and `<lookup>_type`
    with the logical name of the target for a lookup that may point to several tables. Absent and null are None.
    `fields` lists these attributes in order; `page_size` is the most rows a page of this width should hold; `secured`
    tells that a value may be null for want of a right.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self.table = table
        self.select = selection(table, columns)
        self.page_size = min(_LARGEST_PAGE, max(1, _VALUES_PER_PAGE // len(self.select)))
        definitions: dict[str, tuple[Any, Any]] = {table.primary_id: (str | None, None)}
        wire: dict[str, str] = {}
        self._guids = [table.primary_id]
        self.secured = any(table.columns[name].secured for name in columns if name in table.columns)
        polymorphic = False
        for name in columns:
            if name in (table.primary_id, VERSION):
                continue
            column = table.columns.get(name)
            if column is None or column.type is ColumnType.UNSUPPORTED:
                raise OurBug(f"The column {name} of {table.name} cannot be selected.", table=table.name, column=name)
            definitions[name] = (_TYPES[column.type], None)
            if column.type in (ColumnType.LOOKUP, ColumnType.GUID):
                self._guids.append(name)
            if column.type is ColumnType.LOOKUP:
                wire[name] = wire_name(table, name)
            if column.polymorphic:
                polymorphic = True
                definitions[f"{name}_type"] = (str | None, None)
                wire[f"{name}_type"] = wire_name(table, name) + _TARGET_ANNOTATION
        definitions[VERSION] = (int, 0)
        self.fields = tuple(definitions)
        self.annotations = _TARGET_ANNOTATION.removeprefix("@") if polymorphic else None
        self._build(definitions, wire)

    def decode(self, body: bytes) -> Page:
        """The page in a body. Raises ColumnTypeChanged, or NotDataverse for anything that is no page."""
        page = self._decoded(self._page, body)
        items: list[Any] = page.value
        # A tracked page lists deletions among the rows, with an id of their own and nothing else (reference 4.3).
        rows = [item for item in items if item.deleted_reason is None]
        deleted = [item.deleted_id.lower() for item in items if item.deleted_reason] if len(rows) < len(items) else []
        self._settle(rows)
        return Page(rows, deleted, page.next_link, page.delta_link)

    def decode_row(self, body: bytes) -> Any:
        """The single row in a body. Raises like `decode`."""
        row = self._decoded(self._row, body)
        self._settle([row])
        return row

    def _build(self, definitions: dict[str, tuple[Any, Any]], wire: dict[str, str]) -> None:
        columns = [(name, kind, default) for name, (kind, default) in definitions.items()]
        deletion = [(name, str | None, None) for name in _DELETION]
        self.row_type = msgspec.defstruct(
            self.table.name,
            columns + deletion,
            rename={**wire, **_DELETION},
            gc=False,
        )
        page_type = msgspec.defstruct(
            "page",
            [
                ("value", list[self.row_type]),  # type: ignore[name-defined]
                ("next_link", str | None, None),
                ("delta_link", str | None, None),
            ],
            rename={"next_link": "@odata.nextLink", "delta_link": "@odata.deltaLink"},
        )
        self._logical = {encoded: name for name, encoded in wire.items()}
        self._page = msgspec.json.Decoder(page_type)
        self._row = msgspec.json.Decoder(self.row_type)

    def _decoded(self, decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            found = re.search(r"at `\$(?:\.value\[\d+\])?\.([^`\[]+)`", str(error))
            if found is None or found[1] in ("value", "@odata.nextLink", "@odata.deltaLink"):
                raise NotDataverse(f"Dynamics gave no page of {self.table.name}.", table=self.table.name) from error
            column = self._logical.get(found[1], found[1])
            raise ColumnTypeChanged(
                f"The column {column} of {self.table.name} holds values of another type than its definition says.",
                table=self.table.name,
                column=column,
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotDataverse(f"Dynamics gave no page of {self.table.name}.", table=self.table.name) from error

    def _settle(self, rows: list[Any]) -> None:
        """Lower-cases GUIDs where the server does not; one join tells it for the whole page."""
        try:
            ids = "".join(map(attrgetter(self.table.primary_id), rows))
        except TypeError:
            raise NotDataverse(f"Dynamics gave a row of {self.table.name} without id.", table=self.table.name) from None
        if ids == ids.lower():
            return
        for row in rows:
            for name in self._guids:
                value = getattr(row, name)
                if value is not None:
                    setattr(row, name, value.lower())
