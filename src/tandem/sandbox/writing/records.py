"""One row is created, changed or deleted here, and nowhere else, whoever asks.

The Web API, a part of a `$batch`, an action and the control door all come through `Records`, so the rules of rights,
state and ownership hold for each of them (reference 1.7, 1.8, 5.1 to 5.9, 8.5, 8.9). What every saved row is given
(stamps, version, rate, owning unit) is the organisation's part.
"""

from collections.abc import Iterable, Iterator, Mapping
from uuid import uuid4

import apsw

from tandem.sandbox.automation.logic import NO_BYPASS, Bypass
from tandem.sandbox.automation.plug_ins import PlugIn
from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller, ColumnRight, Depth, Right, privilege_name
from tandem.sandbox.tables import ColumnDefinition, ColumnType, Message, RequiredLevel, TableDefinition
from tandem.sandbox.writing.addressing import key_violated, missing_row
from tandem.sandbox.writing.cascade import assign_children, delete_row
from tandem.sandbox.writing.ownership import check_owner, depth_to, owned_by
from tandem.sandbox.writing.particular import refuse_removal, settled
from tandem.sandbox.writing.parties import keep_parties
from tandem.sandbox.writing.payload import Values
from tandem.sandbox.writing.states import STATE, check_customer, check_new, check_open, state_pair

Row = Mapping[str, object]

BACKDATING_PRIVILEGE = "prvOverrideCreatedOnCreatedBy"
"""What giving a new row an older `createdon` needs [k] (reference 9.3)."""

_OWNER = frozenset({"ownerid", "ownerid_type"})


class Records:
    """Writes rows as one user, with that user's rights. Each method is one transaction.

    `detect_duplicates` runs the published rules on each row written; `bypass` tells which stand-ins do not act;
    `cause` is the stand-in whose writes these are.
    """

    def __init__(
        self,
        organisation: Organisation,
        caller: Caller,
        *,
        detect_duplicates: bool = False,
        bypass: Bypass = NO_BYPASS,
        cause: PlugIn | None = None,
    ) -> None:
        self.organisation = organisation
        self.caller = caller
        self.actor = caller.user_id
        self._detect_duplicates = detect_duplicates
        self._bypass = bypass
        self._cause = cause

    def existing(self, table: TableDefinition, row_id: str) -> Row:
        """The row. Raises Refused (404, 0x80040217)."""
        row = self.organisation.get(table.name, row_id)
        if row is None:
            raise missing_row(table.name, row_id)
        return row

    def demand(self, table: TableDefinition, right: Right, row: Row | None = None) -> None:
        """Raise Refused (403, 0x80040220) unless the user has the right on the table, or on that row of it."""
        depth = Depth.GLOBAL  # covers every row, so how far away this one is need not be known
        if self.caller.depth(privilege_name(table, right)) is not Depth.GLOBAL:
            depth = depth_to(self.organisation, self.caller, row)
        self.caller.demand(table, right, depth=depth)

    def create(self, table: TableDefinition, values: Values, *, part: bool = False) -> str:
        """Create a row and return its id, which the values may choose.

        With `part` it is made together with the row it belongs to, as the parties of an activity must be.
        """
        row_id = str(values.get(table.primary_id) or uuid4())
        with self.organisation.transaction():
            if not part or table.united:
                refuse_message(table, Message.CREATE)
            self._check_create(table, row_id, values)
            values = self._interfered(table, row_id, None, values)
            self._insert(table, row_id, self._complete(table, settled(self.organisation, table, values)))
            if table.name == "connection":
                self._create_twin(row_id, values)
            if table.activity:
                keep_parties(self.organisation, table, row_id, actor=self.actor)
        return row_id

    def update(self, table: TableDefinition, row_id: str, values: Values) -> None:
        """Change a row, in as many passes as the service makes: columns, then owner, then state.

        Each pass raises the version (reference 5.7, [infer]).
        """
        with self.organisation.transaction():
            row = self.existing(table, row_id)
            self.demand(table, Right.WRITE, row)
            refuse_message(table, Message.UPDATE)
            values = {name: value for name, value in values.items() if (name, value) != (table.primary_id, row_id)}
            self._check_update(table, row, values)
            values = self._interfered(table, row_id, row, values)
            values = settled(self.organisation, table, values, row)
            twin = row.get("relatedconnectionid")
            for changes in _passes(table, values | _full_name(table, row, values)):
                self._update(table, row_id, changes)
                if twin is not None:
                    self._update(table, str(twin), settled(self.organisation, table, _mirrored(changes)))
            if table.activity:
                keep_parties(self.organisation, table, row_id, actor=self.actor)
            if "ownerid" in values:
                assign_children(self.organisation, table.name, row_id, row, actor=self.actor)

    def update_by_action(self, table: TableDefinition, row_id: str, values: Values) -> None:
        """What an action does to a row of its own accord: in one pass, and no right is asked but the action's own."""
        with self.organisation.transaction():
            row = self.existing(table, row_id)
            self.organisation.logic.refuse_locked(table.name, row_id)
            values = self._interfered(table, row_id, row, values)
            self._update(table, row_id, values)

    def delete(self, table: TableDefinition, row_id: str) -> None:
        """Delete a row with what cascades from it."""
        with self.organisation.transaction():
            row = self.existing(table, row_id)
            self.demand(table, Right.WRITE if table.is_intersect else Right.DELETE, row)
            refuse_message(table, Message.DELETE)
            refuse_removal(self.organisation, table, row)
            delete_row(self.organisation, table.name, row_id, actor=self.actor)
            twin = row.get("relatedconnectionid")
            if twin is not None:
                delete_row(self.organisation, table.name, str(twin), actor=self.actor)

    def _insert(self, table: TableDefinition, row_id: str, values: Values) -> None:
        try:
            self.organisation.insert(table.name, row_id, values, actor=self.actor)
        except apsw.ConstraintError as error:
            raise key_violated(self.organisation, table, row_id, values) from error

    def _update(self, table: TableDefinition, row_id: str, values: Values) -> None:
        try:
            self.organisation.update(table.name, row_id, values, actor=self.actor)
        except apsw.ConstraintError as error:
            row = {**self.existing(table, row_id), **values}
            raise key_violated(self.organisation, table, row_id, row) from error

    def _interfered(self, table: TableDefinition, row_id: str, before: Row | None, values: Values) -> Values:
        """The values as the stand-ins for the customer's automation leave them. Raises Refused."""
        logic = self.organisation.logic
        if not logic.kept.plug_ins:
            return values
        changed = logic.interfere(table, row_id, before=before, values=values, bypass=self._bypass, cause=self._cause)
        return dict(changed)

    def _check_create(self, table: TableDefinition, row_id: str, values: Values) -> None:
        # Who changes the members of a list writes the list [k].
        self.demand(table, Right.WRITE if table.is_intersect else Right.CREATE, self._row_of_owner(values))
        if self.organisation.exists(table.name, row_id):
            raise duplicate_row()
        for column in _columns(table, values):
            if not column.creatable:
                raise _read_only(table, column)
            if not self.caller.may(table, column, ColumnRight.CREATE):
                raise _secured(table, column, self.actor, "0x8004f502", "create")
        if values.get("overriddencreatedon") is not None:
            self.caller.demand_general(BACKDATING_PRIVILEGE)
        check_new(table, values)
        _check_required(table, values, table.columns)
        check_customer(self.organisation, table, {}, values)
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
        check_open(table, row, values)
        check_customer(self.organisation, table, row, values)
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
                check_owner(self.organisation, table, target.name, target_row)
            else:
                self.demand(table, Right.APPEND, row)
                self.demand(target, Right.APPEND_TO, target_row)

    def _row_of_owner(self, values: Values) -> Row | None:
        """As much of a new row as tells how far away it is; None for one of the caller's own."""
        owner_id = values.get("ownerid")
        if owner_id is None:
            return None
        return owned_by(owner_id, self.organisation.get(str(values["ownerid_type"]), str(owner_id)) or {})

    def _complete(self, table: TableDefinition, values: Values) -> Values:
        """What is inserted: without the id, without an empty owner, and with a state that is a pair."""
        complete = {name: value for name, value in values.items() if name != table.primary_id}
        complete |= _full_name(table, {}, values)
        if complete.get("ownerid") is None:
            complete = {name: value for name, value in complete.items() if name not in _OWNER}
        if values.keys() & STATE:
            complete |= state_pair(table, {"statecode": 0, **values})
        return complete

    def _create_twin(self, row_id: str, values: Values) -> None:
        """The mirrored connection the service makes; exactly one of the two is master (reference 8.9, [infer])."""
        twin, table = str(uuid4()), self.organisation.tables["connection"]
        own = {name: value for name, value in values.items() if name != "connectionid"}
        mirrored = settled(self.organisation, table, _mirrored(own))
        self._insert(table, twin, mirrored | {"ismaster": False, "relatedconnectionid": row_id})
        marks: Values = {"ismaster": True, "relatedconnectionid": twin}
        self._update(table, row_id, marks)


def duplicate_row() -> Refused:
    """412 0x80040237: the id is taken (reference 5.3)."""
    return Refused(412, "0x80040237", "A record with matching key values already exists.")


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
        filled_in = name in _FILLED_IN or column.default is not None
        if values.get(name) is None and (name in values or not filled_in):
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


def _passes(table: TableDefinition, values: Values) -> Iterator[Values]:
    """The steps of one update; an update of nothing is still one."""
    columns = {name: value for name, value in values.items() if name not in STATE | _OWNER}
    owner = {name: value for name, value in values.items() if name in _OWNER}
    if columns or not values:
        yield columns
    if owner:
        yield owner
    if values.keys() & STATE:
        yield state_pair(table, values)


def _mirrored(values: Values) -> Values:
    """What a connection's twin has; each goes by a name of its own."""
    swap = {"record1": "record2", "record2": "record1"}
    return {swap.get(name[:7], name[:7]) + name[7:]: value for name, value in values.items() if name != "name"}


def _read_only(table: TableDefinition, column: ColumnDefinition) -> Refused:
    return Refused(
        400, "0x8004022E", f"The property '{column.name}' of '{table.name}' is read-only and cannot be written."
    )


def refuse_message(table: TableDefinition, message: Message) -> None:
    """Raise Refused (405, 0x80040315) for what the table cannot do."""
    if message not in table.messages:
        raise Refused(405, "0x80040315", f"The '{message}' method does not support entities of type '{table.name}'.")


def _secured(table: TableDefinition, column: ColumnDefinition, caller: str, code: str, act: str) -> Refused:
    return Refused(
        403,
        code,
        f"Caller user with Id {caller} does not have {act} permissions to a {column.label} secured field on entity"
        f" {table.label}. The requested operation could not be completed.",
    )
