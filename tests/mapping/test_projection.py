"""From typed rows to the marketing database's JSON: the fast way and the plain way say the same."""

import json
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.mapping.fields import Direction, Field
from tandem.mapping.projection import (
    Projection,
    decode_fields,
    encode_all,
    encode_fields,
    encode_value,
)
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType

TEXT = st.text(max_size=5)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False)
VALUES = st.none() | TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | AMOUNTS


def field(number: int, direction: Direction = Direction.BOTH) -> Field:
    return Field(
        entity=Entity.LEAD,
        column=f"column{number}",
        api_name=f"apiName{number}ü",
        label="",
        type=ColumnType.TEXT,
        direction=direction,
    )


def plain(fields: list[Field], row: SimpleNamespace) -> dict[str, object]:
    """What a projection holds, said in the shortest way."""
    pulled = [each for each in fields if each.direction in (Direction.BOTH, Direction.FROM)]
    return {each.api_name: getattr(row, each.column) for each in pulled}


@st.composite
def pages(draw):
    """Some fields in any direction, and rows that have their columns and one more."""
    directions = draw(st.lists(st.sampled_from(Direction), max_size=5))
    fields = [field(number, direction) for number, direction in enumerate(directions)]
    row = st.fixed_dictionaries({f"column{number}": VALUES for number in range(len(fields) + 1)})
    return fields, [SimpleNamespace(**values) for values in draw(st.lists(row, max_size=3))]


@given(pages())
def test_D3_a_page_is_encoded_as_a_plain_implementation_would(page):
    """Pulled fields by API name, empty ones left out, numbers exact, in the order of the rows."""
    fields, rows = page
    encoded = [json.loads(text, parse_float=Decimal) for text in Projection(fields).encode(rows)]

    assert encoded == [{name: value for name, value in plain(fields, row).items() if value is not None} for row in rows]


@given(pages())
def test_D3_one_rows_pairs_keep_what_is_empty(page):
    """For folding "emptied" must be seen."""
    fields, rows = page

    assert [Projection(fields).pairs(row) for row in rows] == [plain(fields, row) for row in rows]


@given(pages())
def test_D3_what_was_encoded_is_decoded_as_it_was(page):
    """Through the database and back nothing is lost but emptiness, and no digit is."""
    fields, rows = page
    decoded = [decode_fields(text) for text in Projection(fields).encode(rows)]

    assert decoded == [{name: value for name, value in plain(fields, row).items() if value is not None} for row in rows]


@given(st.dictionaries(TEXT, VALUES))
def test_D3_records_and_bases_differ_in_what_they_keep(values):
    """A record leaves out what is empty; in a base "emptied" is not "absent"."""
    assert decode_fields(encode_fields(values)) == {name: value for name, value in values.items() if value is not None}
    assert decode_fields(encode_all(values)) == values


@pytest.mark.parametrize("text", [None, ""])
def test_no_stored_object_is_an_empty_one(text):
    """A link without a base agrees with its person in everything."""
    assert decode_fields(text) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("", '""'), (False, "false"), (Decimal("1.50"), "1.50"), ("ü\n", '"ü\\n"')],
)
def test_one_value_is_json_and_nothing_stays_null(value, expected):
    """The activity log tells an empty text from no value."""
    assert encode_value(value) == expected
