"""A fake organisation behind the calls of the real client.

The engine cannot tell the two apart: rows come out of the same decoder, and a refusal becomes the error that the real
client makes of it. The conformance suite holds both to the same answers.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from tandem.dynamics.batch import LARGEST_BATCH
from tandem.dynamics.errors import DynamicsError
from tandem.dynamics.identity import ColumnRights, Identity, Look
from tandem.dynamics.lists import MEMBER_TYPES
from tandem.dynamics.messages import Response
from tandem.dynamics.queries import PageQuery, expect_linked
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.tasks import expect_task
from tandem.dynamics.translation import error_from, expect
from tandem.dynamics.writes import RowWrite, expect_writable
from tandem.model.entities import Entity
from tandem.model.schema import Table
from tandem.sandbox.messages import Refused
from tandem.testing.fake.organisation import FakeOrganisation
from tandem.testing.fake.queries import ROOT, count_rows, read_page, shown

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class FakeDynamics:
    """The organisation as its sync user sees it. Keeps the promises of `DynamicsOrganisation`."""

    def __init__(self, organisation: FakeOrganisation) -> None:
        self.organisation = organisation
        self.root = ROOT
        self.requests = 0

    def who_am_i(self) -> Identity:
        """The sync user and the organisation."""
        with self._asked():
            return self.organisation.identity

    def schema_version(self) -> str | None:
        """How often a definition has changed."""
        with self._asked():
            return str(self.organisation.schema)

    def look(self, secured: Sequence[Table] = ()) -> Look:
        """All of it in one request."""
        with self._asked():
            organisation = self.organisation
            rights = {table.name: self._rights(table) for table in secured}
            return Look(identity=organisation.identity, schema=str(organisation.schema), rights=rights)

    def tables(self, names: Iterable[str], language: int = 1033) -> dict[str, Table]:
        """The definitions, with English labels whatever the language."""
        with self._asked():
            return {name: self.organisation.tables[name] for name in names if name in self.organisation.tables}

    def column_rights(self, user_id: str, table: Table) -> ColumnRights:
        """The columns taken out of the sync user's sight."""
        with self._asked():
            return self._rights(table)

    def record_counts(self, names: Iterable[str]) -> dict[str, int]:
        """Rows per table, exact and at once. Raises TableUnknown."""
        with self._asked():
            wanted = list(names)
            for name in wanted:
                if name not in self.organisation.tables:
                    raise Refused(404, "0x8006088a", f"Resource not found for the segment '{name}'.")
            return {name: len(self.organisation.rows(name)) for name in wanted}

    def count(self, table: Table, condition: str) -> int | None:
        """The rows that meet a condition."""
        with self._asked():
            return count_rows(self.organisation, table, condition)

    def read_page(self, where: PageQuery | str, decoder: RowDecoder, *, page_size: int | None = None) -> Page:
        """One page. Raises like the client's."""
        with self._asked(linked=isinstance(where, str)):
            return read_page(self.organisation, where, decoder, page_size=page_size)

    def fetch(self, table: Table, ids: Sequence[str], decoder: RowDecoder) -> tuple[list[Any], list[str]]:
        """The rows there are, and the ids there are not."""
        with self._asked(requests=math.ceil(len(ids) / LARGEST_BATCH)):
            found = {row_id: self.organisation.get(table.name, row_id) for row_id in ids}
            rows = [self._row(decoder, row_id) for row_id in ids if found[row_id] is not None]
            return rows, [row_id for row_id in ids if found[row_id] is None]

    def fetch_names(self, table: Table, ids: Sequence[str]) -> dict[str, str | None]:
        """Primary names by id."""
        if table.primary_name is None:
            return {}
        rows, _ = self.fetch(table, ids, RowDecoder(table, [table.primary_name]))
        return {getattr(row, table.primary_id): getattr(row, table.primary_name) for row in rows}

    def write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        """The row each write left, or why it was refused."""
        expect_writable(writes, decoder)
        with self._asked():
            return [self._written(write, decoder) for write in writes]

    def qualify(self, lead_id: str) -> str:
        """The contact a lead became."""
        with self._asked():
            return self.organisation.qualify(lead_id, by=self.organisation.sync_user)

    def write_task(self, write: RowWrite, decoder: RowDecoder) -> Any:
        """The task as it is then."""
        expect_task(write, decoder)
        with self._asked():
            receipt = self._written(write, decoder)
        if isinstance(receipt, DynamicsError):
            raise receipt
        return receipt

    def make_list(self, list_id: str, name: str, members: Entity) -> None:
        """A static list under the given id."""
        values = {"listid": list_id, "listname": name, "createdfromcode": MEMBER_TYPES[members], "type": False}
        with self._asked():
            self.organisation.create("list", values, by=self.organisation.sync_user)

    def put_into_campaign(self, list_id: str, campaign_id: str) -> None:
        """The list is an item of the campaign."""
        with self._asked():
            self.organisation.add_item(list_id, campaign_id)

    def add_to_list(self, list_id: str, member_id: str) -> None:
        """The record is on the list."""
        with self._asked():
            self.organisation.add_member(list_id, member_id)

    def remove_from_list(self, list_id: str, members: Entity, member_id: str) -> None:
        """The record is not on the list any more."""
        with self._asked():
            self.organisation.remove_member(list_id, member_id)

    def _written(self, write: RowWrite, decoder: RowDecoder) -> Any | DynamicsError:
        organisation, table = self.organisation, write.table.name
        hidden = sorted(name for name in write.values if (table, name) in organisation.unreadable)
        try:
            if hidden:
                raise Refused(403, "0x8004f507", f"The caller may not update the secured field {hidden[0]}.")
            if write.version is None:
                values = {**write.values, write.table.primary_id: write.id}
                organisation.create(table, values, check_duplicates=write.check_duplicates, by=organisation.sync_user)
            else:
                organisation.edit(table, write.id, write.values, version=write.version)
        except Refused as refused:
            return error_from(_answer(refused))
        return self._row(decoder, write.id)

    def _rights(self, table: Table) -> ColumnRights:
        hidden = frozenset(column for name, column in self.organisation.unreadable if name == table.name)
        return ColumnRights(unreadable=hidden, unwritable=hidden)

    def _row(self, decoder: RowDecoder, row_id: str) -> Any:
        row = self.organisation.get(decoder.table.name, row_id) or {}
        visible = shown(self.organisation, self.organisation.tables[decoder.table.name], row, decoder.select)
        return decoder.decode_row(_ENCODER.encode(visible))

    @contextmanager
    def _asked(self, *, requests: int = 1, linked: bool = False) -> Iterator[None]:
        """Counts the requests, and makes a refusal the error that the client makes of it."""
        with self.organisation.lock:
            self.requests += requests
            try:
                yield
            except Refused as refused:
                # Each raises, for what is refused is no success.
                (expect_linked if linked else expect)(_answer(refused))


def _answer(refused: Refused) -> Response:
    """The refusal as the service sends it."""
    body = {"error": {"code": refused.code, "message": refused.message}}
    return Response(status=refused.status, headers={"content-type": "application/json"}, body=_ENCODER.encode(body))
