"""What commands print: a table for people, JSON for programs, notes on standard error.

Standard output holds the answer and nothing else, so that it can be piped. Record values and what other systems say may
hold anything, so nothing that is shown to people obeys control characters or markup in them.
"""

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
"""The option of every command that prints facts."""

_CONTROLS = dict.fromkeys(
    [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)],
    "\N{REPLACEMENT CHARACTER}",
)
"""Letters that a terminal would obey, or that turn the order of others round; lines and tabs are meant."""
_PIPED_WIDTH = 100_000
"""Columns of a terminal that is not there: a table in a pipe is never cut."""


def json(facts: Any) -> None:
    """Print one JSON value on one line: dataclasses and enums by their fields and values, decimals as exact numbers."""
    import msgspec

    lines([msgspec.json.Encoder(decimal_format="number", enc_hook=_plain).encode(facts).decode()])


def _plain(fact: Any) -> str:
    """An entity is a text that the encoder does not know for one."""
    if isinstance(fact, str):
        return str(fact)
    raise NotImplementedError(f"{type(fact).__name__} is no fact that can be printed")


def line(text: str) -> None:
    """Print one line of the answer, at once: whoever waits for it may be a program."""
    sys.stdout.write(text.translate(_CONTROLS) + "\n")
    sys.stdout.flush()


def lines(texts: Iterable[str]) -> None:
    """Print many lines of the answer for a program, as they are, without waiting for each to arrive."""
    for text in texts:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    optional: Collection[str] = (),
) -> None:
    """Print rows under column heads. Numbers stand right, with thousands separated (so an id goes in as text).

    A column in `optional` is left out where all of its rows are empty or zero: a terminal is narrow.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    every = [list(row) for row in rows]
    kept = [n for n, column in enumerate(columns) if column not in optional or any(row[n] for row in every)]
    cells, columns = [[row[n] for n in kept] for row in every], [columns[n] for n in kept]
    printed = Table(title=title, box=SIMPLE, title_justify="left")
    for index, column in enumerate(columns):
        numbers = bool(cells) and all(_is_number(row[index]) or row[index] is None for row in cells)
        printed.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        printed.add_row(*(Text(_shown(value)) for value in row))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
    console.print(printed)


def note(text: str) -> None:
    """Tell a person something on standard error."""
    sys.stderr.write(text.translate(_CONTROLS) + "\n")
    sys.stderr.flush()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case _:
            return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
