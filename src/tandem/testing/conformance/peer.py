"""The organisation under test, seen from both of its sides, and short words for asking it.

A suite that reaches around the port would test one implementation only: everything goes by these calls.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.sandbox.automation.plug_ins import AnyPlugIn

E = TypeVar("E", bound=Exception)


class Peer(Protocol):
    """A new organisation without people. `dynamics` is the side of the sync user, the calls are other people's."""

    dynamics: DynamicsOrganisation

    def create(self, table: str, **values: object) -> str:
        """Make a record and return its id; `x__bind` stands for `x@odata.bind`."""
        ...

    def edit(self, table: str, record: str, **values: object) -> None:
        """Change a record."""
        ...

    def delete(self, table: str, record: str) -> None:
        """Delete a record."""
        ...

    def merge(self, table: str, winner: str, loser: str, **values: object) -> None:
        """Merge two records."""
        ...

    def plug_in(self, stand_in: AnyPlugIn) -> None:
        """Let a stand-in for the customer's automation act on every write."""
        ...

    def settle(self) -> None:
        """Let the stand-ins do what they left for later."""
        ...

    def lock(self, table: str, record: str, *, locked: bool = True) -> None:
        """Let a record refuse every change, or accept them again."""
        ...

    def detect_duplicates(self, table: str) -> None:
        """Publish a duplicate detection rule on the e-mail address."""
        ...

    def secure(self, table: str, column: str, *, secured: bool = True) -> None:
        """Take a column out of the sync user's sight, or give it back."""
        ...

    def allow(self, table: str, column: str, *, allowed: bool = True) -> None:
        """Let the sync user read a secured column by its column security profile, or not; the definitions stay."""
        ...

    def track(self, table: str, *, enabled: bool) -> None:
        """Switch a table's change tracking."""
        ...

    def advance(self, *, days: float) -> None:
        """Let time pass."""
        ...

    def back_up(self) -> None:
        """Keep the organisation as it is, for `restore`."""
        ...

    def restore(self) -> None:
        """Restore the last backup in place."""
        ...

    def lose_reply(self, *, carried_out: bool) -> None:
        """Lose the answer to the sync user's next request, before or after it was carried out."""
        ...


def decoder_of(peer: Peer, table: str, *columns: str) -> RowDecoder:
    """A decoder of these columns, by the organisation's own definitions."""
    return RowDecoder(peer.dynamics.tables([table])[table], columns)


def query(decoder: RowDecoder, **options: Any) -> PageQuery:
    """A read of everything the decoder knows."""
    columns = [name for name in decoder.fields if name in decoder.table.columns]
    return PageQuery(table=decoder.table, columns=columns, **options)


def pages(peer: Peer, where: PageQuery | str, decoder: RowDecoder, *, page_size: int = 2) -> Iterator[Page]:
    """Every page from `where` on."""
    following: PageQuery | str | None = where
    while following is not None:
        page = peer.dynamics.read_page(following, decoder, page_size=page_size)
        yield page
        following = page.next_link


def read(peer: Peer, where: PageQuery | str, decoder: RowDecoder, *, page_size: int = 2) -> Page:
    """All pages from `where` on, as one."""
    all_pages = list(pages(peer, where, decoder, page_size=page_size))
    return Page(
        rows=[row for page in all_pages for row in page.rows],
        deleted=[each for page in all_pages for each in page.deleted],
        next_link=None,
        delta_link=all_pages[-1].delta_link,
    )


def place(peer: Peer, decoder: RowDecoder) -> str:
    """The delta link at the end of a read of the whole table."""
    link = read(peer, query(decoder, track_changes=True), decoder).delta_link
    assert link is not None
    return link


def row_of(peer: Peer, table: str, record: str, *columns: str) -> Any:
    """One row as it is now. Raises IndexError where there is none."""
    decoder = decoder_of(peer, table, *columns)
    rows, _ = peer.dynamics.fetch(decoder.table, [record], decoder)
    return rows[0]


def change(decoder: RowDecoder, record: str, version: int, **values: Any) -> RowWrite:
    """A change of a row that has this version."""
    return RowWrite(table=decoder.table, id=record, values=values, version=version)


def creation(
    decoder: RowDecoder, values: Mapping[str, Any], *, record: str | None = None, check_duplicates: bool = False
) -> RowWrite:
    """A creation, under a new id unless one is given."""
    return RowWrite(
        table=decoder.table,
        id=record or str(uuid4()),
        values=values,
        version=None,
        check_duplicates=check_duplicates,
    )


def written(peer: Peer, decoder: RowDecoder, *writes: RowWrite) -> list[Any]:
    """What became of each write: the row it left, or its error."""
    return peer.dynamics.write(writes, decoder)


def written_now(peer: Peer, decoder: RowDecoder, record: str, **values: Any) -> Any:
    """What became of a change of a row as it is at this moment."""
    rows, _ = peer.dynamics.fetch(decoder.table, [record], decoder)
    (outcome,) = written(peer, decoder, change(decoder, record, rows[0].versionnumber, **values))
    return outcome


def raised(kind: type[E], call: Callable[[], object]) -> E:
    """The error of this kind that the call raises; any other outcome fails the test."""
    try:
        outcome = call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, but the call gave {outcome!r}")
