"""`$filter` as SQL.

The service refuses a filter it cannot read; a filter half understood would return the wrong rows without a word. What
is not here is refused with the documented codes (reference 3.2). Values always travel as parameters.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE, parse_arguments
from tandem.sandbox.query.condition import Condition, Property, find_property, invalid, stored_values, unquote_text
from tandem.sandbox.query.functions import FUNCTIONS, listed_values
from tandem.sandbox.query.options import Options
from tandem.sandbox.store.privileges import Caller, ColumnRight
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import TEXTUAL, ColumnDefinition, ColumnType, TableDefinition

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
    | (?P<moment>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?)
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>@?[A-Za-z_][\w.]*(?:/[\w.]+)*)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)

MAXIMUM_CONDITIONS = 500
"""Conditions in one filter; about right, the exact number is unconfirmed (reference 3.2)."""

_COMPARISONS = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_KINDS = {"eq": "Equal", "ne": "NotEqual", "gt": "GreaterThan", "ge": "GreaterThanOrEqual"}
_KINDS |= {"lt": "LessThan", "le": "LessThanOrEqual"}

_EDM = {
    ColumnType.STRING: "Edm.String",
    ColumnType.MEMO: "Edm.String",
    ColumnType.CHOICES: "Edm.String",
    ColumnType.BOOLEAN: "Edm.Boolean",
    ColumnType.BIGINT: "Edm.Int64",
    ColumnType.DECIMAL: "Edm.Decimal",
    ColumnType.MONEY: "Edm.Decimal",
    ColumnType.DOUBLE: "Edm.Double",
    ColumnType.DATETIME: "Edm.DateTimeOffset",
    ColumnType.GUID: "Edm.Guid",
    ColumnType.LOOKUP: "Edm.Guid",
    ColumnType.CUSTOMER: "Edm.Guid",
    ColumnType.OWNER: "Edm.Guid",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a filter; `kind` is the group of the lexer that matched."""

    kind: str
    text: str


def filter_condition(
    text: str,
    *,
    table: TableDefinition,
    tables: Mapping[str, TableDefinition],
    caller: Caller,
    options: Options,
    now: datetime,
) -> Condition:
    """The condition that a `$filter` states over the rows of the table. Raises Refused for one that is not valid."""
    parser = _Parser(tokenize(text), table=table, tables=tables, caller=caller, options=options, now=now)
    condition = parser.disjunction()
    if parser.token is not None:
        raise invalid(f"Syntax error at '{parser.token.text}' in '{text}'.")
    return condition


def tokenize(text: str) -> list[Token]:
    """The words of a filter. Raises Refused (400) for a character that begins none."""
    tokens: list[Token] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise invalid(f"Syntax error at position {position} in '{text}'.")
        position = match.end()
        word = Token(match.lastgroup, match[match.lastgroup])
        if word.kind == "name" and word.text.startswith(NAMESPACE) and text[position : position + 1] == "(":
            end = _closing(text, position)
            tokens.append(Token("function", word.text + text[position:end]))
            position = end
        else:
            tokens.append(word)
    return tokens


def _closing(text: str, start: int) -> int:
    """The position after the parenthesis that closes the one at `start`."""
    depth, quote = 0, ""
    for position in range(start, len(text)):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return position + 1
    raise invalid(f"A closing parenthesis is missing in '{text}'.")


class _Parser:
    """Recursive descent over the tokens: or, and, not, then a single test."""

    def __init__(
        self,
        tokens: list[Token],
        *,
        table: TableDefinition,
        tables: Mapping[str, TableDefinition],
        caller: Caller,
        options: Options,
        now: datetime,
    ) -> None:
        self._tokens = tokens
        self._position = 0
        self._tests = 0
        self._table = table
        self._tables = tables
        self._caller = caller
        self._options = options
        self._now = now

    @property
    def token(self) -> Token | None:
        """The next token, or None at the end."""
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def disjunction(self) -> Condition:
        """`a or b`."""
        return self._joined("or", self._conjunction)

    def _conjunction(self) -> Condition:
        return self._joined("and", self._negation)

    def _joined(self, word: str, operand: Callable[[], Condition]) -> Condition:
        parts = [operand()]
        while self.token == Token("name", word):
            self._position += 1
            parts.append(operand())
        if len(parts) == 1:
            return parts[0]
        sql = f" {word.upper()} ".join(f"({part.sql})" for part in parts)
        return Condition(sql, tuple(value for part in parts for value in part.values))

    def _negation(self) -> Condition:
        if self.token == Token("name", "not"):
            self._position += 1
            inner = self._negation()
            # A comparison with an empty column is false, so its negation is true; SQL alone would say unknown.
            return Condition(f"NOT ifnull(({inner.sql}), 0)", inner.values)
        return self._test()

    def _test(self) -> Condition:
        self._tests += 1
        if self._tests > MAXIMUM_CONDITIONS:
            raise Refused(400, "0x80044183", "The query specified for this operation is invalid: too many conditions.")
        token = self._next()
        if token == Token("mark", "("):
            inner = self.disjunction()
            self._expect(")")
            return inner
        if token.kind == "function":
            return self._service_function(token.text)
        if token.kind != "name":
            raise invalid(f"A property or function was expected, not '{token.text}'.")
        if self.token == Token("mark", "("):
            return self._text_function(token.text)
        return self._comparison(self._property(token.text))

    def _comparison(self, left: Property) -> Condition:
        operator = self._next().text
        if operator not in _COMPARISONS:
            raise invalid(f"Syntax error at '{operator}': a comparison operator was expected.")
        literal = self._literal()
        if literal == Token("name", "null"):
            if operator not in ("eq", "ne"):
                return Condition("0")
            return Condition(f"{left.sql} IS {'NOT ' if operator == 'ne' else ''}NULL")
        value = self._value(left.column, literal, operator)
        sql, parameter = left.sql, "?"
        if isinstance(value, str) and not value.isascii():
            # SQLite's own comparison folds only ASCII.
            sql, parameter = f"casefold({sql})", "casefold(?)"
        comparison = f"{sql} {_COMPARISONS[operator]} {parameter}"
        return Condition(f"({comparison} OR {left.sql} IS NULL)" if operator == "ne" else comparison, (value,))

    def _text_function(self, name: str) -> Condition:
        shapes = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
        if name not in shapes:
            raise invalid(f"An unknown function with name '{name}' was found.")
        self._expect("(")
        left = self._property(self._next().text)
        self._expect(",")
        literal = self._literal()
        self._expect(")")
        if left.column.type not in TEXTUAL or literal.kind != "text":
            raise invalid(f"No function signature for the function with name '{name}' matches the arguments.")
        pattern = shapes[name].format(_like(unquote_text(literal.text)))
        if pattern.isascii():
            return Condition(f"{left.sql} LIKE ? ESCAPE '\\'", (pattern,))
        return Condition(f"casefold({left.sql}) LIKE casefold(?) ESCAPE '\\'", (pattern,))

    def _service_function(self, text: str) -> Condition:
        name, _, inside = text.removeprefix(NAMESPACE).partition("(")
        function = FUNCTIONS.get(name)
        if function is None:
            raise invalid(f"An unknown function with name '{NAMESPACE}{name}' was found.")
        arguments = {key: self._options.resolve(value) for key, value in parse_arguments(inside[:-1]).items()}
        property_name = unquote_text(arguments.pop("PropertyName", "''"))
        column = self._table.columns.get(property_name) or find_property(self._table, property_name)
        values = listed_values(arguments.pop("PropertyValues", arguments.pop("PropertyValue", "[]")))
        if arguments:
            raise invalid(f"The function '{NAMESPACE}{name}' has no parameter '{next(iter(arguments))}'.")
        return function(self._readable(column), values, self._caller, self._now)

    def _property(self, path: str) -> Property:
        """The column at the end of a path of single-valued navigation properties (reference 3.2)."""
        *steps, name = path.split("/")
        table, sql, outer = self._table, "{}", self._table.name
        for depth, step in enumerate(steps):
            if step not in table.by_navigation:
                raise invalid(f"Could not find a property named '{step}' on type '{NAMESPACE}{table.name}'.")
            column, targets = table.by_navigation[step]
            if name == column.name and len(targets) > 1:
                # `ownerid/ownerid`: users and teams share one base table, whose key this is (reference 5.4).
                return self._readable(column)
            if len(targets) > 1:
                raise invalid(f"The navigation property '{step}' has no single type to look into.")
            table, alias = self._tables[targets[0]], f"step{depth}"
            join = f"{alias}.{table.primary_id} = {outer}.{column.name}"
            if column.polymorphic:
                join += f" AND {outer}.{column.name}_type = '{table.name}'"
            sql = sql.format(f"(SELECT {{}} FROM {table.name} AS {alias} WHERE {join})")  # noqa: S608
            outer = alias
        column = find_property(table, name)
        return self._readable(column, table, sql.format(f"{outer}.{column.name}"))

    def _readable(self, column: ColumnDefinition, table: TableDefinition | None = None, sql: str = "") -> Property:
        """The column, unless column security hides it from the caller (reference 1.8; code unconfirmed)."""
        table = table or self._table
        if not self._caller.may(table, column, ColumnRight.READ):
            raise Refused(
                403,
                "0x8004f504",
                f"Caller user with Id {self._caller.user_id} does not have read permissions to a {column.label}"
                f" secured field on entity {table.label}. The requested operation could not be completed.",
            )
        return Property(sql or f"{table.name}.{column.name}", column)

    def _literal(self) -> Token:
        token = self._next()
        if token.kind == "name" and token.text.startswith("@"):
            (token,) = tokenize(self._options.resolve(token.text)) or (Token("name", "null"),)
        return token

    def _value(self, column: ColumnDefinition, literal: Token, operator: str) -> Stored:
        found = _literal_type(literal)
        expected = _EDM.get(column.type, "Edm.Int32")
        fits = {
            "Edm.String": literal.kind == "text",
            "Edm.Boolean": found == "Edm.Boolean",
            "Edm.Guid": literal.kind == "guid",
            "Edm.DateTimeOffset": literal.kind == "moment",
        }.get(expected, literal.kind == "number")
        if not fits:
            raise invalid(
                "A binary operator with incompatible types was detected. Found operand types"
                f" '{expected}' and '{found}' for operator kind '{_KINDS[operator]}'."
            )
        (value,) = stored_values(Property("", column), [unquote_text(literal.text)])
        return value

    def _next(self) -> Token:
        token = self.token
        if token is None:
            raise invalid("The filter ends too early.")
        self._position += 1
        return token

    def _expect(self, mark: str) -> None:
        token = self._next()
        if token != Token("mark", mark):
            raise invalid(f"'{mark}' was expected, not '{token.text}'.")


def _literal_type(literal: Token) -> str:
    if literal.kind == "name":
        return "Edm.Boolean" if literal.text in ("true", "false") else literal.text
    names = {"text": "Edm.String", "guid": "Edm.Guid", "moment": "Edm.DateTimeOffset"}
    return names.get(literal.kind, "Edm.Decimal" if "." in literal.text else "Edm.Int32")


def _like(text: str) -> str:
    """A search text as a LIKE pattern. `%` and `_` are wildcards as in SQL; `[%]` means the character itself."""
    pattern = re.sub(r"\[(.)\]", lambda match: f"\0{match[1]}", text.replace("\\", "\\\\"))
    if "[" in pattern.replace("\0[", ""):
        raise invalid(f"The character set in '{text}' is not implemented by this sandbox.")
    return pattern.replace("\0", "\\")
