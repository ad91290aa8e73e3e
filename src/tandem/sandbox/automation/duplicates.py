"""Duplicate detection runs only for the client that asks for it, and then it refuses what would have been stored.

A rule compares columns of one table; a row whose compared columns are all equal to another row's is a duplicate. Text
is compared without regard to case unless the rule says otherwise; an empty column equals nothing [k]. The check is
not part of what makes ids unique, and the refusal names no row (reference 5.8).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.storage import to_stored
from tandem.sandbox.tables import TEXTUAL

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation


class DuplicateRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; only a published one is run.

    `status` is that of the refusal: the service's documentation has both (reference 5.8, 12).
    """

    name: str
    table: str
    columns: tuple[str, ...]
    case_sensitive: bool = False
    published: bool = True
    status: Literal[412, 500] = 412

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("a rule compares at least one column")


SHIPPED_RULES = tuple(
    DuplicateRule(
        name=f"{label} with the same e-mail address", table=table, columns=("emailaddress1",), published=False
    )
    for label, table in (("Leads", "lead"), ("Contacts", "contact"), ("Accounts", "account"))
)
"""The rules every organisation has; off until somebody publishes them."""


def refuse_duplicate(organisation: "Organisation", rule: DuplicateRule, row_id: str, row: Mapping[str, object]) -> None:
    """Raise Refused (0x80040333) where another row equals this one by the rule."""
    table = organisation.tables[rule.table]
    clauses, wanted = [f"{table.primary_id} <> ?"], [to_stored(table.columns[table.primary_id], row_id)]
    for name in rule.columns:
        column = table.columns[name]
        value = to_stored(column, row.get(name))
        if value is None:
            return
        if column.type not in TEXTUAL:
            clauses.append(f"{name} = ?")
        elif rule.case_sensitive:
            clauses.append(f"{name} = ? COLLATE BINARY")
        else:
            clauses.append(f"casefold({name}) = casefold(?)")
        wanted.append(value)
    sql = f"SELECT 1 FROM {rule.table} WHERE {' AND '.join(clauses)} LIMIT 1"  # noqa: S608
    if organisation.connection.execute(sql, wanted).fetchone() is not None:
        raise Refused(
            rule.status,
            "0x80040333",
            "A record was not created or updated because a duplicate of the current record already exists.",
        )
