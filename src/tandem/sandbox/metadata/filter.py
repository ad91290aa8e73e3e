"""`$filter` over metadata: comparisons only, as the service has it.

Metadata knows no text functions; the real answer to one is 501, and a client that leans on it must learn so here
(reference 2.2).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from xml.etree.ElementTree import fromstring

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.condition import invalid, unquote_text
from tandem.sandbox.query.words import Token, tokenize


@dataclass(frozen=True, slots=True)
class _Member:
    """A literal of an enumeration: `Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'`."""

    type: str
    name: str


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
    plain = [_comparable(first.text, value) for value in values]
    return lambda shape: (_at(shape, path) in plain) is wanted, words


def _value(words: list[Token]) -> tuple[list[object], list[Token]]:
    first, second = (*words[:2], _END, _END)[:2]
    if first.kind == "name" and second.kind == "text":
        return [_Member(first.text.removeprefix(NAMESPACE), unquote_text(second.text))], words[2:]
    constants: dict[str, object] = {"true": True, "false": False, "null": None}
    if first.text in constants:
        return [constants[first.text]], words[1:]
    if first.kind == "number":
        return [float(first.text)], words[1:]
    if first.kind in ("text", "guid"):
        return [unquote_text(first.text).lower() if first.kind == "guid" else unquote_text(first.text)], words[1:]
    raise invalid(f"Syntax error at '{first.text}': a value was expected.")


def _comparable(path: str, value: object) -> object:
    """The value as definitions show it. Raises Refused (400) where one side is of an enumeration and the other not.

    A member is written with its type (reference 2.2). Its name alone does too: so Microsoft's own client asks, for
    `AttributeType ne 'Virtual'` [k].
    """
    kinds = _enumerations().get(path, {})
    if isinstance(value, _Member):
        if value.name not in kinds.get(value.type, ()):
            raise invalid(f"The property '{path}' has no value {NAMESPACE}{value.type}'{value.name}'.")
        return value.name
    if kinds and value is not None and not any(value in members for members in kinds.values()):
        raise invalid(f"The property '{path}' is compared with a literal such as {NAMESPACE}{min(kinds)}'...'.")
    return value


@cache
def _enumerations() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """The enumerations that a property may be of, with their members, by its path: `RequiredLevel/Value`."""
    schema = fromstring(files("tandem.sandbox.metadata").joinpath("definitions.xml").read_text("utf-8"))
    members = {
        f"mscrm.{each.get('Name')}": frozenset(str(member.get("Name")) for member in each)
        for each in schema.iter("EnumType")
    }
    inner = {
        (f"mscrm.{each.get('Name')}", str(part.get("Name"))): str(part.get("Type"))
        for each in schema.iter("ComplexType")
        for part in each
    }
    found: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for part in (part for each in schema.iter("EntityType") for part in each.iter("Property")):
        name, kind = str(part.get("Name")), str(part.get("Type"))
        paths = {name: kind} | {f"{name}/{sub}": type_ for (owner, sub), type_ in inner.items() if owner == kind}
        for path, type_ in paths.items():
            if type_ in members:
                found[path][type_.removeprefix("mscrm.")] = members[type_]
    return found


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
