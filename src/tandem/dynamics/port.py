"""What the engine asks of a Dynamics organisation, so that it can be given one that forgets, repeats and refuses.

The real client keeps these promises over HTTPS; `tandem.testing` has an organisation in memory and a lying one that
keep the same, proven by one conformance suite.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from tandem.dynamics.errors import DynamicsError
from tandem.dynamics.identity import ColumnRights, Identity, Look
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.model.entities import Entity
from tandem.model.schema import Table


class DynamicsOrganisation(Protocol):
    """One organisation, seen as one sync user.

    Every call may raise RetryLater, NeedsPerson and OurBug; a call says what it raises besides. The calls may come
    from several threads.
    """

    @property
    def root(self) -> str:
        """The organisation's address, without a slash at its end."""
        ...

    @property
    def requests(self) -> int:
        """Requests sent to the organisation so far."""
        ...

    def who_am_i(self) -> Identity:
        """The sync user and the organisation, by ids."""
        ...

    def schema_version(self) -> str | None:
        """A mark that changes when any table or column changes; None where it is not told."""
        ...

    def look(self, secured: Sequence[Table] = ()) -> Look:
        """`who_am_i`, `schema_version`, and the `column_rights` to the tables `secured`, in one request."""
        ...

    def tables(self, names: Iterable[str], language: int = 1033) -> dict[str, Table]:
        """The definitions of the named tables with labels in `language` (an LCID); unknown tables are left out."""
        ...

    def column_rights(self, user_id: str, table: Table) -> ColumnRights:
        """What the user lacks of the table's secured columns."""
        ...

    def record_counts(self, names: Iterable[str]) -> dict[str, int]:
        """Rows per table, an estimate."""
        ...

    def count(self, table: Table, condition: str) -> int | None:
        """How many rows meet an OData condition, exactly; None where Dynamics would have to look at too many."""
        ...

    def read_page(self, where: PageQuery | str, decoder: RowDecoder, *, page_size: int | None = None) -> Page:
        """One page: the first of a query, or the one behind a stored next link or delta link.

        Raises TokenExpired for a link no longer accepted, and what concerns the table or its columns.
        """
        ...

    def fetch(self, table: Table, ids: Sequence[str], decoder: RowDecoder) -> tuple[list[Any], list[str]]:
        """The rows with the given ids as the decoder's structs, and the ids that do not exist; both in the order asked.

        The decoder's columns are what is read.
        """
        ...

    def fetch_names(self, table: Table, ids: Sequence[str]) -> dict[str, str | None]:
        """The primary names of the given rows by id; ids that do not exist are left out."""
        ...

    def write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        """Carries out at most 100 independent writes to leads or to contacts, in one request.

        Gives for each write, in order, the row it left, as a struct of the decoder, or the error it met: none of these
        was carried out, but for Unavailable, which leaves that open. Raises NotAnswered where it cannot be known which
        were carried out; any other error means that none was.
        """
        ...

    def qualify(self, lead_id: str) -> str:
        """Qualifies a lead into a contact, without account and opportunity; the contact's id.

        Raises NotAnswered where it cannot be known whether that happened; StateConflict for a lead that is closed.
        """
        ...

    def write_task(self, write: RowWrite, decoder: RowDecoder) -> Any:
        """Makes a task under the given id, or changes the state of one that has the given version; the row it left.

        Raises DuplicateKey where a task has that id, VersionMismatch, RowNotFound, NotAnswered or Unavailable where it
        cannot be known whether it was carried out; any other error means that it was not.
        """
        ...

    def make_list(self, list_id: str, name: str, members: Entity) -> None:
        """Makes a static marketing list for leads or contacts under the given id.

        Raises DuplicateKey where a list has that id, NotAnswered where it cannot be known whether it was made.
        """
        ...

    def put_into_campaign(self, list_id: str, campaign_id: str) -> None:
        """Makes a list an item of a campaign.

        Raises RowNotFound, ListClosed for one that is inactive, DuplicateKey where it is in the campaign already,
        NotAnswered where it cannot be known whether it was put in.
        """
        ...

    def add_to_list(self, list_id: str, member_id: str) -> None:
        """Puts a lead or contact on a static list; one that is on it stays on it.

        Raises RowNotFound, ListClosed, NotAnswered where it cannot be known whether it was put on.
        """
        ...

    def remove_from_list(self, list_id: str, members: Entity, member_id: str) -> None:
        """Takes a lead or contact off a static list.

        Raises NotOnList, RowNotFound, ListClosed, NotAnswered where it cannot be known whether it was taken off.
        """
        ...
