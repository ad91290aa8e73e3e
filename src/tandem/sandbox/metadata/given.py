"""A definition as a client gives it: JSON in the shapes that it is read in.

A property that is misspelt and passed over would make another column than the client believes. So properties are taken
one by one, and what nobody took must be one that the service knows and the sandbox has no use for.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.shapes import LANGUAGE
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.writing.payload import payload_error

_KNOWN_TO_ALL = frozenset({"MetadataId", "HasChanged", "IsManaged", "IntroducedVersion", "IsCustomizable", "CreatedOn"})

_Member = TypeVar("_Member", bound=StrEnum)


class Given:
    """The properties of one definition. Every method raises Refused for a value of the wrong kind."""

    def __init__(self, content: Mapping[str, object], *, merge_labels: bool = False) -> None:
        """`merge_labels` keeps labels that the client does not give; else a given label without text empties them."""
        self._content = content
        self._left = {name for name in content if "@" not in name}
        self._merge_labels = merge_labels

    @property
    def type_name(self) -> str:
        """The class in `@odata.type`, without namespace; an action's complex type is told as its entity type."""
        name = str(self._content.get("@odata.type", "")).lstrip("#").removeprefix(NAMESPACE)
        return name.removeprefix("Complex")

    def text(self, name: str, default: str | None = None) -> str:
        """A text; obligatory unless it has a default."""
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise _wrong(name, value, "Edm.String") if value is not None else _needed(name)
        return value

    def integer(self, name: str, default: int | None) -> int | None:
        """A whole number of 32 bits, or the default where there is none."""
        value = self._take(name)
        if value is None:
            return default
        number = self._number(name, value)
        if not number.is_integer() or not -(2**31) <= number < 2**31:
            raise _wrong(name, value, "Edm.Int32")
        return int(number)

    def number(self, name: str, default: float | None) -> float | None:
        """A number, or the default where there is none."""
        value = self._take(name)
        return default if value is None else self._number(name, value)

    def boolean(self, name: str, *, default: bool) -> bool:
        """A yes or no, perhaps as a managed property."""
        value = self._managed(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise _wrong(name, value, "Edm.Boolean")
        return value

    def member(self, name: str, kind: type[_Member], default: _Member) -> _Member:
        """A member of an enumeration, perhaps as a managed property or in an object with `Value`."""
        value = self._managed(name)
        if value is None:
            return default
        try:
            return kind(str(value))
        except ValueError:
            raise _wrong(name, value, kind.__name__) from None

    def named(self, name: str, default: str | None) -> str | None:
        """A text in an object with `Value`, or plain."""
        value = self._managed(name)
        if value is not None and not isinstance(value, str):
            raise _wrong(name, value, "Edm.String")
        return default if value is None else value

    def label(self, name: str, default: str) -> str:
        """The text of a label in the language of the sandbox, the default where no label is given."""
        label = self._take(name)
        if label is None:
            return default
        if not isinstance(label, dict) or not isinstance(label.get("LocalizedLabels") or [], list):
            raise _wrong(name, label, "Label")
        texts = {
            each.get("LanguageCode"): each.get("Label")
            for each in label.get("LocalizedLabels") or []
            if isinstance(each, dict)
        }
        for language in texts:
            if language != LANGUAGE:
                raise Refused(400, "0x80040203", f"The language code {language} is not a valid language.")
        if LANGUAGE not in texts:
            return default if self._merge_labels else ""
        return str(texts[LANGUAGE] or "")

    def part(self, name: str) -> "Given | None":
        """An object within, or None."""
        value = self._take(name)
        if value is not None and not isinstance(value, dict):
            raise _wrong(name, value, "an object")
        return None if value is None else Given(value, merge_labels=self._merge_labels)

    def parts(self, name: str) -> list["Given"]:
        """The objects of a list; an empty one where there is none."""
        return [Given(each, merge_labels=self._merge_labels) for each in self._items(name, dict)]

    def texts(self, name: str) -> list[str]:
        """The texts of a list."""
        return self._items(name, str)

    def integers(self, name: str) -> list[int]:
        """The whole numbers of a list."""
        return self._items(name, int)

    def bind(self, name: str) -> str | None:
        """The address in `<name>@odata.bind`, or None."""
        value = self._content.get(f"{name}@odata.bind")
        return None if value is None else str(value)

    def done(self, known: Iterable[str]) -> None:
        """Refuse what nobody took, unless the service knows it."""
        for name in sorted(self._left - _KNOWN_TO_ALL - set(known)):
            raise payload_error(f"An undeclared property '{name}' which does not exist on the type was found.")

    def _take(self, name: str) -> object:
        self._left.discard(name)
        return self._content.get(name)

    def _managed(self, name: str) -> object:
        value = self._take(name)
        return value.get("Value") if isinstance(value, dict) else value

    def _items(self, name: str, kind: type) -> list:  # type: ignore[type-arg]
        value = self._take(name)
        items = [] if value is None else value
        if not isinstance(items, list) or not all(isinstance(each, kind) for each in items):
            raise _wrong(name, value, "a collection")
        return items

    @staticmethod
    def _number(name: str, value: object) -> float:
        if isinstance(value, bool | str | list | dict):
            raise _wrong(name, value, "Edm.Double")
        return float(str(value))


def _wrong(name: str, value: object, kind: str) -> Refused:
    return payload_error(f"Cannot convert the literal '{value}' of '{name}' to the expected type '{kind}'.")


def _needed(name: str) -> Refused:
    return invalid_definition(f"Required field '{name}' is missing.")


def invalid_definition(why: str) -> Refused:
    """400 0x80040203: a definition that the service does not take; which code it has for each reason is unconfirmed."""
    return Refused(400, "0x80040203", why)


def attribute_exists(schema_name: str) -> Refused:
    """400 for a column's name that is taken; the code is unconfirmed."""
    return Refused(400, "0x80047013", f"An attribute with the specified name {schema_name} already exists.")


def already_exists(what: str) -> Refused:
    """400 for any other name that is taken; the code is unconfirmed."""
    return Refused(400, "0x80044363", f"{what} already exists.")
