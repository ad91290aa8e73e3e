"""The organisation: rows, versions and deletions in one SQLite database.

Change tracking is only as honest as its version numbers. So nothing else writes rows: every insert, update and delete
goes through here, takes the next number of the one counter and leaves its stamp or its line in the deletion log, in
one transaction.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from tandem.sandbox.automation.logic import BusinessLogic
from tandem.sandbox.store.catalogue import keep_catalogue
from tandem.sandbox.store.completion import Completion
from tandem.sandbox.store.customisation import (
    Change,
    ChangeColumn,
    ChangeTable,
    MakeColumn,
    last_version,
    log_change,
    read_log,
    replayed,
)
from tandem.sandbox.store.database import Database
from tandem.sandbox.store.founding import found
from tandem.sandbox.store.privileges import Caller, read_caller
from tandem.sandbox.store.storage import (
    Stored,
    changed_sql,
    iso,
    keeper,
    read_row,
    schema_sql,
    to_stored,
)
from tandem.sandbox.tables import SHIPPED, TABLES, Definitions, TableDefinition
from tandem.sandbox.tables.custom import companions, custom_column

Clock = Callable[[], datetime]
Row = dict[str, object]


def utc_now() -> datetime:
    """The default clock."""
    return datetime.now(UTC)


class Organisation(Database):
    """A Dataverse organisation at `path`, or in a temporary folder that goes when it is closed.

    A new one holds its root business unit, its base currency and the sync user. Any thread may use it; each has a
    connection of its own, and one thread writes at a time.
    """

    def __init__(self, path: Path | None = None, *, name: str = "Contoso Sandbox", clock: Clock = utc_now) -> None:
        super().__init__(path)
        self.clock = clock
        self.revision = 0
        """Grows after every transaction and with a restore: what was read since it last did is still so."""
        self._definitions = SHIPPED
        with self.transaction():
            self.connection.execute(files("tandem.sandbox.store").joinpath("schema.sql").read_text("utf-8"))
            for statement in schema_sql(TABLES):
                self.connection.execute(statement)
            self._definitions = self.definitions_at(None)
            if self.connection.execute("SELECT version FROM counter").fetchone() is None:
                found(self, name)
            keep_catalogue(self)
        self.logic = BusinessLogic(self)

    @property
    def user_id(self) -> str:
        """The sync user."""
        return str(self.setting("user_id"))

    @property
    def business_unit_id(self) -> str:
        """The root business unit."""
        return str(self.setting("business_unit_id"))

    @property
    def currency_id(self) -> str:
        """The base currency."""
        return str(self.setting("currency_id"))

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One writer at a time; all or nothing, definitions included. A nested one is part of the outer one."""
        with self._writing:
            if self.connection.in_transaction:
                yield
                return
            self._local.definitions = None
            try:
                with super().transaction():
                    yield
            except BaseException:
                self._local.definitions = None
                raise
            if self._local.definitions is not None:
                self._definitions, self._local.definitions = self._local.definitions, None
            self.revision += 1

    @contextmanager
    def acted_by(self, delegate: str | None) -> Iterator[None]:
        """Let what this thread writes meanwhile, as whomever, show that `delegate` did it (reference 9.1)."""
        before, self._local.delegate = self._delegate, delegate
        try:
            yield
        finally:
            self._local.delegate = before

    @property
    def _delegate(self) -> str | None:
        delegate: str | None = getattr(self._local, "delegate", None)
        return delegate

    # Rows

    def get(self, table: str, row_id: str) -> Row | None:
        """One row by logical column names, lookups as `x` and `x_type`, derived columns included; None if absent."""
        definition = self.tables[table]
        found = self._find(definition, row_id, definition.read_names)
        return None if found is None else read_row(definition, found)

    def exists(self, table: str, row_id: str) -> bool:
        """Whether the table has a row of that id."""
        return self._find(self.tables[table], row_id, ("1",)) is not None

    def _find(self, table: TableDefinition, row_id: str, names: Sequence[str]) -> tuple[Stored, ...] | None:
        """Some columns of a row as they are stored, or None if it is absent."""
        sql = f"SELECT {', '.join(names)} FROM {table.name} WHERE {table.primary_id} = ?"  # noqa: S608
        return self.connection.execute(sql, (row_id.lower(),)).fetchone()

    def find(self, table: str, column: str, value: object) -> list[str]:
        """The ids of the rows whose column equals the value, in the order of their ids."""
        definition = self.tables[table]
        wanted = to_stored(definition.columns[column], value)
        sql = f"SELECT {definition.primary_id} FROM {table} WHERE {column} = ? ORDER BY 1"  # noqa: S608
        return [str(row_id) for (row_id,) in self.connection.execute(sql, (wanted,))]

    def insert(self, table: str, row_id: str, values: Mapping[str, object], *, actor: str) -> int:
        """Add a row as `actor` and return its version. Raises apsw.ConstraintError if the id or a key is taken.

        Owner, state, currency and creation stamps that are not given get the organisation's defaults.
        """
        definition = self.tables[table]
        now = iso(self.clock())
        stamps: Row = {
            "createdon": values.get("overriddencreatedon") or now,
            "modifiedon": now,
            "createdby": actor,
            "modifiedby": actor,
            "createdonbehalfby": self._delegate,
            "modifiedonbehalfby": self._delegate,
        }
        row: Row = {
            **Completion(self).defaults(definition, values, owner=actor),
            **{name: stamp for name, stamp in stamps.items() if name in definition.columns},
            **values,
            definition.primary_id: row_id,
        }
        with self.transaction():
            row.update(Completion(self).dependents(definition, row, values), versionnumber=self._next_version())
            self._write_rows(definition, [row])
        return int(str(row["versionnumber"]))

    def update(self, table: str, row_id: str, values: Mapping[str, object], *, actor: str) -> int:
        """Change a row as `actor` and return its new version.

        Raises KeyError if there is no such row, apsw.ConstraintError if a key is taken.
        """
        definition = self.tables[table]
        with self.transaction():
            basis = ("versionnumber", *Completion.basis(definition))
            found = self._find(definition, row_id, basis)
            if found is None:
                raise KeyError(row_id)
            stamps: Row = {
                "modifiedon": iso(self.clock()),
                "modifiedby": actor,
                "modifiedonbehalfby": self._delegate,
            }
            changed: Row = {**stamps, **values}
            row = {**dict(zip(basis, found, strict=True)), **changed}
            changed.update(Completion(self).dependents(definition, row, values))
            changed["versionnumber"] = self._next_version()
            assigned = [name for name in definition.stored_names if name in changed]
            self.connection.execute(
                f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in assigned)} "  # noqa: S608
                f"WHERE {definition.primary_id} = ?",
                (*(_stored(definition, name, changed[name]) for name in assigned), row_id.lower()),
            )
        return int(str(changed["versionnumber"]))

    def delete(self, table: str, row_id: str, *, actor: str) -> int:
        """Remove a row as `actor`, log the deletion and return its version. Raises KeyError if there is no such row."""
        definition = self.tables[table]
        with self.transaction():
            self.connection.execute(
                f"DELETE FROM {table} WHERE {definition.primary_id} = ?",  # noqa: S608
                (row_id.lower(),),
            )
            if not self.connection.changes():
                raise KeyError(row_id)
            version = self._next_version()
            self.connection.execute(
                "INSERT INTO deletion (version, table_name, row_id, deleted_on) VALUES (?, ?, ?, ?)",
                (version, table, row_id.lower(), iso(self.clock())),
            )
        return version

    def load(self, table: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Bulk-load rows by logical column names, as if the sync user had made them, and return how many.

        Ids are the caller's; lookups with several targets also give `<lookup>_type`. What is not given gets the
        defaults of a new row; a derived column is computed whatever is given. Raises KeyError for an unknown name and
        apsw.ConstraintError for an id that is taken; nothing of the call is kept then.
        """
        definition = self.tables[table]
        now = iso(self.clock())
        count = 0
        stamped = "createdon" in definition.columns
        user = self.user_id
        makers = {"createdby": user, "modifiedby": user} if stamped else {}
        with self.transaction():
            version = self.version
            completion = Completion(self)

            def complete() -> Iterator[Mapping[str, object]]:
                nonlocal count
                for given in rows:
                    count += 1
                    row: Row = {
                        **completion.defaults(definition, given, owner=user),
                        **makers,
                        **{name: value for name, value in given.items() if value is not None},
                        "versionnumber": version + count,
                    }
                    if makers:
                        row["createdon"] = row.get("createdon") or row.get("overriddencreatedon") or now
                        row["modifiedon"] = row.get("modifiedon") or row["createdon"]
                    row.update(completion.dependents(definition, row))
                    yield row

            self._write_rows(definition, complete())
            self.connection.execute("UPDATE counter SET version = version + ?", (count,))
        return count

    # Versions and settings

    @property
    def version(self) -> int:
        """The highest version given out."""
        return int(str(self.connection.execute("SELECT version FROM counter").get))

    def setting(self, name: str) -> object:
        """A stored setting, or None."""
        found = self.connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return json.loads(str(found[0])) if found else None

    def set_setting(self, name: str, value: object) -> None:
        """Store a JSON value under a name."""
        with self.transaction():
            self.connection.execute(
                "INSERT INTO setting (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )

    @property
    def organization_id(self) -> str:
        """The id that tells this environment from a copy of it."""
        return str(self.connection.execute("SELECT organizationid FROM organization").get)

    def change_organization(self, organization_id: str) -> None:
        """Become another environment with the same rows, as a copy does."""
        with self.transaction():
            self.connection.execute("UPDATE organization SET organizationid = ?", (organization_id.lower(),))

    def restore(self) -> None:
        """Become the kept copy again: rows, deletions, versions and customisations. Raises ValueError without one."""
        with self._writing:
            self._copy_back()
            definitions = self.definitions_at(None)
            if definitions != self._definitions:
                # The answers kept for these definitions are thrown away with them.
                self._definitions = definitions
            self.logic.reload()
            self.revision += 1

    def caller(self, user_id: str, delegate: str | None = None) -> Caller:
        """What the user may do, where `delegate` acts as that user what both may.

        Raises Refused (403) for somebody unknown, disabled or without roles.
        """
        user = read_caller(self.connection, user_id)
        return user if delegate is None else user.acted_by(read_caller(self.connection, delegate))

    # Definitions

    @property
    def definitions(self) -> Definitions:
        """What is defined now; within a transaction with its own changes, which others see when it is committed."""
        uncommitted: Definitions | None = getattr(self._local, "definitions", None)
        return self._definitions if uncommitted is None else uncommitted

    @property
    def tables(self) -> Mapping[str, TableDefinition]:
        """The tables defined now."""
        return self.definitions.tables

    @property
    def metadata_version(self) -> int:
        """Grows with every change of a definition."""
        return last_version(self.connection)

    def definitions_at(self, version: int | None) -> Definitions:
        """What was defined when the metadata version was `version`; None is now."""
        log = read_log(self.connection)
        return replayed(SHIPPED, (entry for entry in log if version is None or entry.version <= version))

    def customise(self, *changes: Change) -> None:
        """Change the definitions, and the stored rows with them; all or nothing.

        Whether a change is allowed is the caller's to know.
        """
        with self.transaction():
            for change in changes:
                before = self.definitions
                version = log_change(self.connection, change, made_on=iso(self.clock()))
                after = change.applied(before, version)
                for statement in changed_sql(before.tables, after.tables):
                    self.connection.execute(statement)
                self._local.definitions = after
            keep_catalogue(self)

    def add_column(self, table: str, name: str, type: str, *, label: str | None = None) -> None:
        """Add a custom column, of a type that `custom_column` knows by a short name.

        Does nothing if the table has a column of that name. Raises ValueError for an unknown type.
        """
        definition = self.tables[table]
        if name not in definition.columns:
            added = companions(definition, custom_column(name, type, label=label))
            self.customise(*(MakeColumn(table, column) for column in added))

    def secure_column(self, table: str, name: str, *, secured: bool = True) -> None:
        """Put a column under column security, or take it out. Raises KeyError for an unknown column."""
        self.customise(ChangeColumn(table, replace(self.tables[table].columns[name], secured=secured)))

    def set_change_tracking(self, table: str, *, enabled: bool) -> None:
        """Turn change tracking of a table on or off. Raises KeyError for an unknown table."""
        self.customise(ChangeTable.of(self.tables[table], change_tracking=enabled))

    # Writing

    def _next_version(self) -> int:
        return int(str(self.connection.execute("UPDATE counter SET version = version + 1 RETURNING version").get))

    def _write_rows(self, table: TableDefinition, rows: Iterable[Mapping[str, object]]) -> None:
        names = table.stored_names
        known = {*names, *table.columns}
        known.update(f"{name}_type" for name, column in table.columns.items() if column.is_lookup)
        keepers = [
            (position, keeper(table.columns[name])) for position, name in enumerate(names) if name in table.columns
        ]

        def stored() -> Iterator[list[Stored]]:
            for row in rows:
                if not known.issuperset(row):
                    raise KeyError(f"unknown columns of {table.name}: {', '.join(sorted(set(row) - known))}")
                values: list[object] = [row.get(name) for name in names]
                for position, keep in keepers:
                    if values[position] is not None:
                        values[position] = keep(values[position])
                yield values  # type: ignore[misc]

        places = ", ".join("?" * len(names))
        self.connection.executemany(
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})",  # noqa: S608
            stored(),
        )


def _stored(table: TableDefinition, name: str, value: object) -> Stored:
    """The stored form of a column's value, or of a lookup's `<name>_type`."""
    if name in table.columns:
        return to_stored(table.columns[name], value)
    return None if value is None else str(value)
