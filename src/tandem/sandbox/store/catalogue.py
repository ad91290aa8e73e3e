"""The rows that follow from the definitions: which privileges there are, and which message each table takes.

A table made at run time has privileges and messages too, so these rows are compared with the definitions whenever
those change; a list written once would be right for the shipped tables only (reference 1.7, 5.10).
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from tandem.sandbox.store.privileges import ACCESS_RIGHTS, Privilege, every_privilege, privilege_id
from tandem.sandbox.tables import Message, TableDefinition

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation

Rows = Mapping[str, Mapping[str, object]]
"""Rows by their ids."""

BULK_MESSAGES: Mapping[str, frozenset[Message]] = {
    "CreateMultiple": frozenset({Message.CREATE}),
    "UpdateMultiple": frozenset({Message.UPDATE}),
    "UpsertMultiple": frozenset({Message.CREATE, Message.UPDATE}),
}
"""The bulk messages, and what a table must take one by one to take them."""


def bulk_messages(table: TableDefinition) -> list[str]:
    """The bulk messages that the table takes."""
    return [name for name, needed in BULK_MESSAGES.items() if needed <= table.messages]


def keep_catalogue(organisation: "Organisation") -> None:
    """Bring the rows in step with the definitions, in the caller's transaction."""
    for table, rows in _catalogue(organisation.tables).items():
        primary = organisation.tables[table].primary_id
        kept = {str(row_id) for (row_id,) in organisation.connection.execute(f"SELECT {primary} FROM {table}")}  # noqa: S608
        organisation.load(table, [row for row_id, row in rows.items() if row_id not in kept])
        for row_id in kept - rows.keys():
            organisation.delete(table, row_id, actor=organisation.user_id)


def _catalogue(tables: Mapping[str, TableDefinition]) -> Mapping[str, Rows]:
    taken = {name: [*sorted(table.messages), *bulk_messages(table)] for name, table in tables.items()}
    return {
        "privilege": {privilege_id(name): _privilege(privilege) for name, privilege in every_privilege(tables).items()},
        "sdkmessage": {
            _id(message): {"sdkmessageid": _id(message), "name": message}
            for message in (*sorted(Message), *BULK_MESSAGES)
        },
        "sdkmessagefilter": {
            _id(message, table): {
                "sdkmessagefilterid": _id(message, table),
                "sdkmessageid": _id(message),
                "primaryobjecttypecode": table,
            }
            for table, messages in taken.items()
            for message in messages
        },
    }


def _privilege(privilege: Privilege) -> Mapping[str, object]:
    return {
        "privilegeid": privilege_id(privilege.name),
        "name": privilege.name,
        "accessright": 0 if privilege.right is None else ACCESS_RIGHTS[privilege.right],
        "canbebasic": privilege.scoped,
        "canbelocal": privilege.scoped,
        "canbedeep": privilege.scoped,
        "canbeglobal": True,
    }


@cache
def _id(*names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "sdkmessage:" + "/".join(names)))
