"""Turns the rows of a page into the marketing database's JSON, a page at a time.

This is the hot path of a first copy: no loop over fields in Python. One struct type is built per stream whose members
are the API names; a row is copied into it by one attrgetter and encoded by msgspec. Empty values are left out.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tandem.mapping.fields import Field

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_VALUE_DECODER = msgspec.json.Decoder(Any, float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Projection:
    """The fields of one stream, as they leave a Dynamics row and enter a marketing record."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(field for field in fields if field.pulled)
        members = [f"f{index}" for index in range(len(self.fields))]
        self._struct = msgspec.defstruct(
            "Fields",
            [(name, Any, None) for name in members],
            rename=dict(zip(members, (field.api_name for field in self.fields), strict=True)),
            omit_defaults=True,
            gc=False,
        )
        self.values = _getter([field.column for field in self.fields])

    def encode(self, rows: Sequence[Any]) -> list[str]:
        """One JSON object per row, holding the pulled fields that are not empty, by API name."""
        struct, values, encode = self._struct, self.values, _ENCODER.encode
        return [encode(struct(*values(row))).decode() for row in rows]

    def encode_over(self, rows: Sequence[Any], held: Sequence[str | None]) -> list[str]:
        """The same over the objects that are stored: what of them is not among the pulled fields stays as it is."""
        names = {field.api_name for field in self.fields}
        found = []
        for text, before in zip(self.encode(rows), held, strict=True):
            others = {name: value for name, value in decode_fields(before).items() if name not in names}
            found.append(encode_fields({**others, **decode_fields(text)}) if others else text)
        return found

    def pairs(self, row: Any) -> dict[str, Any]:
        """One row's pulled fields, empty ones included, by API name."""
        return {field.api_name: value for field, value in zip(self.fields, self.values(row), strict=True)}


def _getter(columns: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(columns) > 1:
        return operator.attrgetter(*columns)
    return lambda row: tuple(getattr(row, column) for column in columns)


def decode_fields(text: str | None) -> dict[str, Any]:
    """A stored JSON object; numbers with decimals come back exact."""
    return _DECODER.decode(text) if text else {}


def encode_fields(values: dict[str, Any]) -> str:
    """A JSON object to store; empty values are left out."""
    return _ENCODER.encode({name: value for name, value in values.items() if value is not None}).decode()


def encode_all(values: Mapping[str, Any]) -> str:
    """A JSON object that keeps empty values: in a base or a feed "emptied" is not "absent"."""
    return _ENCODER.encode(values).decode()


def encode_value(value: Any) -> str | None:
    """One value as JSON, for the activity log and the journal; None stays null."""
    return None if value is None else _ENCODER.encode(value).decode()


def decode_value(text: str | None) -> Any:
    """One value of the activity log or the journal; numbers with decimals come back exact."""
    return None if text is None else _VALUE_DECODER.decode(text)
