"""Fills an organisation from a folder of CSV files, one per table, named by logical name.

Data loaded by half looks like data lost by the sync. So the whole folder is read and checked before the first row is
stored: what the Web API would refuse is refused here, with the file, the line and the column.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid5

import apsw

from tandem.sandbox.data.load_csv import MalformedCsv, records
from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import (
    OPTIONED,
    TABLES,
    TEXTUAL,
    ColumnDefinition,
    ColumnType,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.columns import EXTREME_INTEGER
from tandem.sandbox.tables.custom import custom_column
from tandem.sandbox.writing.values import accept

Row = dict[str, object]

# An organisation has exactly one row of itself, and has it already; a view shows the rows of other tables.
_LOADED = {name: table for name, table in TABLES.items() if name != "organization" and not table.united}
_ROWS_WITHOUT_ID = UUID("1f8f6f0a-3c1e-4d57-9a53-8f0f3f8b2f61")
_PRIMARY_IDS = {table.primary_id: name for name, table in TABLES.items()}
# SystemRequired, but the organisation fills them in.
_FILLED_IN = {"statecode", "ownerid", "businessunitid"}

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

# What the Web API's refusals mean for a cell (reference 7.2).
_REFUSALS = {
    "0x80048d19": "the value does not have the column's type ({type})",
    "0x80044331": "the text is longer than {max_length} characters",
    "0x80040278": "the text contains control characters",
    "0x8004432F": "the number is not between {minimum} and {maximum}",
    "0x80044330": "the number is not between {minimum} and {maximum}",
    "0x8004431A": "there is no such option; known: {options}",
    "0x80040239": "this is not a date from 1753 on, written 2025-03-04, or a moment, written 2025-03-04T05:06:07Z",
}


class _Unusable(Exception):
    """What is wrong with a header or a cell; whoever knows the place tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """How the cells below one header are read.

    `target` is the table that the ids of a lookup are in; `custom` the type of a column that the file adds.
    """

    header: str
    column: ColumnDefinition
    target: str | None = None
    custom: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One CSV file and what its header says."""

    path: Path
    table: TableDefinition
    cells: tuple[_Cell, ...]

    def fault(self, what: str, *, line: int, column: int) -> MalformedCsv:
        """The error that something is wrong there."""
        header = self.cells[column - 1].header
        return MalformedCsv(what, file=self.path.name, line=line, column=column, header=header)


def load_folder(organisation: Organisation, folder: Path) -> dict[str, int]:
    """Load every `<table>.csv` of the folder; other files and subfolders are passed over. Returns rows by table.

    A header is a column's logical name; `<lookup>_<target>` where a lookup has several targets, `ownerid` being a
    user; any other name becomes a custom column of the type in `name:type`, else integer if all its values are, else
    text. An empty cell is no value: the organisation's default, which for `createdon` is now. A file without its id
    column gets ids that are the same at each load. Raises MalformedCsv; nothing is loaded then.
    """
    ids: dict[str, set[str]] = {}
    files = [_survey(organisation, path, ids.setdefault(path.stem, set())) for path in _paths(folder)]
    for file in files:
        for _ in _rows(organisation, file, ids):
            pass  # a first pass over all cells, for the errors only
    with organisation.transaction():
        for file in files:
            for cell in file.cells:
                if cell.custom is not None:
                    organisation.add_column(file.table.name, cell.column.name, cell.custom)
        return {file.table.name: organisation.load(file.table.name, _rows(organisation, file, ids)) for file in files}


def _paths(folder: Path) -> list[Path]:
    """The files to load, those that others refer to first."""
    if not folder.is_dir():
        raise MalformedCsv("there is no such folder", file=folder.name, advice="Name the folder of the CSV files.")
    found = {path.stem: path for path in folder.glob("*.csv") if path.is_file()}
    if not found:
        raise MalformedCsv(
            "the folder holds no CSV file",
            file=folder.name,
            advice="Name a folder with one file per table, such as account.csv.",
        )
    for name, path in sorted(found.items()):
        if name not in _LOADED:
            raise MalformedCsv(
                "the sandbox has no table of this name",
                file=path.name,
                advice=f"Name the file after one of: {', '.join(_LOADED)}. Nothing was loaded.",
            )
    return [found[name] for name in _LOADED if name in found]


def _survey(organisation: Organisation, path: Path, ids: set[str]) -> _File:
    """Read a file for its shape: the columns, the types of custom ones, and its rows' ids, which go into `ids`."""
    table = organisation.tables[path.stem]
    content = records(path)
    line, headers = next(content, (1, []))
    if not headers:
        raise MalformedCsv("the file is empty, it has not even a header", file=path.name, line=1)
    cells = _header(table, headers, path=path, line=line)
    file = _File(path=path, table=table, cells=cells)
    own = next((place for place, cell in enumerate(cells) if cell.column.name == table.primary_id), None)
    untyped = {place for place, cell in enumerate(cells) if cell.custom == ""}
    valued: set[int] = set()
    worded: set[int] = set()
    for line, record in content:
        if len(record) != len(cells):
            raise MalformedCsv(
                f"the line has {len(record)} cells, the header has {len(cells)}",
                file=path.name,
                line=line,
                column=min(len(record), len(cells)) + 1,
            )
        if own is not None:
            try:
                _remember(organisation, table, record[own], ids)
            except _Unusable as unusable:
                raise file.fault(str(unusable), line=line, column=own + 1) from None
        valued.update(place for place in untyped if record[place])
        worded.update(place for place in untyped if record[place] and not _is_integer(record[place]))
    integers = (untyped & valued) - worded
    return replace(
        file,
        cells=tuple(
            _custom(cell.header, "integer" if place in integers else "text") if place in untyped else cell
            for place, cell in enumerate(cells)
        ),
    )


def _remember(organisation: Organisation, table: TableDefinition, text: str, ids: set[str]) -> None:
    if not text:
        raise _Unusable("the row has no id")
    row_id = _guid(text)
    if row_id in ids:
        raise _Unusable("an earlier line has the same id")
    if organisation.exists(table.name, row_id):
        raise _Unusable("the organisation has a row of this id already")
    ids.add(row_id)


def _header(table: TableDefinition, headers: list[str], *, path: Path, line: int) -> tuple[_Cell, ...]:
    cells: list[_Cell] = []
    for number, header in enumerate(map(str.strip, headers), 1):
        try:
            cell = _cell(table, header)
            if any(other.column.name == cell.column.name and other.target == cell.target for other in cells):
                raise _Unusable("the header names this column twice")
        except _Unusable as unusable:
            raise MalformedCsv(str(unusable), file=path.name, line=line, column=number, header=header or None) from None
        cells.append(cell)
    missing = [
        column.name
        for column in table.columns.values()
        if _is_demanded(table, column) and column.name not in {cell.column.name for cell in cells}
    ]
    if missing:
        raise MalformedCsv(f"the header lacks a column that every row needs: {missing[0]}", file=path.name, line=line)
    return tuple(cells)


def _cell(table: TableDefinition, header: str) -> _Cell:
    """What one header means."""
    name, _, type = header.partition(":")
    column = table.columns.get(name)
    if column is not None and (not type or column.custom):
        if column.derived is not None or name == "versionnumber":
            raise _Unusable("the organisation computes this column; leave it out")
        if column.type is ColumnType.OWNER:
            return _Cell(header=header, column=column, target="systemuser")
        if column.polymorphic:
            raise _Unusable(f"name the target: {' or '.join(f'{name}_{target}' for target in column.targets)}")
        # The ids of an intersect table are plain GUIDs and refer all the same (reference 13).
        referred = _PRIMARY_IDS.get(name) if column.type is ColumnType.GUID and name != table.primary_id else None
        return _Cell(header=header, column=column, target=column.targets[0] if column.is_lookup else referred)
    for lookup in table.columns.values():
        if lookup.polymorphic and name in {f"{lookup.name}_{target}" for target in lookup.targets} and not type:
            return _Cell(header=header, column=lookup, target=name.removeprefix(f"{lookup.name}_"))
        if lookup.polymorphic and name == f"{lookup.name}_type":
            raise _Unusable(f"name the target in the header of {lookup.name} instead")
    if column is not None:
        raise _Unusable("this column has a type of its own; leave out what follows the colon")
    return _custom(header, type)


def _custom(header: str, type: str) -> _Cell:
    """A column that the file adds. Without a type it is read as text until all its values are known."""
    name = header.partition(":")[0]
    if not _NAME.fullmatch(name):
        raise _Unusable("this is not a logical name: a lower-case letter, then letters, digits and underscores")
    if name.upper() in apsw.keywords:
        raise _Unusable(f"this name is reserved; call it new_{name}, for instance")
    try:
        return _Cell(header=header, column=custom_column(name, type or "text"), custom=type)
    except ValueError as error:
        raise _Unusable(str(error)) from None


def _rows(organisation: Organisation, file: _File, ids: dict[str, set[str]]) -> Iterator[Row]:
    """The rows of a file, each checked as a whole."""
    table = file.table
    demanded: dict[str, int] = {}
    for number, cell in enumerate(file.cells, 1):
        if _is_demanded(table, cell.column):
            demanded.setdefault(cell.column.name, number)
    has_ids = any(cell.column.name == table.primary_id for cell in file.cells)
    content = records(file.path)
    next(content, None)
    for line, record in content:
        row: Row = {} if has_ids else {table.primary_id: str(uuid5(_ROWS_WITHOUT_ID, f"{table.name}/{line}"))}
        for number, (cell, text) in enumerate(zip(file.cells, record, strict=True), 1):
            if not text:
                continue
            name = cell.column.name
            try:
                if name in row:
                    raise _Unusable(f"{name} has a value in another column already")
                row[name] = _value(organisation, table, cell, text, ids)
            except _Unusable as unusable:
                raise file.fault(str(unusable), line=line, column=number) from None
            if cell.column.polymorphic:
                row[f"{name}_type"] = cell.target
        for name, number in demanded.items():
            if name not in row:
                raise file.fault("every row needs a value here", line=line, column=number)
        _settle_status(file, row, line=line)
        yield row


def _settle_status(file: _File, row: Row, *, line: int) -> None:
    """A status reason tells its state; where both are given they must agree (reference 5.7)."""
    if (status := row.get("statuscode")) is None:
        return
    option = file.table.columns["statuscode"].option(int(str(status)))
    state = None if option is None else option.state
    if row.setdefault("statecode", state) != state:
        column = next(number for number, cell in enumerate(file.cells, 1) if cell.column.name == "statuscode")
        raise file.fault("this status reason does not belong to the row's statecode", line=line, column=column)


def _value(
    organisation: Organisation, table: TableDefinition, cell: _Cell, text: str, ids: dict[str, set[str]]
) -> object:
    if cell.target is not None:
        row_id = _guid(text)
        if row_id not in ids.get(cell.target, ()) and not organisation.exists(cell.target, row_id):
            raise _Unusable(f"there is no {cell.target} of this id, in the folder or in the organisation")
        return row_id
    column = cell.column
    try:
        return accept(table, column, _parsed(column, text if column.type in TEXTUAL else text.strip()))
    except Refused as refused:
        raise _Unusable(
            _REFUSALS[refused.code].format(
                type=column.type.value.lower(),
                max_length=column.max_length,
                minimum=column.minimum,
                maximum=column.maximum,
                options=", ".join(str(option.value) for option in column.options),
            )
        ) from None


def _parsed(column: ColumnDefinition, text: str) -> object:
    """The JSON value that a cell's text stands for. Text that stands for none is left to be refused."""
    if column.type is ColumnType.BOOLEAN:
        return _BOOLEANS.get(text.lower(), text)
    if column.type is ColumnType.DATETIME and not column.date_only and _DATE.fullmatch(text):
        return f"{text}T00:00:00Z"  # a day of a file without times begins at midnight UTC
    if column.type in (ColumnType.INTEGER, *OPTIONED - {ColumnType.CHOICES}):
        return int(text) if _INTEGER.fullmatch(text) else text
    if column.type in (ColumnType.DECIMAL, ColumnType.DOUBLE, ColumnType.MONEY):
        return Decimal(text) if _NUMBER.fullmatch(text) else text
    return text


def _guid(text: str) -> str:
    row_id = as_guid(text.strip())
    if row_id is None:
        raise _Unusable("this is not an id: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12")
    return row_id


def _is_integer(text: str) -> bool:
    """True for what an integer column can give back letter for letter: no leading zeros, at most 32 bits."""
    return bool(_INTEGER.fullmatch(text)) and abs(int(text)) <= EXTREME_INTEGER


def _is_demanded(table: TableDefinition, column: ColumnDefinition) -> bool:
    """True for a column that every row must bring: SystemRequired and not filled in by the organisation."""
    needed = column.required is RequiredLevel.SYSTEM and column.name != table.primary_id
    return needed and column.name not in _FILLED_IN and column.default is None
