"""What a RetrieveMetadataChanges asks for: which definitions, and which of their properties (reference 2.7).

The query comes as JSON in the shapes of the SDK. A part that is misspelt or of no use here is refused: a client that
got other definitions than it asked for would map by them.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from tandem.sandbox.metadata.shapes import Shape
from tandem.sandbox.paths import NAMESPACE, as_guid
from tandem.sandbox.query.condition import invalid


class Operator(StrEnum):
    """How a condition compares."""

    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    IN = "In"
    NOT_IN = "NotIn"
    GREATER_THAN = "GreaterThan"
    LESS_THAN = "LessThan"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="pascal"):
    """A part of the query, as it is spelt on the wire."""


class Constant(_Part, frozen=True):
    """A value with its .NET type; one of a list is JSON in text."""

    type: str
    value: object = None


class Condition(_Part, frozen=True):
    """A comparison of one property."""

    property_name: str
    condition_operator: Operator
    value: Constant | None = None


class Criteria(_Part, frozen=True):
    """Conditions and further criteria, joined one way."""

    filter_operator: Literal["And", "Or"] = "And"
    conditions: tuple[Condition, ...] = ()
    filters: tuple["Criteria", ...] = ()

    def holds(self, shape: Shape, names: Collection[str]) -> bool:
        """Whether a definition fits; `names` are all properties of its kind. Raises Refused (400)."""
        held = [_holds(condition, shape, names) for condition in self.conditions]
        held += [each.holds(shape, names) for each in self.filters]
        return (all(held) if self.filter_operator == "And" else any(held)) or not held


class Properties(_Part, frozen=True):
    """Which properties are wanted beside those that always come."""

    all_properties: bool = False
    property_names: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        """Whether a property is wanted."""
        return self.all_properties or name in self.property_names


class PartQuery(_Part, frozen=True):
    """Which definitions of one kind are wanted, and how much of them."""

    criteria: Criteria = Criteria()
    properties: Properties = Properties()


_EVERYTHING = PartQuery(properties=Properties(all_properties=True))
"""What is shown of a kind of part that is asked for without a query of its own; unconfirmed."""


class LabelQuery(_Part, frozen=True):
    """Which languages labels are wanted in; none means all. Nothing is put in the place of a missing label."""

    filter_languages: tuple[int, ...] = ()
    missing_label_behavior: Literal[0] = 0


class EntityQuery(_Part, frozen=True):
    """The whole query: tables, and what is wanted of their parts."""

    criteria: Criteria = Criteria()
    properties: Properties = Properties()
    attribute_query: PartQuery = _EVERYTHING
    relationship_query: PartQuery = _EVERYTHING
    key_query: PartQuery = _EVERYTHING
    label_query: LabelQuery = LabelQuery()


def read_query(content: object) -> EntityQuery:
    """The query in a parameter. Raises Refused (400, 0x80060888) for one that cannot be read."""
    try:
        return msgspec.convert(_told(content), EntityQuery)
    except msgspec.ValidationError as error:
        raise invalid(f"The parameter 'Query' cannot be read: {error}.") from None


def _told(content: object) -> object:
    """The content without nulls and annotations, which say nothing."""
    match content:
        case dict():
            return {
                name: _told(value) for name, value in content.items() if value is not None and not name.startswith("@")
            }
        case list():
            return [_told(value) for value in content]
        case _:
            return {} if content is None else content


Comparable = str | int | float | bool | None


def _holds(condition: Condition, shape: Shape, names: Collection[str]) -> bool:
    name, operator = condition.property_name, condition.condition_operator
    if name not in names:
        raise invalid(f"The property '{name}' cannot be used in a condition: there is none of that name.")
    found = _comparable(name, shape.get(name))
    wanted = _values(condition.value)
    match operator:
        case Operator.IN | Operator.NOT_IN:
            return (found in wanted) is (operator is Operator.IN)
        case Operator.EQUALS | Operator.NOT_EQUALS:
            return (found == _only(name, wanted)) is (operator is Operator.EQUALS)
        case _:
            bound = _only(name, wanted)
            if isinstance(bound, str | bool) or bound is None or isinstance(found, str | bool):
                raise invalid(f"The property '{name}' cannot be compared by '{operator}'.")
            above = operator is Operator.GREATER_THAN
            return found is not None and (found > bound if above else found < bound)


def _comparable(name: str, value: object) -> Comparable:
    """A property's value as conditions see it: that of a managed property is the value it manages."""
    if isinstance(value, Mapping) and "Value" in value:
        value = value["Value"]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise invalid(f"The property '{name}' cannot be used in a condition: it has no simple value.")


def _only(name: str, values: list[Comparable]) -> Comparable:
    if len(values) != 1:
        raise invalid(f"The condition on '{name}' takes one value.")
    return values[0]


def _values(constant: Constant | None) -> list[Comparable]:
    """The constants of a condition; `System.String[]` and its like hold several."""
    if constant is None:
        return [None]
    kind = constant.type.removesuffix("[]")
    if kind == constant.type:
        return [_value(kind, constant.value)]
    items = constant.value
    try:
        items = msgspec.json.decode(items) if isinstance(items, str) else items
    except msgspec.DecodeError:
        items = None
    if not isinstance(items, list):
        raise invalid(f"The value '{constant.value}' is not a list of {kind}.")
    return [_value(kind, item) for item in items]


def _value(kind: str, content: object) -> Comparable:
    text = str(content)
    value: Comparable = None
    if kind == "System.String" or kind.startswith(("Microsoft.Xrm.Sdk.", NAMESPACE)):
        # A member of an enumeration is shown by its name, as text is.
        value = text
    elif kind == "System.Guid":
        value = as_guid(text.strip("{}"))
    elif kind == "System.Boolean":
        value = {"true": True, "false": False}.get(text.lower())
    elif kind == "System.Int32" and text.lstrip("-").isdecimal():
        value = int(text)
    if value is None and content is not None:
        raise invalid(f"The value '{text}' is not of the type '{kind}'.")
    return None if content is None else value
