"""What a filter compares a column with: a literal, as the type of the column reads it.

A literal of another type is refused as the service refuses it; a filter that compared it all the same would find rows
that no tenant finds (reference 3.2).
"""

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.condition import Property, invalid, stored_values, unquote_text
from tandem.sandbox.query.words import Token
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import ColumnDefinition, ColumnType

_KINDS = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
}

_EDM = {
    ColumnType.STRING: "Edm.String",
    ColumnType.MEMO: "Edm.String",
    ColumnType.CHOICES: "Edm.String",
    ColumnType.BOOLEAN: "Edm.Boolean",
    ColumnType.BIGINT: "Edm.Int64",
    ColumnType.DECIMAL: "Edm.Decimal",
    ColumnType.MONEY: "Edm.Decimal",
    ColumnType.DOUBLE: "Edm.Double",
    ColumnType.GUID: "Edm.Guid",
    ColumnType.LOOKUP: "Edm.Guid",
    ColumnType.CUSTOMER: "Edm.Guid",
    ColumnType.OWNER: "Edm.Guid",
}

_LITERAL = {"text": "Edm.String", "guid": "Edm.Guid", "moment": "Edm.DateTimeOffset", "date": "Edm.Date"}

_NUMBERS = frozenset({"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"})


def edm_type(column: ColumnDefinition) -> str:
    """The type of a column's property (reference 2.8)."""
    if column.type is ColumnType.DATETIME:
        return "Edm.Date" if column.date_only else "Edm.DateTimeOffset"
    return _EDM.get(column.type, "Edm.Int32")


def literal_value(left: Property, literal: Token, operator: str) -> Stored:
    """The literal as the column stores it. Raises Refused (400, 0x80060888) where the types do not go together."""
    expected, found = edm_type(left.column), _literal_type(literal)
    # A date stands for its midnight; any number compares with any other.
    fits = expected == found or (expected, found) == ("Edm.DateTimeOffset", "Edm.Date") or {expected, found} <= _NUMBERS
    if not fits:
        raise incompatible(expected, found, operator)
    (value,) = stored_values(left, [unquote_text(literal.text)])
    return value


def incompatible(left: str, right: str, operator: str) -> Refused:
    """The refusal of a comparison of two types."""
    return invalid(
        "A binary operator with incompatible types was detected. Found operand types"
        f" '{left}' and '{right}' for operator kind '{_KINDS[operator]}'."
    )


def _literal_type(literal: Token) -> str:
    if literal.kind == "name":
        return "Edm.Boolean" if literal.text in ("true", "false") else literal.text
    if literal.kind == "number":
        return "Edm.Decimal" if not literal.text.lstrip("-").isdigit() else "Edm.Int32"
    return _LITERAL.get(literal.kind, literal.text)
