"""A realistic organisation for trying a sync on, the same for the same seed.

Tidy sample data hides what breaks a sync: nothing missing, all ASCII, everybody active, each address once. Here values
are missing, shared and as long as their columns allow; records are inactive, merged, qualified twice or owned by a
team. What each row is: generate_shape. Rows may refer to rows of a later batch (a qualified lead to its contact).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from tandem.sandbox.data import marketing as generate_marketing
from tandem.sandbox.data import people as generate_people
from tandem.sandbox.data import sales as generate_sales
from tandem.sandbox.data import staff as generate_staff
from tandem.sandbox.data.draw import Draw
from tandem.sandbox.data.shape import Shape
from tandem.sandbox.data.staff import Row
from tandem.sandbox.tables import TABLES, TEXTUAL

BATCH_ROWS = 5_000

# The same seed gives the same data on any day (interface.md, `tandem sandbox`), so time ends here unless told.
HISTORY_END = datetime(2026, 7, 1, tzinfo=UTC)

_FULL_EVERY = 250
_PROSE = ", lang ist die Zeile, длинна строка, 長い行 und noch kein Ende"
_FILLERS: dict[str | None, str] = {"Phone": "0123456789", "Url": "a-long-path/"}


def generate(people: int, seed: int, *, now: datetime = HISTORY_END) -> Iterator[tuple[str, list[Row]]]:
    """The rows of an organisation of `people` leads and contacts, as (table, at most 5,000 rows) in dependency order.

    Rows are keyed by logical column name, all rows of a table alike, None for no value; a polymorphic lookup `x` has
    its table in `x_type`. All times are between 2019 and `now`. Raises ValueError for fewer than 0 people or an earlier
    `now`. From 10,000 people on three accounts are very large (generate_shape tells what that costs below 45,003).
    """
    shape = Shape.of(people)
    draw = Draw(seed, now=now)
    tables: tuple[tuple[str, Iterable[Row]], ...] = (
        ("transactioncurrency", generate_staff.currencies(draw)),
        ("businessunit", generate_staff.units(draw)),
        ("systemuser", generate_staff.users(shape, draw)),
        ("team", generate_staff.teams(draw)),
        ("teammembership", generate_staff.memberships(shape, draw)),
        ("account", _rows(generate_people.account, "account", shape.accounts, shape, draw)),
        ("lead", _rows(generate_people.lead, "lead", shape.leads, shape, draw)),
        ("contact", _rows(generate_people.contact, "contact", shape.contacts, shape, draw)),
        ("opportunity", _rows(generate_sales.opportunity, "opportunity", shape.opportunities, shape, draw)),
        ("connectionrole", generate_staff.connection_roles(draw)),
        ("connection", _connections(shape, draw)),
        ("relationshiprole", generate_marketing.relationship_roles(draw)),
        ("customeropportunityrole", generate_marketing.opportunity_roles(shape, draw)),
        ("campaign", _rows(generate_marketing.campaign, "campaign", shape.campaigns, shape, draw)),
        ("list", (generate_marketing.a_list(shape, draw, number) for number in range(shape.lists))),
        ("listmember", _members(shape, draw)),
        ("campaignitem", generate_marketing.items(shape, draw)),
        ("task", _rows(generate_marketing.task, "task", shape.tasks, shape, draw)),
        (
            "campaignresponse",
            _rows(generate_marketing.response, "campaignresponse", shape.responses, shape, draw),
        ),
        ("activityparty", generate_marketing.parties(shape, draw)),
    )
    for table, rows in tables:
        iterator = iter(rows)
        while batch := list(islice(iterator, BATCH_ROWS)):
            yield table, batch


def _rows(make: Callable[[Shape, Draw, int], Row], table: str, count: int, shape: Shape, draw: Draw) -> Iterator[Row]:
    for number in range(count):
        row = make(shape, draw, number)
        if number % _FULL_EVERY == _FULL_EVERY - 1:
            _fill(table, row)
        yield row


def _connections(shape: Shape, draw: Draw) -> Iterator[Row]:
    for number in range(shape.opportunities):
        yield from generate_sales.connections(shape, draw, number)


def _members(shape: Shape, draw: Draw) -> Iterator[Row]:
    for number in range(shape.lists):
        yield from generate_marketing.members(shape, draw, number)


def _fill(table: str, row: Row) -> None:
    """Make every text of the row exactly as long as its column allows."""
    for name in row:
        column = TABLES[table].columns.get(name)
        if column is None or column.type not in TEXTUAL or column.max_length is None:
            continue
        if column.format == "Email":
            # A mailbox has at most 64 characters before the @ (RFC 5321), so the domain takes the rest.
            row[name] = f"{'m' * 60}@{'d' * (column.max_length - 69)}.example"
            continue
        filler = _FILLERS.get(column.format, _PROSE)
        text = f"{row[name] or ''}{filler * (column.max_length // len(filler) + 1)}"
        # Lengths count UTF-16 units [k]. It ends with a digit: a server that trims blanks must not shorten it.
        units = text.encode("utf-16-le")[: 2 * (column.max_length - 1)]
        row[name] = units.decode("utf-16-le") + "9"
