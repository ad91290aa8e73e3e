"""Rules that one table has and the others do not.

A list takes one kind of member and a locked one takes none; a stand-in that took them all would let a sync fill lists
that a real organisation keeps as they are (reference 8.6, 8.7, 8.10). Whoever writes, records.py asks here.
"""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import uuid4

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.addressing import missing_row

Row = Mapping[str, object]

_Rule = Callable[[Organisation, Row, Row | None], Row]

_FIRST_CAMPAIGN: Final = 1_000


def settled(
    organisation: Organisation, table: TableDefinition, values: Row, before: Row | None = None
) -> dict[str, object]:
    """The values of a write with what the table fills in; `before` is the row, None for a new one.

    Raises Refused as the table's rule does.
    """
    rule = _ON_WRITE.get(table.name)
    return dict(values) if rule is None else {**values, **rule(organisation, values, before)}


def refuse_removal(organisation: Organisation, table: TableDefinition, row: Row) -> None:
    """Raise Refused where the table does not let the row go."""
    if table.name == "listmember":
        refuse_change_of_members(organisation, str(row["listid"]))


def refuse_change_of_members(organisation: Organisation, list_id: str) -> Row:
    """The list, whose members may change. Raises Refused: 0x8004F701 dynamic, 0x80040302 locked."""
    row = _existing(organisation, "list", list_id)
    if row["type"]:
        raise Refused(400, "0x8004F701", "This operation is not possible on a dynamic list.")
    if row["lockstatus"]:
        raise Refused(400, "0x80040302", "The list is locked: its members cannot be changed.")
    return row


def refuse_item(organisation: Organisation, item_table: str, item_id: str) -> None:
    """Raise Refused (400, 0x80040304) for an item that no campaign takes."""
    if _existing(organisation, item_table, item_id).get("statecode") != 0:
        raise Refused(400, "0x80040304", "An inactive item cannot be associated with a campaign.")


def _existing(organisation: Organisation, table: str, row_id: str) -> Row:
    """The row. Raises Refused (404, 0x80040217)."""
    row = organisation.get(table, row_id)
    if row is None:
        raise missing_row(table, row_id)
    return row


def _list_member(organisation: Organisation, values: Row, before: Row | None) -> Row:
    """A member is of the list's kind and goes by its own name."""
    kind, member_id = str(values["entityid_type"]), str(values["entityid"])
    member = organisation.tables[kind]
    wanted = refuse_change_of_members(organisation, str(values["listid"]))["createdfromcode"]
    if member.object_type_code != wanted:
        raise Refused(400, "0x80040301", f"The list does not take members of type '{kind}'.")
    for membership_id in organisation.find("listmember", "entityid", member_id):
        known = _existing(organisation, "listmember", membership_id)
        if (known["listid"], known["entityid_type"]) == (values["listid"], kind):
            # A row cannot be made silently, as an action can add who is on the list already [infer].
            raise Refused(412, "0x80040237", f"The {kind} is a member of the list already.")
    row = _existing(organisation, kind, member_id)
    return {"name": row.get(str(member.primary_name))}


def _campaign(organisation: Organisation, values: Row, before: Row | None) -> Row:
    """A campaign without a code is given one; its pattern is general knowledge. [k]"""
    if before is not None or values.get("codename") is not None:
        return {}
    number = int(str(organisation.setting("campaign_number") or _FIRST_CAMPAIGN))
    organisation.set_setting("campaign_number", number + 1)
    return {"codename": f"CMP-{number:05d}-{uuid4().hex[:6].upper()}"}


def _campaign_response(organisation: Organisation, values: Row, before: Row | None) -> Row:
    """A response is one to a campaign."""
    if {**(before or {}), **values}.get("regardingobjectid") is None:
        raise Refused(400, "0x8004030A", "A campaign response needs its campaign.")
    return {}


def _connection(organisation: Organisation, values: Row, before: Row | None) -> Row:
    """A connection goes by the name of what it leads to. [k]"""
    if "record2id" not in values:
        return {}
    target = organisation.tables[str(values["record2id_type"])]
    row = _existing(organisation, target.name, str(values["record2id"]))
    return {"name": row.get(str(target.primary_name))}


def _opportunity_role(organisation: Organisation, values: Row, before: Row | None) -> Row:
    """Nobody has the same role for an opportunity twice."""
    row = {**(before or {}), **values}
    for other_id in organisation.find("customeropportunityrole", "opportunityid", row.get("opportunityid")):
        other = _existing(organisation, "customeropportunityrole", other_id)
        same = all(other.get(name) == row.get(name) for name in ("customerid", "customerid_type", "opportunityroleid"))
        if same and other_id != (before or {}).get("customeropportunityroleid"):
            raise Refused(400, "0x80048202", "The customer has this role for the opportunity already.")
    return {}


def _without_loop(table: str, parent: str) -> _Rule:
    """Nothing is above itself. The code is unconfirmed [k]."""

    def rule(organisation: Organisation, values: Row, before: Row | None) -> Row:
        own = None if before is None else before[organisation.tables[table].primary_id]
        above, seen = values.get(parent), set[object]()
        while above is not None and above not in seen:
            if above == own:
                raise Refused(400, "0x80040203", f"Invalid argument. The parent of the {table} is below it.")
            seen.add(above)
            above = (organisation.get(table, str(above)) or {}).get(parent)
        return {}

    return rule


_ON_WRITE: Mapping[str, _Rule] = {
    "account": _without_loop("account", "parentaccountid"),
    "businessunit": _without_loop("businessunit", "parentbusinessunitid"),
    "listmember": _list_member,
    "campaign": _campaign,
    "connection": _connection,
    "campaignresponse": _campaign_response,
    "customeropportunityrole": _opportunity_role,
}
