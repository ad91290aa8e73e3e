"""Duplicate detection runs only for the client that asks for it, and then it refuses what would have been stored.

A rule compares columns of a table with columns of the same or of another one; a row there whose compared columns are
all alike is a duplicate. Text is compared without regard to case unless the rule says otherwise; an empty column is
like nothing unless the rule says otherwise [k]. The check is not part of what makes ids unique, and the refusal names
no row (reference 5.8).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.storage import Stored, to_stored
from tandem.sandbox.tables import TEXTUAL, TableDefinition

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How two columns are compared: whole, or by their `first` or `last` so many characters.

    `matching` is the column of the table that is searched, `column` unless given.
    """

    column: str
    matching: str | None = None
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        lengths = [length for length in (self.first, self.last) if length is not None]
        if len(lengths) > 1 or min(lengths, default=1) < 1:
            raise ValueError("a comparison takes one or more characters, from one end")

    @property
    def searched(self) -> str:
        """The column of the table that is searched."""
        return self.matching or self.column

    def part(self, expression: str) -> str:
        """The SQL of the compared part of a text."""
        if self.first is not None:
            return f"substr({expression}, 1, {self.first})"
        return expression if self.last is None else f"substr({expression}, -{self.last})"


class DuplicateRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule; only a published one is run.

    Rows of `table` are looked for in `matching_table`, which is the same unless given. A column by its name alone is
    compared whole. `status` is that of the refusal: the service's documentation has both (reference 5.8, 12).
    """

    name: str
    table: str
    columns: tuple[str | Comparison, ...]
    matching_table: str | None = None
    case_sensitive: bool = False
    ignore_blanks: bool = True
    exclude_inactive: bool = False
    published: bool = True
    status: Literal[412, 500] = 412

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("a rule compares at least one column")

    @property
    def searched(self) -> str:
        """The table that is searched."""
        return self.matching_table or self.table

    def uses(self, table: str, column: str | None = None) -> bool:
        """Whether it compares rows of the table, or that column of them."""
        return (
            table == self.table and (column is None or any(each.column == column for each in self.comparisons))
        ) or (table == self.searched and (column is None or any(each.searched == column for each in self.comparisons)))

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What is compared."""
        return tuple(each if isinstance(each, Comparison) else Comparison(column=each) for each in self.columns)

    def check(self, tables: Mapping[str, TableDefinition]) -> None:
        """Raise KeyError for an unknown table or column, ValueError for columns that cannot be compared so."""
        table, searched = tables[self.table], tables[self.searched]
        for comparison in self.comparisons:
            column, other = table.columns[comparison.column], searched.columns[comparison.searched]
            textual = column.type in TEXTUAL and other.type in TEXTUAL
            if not textual and column.type is not other.type:
                raise ValueError(f"'{column.name}' and '{other.name}' are of different types")
            if not textual and (comparison.first or comparison.last):
                raise ValueError(f"'{column.name}' has no characters to compare")


SHIPPED_RULES = tuple(
    DuplicateRule(
        name=f"{label} with the same e-mail address", table=table, columns=("emailaddress1",), published=False
    )
    for label, table in (("Leads", "lead"), ("Contacts", "contact"), ("Accounts", "account"))
)
"""The rules every organisation has; off until somebody publishes them."""


def duplicates_sql(
    organisation: "Organisation", rule: DuplicateRule, row_id: str | None, row: Mapping[str, object]
) -> tuple[str, list[Stored]] | None:
    """The condition, with its values, on the rows of the searched table that are duplicates of the row by the rule.

    None where there can be none. `row_id` is the row's own, if it has one: it is no duplicate of itself.
    """
    table, searched = organisation.tables[rule.table], organisation.tables[rule.searched]
    clauses: list[str] = []
    wanted: list[Stored] = []
    if row_id is not None and searched is table:
        clauses.append(f"{searched.name}.{table.primary_id} <> ?")
        wanted.append(row_id.lower())
    if rule.exclude_inactive and "statecode" in searched.columns:
        clauses.append(f"{searched.name}.statecode = 0")
    for comparison in rule.comparisons:
        column = table.columns[comparison.column]
        value = to_stored(column, row.get(comparison.column))
        name = f"{searched.name}.{comparison.searched}"
        if value is None and rule.ignore_blanks:
            return None
        if value is None:
            clauses.append(f"{name} IS NULL")
            continue
        if column.type not in TEXTUAL:
            clauses.append(f"{name} = ?")
        elif rule.case_sensitive:
            clauses.append(f"{comparison.part(name)} = {comparison.part('?')} COLLATE BINARY")
        else:
            clauses.append(f"casefold({comparison.part(name)}) = casefold({comparison.part('?')})")
        wanted.append(value)
    return " AND ".join(clauses), wanted


def refuse_duplicate(organisation: "Organisation", rule: DuplicateRule, row_id: str, row: Mapping[str, object]) -> None:
    """Raise Refused (0x80040333) where another row is like this one by the rule."""
    condition = duplicates_sql(organisation, rule, row_id, row)
    if condition is None:
        return
    sql, wanted = condition
    found = organisation.connection.execute(f"SELECT 1 FROM {rule.searched} WHERE {sql} LIMIT 1", wanted)  # noqa: S608
    if found.fetchone() is not None:
        raise Refused(
            rule.status,
            "0x80040333",
            "A record was not created or updated because a duplicate of the current record already exists.",
        )
