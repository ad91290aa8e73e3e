"""Who owns a row decides who reaches it, so an owner who cannot own it is refused (reference 1.7, 8.5)."""

from collections.abc import Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller, Depth, Right, privilege_name
from tandem.sandbox.tables import TableDefinition

ACCESS_TEAM = 1
"""The `teamtype` of a team that cannot own rows (reference 8.5)."""

Row = Mapping[str, object]


def depth_to(organisation: Organisation, caller: Caller, row: Row | None) -> Depth:
    """How deep a privilege must reach to cover the row: own, own unit, a unit below, anywhere."""
    if row is None or row.get("ownerid") in (None, caller.user_id):
        return Depth.BASIC
    unit = row.get("owningbusinessunit")
    if unit == caller.business_unit_id:
        return Depth.LOCAL
    passed = set[object]()
    # Loaded data may have units that are above themselves.
    while unit is not None and unit not in passed:
        passed.add(unit)
        parent = organisation.get("businessunit", str(unit)) or {}
        unit = parent.get("parentbusinessunitid")
        if unit == caller.business_unit_id:
            return Depth.DEEP
    return Depth.GLOBAL


def owned_by(owner_id: object, owner: Row) -> Row:
    """As much of a row as tells how far away it is, where that owner has it."""
    return {"ownerid": owner_id, "owningbusinessunit": owner.get("businessunitid")}


def check_owner(organisation: Organisation, table: TableDefinition, kind: str, owner: Row) -> None:
    """Raise Refused (400) for an owner who cannot own a row of the table.

    0x8004022B for a disabled user; 0x80040229 for an access team and, its code unconfirmed, for a user whom no role
    lets read the table. A team's roles are not kept here.
    """
    if kind == "team":
        if owner["teamtype"] == ACCESS_TEAM:
            raise _invalid_owner("an access team cannot own records")
        return
    if owner["isdisabled"]:
        raise Refused(400, "0x8004022B", "Cannot assign a record to a disabled user.")
    if not _may_read(organisation, table, str(owner["systemuserid"])):
        raise _invalid_owner(f"the user has no role that allows reading {table.label} records")


def _may_read(organisation: Organisation, table: TableDefinition, user_id: str) -> bool:
    try:
        return organisation.caller(user_id).depth(privilege_name(table, Right.READ)) is not None
    except Refused:
        return False


def _invalid_owner(why: str) -> Refused:
    return Refused(400, "0x80040229", f"The owner ID is invalid: {why}.")
