"""`$orderby`: what rows are sorted by, always down to the primary key, so that pages cannot overlap (reference 3.3)."""

from tandem.sandbox.query.condition import invalid
from tandem.sandbox.query.pages import Term
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.sources import Source, find_path
from tandem.sandbox.tables import ColumnType


def order_terms(reading: Reading, source: Source) -> list[Term]:
    """The terms of the query's `$orderby`, each column once, and the primary key.

    Raises Refused: 400 for what is no column or no direction, 403 for a column that the caller may not read.
    """
    text = reading.options.get("$orderby") or ""
    terms: dict[str, Term] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        path, _, direction = part.partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise invalid(f"Syntax error at '{direction.strip()}' in '{text}'.")
        found = find_path(reading, source, path)
        if found.column.type is ColumnType.CHOICES:
            raise invalid(f"The column '{path}' cannot be sorted by.")
        name = ".".join((*path.split("/")[:-1], found.column.name))
        descending = direction.strip() == "desc"
        terms.setdefault(name, Term(sql=found.sql, type=found.column.type, name=name, descending=descending))
    key = source.table.primary_id
    terms.setdefault(key, Term(sql=source.key, type=ColumnType.GUID, name=key))
    return list(terms.values())
