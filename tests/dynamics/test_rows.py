"""Rows: every type arrives as it should, and a changed type stops by name."""

from decimal import Decimal

import msgspec
import pytest

from tandem.dynamics.errors import ColumnTypeChanged, NotDataverse
from tandem.dynamics.rows import RowDecoder
from tandem.model.errors import OurBug
from tandem.model.schema import Column, ColumnType

ANN = "465b158c-541c-e511-80d3-3863bb347ba8"
BOB = "565b158c-541c-e511-80d3-3863bb347ba8"


def page(*rows, **links):
    return msgspec.json.encode({"value": rows, **links})


@pytest.mark.parametrize(
    ("kind", "wire", "expected"),
    [
        (ColumnType.TEXT, b'"Ann \\u00c9k"', "Ann Ék"),
        (ColumnType.TEXT, b'""', ""),
        (ColumnType.MEMO, b'"a\\nb"', "a\nb"),
        (ColumnType.INTEGER, b"0", 0),
        (ColumnType.BIGINT, b"9007199254740993", 9007199254740993),
        (ColumnType.DECIMAL, b"0.1000000001", Decimal("0.1000000001")),
        (ColumnType.MONEY, b"5000000.0000", Decimal("5000000.0000")),
        (ColumnType.MONEY, b"922337203685477.5807", Decimal("922337203685477.5807")),
        (ColumnType.DOUBLE, b"1.5", 1.5),
        (ColumnType.DOUBLE, b"2", 2.0),
        (ColumnType.BOOLEAN, b"false", False),
        (ColumnType.DATETIME, b'"2025-03-04T05:06:07Z"', "2025-03-04T05:06:07Z"),
        (ColumnType.DATE, b'"2025-03-04"', "2025-03-04"),
        (ColumnType.CHOICE, b"0", 0),
        (ColumnType.CHOICES, b'"1,9"', "1,9"),
        (ColumnType.STATE, b"1", 1),
        (ColumnType.STATUS, b"2", 2),
        (ColumnType.GUID, f'"{BOB}"'.encode(), BOB),
    ],
)
def test_D3_each_type_arrives_exactly(make_table, kind, wire, expected):
    """Numbers lose no digit, zero and false are values, times stay text, and null is None."""
    decoder = RowDecoder(make_table(columns={"x": kind}), ["x"])
    body = b'{"value":[{"contactid":"%s","x":%s},{"contactid":"%s","x":null}]}' % (ANN.encode(), wire, BOB.encode())

    full, empty = decoder.decode(body).rows

    assert (full.x, type(full.x)) == (expected, type(expected))
    assert empty.x is None


@pytest.mark.parametrize("kind", [kind for kind in ColumnType if kind is not ColumnType.UNSUPPORTED])
def test_every_type_but_the_unsupported_can_be_read(make_table, kind):
    """No type of D3 is forgotten."""
    decoder = RowDecoder(make_table(columns={"x": kind}), ["x"])

    assert decoder.decode(page({"contactid": ANN})).rows[0].x is None


def test_lookups_read_their_wire_names(make_table):
    """A lookup comes as _x_value; a polymorphic one tells its target in an annotation."""
    table = make_table(
        columns={
            "ownerid": Column(name="ownerid", type=ColumnType.LOOKUP, targets=("systemuser", "team")),
            "createdby": Column(name="createdby", type=ColumnType.LOOKUP, targets=("systemuser",)),
        }
    )
    decoder = RowDecoder(table, ["ownerid", "createdby"])

    (row,) = decoder.decode(
        page(
            {
                "contactid": ANN,
                "_ownerid_value": BOB,
                "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "team",
                "_createdby_value": ANN,
                "versionnumber": 7,
            }
        )
    ).rows

    assert decoder.select == ("contactid", "_ownerid_value", "_createdby_value", "versionnumber")
    assert decoder.fields == ("contactid", "ownerid", "ownerid_type", "createdby", "versionnumber")
    assert [getattr(row, name) for name in decoder.fields] == [ANN, BOB, "team", ANN, 7]
    assert decoder.annotations == "Microsoft.Dynamics.CRM.lookuplogicalname"


def test_no_annotation_is_asked_for_without_a_polymorphic_lookup(make_table):
    """Annotations cost the server and the wire."""
    assert RowDecoder(make_table(), ["fullname"]).annotations is None


def test_id_and_version_are_always_read_and_never_twice(make_table):
    """Selecting them explicitly changes nothing."""
    table = make_table(columns={"fullname": ColumnType.TEXT, "versionnumber": ColumnType.BIGINT})

    expected = ("contactid", "fullname", "versionnumber")
    assert RowDecoder(table, ["fullname"]).select == expected
    assert sorted(RowDecoder(table, ["versionnumber", "fullname", "contactid"]).fields) == sorted(expected)


def test_capital_guids_become_small(make_table):
    """Ids are compared as text, so they have one spelling."""
    table = make_table(columns={"masterid": Column(name="masterid", type=ColumnType.LOOKUP, targets=("contact",))})
    decoder = RowDecoder(table, ["masterid"])

    found = decoder.decode(
        page(
            {"contactid": ANN.upper(), "_masterid_value": BOB.upper()},
            {"contactid": BOB.upper()},
            {"id": ANN.upper(), "reason": "deleted"},
        )
    )

    assert [(row.contactid, row.masterid) for row in found.rows] == [(ANN, BOB), (BOB, None)]
    assert found.deleted == [ANN]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"contactid": ANN, "fullname": 5}, "fullname"),
        ({"contactid": ANN, "_ownerid_value": 5}, "ownerid"),
        ({"contactid": ANN, "revenue": "much"}, "revenue"),
        ({"contactid": ANN, "versionnumber": None}, "versionnumber"),
        ({"contactid": 5}, "contactid"),
    ],
)
def test_D6_a_changed_type_stops_the_stream_by_the_columns_name(make_table, row, column):
    """The column is named by its logical name and the value is not repeated."""
    table = make_table(
        columns={
            "fullname": ColumnType.TEXT,
            "revenue": ColumnType.MONEY,
            "ownerid": Column(name="ownerid", type=ColumnType.LOOKUP, targets=("systemuser",)),
        }
    )
    decoder = RowDecoder(table, ["fullname", "revenue", "ownerid"])

    for read, body in ((decoder.decode, page(row)), (decoder.decode_row, msgspec.json.encode(row))):
        with pytest.raises(ColumnTypeChanged) as caught:
            read(body)

        assert (caught.value.context["column"], caught.value.context["table"]) == (column, "contact")
        assert "much" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"value":5}',
        b"[]",
        b'{"value":[5]}',
        b'{"value":[{}]}',
        b'{"value":[],"@odata.nextLink":5}',
    ],
)
def test_what_is_no_page_is_named_so(make_table, body):
    """Neither an empty page nor a crash."""
    with pytest.raises(NotDataverse):
        RowDecoder(make_table(), ["fullname"]).decode(body)


@pytest.mark.parametrize("column", ["photo", "unknown"])
def test_an_unsupported_column_cannot_be_selected(make_table, column):
    """The mapping offers none, so asking for one is our bug."""
    table = make_table(columns={"photo": ColumnType.UNSUPPORTED})

    with pytest.raises(OurBug):
        RowDecoder(table, [column])


@pytest.mark.parametrize(("width", "expected"), [(1, 5_000), (38, 5_000), (98, 2_000)])
def test_the_page_size_shrinks_with_the_width(make_table, width, expected):
    """At most 200,000 values a page: memory stays flat. Id and version are columns too."""
    table = make_table(columns={f"c{number}": ColumnType.TEXT for number in range(width)})

    assert RowDecoder(table, [f"c{number}" for number in range(width)]).page_size == expected
