"""Everything Tandem asks of a Dynamics organisation, as plain calls.

This facade holds no knowledge of the wire: it joins a session with the readers of each part. It is safe to use from
several threads; all of them share one token and one rate budget.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import msgspec

from tandem.dynamics.address import encode, organisation_root
from tandem.dynamics.credentials import Credentials, TokenSource
from tandem.dynamics.errors import DynamicsError, NotDataverse, RowNotFound
from tandem.dynamics.identity import (
    ColumnRights,
    Depth,
    Identity,
    Look,
    Organization,
    User,
    read_column_rights,
    read_organization,
    read_privileges,
    read_user,
    read_version,
    read_who_am_i,
)
from tandem.dynamics.limits import RateBudget
from tandem.dynamics.lists import item_request, list_request, member_request, removal_request
from tandem.dynamics.messages import Conversation, Request, Response, document
from tandem.dynamics.metadata import read_entity_sets, read_table
from tandem.dynamics.queries import (
    PageQuery,
    count_request,
    expect_linked,
    first_page,
    linked_page,
    matches_request,
    read_count,
    read_matches,
    row_request,
)
from tandem.dynamics.relationships import Relationships, read_relationships
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.session import Session
from tandem.dynamics.tasks import expect_task
from tandem.dynamics.translation import error_from, expect
from tandem.dynamics.transport import Transport
from tandem.dynamics.writes import (
    RowWrite,
    bound_tables,
    expect_writable,
    qualify_request,
    read_qualification,
    read_receipts,
    write_request,
)
from tandem.model.entities import Entity
from tandem.model.schema import Table

_ORGANIZATION = "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
_SCHEMA_PROBE = "businessunits?$select=businessunitid&$top=1"


class _Counts(msgspec.Struct, rename="pascal"):
    keys: list[str]
    values: list[int]


class _TotalRecordCount(msgspec.Struct, rename="pascal"):
    entity_record_count_collection: _Counts


class _SchemaProbe(msgspec.Struct):
    version: str | int | None = msgspec.field(default=None, name="@Microsoft.Dynamics.CRM.globalmetadataversion")


class Dynamics:
    """One organisation, seen as one sync user.

    Every call may raise RetryLater (after its own repetitions), NeedsPerson (credentials, rights, address) and OurBug;
    a call says what it raises besides. `root` is the organisation's address, `requests` the number sent to it so far.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        ca_bundle: str | Path | None = None,
        transport: httpx2.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        budget: RateBudget | None = None,
    ) -> None:
        self.root = organisation_root(url)
        self._transport = Transport(ca_bundle=ca_bundle, transport=transport)
        self._session = Session(
            self.root,
            send=self._transport.send,
            tokens=TokenSource(credentials, self.root, send=self._transport.send, monotonic=monotonic),
            budget=budget or RateBudget(monotonic=monotonic, sleep=sleep),
            monotonic=monotonic,
        )
        self._api = self._session.api
        self._entity_sets: dict[str, str] = {}
        self._user_id: str | None = None
        """Who the last look found to ask, so that the next one can ask for its rights in the same request."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._transport.close()

    @property
    def requests(self) -> int:
        """Requests sent to the organisation so far, repetitions included, tokens not."""
        return self._session.requests

    def knock(self) -> None:
        """Ask without a token: an organisation answers that it wants one (reference 1.3).

        Raises NotDataverse for any other answer, Unreachable, TlsFailed, Unavailable.
        """
        answer = self._transport.send(self._get("WhoAmI"))
        if answer.status != 401:
            expect(answer)
            raise NotDataverse(f"{self.root} answers everybody, without a token.", status=answer.status)

    def who_am_i(self) -> Identity:
        """The sync user; the cheapest proof that address and credentials are good (reference 1.5)."""
        return read_who_am_i(self._session.send(self._get("WhoAmI")))

    def organization(self) -> Organization:
        """The organisation that answers (reference 1.6)."""
        return read_organization(self._session.send(self._get(_ORGANIZATION)))

    def version(self) -> str:
        """The service's version, such as 9.2.25063.00145."""
        return read_version(self._session.send(self._get("RetrieveVersion()")))

    def user(self, user_id: str) -> User:
        """A system user by id. Raises RowNotFound."""
        path = f"systemusers({user_id})?$select=fullname,isdisabled,applicationid,accessmode"
        return read_user(self._session.send(self._get(path)))

    def privileges(self, user_id: str) -> dict[str, Depth]:
        """The user's privileges, such as prvReadLead, with the widest depth of each (reference 1.7)."""
        return self._session.run(read_privileges(self._api, user_id))

    def column_rights(self, user_id: str, table: Table) -> ColumnRights:
        """What the user lacks of the table's secured columns (reference 1.8).

        No request where the table has no secured column.
        """
        return self._session.run(read_column_rights(self._api, user_id, table))

    def tables(self, names: Iterable[str], language: int = 1033) -> dict[str, Table]:
        """The definitions of the named tables with labels in `language` (an LCID); unknown tables are left out."""
        found = self._session.run_all([read_table(self._api, name, language=language) for name in names])
        return {table.name: table for table in found if table is not None}

    def relationships(self, user_id: str, language: int = 1033) -> Relationships:
        """All tables and relationships, and how much of each table the user may read, in two requests."""
        privileges = self.privileges(user_id)
        return self._session.run(read_relationships(self._api, privileges, language=language))

    def record_counts(self, names: Iterable[str]) -> dict[str, int]:
        """Rows per table, an estimate up to 24 hours old (reference 3.3). Raises TableUnknown for unknown names."""
        wanted = encode(msgspec.json.encode(list(names)).decode())
        answer = self._session.send(self._get(f"RetrieveTotalRecordCount(EntityNames=@p1)?@p1={wanted}"))
        counts = document(expect(answer), _TotalRecordCount).entity_record_count_collection
        return dict(zip(counts.keys, counts.values, strict=True))

    def schema_version(self) -> str | None:
        """A mark that changes when any table or column changes (reference 2.7); None where it is not told."""
        return _schema_version(self._session.send(self._schema_probe()))

    def look(self, secured: Sequence[Table] = ()) -> Look:
        """Who answers, as whom, `schema_version`, and the `column_rights` to the tables `secured`, in one request:
        what every cycle begins with."""
        asked = self._user_id
        conversations: list[Conversation[Any]] = [self._identity_and_schema()]
        if asked is not None:
            conversations += [read_column_rights(self._api, asked, table) for table in secured]
        (identity, schema), *rights = self._session.run_all(conversations)
        self._user_id = identity.user_id
        if secured and identity.user_id != asked:
            rights = [self.column_rights(identity.user_id, table) for table in secured]
        found = {table.name: each for table, each in zip(secured, rights, strict=True)}
        return Look(identity=identity, schema=schema, rights=found)

    def _identity_and_schema(self) -> Conversation[tuple[Identity, str | None]]:
        identity, schema = yield [self._get("WhoAmI"), self._schema_probe()]
        return read_who_am_i(identity), _schema_version(schema)

    def count(self, table: Table, condition: str) -> int | None:
        """How many rows meet an OData condition, exactly; None above 50,000, where Dynamics refuses (reference 3.3).

        Raises BadQuery, ColumnUnknown or InvalidValue for a condition that Dynamics does not take.
        """
        return read_matches(self._session.send(matches_request(table, condition, api=self._api)))

    def read_page(self, where: PageQuery | str, decoder: RowDecoder, *, page_size: int | None = None) -> Page:
        """One page: the first of a query, or the one behind a stored next link or delta link.

        `page_size` must stay the same from the first page to the last; the decoder's own where none is given.
        Raises TokenExpired for a link no longer accepted, ForeignLink for one that leads elsewhere, ColumnTypeChanged,
        ColumnUnknown, ChangeTrackingOff, MissingPrivilege.
        """
        if isinstance(where, PageQuery):
            answer = expect(self._session.send(first_page(where, decoder, api=self._api, page_size=page_size)))
        else:
            answer = expect_linked(self._session.send(linked_page(where, decoder, page_size=page_size)))
        return decoder.decode(answer.body)

    def count_changes(self, delta_link: str) -> int:
        """The number of changes behind a delta link (capped at 5,000 as all `$count`s are [infer]).

        Raises TokenExpired, ForeignLink.
        """
        return read_count(self._session.send(count_request(delta_link, root=self.root)))

    def fetch(self, table: Table, ids: Sequence[str], decoder: RowDecoder) -> tuple[list[Any], list[str]]:
        """The rows with the given ids as the decoder's structs, and the ids that do not exist; both in the order asked.

        By `$batch`, at most 100 rows a request.
        """
        answers = self._session.send_all([row_request(table, row_id, decoder, api=self._api) for row_id in ids])
        rows: list[Any] = []
        missing: list[str] = []
        for row_id, answer in zip(ids, answers, strict=True):
            if answer.status < 300:
                rows.append(decoder.decode_row(answer.body))
                continue
            error = error_from(answer)
            if not isinstance(error, RowNotFound):
                raise error
            missing.append(row_id)
        return rows, missing

    def fetch_names(self, table: Table, ids: Sequence[str]) -> dict[str, str | None]:
        """The primary names of the given rows by id; ids that do not exist are left out."""
        if table.primary_name is None:
            return {}
        decoder = RowDecoder(table, [table.primary_name])
        rows, _missing = self.fetch(table, ids, decoder)
        return {getattr(row, table.primary_id): getattr(row, table.primary_name) for row in rows}

    def write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        """Carries out at most 100 independent writes to leads or to contacts, in one request.

        Gives for each write, in order, the row it left, as a struct of the decoder, or the error it met. None of these
        was carried out, but for Unavailable, which leaves that open as NotAnswered does: such a write may be repeated
        with the same id and version, whose condition tells. Nothing is repeated here on account of a single write.
        Raises NotAnswered where it cannot be known which were carried out; any other error means that none was.
        Before the first write of a lookup one more request asks which entity set its target has.
        """
        expect_writable(writes, decoder)
        return self._write(writes, decoder)

    def write_task(self, write: RowWrite, decoder: RowDecoder) -> Any:
        """Makes a task under the given id, or changes the state of one that has the given version; the row it left.

        Raises DuplicateKey where a task has that id, VersionMismatch, RowNotFound, NotAnswered or Unavailable where it
        cannot be known whether it was carried out; any other error means that it was not (reference 8.8).
        """
        expect_task(write, decoder)
        (receipt,) = self._write([write], decoder)
        if isinstance(receipt, DynamicsError):
            raise receipt
        return receipt

    def _write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        unknown = sorted(bound_tables(writes) - self._entity_sets.keys())
        if unknown:
            self._entity_sets |= self._session.run(read_entity_sets(self._api, unknown))
        requests = [write_request(write, decoder, api=self._api, entity_sets=self._entity_sets) for write in writes]
        return read_receipts(writes, self._session.answers_to(requests), decoder)

    def qualify(self, lead_id: str) -> str:
        """Qualifies a lead into a contact, without account and opportunity; the contact's id (reference 8.11).

        Raises NotAnswered where it cannot be known whether that happened, or which contact it was: its traces are the
        contact's `originatingleadid` and the lead's `parentcontactid`. Raises StateConflict for a lead that is closed
        already, RowNotFound, MissingPrivilege, Refused; then nothing happened.
        """
        return read_qualification(self._session.send(qualify_request(lead_id, api=self._api)))

    def make_list(self, list_id: str, name: str, members: Entity) -> None:
        """Makes a static marketing list for leads or contacts under the given id (reference 8.7).

        Raises DuplicateKey where a list has that id, NotAnswered where it cannot be known whether it was made.
        """
        expect(self._session.send(list_request(list_id, name, members, api=self._api)))

    def put_into_campaign(self, list_id: str, campaign_id: str) -> None:
        """Makes a list an item of a campaign (reference 8.7).

        Raises RowNotFound, ListClosed for one that is inactive, DuplicateKey where it is in the campaign already (how
        the service answers that is unconfirmed), NotAnswered where it cannot be known whether it was put in.
        """
        expect(self._session.send(item_request(list_id, campaign_id, api=self._api)))

    def add_to_list(self, list_id: str, member_id: str) -> None:
        """Puts a lead or contact on a static list; one that is on it stays on it (reference 8.7, unconfirmed).

        Raises RowNotFound, ListClosed, NotAnswered where it cannot be known whether it was put on.
        """
        expect(self._session.send(member_request(list_id, member_id, api=self._api)))

    def remove_from_list(self, list_id: str, members: Entity, member_id: str) -> None:
        """Takes a lead or contact off a static list (reference 8.7).

        Raises NotOnList, RowNotFound, ListClosed, NotAnswered where it cannot be known whether it was taken off.
        """
        expect(self._session.send(removal_request(list_id, members, member_id, api=self._api)))

    def _schema_probe(self) -> Request:
        return Request(url=f"{self._api}/{_SCHEMA_PROBE}", headers={"Prefer": 'odata.include-annotations="*"'})

    def _get(self, path: str) -> Request:
        return Request(url=f"{self._api}/{path}")


def _schema_version(answer: Response) -> str | None:
    if answer.status in (403, 404):
        return None
    version = document(expect(answer), _SchemaProbe).version
    return None if version is None else str(version)
