"""One row is created, changed or deleted here, and nowhere else, whoever asks.

The Web API, a part of a `$batch`, an action and the control door all come through `Records`, so the rules of rights,
state and ownership hold for each of them (reference 1.7, 1.8, 5.1 to 5.9, 8.5, 8.9). What every saved row is given
(stamps, version, rate, owning unit) is the organisation's part.
"""

from collections.abc import Iterable, Iterator, Mapping
from uuid import uuid4

from tandem.sandbox.automation.plug_ins import PlugIn
from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import ColumnRight, Depth, Right
from tandem.sandbox.tables import ColumnDefinition, ColumnType, RequiredLevel, TableDefinition
from tandem.sandbox.writing.cascade import delete_row
from tandem.sandbox.writing.payload import Values, missing_row

Row = Mapping[str, object]

ACCESS_TEAM = 1
"""The `teamtype` of a team that cannot own rows (reference 8.5)."""

_CLOSING_TABLES = frozenset({"lead", "opportunity"})
"""Tables whose closed rows refuse other changes [k], and whose rows are created open (reference 5.1, 5.7)."""
_NOT_CREATED = frozenset({"organization"})
_NOT_DELETED = frozenset({"organization", "systemuser"})
_STATE = frozenset({"statecode", "statuscode"})
_OWNER = frozenset({"ownerid", "ownerid_type"})


class Records:
    """Writes rows as one user, with that user's rights. Each method is one transaction.

    `detect_duplicates` runs the published rules on each row written; `cause` is the stand-in whose writes these are.
    """

    def __init__(
        self,
        organisation: Organisation,
        actor: str,
        *,
        detect_duplicates: bool = False,
        cause: PlugIn | None = None,
    ) -> None:
        self.organisation = organisation
        self.actor = actor
        self.caller = organisation.caller(actor)
        self._detect_duplicates = detect_duplicates
        self._cause = cause

    def existing(self, table: TableDefinition, row_id: str) -> Row:
        """The row. Raises Refused (404, 0x80040217)."""
        row = self.organisation.get(table.name, row_id)
        if row is None:
            raise missing_row(table.name, row_id)
        return row

    def demand(self, table: TableDefinition, right: Right, row: Row | None = None) -> None:
        """Raise Refused (403, 0x80040220) unless the user has the right on the table, or on that row of it."""
        self.caller.demand(table, right, depth=self._depth_to(row))

    def create(self, table: TableDefinition, values: Values) -> str:
        """Create a row and return its id, which the values may choose."""
        row_id = str(values.get(table.primary_id) or uuid4())
        with self.organisation.transaction():
            self._check_create(table, row_id, values)
            values = self._interfered(table, row_id, None, values)
            self.organisation.insert(table.name, row_id, self._complete(table, values), actor=self.actor)
            if table.name == "connection":
                self._create_twin(row_id, values)
        return row_id

    def update(self, table: TableDefinition, row_id: str, values: Values) -> None:
        """Change a row, in as many passes as the service makes: columns, then owner, then state.

        Each pass raises the version (reference 5.7, [infer]).
        """
        with self.organisation.transaction():
            row = self.existing(table, row_id)
            self.demand(table, Right.WRITE, row)
            if table.is_intersect:
                raise _unsupported(table, "Update")
            values = {name: value for name, value in values.items() if (name, value) != (table.primary_id, row_id)}
            self._check_update(table, row, values)
            values = self._interfered(table, row_id, row, values)
            twin = row.get("relatedconnectionid")
            for changes in _passes(table, values | _full_name(table, row, values)):
                self.organisation.update(table.name, row_id, changes, actor=self.actor)
                if twin is not None:
                    self.organisation.update(table.name, str(twin), _mirrored(changes), actor=self.actor)

    def update_by_action(self, table: TableDefinition, row_id: str, values: Values) -> None:
        """What an action does to a row of its own accord: in one pass, and no right is asked but the action's own."""
        with self.organisation.transaction():
            row = self.existing(table, row_id)
            self.organisation.logic.refuse_locked(table.name, row_id)
            values = self._interfered(table, row_id, row, values)
            self.organisation.update(table.name, row_id, values, actor=self.actor)

    def delete(self, table: TableDefinition, row_id: str) -> None:
        """Delete a row with what cascades from it. Users are only ever disabled (reference 8.5)."""
        with self.organisation.transaction():
            row = self.existing(table, row_id)
            self.demand(table, Right.DELETE, row)
            if table.is_intersect or table.name in _NOT_DELETED:
                raise _unsupported(table, "Delete")
            delete_row(self.organisation, table.name, row_id, actor=self.actor)
            twin = row.get("relatedconnectionid")
            if twin is not None:
                delete_row(self.organisation, table.name, str(twin), actor=self.actor)

    def _depth_to(self, row: Row | None) -> Depth:
        """How deep a privilege must reach to cover the row: own, own unit, a unit below, anywhere."""
        if row is None or row.get("ownerid") in (None, self.actor):
            return Depth.BASIC
        unit = row.get("owningbusinessunit")
        if unit == self.caller.business_unit_id:
            return Depth.LOCAL
        while unit is not None:
            parent = self.organisation.get("businessunit", str(unit)) or {}
            unit = parent.get("parentbusinessunitid")
            if unit == self.caller.business_unit_id:
                return Depth.DEEP
        return Depth.GLOBAL

    def _interfered(self, table: TableDefinition, row_id: str, before: Row | None, values: Values) -> Values:
        """The values as the stand-ins for the customer's automation leave them. Raises Refused."""
        logic = self.organisation.logic
        if not logic.kept.plug_ins:
            return values
        return dict(logic.interfere(table, row_id, before=before, values=values, cause=self._cause))

    def _check_create(self, table: TableDefinition, row_id: str, values: Values) -> None:
        self.demand(table, Right.CREATE)
        if table.is_intersect or table.name in _NOT_CREATED:
            raise _unsupported(table, "Create")
        if self.organisation.exists(table.name, row_id):
            raise duplicate_row()
        for column in _columns(table, values):
            if not column.creatable:
                raise _read_only(table, column)
            if not self.caller.may(table, column, ColumnRight.CREATE):
                raise _secured(table, column, self.actor, "0x8004f502", "create")
        if table.name in _CLOSING_TABLES and values.get("statecode"):
            raise _bad_state()
        _check_required(table, values, table.columns)
        self._check_references(table, values, values)
        if self._detect_duplicates:
            self.organisation.logic.refuse_duplicates(table.name, row_id, values)

    def _check_update(self, table: TableDefinition, row: Row, values: Values) -> None:
        self.organisation.logic.refuse_locked(table.name, str(row[table.primary_id]))
        for column in _columns(table, values):
            if not column.updatable or column.name == table.primary_id:
                raise _read_only(table, column)
            if not self.caller.may(table, column, ColumnRight.UPDATE):
                raise _secured(table, column, self.actor, "0x8004f507", "update")
        if table.name in _CLOSING_TABLES and row["statecode"] != 0 and values.keys() - _STATE:
            raise Refused(
                400, "0x80040230", f"The {table.name} is inactive and cannot be updated; reactivate it first."
            )
        _check_required(table, values, values)
        if "transactioncurrencyid" in values and values["transactioncurrencyid"] is None:
            _check_currency(table, {**row, **values})
        self._check_references(table, row, values)
        if "ownerid" in values:
            self.demand(table, Right.ASSIGN, row)
        if self._detect_duplicates:
            self.organisation.logic.refuse_duplicates(table.name, str(row[table.primary_id]), {**row, **values})

    def _check_references(self, table: TableDefinition, row: Row, values: Values) -> None:
        """Setting a lookup needs Append on the row's table and AppendTo on the target's; an owner must be able."""
        for column in _columns(table, values):
            target_id = values[column.name]
            if not column.is_lookup or target_id is None:
                continue
            target = self.organisation.tables[str(values.get(f"{column.name}_type") or column.targets[0])]
            target_row = self.existing(target, str(target_id))
            if column.type is ColumnType.OWNER:
                _check_owner(target, target_row)
            else:
                self.demand(table, Right.APPEND, row)
                self.demand(target, Right.APPEND_TO, target_row)

    def _complete(self, table: TableDefinition, values: Values) -> Values:
        """What is inserted: without the id, without an empty owner, and with a state that is a pair."""
        complete = {name: value for name, value in values.items() if name != table.primary_id}
        complete |= _full_name(table, {}, values)
        if complete.get("ownerid") is None:
            complete = {name: value for name, value in complete.items() if name not in _OWNER}
        if values.keys() & _STATE:
            complete |= _state_pair(table, {"statecode": 0, **values})
        return complete

    def _create_twin(self, row_id: str, values: Values) -> None:
        """The mirrored connection the service makes; exactly one of the two is master (reference 8.9, [infer])."""
        twin = str(uuid4())
        own = {name: value for name, value in values.items() if name != "connectionid"}
        mirrored = _mirrored(own) | {"ismaster": False, "relatedconnectionid": row_id}
        self.organisation.insert("connection", twin, mirrored, actor=self.actor)
        marks: Values = {"ismaster": True, "relatedconnectionid": twin}
        self.organisation.update("connection", row_id, marks, actor=self.actor)


def duplicate_row() -> Refused:
    """412 0x80040237: the id is taken (reference 5.3)."""
    return Refused(412, "0x80040237", "A record with matching key values already exists.")


def check_state_pair(table: TableDefinition, state: int | None, status: int) -> Values:
    """The pair to store for a status reason; the state must be its own, or None for whichever that is.

    Raises Refused (400, 0x80048408).
    """
    option = table.columns["statuscode"].option(status)
    if option is None or state not in (None, option.state):
        raise _bad_state()
    return {"statecode": option.state, "statuscode": status}


def _columns(table: TableDefinition, values: Values) -> list[ColumnDefinition]:
    return [table.columns[name] for name in values if name in table.columns]


_FILLED_IN = frozenset({"ownerid", "businessunitid", "statecode"})
"""SystemRequired columns that the organisation fills in on create."""


def _check_required(table: TableDefinition, values: Values, names: Iterable[str]) -> None:
    """Only SystemRequired binds the API (reference 2.3); the code for a missing one is unconfirmed (7.2)."""
    for name in names:
        column = table.columns.get(name)
        if column is None or column.required is not RequiredLevel.SYSTEM or name == table.primary_id:
            continue
        if values.get(name) is None and (name in values or name not in _FILLED_IN):
            raise Refused(400, "0x80040203", f"Invalid argument. The '{name}' of a {table.name} is required.")


def _full_name(table: TableDefinition, row: Row, values: Values) -> Values:
    """A user's full name follows the names; lead and contact compute theirs in the store."""
    if table.name != "systemuser" or not values.keys() & {"firstname", "lastname"}:
        return {}
    names = [values.get(name, row.get(name)) for name in ("firstname", "lastname")]
    return {"fullname": " ".join(str(name) for name in names if name)}


def _check_currency(table: TableDefinition, row: Row) -> None:
    """The currency may go only when no money is left (reference 9.4)."""
    for column in table.columns.values():
        if column.type is ColumnType.MONEY and column.derived is None and row.get(column.name) is not None:
            raise Refused(400, "0x80048CFB", f"The currency cannot be null while '{column.name}' has a value.")


def _check_owner(target: TableDefinition, owner: Row) -> None:
    if target.name == "systemuser" and owner["isdisabled"]:
        raise Refused(400, "0x8004022B", "Cannot assign a record to a disabled user.")
    if target.name == "team" and owner["teamtype"] == ACCESS_TEAM:
        raise Refused(400, "0x80040229", "The owner ID is invalid: an access team cannot own records.")


def _passes(table: TableDefinition, values: Values) -> Iterator[Values]:
    """The steps of one update; an update of nothing is still one."""
    columns = {name: value for name, value in values.items() if name not in _STATE | _OWNER}
    owner = {name: value for name, value in values.items() if name in _OWNER}
    if columns or not values:
        yield columns
    if owner:
        yield owner
    if values.keys() & _STATE:
        yield _state_pair(table, values)


def _state_pair(table: TableDefinition, values: Values) -> Values:
    """A state alone takes its default reason; a reason alone is refused (reference 5.7)."""
    if values.get("statecode") is None:
        raise _bad_state()
    state = int(str(values["statecode"]))
    option = table.columns["statecode"].option(state)
    status = values.get("statuscode", option.default_status if option else None)
    if status is None:
        raise _bad_state()
    return check_state_pair(table, state, int(str(status)))


def _bad_state() -> Refused:
    return Refused(
        400,
        "0x80048408",
        "State code is invalid or state code is valid but status code is invalid for a specified state code.",
    )


def _mirrored(values: Values) -> Values:
    swap = {"record1": "record2", "record2": "record1"}
    return {swap.get(name[:7], name[:7]) + name[7:]: value for name, value in values.items()}


def _read_only(table: TableDefinition, column: ColumnDefinition) -> Refused:
    return Refused(
        400, "0x8004022E", f"The property '{column.name}' of '{table.name}' is read-only and cannot be written."
    )


def _unsupported(table: TableDefinition, message: str) -> Refused:
    return Refused(405, "0x80040315", f"The '{message}' method does not support entities of type '{table.name}'.")


def _secured(table: TableDefinition, column: ColumnDefinition, caller: str, code: str, act: str) -> Refused:
    return Refused(
        403,
        code,
        f"Caller user with Id {caller} does not have {act} permissions to a {column.label} secured field on entity"
        f" {table.label}. The requested operation could not be completed.",
    )
