"""`$filter` over metadata: comparisons only, as the service has it.

Metadata knows no text functions; the real answer to one is 501, and a client that leans on it must learn so here
(reference 2.2).
"""

from collections.abc import Callable, Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.condition import invalid, unquote_text
from tandem.sandbox.query.filter import Token, tokenize

Predicate = Callable[[Mapping[str, object]], bool]

_END = Token("end", "")


def metadata_predicate(text: str) -> Predicate:
    """Whether a definition fits the filter. Raises Refused: 501 for a function, 400 for what cannot be read."""
    words = tokenize(text)
    predicate, rest = _either(words)
    if rest:
        raise invalid(f"Syntax error at '{rest[0].text}' in '{text}'.")
    return predicate


def _either(words: list[Token]) -> tuple[Predicate, list[Token]]:
    left, words = _both(words)
    while words[:1] == [Token("name", "or")]:
        right, words = _both(words[1:])
        left = _any(left, right)
    return left, words


def _both(words: list[Token]) -> tuple[Predicate, list[Token]]:
    left, words = _single(words)
    while words[:1] == [Token("name", "and")]:
        right, words = _single(words[1:])
        left = _all(left, right)
    return left, words


def _any(left: Predicate, right: Predicate) -> Predicate:
    return lambda shape: left(shape) or right(shape)


def _all(left: Predicate, right: Predicate) -> Predicate:
    return lambda shape: left(shape) and right(shape)


def _single(words: list[Token]) -> tuple[Predicate, list[Token]]:
    first, second = (*words[:2], _END, _END)[:2]
    if first == Token("mark", "("):
        inner, words = _either(words[1:])
        return inner, _past(words, ")")
    if second == Token("mark", "("):
        raise Refused(501, "0x8006088a", f'The "{first.text}" function isn\'t supported for Metadata Entities')
    if first.kind != "name" or second.text not in ("eq", "ne", "in"):
        raise invalid(f"Syntax error at '{first.text} {second.text}': a comparison was expected.")
    values, words = _values(words[2:]) if second.text == "in" else _value(words[2:])
    path, wanted = first.text.split("/"), second.text != "ne"
    return lambda shape: (_at(shape, path) in values) is wanted, words


def _value(words: list[Token]) -> tuple[list[object], list[Token]]:
    first, second = (*words[:2], _END, _END)[:2]
    if first.kind == "name" and second.kind == "text":
        # An enum literal: its type name, then the member in quotes.
        return [unquote_text(second.text)], words[2:]
    constants: dict[str, object] = {"true": True, "false": False, "null": None}
    if first.text in constants:
        return [constants[first.text]], words[1:]
    if first.kind == "number":
        return [float(first.text)], words[1:]
    if first.kind in ("text", "guid"):
        return [unquote_text(first.text).lower() if first.kind == "guid" else unquote_text(first.text)], words[1:]
    raise invalid(f"Syntax error at '{first.text}': a value was expected.")


def _values(words: list[Token]) -> tuple[list[object], list[Token]]:
    words = _past(words, "(")
    values, words = _value(words)
    while words[:1] == [Token("mark", ",")]:
        more, words = _value(words[1:])
        values = values + more
    return values, _past(words, ")")


def _past(words: list[Token], mark: str) -> list[Token]:
    if words[:1] != [Token("mark", mark)]:
        raise invalid(f"'{mark}' was expected.")
    return words[1:]


def _at(shape: Mapping[str, object], path: list[str]) -> object:
    """The value at a path of properties. Raises Refused (400) for an unknown one; labels cannot be compared."""
    value: object = shape
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise invalid(f"Could not find a property named '{name}'.")
        value = value[name]
    if isinstance(value, Mapping | list):
        raise invalid(f"The property '{'/'.join(path)}' cannot be compared.")
    return value
