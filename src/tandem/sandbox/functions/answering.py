"""What every function of the service has in common: how its parameters are given and how its answer looks.

A parameter is a literal in the parentheses or, more often, an alias whose value is a query option; both must mean the
same everywhere (reference 0.4, 3.7).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.paths import NAMESPACE, parse_arguments
from tandem.sandbox.query.condition import unquote_text
from tandem.sandbox.query.options import Options
from tandem.sandbox.query.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The parameters of one call, aliases resolved. Every method raises Refused (400) for a value of the wrong kind."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None, options: Options, *known: str) -> "Arguments":
        """The parameters between the parentheses. Raises Refused (400) for one that is not `known`, or has no name."""
        given = parse_arguments(text or "")
        for name in given.keys() - known:
            raise invalid_argument(f"'{name or given[name]}' is not a parameter of the function.")
        return cls(values={name: options.resolve(value) for name, value in given.items()})

    def text(self, name: str) -> str | None:
        """Text, or None where it is null or not given."""
        value = self.values.get(name, "null")
        if value == "null":
            return None
        if len(value) < 2 or not (value[0] == value[-1] == "'"):
            raise invalid_argument(f"The parameter '{name}' takes text in single quotes.")
        return unquote_text(value)

    def member(self, name: str, enumeration: str) -> str | None:
        """The member of an enumeration, from `Microsoft.Dynamics.CRM.<enumeration>'Member'`; None where it is null."""
        value = self.values.get(name, "null")
        if value == "null":
            return None
        prefix = f"{NAMESPACE}{enumeration}"
        if not value.startswith(f"{prefix}'"):
            raise invalid_argument(f"The parameter '{name}' takes a {prefix}.")
        return unquote_text(value.removeprefix(prefix))

    def json(self, name: str) -> object:
        """A JSON value, or None where it is null or not given. Quotes may be single ones, as samples write them."""
        value = self.values.get(name, "null")
        for text in (value, value.replace("'", '"')):
            try:
                return msgspec.json.decode(text)
            except msgspec.DecodeError:
                continue
        raise invalid_argument(f"The parameter '{name}' is not valid JSON.")


def invalid_argument(message: str) -> Refused:
    """The refusal of a call whose parameters cannot be read."""
    return Refused(400, "0x80060888", message)


def answer(reading: Reading, name: str, content: Mapping[str, object]) -> Response:
    """The response of a function, with the context that names its type."""
    return reading.answer(f"{NAMESPACE}{name}Response", content)


def dictionary(items: Mapping[str, object]) -> dict[str, object]:
    """The .NET dictionary shape that several answers use (reference 1.6)."""
    return {
        "Count": len(items),
        "IsReadOnly": False,
        "Keys": list(items),
        "Values": list(items.values()),
    }
