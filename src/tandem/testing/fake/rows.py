"""Rows in memory, and what happens when somebody writes one (reference 4, 5, 8.1, 8.14).

A sync that is tried against rows which take anything learns nothing: here a write is checked, sets plug-ins in motion,
raises the version and takes along what hangs on the row.
"""

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from threading import RLock
from typing import Any
from uuid import UUID

from tandem.model.schema import Column, ColumnType, Table
from tandem.sandbox.automation.plug_ins import PlugIn
from tandem.sandbox.messages import Refused
from tandem.testing.fake.checks import state_pair, stored_values
from tandem.testing.fake.plug_ins import changes_by
from tandem.testing.fake.store import Reference, Row, Store
from tandem.testing.fake.tables import standard_tables

_STATE = ("statecode", "statuscode")
_CLOSING = ("lead", "opportunity", "task")
"""Tables whose closed rows refuse other changes (reference 5.7, 8.8) [k]."""

_DELETED_WITH = {
    ("contact", "parentcustomerid"),
    ("lead", "customerid"),
    ("opportunity", "customerid"),
    ("connection", "record1id"),
    ("connection", "record2id"),
    ("task", "regardingobjectid"),
    ("listmember", "entityid"),
    ("listmember", "listid"),
}
"""Lookups whose row goes with the row they point at; the others are emptied (reference 8.1, 8.14) [k]."""


class FakeRows:
    """The rows of an organisation. Every act raises Refused as the service would.

    `tables` are the definitions; `plug_ins` the sandbox's stand-ins for automation; `duplicate_rules` the tables with
    a published rule on the e-mail address; `unreadable` the (table, column) the sync user may not see; `watchers` are
    told the table, id and every state of every row. Ids are drawn from `seed`, times from `clock`. Threads may share
    it.
    """

    colleague = ""
    """The system user that owns and makes what nobody else is said to."""

    def __init__(self, *, seed: int, clock: Callable[[], datetime]) -> None:
        self.tables: dict[str, Table] = dict(standard_tables())
        self.plug_ins: list[PlugIn] = []
        self.duplicate_rules: set[str] = set()
        self.unreadable: set[tuple[str, str]] = set()
        self.watchers: list[Callable[[str, str, Row], None]] = []
        self.schema = 1
        self.lock = RLock()
        self.clock = clock
        self._locked: set[tuple[str, str]] = set()
        self._store = Store()
        self._ids = random.Random(seed)
        self._later: list[tuple[PlugIn, str, Row]] = []
        self._currency = Reference("transactioncurrency", self._new_id())

    # What it holds -------------------------------------------------------------------------------------------------

    def get(self, table: str, row_id: str) -> Row | None:
        """A row by id, or None."""
        return self._store.get(table, row_id.lower())

    def rows(self, table: str) -> dict[str, Row]:
        """Every row of a table by id."""
        return self._store.rows(table)

    def changed(self, table: str, since: int, until: int) -> list[tuple[str, int]]:
        """(id, version) of the rows changed after `since` and not after `until`, in the order of the versions."""
        return self._store.changed(table, since, until)

    def deleted(self, table: str, since: int, until: int) -> list[tuple[str, int]]:
        """(id, version) of the rows deleted in that span, in the order of the versions."""
        return self._store.deleted(table, since, until)

    # What is done to them -----------------------------------------------------------------------------------------

    def create(self, table: str, values: Mapping[str, Any], *, check_duplicates: bool = False, by: str = "") -> str:
        """Make a row and return its id, which the values may choose.

        `check_duplicates`: only if no rule finds a similar one. `by` is a system user, a colleague where none is given.
        """
        with self.lock:
            definition = self.tables[table]
            row_id = str(values.get(definition.primary_id) or self._new_id()).lower()
            if self.get(table, row_id) is not None:
                raise Refused(412, "0x80040237", "A record with matching key values already exists.")
            stored: Mapping[str, Any] = stored_values(definition, values, self._exists, creating=True)
            if table in _CLOSING and stored.get("statecode"):
                raise Refused(400, "0x80048408", "The row cannot be created in a closed state.")
            if check_duplicates:
                self._find_duplicate(table, stored.get("emailaddress1"))
            stored = self._through_plug_ins(table, row_id, {}, stored)
            row = {**self._defaults(definition, by or self.colleague), **stored, definition.primary_id: row_id}
            if "statecode" in definition.columns:
                row |= state_pair(definition, row)
            self._put(table, row_id, row)
            return row_id

    def edit(self, table: str, row_id: str, values: Mapping[str, Any], *, version: int | None = None) -> None:
        """Change a row, if it has this `version` where one is given (reference 5.3)."""
        with self.lock:
            if version not in (None, self._existing(table, row_id)["versionnumber"]):
                raise Refused(412, "0x80060882", "The version of the existing record doesn't match the RowVersion.")
            self._edit(table, row_id, values)

    def delete(self, table: str, row_id: str) -> None:
        """Delete a row with what goes with it; what else points at it is emptied."""
        with self.lock:
            self._existing(table, row_id)
            self._store.remove(table, row_id)
            for child, column, child_id in list(self._referrers(Reference(table, row_id))):
                row = self.get(child, child_id)
                if row is None:
                    continue
                if (child, column) in _DELETED_WITH:
                    self.delete(child, child_id)
                else:
                    self._put(child, child_id, {**row, column: None})

    def settle(self) -> None:
        """Let the plug-ins do what they left for later; what that sets in motion waits for the next call."""
        with self.lock:
            due, self._later = self._later, []
            for plug_in, row_id, before in due:
                changes = changes_by(plug_in, self.get(plug_in.table, row_id) or before, before)
                if changes is not None:
                    with contextlib.suppress(Refused):
                        self._edit(plug_in.table, row_id, changes, cause=plug_in)

    # How it does it ------------------------------------------------------------------------------------------------

    def _edit(self, table: str, row_id: str, values: Mapping[str, Any], *, cause: PlugIn | None = None) -> None:
        """Columns, then owner, then state, each under a version of its own (reference 5.7, [infer])."""
        definition, before = self.tables[table], self._unlocked(table, row_id)
        stored: Mapping[str, Any] = stored_values(definition, values, self._exists, creating=False)
        if table in _CLOSING and before["statecode"] != 0 and stored.keys() - set(_STATE):
            raise Refused(400, "0x80040230", f"The {table} is inactive and cannot be updated.")
        stored = self._through_plug_ins(table, row_id, before, stored, cause)
        # All of them are made before the first is stored: what is refused leaves nothing behind.
        for changes in list(_passes(definition, stored)):
            self._put(table, row_id, {**self._existing(table, row_id), **changes})

    def _existing(self, table: str, row_id: str) -> Row:
        row = self.get(table, row_id)
        if row is None:
            raise Refused(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")
        return row

    def _unlocked(self, table: str, row_id: str) -> Row:
        row = self._existing(table, row_id)
        if (table, row_id) in self._locked:
            raise Refused(400, "0x8004022e", f"The {table} cannot be updated because it is read-only.")
        return row

    def _put_new(self, table: str, values: Mapping[str, Any]) -> None:
        row_id = self._new_id()
        self._put(table, row_id, {**values, "createdon": self._now(), self.tables[table].primary_id: row_id})

    def _exists(self, reference: Reference) -> bool:
        # Tables that are only pointed at, such as currencies, have no rows here.
        return reference.table not in self.tables or self.get(*reference) is not None

    def _put(self, table: str, row_id: str, row: Row) -> None:
        completed = {**row, "modifiedon": self._now()}
        if row.get("transactioncurrencyid") is None and any(row.get(name) is not None for name in self._money(table)):
            completed["transactioncurrencyid"] = self._currency
        if table in ("lead", "contact"):
            names = [str(row[name]) for name in ("firstname", "lastname") if row.get(name)]
            completed["fullname"] = " ".join(names) or None
        if table == "contact":
            parent = row.get("parentcustomerid")
            completed["accountid"] = parent if parent and parent.table == "account" else None
            completed["parentcontactid"] = parent if parent and parent.table == "contact" else None
        stored = self._store.put(table, row_id, completed)
        for watcher in self.watchers:
            watcher(table, row_id, stored)

    def _money(self, table: str) -> list[str]:
        columns = self.tables[table].columns.values()
        return [each.name for each in columns if each.type is ColumnType.MONEY and each.creatable]

    def _defaults(self, table: Table, by: str) -> dict[str, Any]:
        columns = table.columns.values()
        row: dict[str, Any] = {
            each.name: False for each in columns if each.type is ColumnType.BOOLEAN and not each.custom
        }
        row["createdon"] = self._now()
        if "statecode" in table.columns:
            row["statecode"] = 0
        if "ownerid" in table.columns:
            row["ownerid"] = Reference("systemuser", by)
        return row

    def _find_duplicate(self, table: str, email: str | None) -> None:
        if table in self.duplicate_rules and email is not None:
            for row in self.rows(table).values():
                if (row.get("emailaddress1") or "").lower() == email.lower():
                    raise Refused(412, "0x80040333", "A duplicate of the current record already exists.")

    def _through_plug_ins(
        self, table: str, row_id: str, before: Row, values: Mapping[str, Any], cause: PlugIn | None = None
    ) -> Mapping[str, Any]:
        """The values as the plug-ins leave them; the one that is the `cause` of the write does not act. Raises
        Refused."""
        later = []
        for plug_in in self.plug_ins:
            row = {**before, **values}
            if plug_in == cause or not plug_in.acts_on(table, row, values):
                continue
            if plug_in.later:
                later.append((plug_in, row_id, before))
            else:
                values = {**values, **(changes_by(plug_in, row, before) or {})}
        self._later += later
        return values

    def _referrers(self, target: Reference) -> Iterator[tuple[str, str, str]]:
        """(table, lookup column, id) of every row that points at `target` by a column somebody writes."""
        for table in self.tables.values():
            names = [each.name for each in table.columns.values() if target.table in each.targets and _kept(each)]
            for row_id, row in self.rows(table.name).items():
                for name in names:
                    if row.get(name) == target:
                        yield table.name, name, row_id

    def _new_id(self) -> str:
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def _now(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")


def _kept(column: Column) -> bool:
    """Is it a lookup that is stored, not computed from another?"""
    return column.updatable or column.creatable or column.name == "masterid"


def _passes(table: Table, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    columns = {name: value for name, value in values.items() if name not in (*_STATE, "ownerid")}
    if columns or not values:
        yield columns
    if "ownerid" in values:
        yield {"ownerid": values["ownerid"]}
    if values.keys() & set(_STATE):
        yield state_pair(table, values)
