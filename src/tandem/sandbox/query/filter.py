"""`$filter` as SQL.

The service refuses a filter it cannot read; a filter half understood would return the wrong rows without a word. What
is not here is refused with the documented codes (reference 3.2). Values always travel as parameters.
"""

from collections.abc import Callable

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE, parse_arguments
from tandem.sandbox.query.comparisons import SIGNS, compare, compare_columns
from tandem.sandbox.query.condition import MAXIMUM_CONDITIONS, Condition, Property, find_property, invalid, unquote_text
from tandem.sandbox.query.functions import LISTED, find_function, listed_values
from tandem.sandbox.query.literals import edm_type, incompatible, literal_value
from tandem.sandbox.query.patterns import like
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.sources import (
    Source,
    at_end,
    destination,
    find_path,
    follow,
    members,
    reached,
    readable,
    unknown_property,
)
from tandem.sandbox.query.words import Token, tokenize
from tandem.sandbox.tables import TEXTUAL, ColumnType

MAXIMUM_DEPTH = 100
"""How deep parentheses and negations nest. [k]"""

_SHAPES = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}

_CONSTANTS = frozenset({"true", "false", "null"})


def filter_condition(reading: Reading, source: Source, text: str) -> Condition:
    """The condition that a `$filter` states over the rows of the source. Raises Refused for one that is not valid."""
    parser = _Parser(reading, source, tokenize(text))
    condition = parser.disjunction()
    if parser.token is not None:
        raise invalid(f"Syntax error at '{parser.token.text}' in '{text}'.")
    return condition


class _Parser:
    """Recursive descent over the tokens: or, and, not, then a single test."""

    def __init__(self, reading: Reading, source: Source, tokens: list[Token]) -> None:
        self._reading = reading
        self._source = source
        self._tokens = tokens
        self._position = 0
        self._tests = 0
        self._depth = 0
        self._variables: dict[str, Source] = {}

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
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise invalid("The filter is nested too deeply.")
        if self.token == Token("name", "not"):
            self._position += 1
            found = _negated(self._negation())
        else:
            found = self._test()
        self._depth -= 1
        return found

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
        if self.token != Token("mark", "("):
            return self._comparison(self._property(token.text))
        path, _, last = token.text.rpartition("/")
        if path and last in ("any", "all"):
            return self._lambda(path, last)
        return self._text_function(token.text)

    def _comparison(self, left: Property) -> Condition:
        operator = self._next().text
        if operator not in SIGNS:
            raise invalid(f"Syntax error at '{operator}': a comparison operator was expected.")
        right = self._literal()
        if right == Token("name", "null"):
            if operator not in ("eq", "ne"):
                return Condition("0")
            return Condition(f"{left.sql} IS {'NOT ' if operator == 'ne' else ''}NULL")
        if right.kind == "name" and right.text not in _CONSTANTS:
            return _columns_compared(left, self._property(right.text), operator)
        return compare(left, operator, literal_value(left, right, operator))

    def _text_function(self, name: str) -> Condition:
        if name not in _SHAPES:
            raise invalid(f"An unknown function with name '{name}' was found.")
        self._expect("(")
        left = self._property(self._next().text)
        self._expect(",")
        literal = self._literal()
        self._expect(")")
        if left.column.type not in TEXTUAL or literal.kind != "text":
            raise invalid(f"No function signature for the function with name '{name}' matches the arguments.")
        return like(left.sql, _SHAPES[name].format(unquote_text(literal.text)))

    def _lambda(self, path: str, quantifier: str) -> Condition:
        """`members/any(m:m/name eq 'x')`, `members/any()`, `members/all(m:...)` (reference 3.2)."""
        self._expect("(")
        *names, last = path.split("/")
        source, names = self._start(names)
        steps = follow(self._reading, source, names)
        source = destination(source, steps)
        variable = ""
        if self.token != Token("mark", ")"):
            variable = self._next().text
            self._expect(":")
        # A lambda inside this one must not take its name from it.
        alias = f"{source.alias}__{last}_{len(self._variables)}"
        step = members(self._reading, source.table, last, key=source.key, alias=alias)
        if step is None:
            raise unknown_property(source.table.name, last)
        inner = Condition("1")
        if variable:
            if not variable.isidentifier() or variable in self._variables:
                raise invalid(f"'{variable}' cannot be a range variable here.")
            self._variables[variable] = step.source
            inner = self.disjunction()
            del self._variables[variable]
        elif quantifier == "all":
            raise invalid("'all' needs a condition.")
        self._expect(")")
        if quantifier == "any":
            exists = f"EXISTS (SELECT 1 FROM {step.rows} AND ({inner.sql}))"  # noqa: S608
        else:
            exists = f"NOT EXISTS (SELECT 1 FROM {step.rows} AND {_negated(inner).sql})"  # noqa: S608
        return Condition(at_end(steps, exists), inner.values)

    def _service_function(self, text: str) -> Condition:
        called, _, inside = text.partition("(")
        path, _, full_name = called.rpartition("/")
        name = full_name.removeprefix(NAMESPACE)
        function = find_function(name)
        arguments = {key: self._reading.options.resolve(value) for key, value in parse_arguments(inside[:-1]).items()}
        left = self._named_property(path, unquote_text(arguments.pop("PropertyName", "''")))
        parameter = "PropertyValues" if name in LISTED else "PropertyValue"
        values = listed_values(arguments.pop(parameter)) if parameter in arguments else []
        if arguments:
            raise invalid(f"The function '{full_name}' has no parameter '{next(iter(arguments))}'.")
        return function(left, values, self._reading.caller, self._reading.organisation.clock())

    def _named_property(self, path: str, name: str) -> Property:
        """The column a function names: by its property or, for a lookup, by its own name."""
        source, names = self._start(path.split("/") if path else [])
        steps = follow(self._reading, source, names)
        there = destination(source, steps)
        column = there.table.columns.get(name) or find_property(there.table, name)
        return reached(steps, readable(self._reading, there, column))

    def _property(self, path: str) -> Property:
        source, names = self._start(path.split("/"))
        return find_path(self._reading, source, "/".join(names))

    def _start(self, names: list[str]) -> tuple[Source, list[str]]:
        """Where a path begins: at a range variable, or at the row that is filtered."""
        if names and names[0] in self._variables:
            return self._variables[names[0]], names[1:]
        return self._source, names

    def _literal(self) -> Token:
        token = self._next()
        if token.kind != "name" or not token.text.startswith("@"):
            return token
        words = tokenize(self._reading.options.resolve(token.text))
        if len(words) > 1:
            raise invalid(f"The value of the parameter alias '{token.text}' is no literal.")
        return words[0] if words else Token("name", "null")

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


def _negated(inner: Condition) -> Condition:
    # A comparison with an empty column is false, so its negation is true; SQL alone would say unknown.
    return Condition(f"NOT ifnull(({inner.sql}), 0)", inner.values)


def _columns_compared(left: Property, right: Property, operator: str) -> Condition:
    """Two columns of the row compared. [k]"""
    types = edm_type(left.column), edm_type(right.column)
    money = {left.column.type, right.column.type}
    if types[0] != types[1] or (ColumnType.MONEY in money and len(money) > 1):
        raise incompatible(*types, operator)
    return compare_columns(left, operator, right)
