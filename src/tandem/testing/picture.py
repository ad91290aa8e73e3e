"""The subscription's database as it is between two steps, read past the code under test."""

from dataclasses import dataclass
from typing import Any, Self

import apsw

from tandem.mapping.projection import decode_fields

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """`people` by id, with their `values` by API name; `links` by table and record, with their decoded base as
    `known`."""

    people: dict[int, Row]
    links: dict[tuple[str, str], Row]

    @classmethod
    def of(cls, connection: apsw.Connection) -> Self:
        """The database as it is now."""
        return cls(
            people={row["id"]: {**row, "values": decode_fields(row["fields"])} for row in rows(connection, "person")},
            links={
                (row["entity"], row["crm_id"]): {**row, "known": decode_fields(row["base"])}
                for row in rows(connection, "link")
            },
        )


def rows(connection: apsw.Connection, table: str) -> list[Row]:
    """Every row of a table, by column."""
    cursor = connection.cursor()
    found = cursor.execute(f"select * from {table}").fetchall()  # noqa: S608
    names = [each[1] for each in connection.execute(f"pragma table_info({table})")]
    return [dict(zip(names, row, strict=True)) for row in found]
