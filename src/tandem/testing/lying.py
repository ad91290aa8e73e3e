"""An organisation on the other side of a bad network, that lies as real ones do.

Nobody can list the ways in which a sync may be told the same thing twice, late, in another order or not at all. So a
test draws them: each answer is true at heart and disguised by chance. A disguise depends on nothing but the seed and
how many calls of its kind the table has seen, so a failure comes again with its seed, however the threads run.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from tandem.dynamics.errors import (
    ColumnSecured,
    DynamicsError,
    NotAnswered,
    Throttled,
    TokenExpired,
    Unavailable,
    Unreachable,
    VersionMismatch,
)
from tandem.dynamics.identity import ColumnRights, Identity, Look
from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.model.entities import Entity
from tandem.model.schema import Table

T = TypeVar("T")


class Lie(StrEnum):
    """What may happen to an answer."""

    REPLAY = "replay"  # the changes begin at an older place than was asked for
    REORDER = "reorder"  # the rows of a page come in another order
    DUPLICATE = "duplicate"  # some rows and deletions of a page come twice
    UNKNOWN_DELETION = "unknown deletion"  # something is deleted that was never seen
    EXPIRE = "expire"  # a stored place is no longer accepted
    THROTTLE = "throttle"  # the service asks for a pause; nothing was carried out
    LOSE_REQUEST = "lose request"  # the request never arrived
    LOSE_REPLY = "lose reply"  # it was carried out, and the reply was lost
    BREAK_OFF = "break off"  # of several writes only the first were carried out, and the reply was lost
    MISMATCH = "mismatch"  # one write is answered with another version than the row's; it was not carried out
    FAULT = "fault"  # one write is answered with a fault of the service, although it was carried out
    OMIT = "omit"  # a page of changes comes without what changed, and it never comes again
    HIDE = "hide"  # a column is taken out of the sync user's sight, or given back


HARMLESS = (Lie.REPLAY, Lie.REORDER, Lie.DUPLICATE, Lie.UNKNOWN_DELETION)
"""Lies about pages that may not change anything (behaviour S3, design 1.4)."""


_WRITING = {"write", "qualify", "write_task", "make_list", "put_into_campaign", "add_to_list", "remove_from_list"}
"""Calls of which nobody knows whether they were carried out when no answer comes."""


class LyingDynamics:
    """Another organisation as a bad network shows it. Keeps the types of `DynamicsOrganisation`, not its peace.

    `rates` is how often each lie is told, from 0 to 1; `tell` orders one. `hideable` names the (table, column) that
    HIDE may take: the definitions say so at once, as the real ones do (reference 1.8).
    """

    def __init__(
        self,
        inner: DynamicsOrganisation,
        *,
        seed: int = 0,
        rates: Mapping[Lie, float] | None = None,
        hideable: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.root = inner.root
        self.rates = dict(rates or {})
        self.told: Counter[Lie] = Counter()
        self._inner = inner
        self._seed = seed
        self._hideable = hideable
        self._hidden: set[tuple[str, str]] = set()
        self._hidings = 0
        self._ordered: list[Lie] = []
        self._calls: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}

    @property
    def requests(self) -> int:
        """Requests that reached the organisation."""
        return self._inner.requests

    def tell(self, lie: Lie) -> None:
        """Tell this lie at the next opportunity, whatever its rate."""
        self._ordered.append(lie)

    # Questions that are answered truly, if at all -------------------------------------------------------------------

    def who_am_i(self) -> Identity:
        """The sync user and the organisation."""
        return self._asked("who_am_i", "", self._inner.who_am_i)

    def look(self, secured: Sequence[Table] = ()) -> Look:
        """Each part with its own lies."""
        identity, schema = self.who_am_i(), self.schema_version()
        rights = {table.name: self.column_rights(identity.user_id, table) for table in secured}
        return Look(identity=identity, schema=schema, rights=rights)

    def tables(self, names: Iterable[str], language: int = 1033) -> dict[str, Table]:
        """The definitions; a hidden column is a secured one."""
        found = self._asked("tables", "", lambda: self._inner.tables(names, language))
        return {name: self._secured(table) for name, table in found.items()}

    def column_rights(self, user_id: str, table: Table) -> ColumnRights:
        """What the organisation hides, and what is hidden here."""
        held = self._asked("column_rights", table.name, lambda: self._inner.column_rights(user_id, table))
        hidden = {column for name, column in self._hidden if name == table.name}
        return ColumnRights(unreadable=held.unreadable | hidden, unwritable=held.unwritable | hidden)

    def record_counts(self, names: Iterable[str]) -> dict[str, int]:
        """Rows per table."""
        return self._asked("record_counts", "", lambda: self._inner.record_counts(names))

    def count(self, table: Table, condition: str) -> int | None:
        """How many rows meet a condition."""
        return self._asked("count", table.name, lambda: self._inner.count(table, condition))

    def fetch(self, table: Table, ids: Sequence[str], decoder: RowDecoder) -> tuple[list[Any], list[str]]:
        """The rows there are, and the ids there are not."""
        rows, missing = self._asked("fetch", table.name, lambda: self._inner.fetch(table, ids, decoder))
        return self._veiled(rows, decoder), missing

    def fetch_names(self, table: Table, ids: Sequence[str]) -> dict[str, str | None]:
        """Primary names by id."""
        return self._asked("fetch_names", table.name, lambda: self._inner.fetch_names(table, ids))

    def schema_version(self) -> str | None:
        """The organisation's mark, and how often a column was hidden or given back."""
        chance = self._chance("schema_version", "")
        if self._hideable and self._lies(Lie.HIDE, chance):
            self._hidden ^= {chance.choice(self._hideable)}
            self._hidings += 1
        version = self._asked("schema_version", "", self._inner.schema_version)
        return version and f"{version}.{self._hidings}"

    # Pages ----------------------------------------------------------------------------------------------------------

    def read_page(self, where: PageQuery | str, decoder: RowDecoder, *, page_size: int | None = None) -> Page:
        """The page that was asked for, or one from an older place, in disorder."""
        name = decoder.table.name
        chance = self._chance("read_page", name)
        if isinstance(where, str):
            if self._lies(Lie.EXPIRE, chance):
                raise TokenExpired("Dynamics no longer accepts the stored place in the table's changes.")
            older = [place for place in self._places.get(name, []) if _selection(place) == _selection(where)]
            if where in older and self._lies(Lie.REPLAY, chance):
                where = chance.choice(older)
        asked = where
        page = self._carried("read_page", chance, lambda: self._inner.read_page(asked, decoder, page_size=page_size))
        if page.delta_link is not None:
            self._places.setdefault(name, []).append(page.delta_link)
        return self._disordered(page, decoder, chance)

    def _disordered(self, page: Page, decoder: RowDecoder, chance: random.Random) -> Page:
        rows, deleted = self._veiled(page.rows, decoder), page.deleted
        if self._lies(Lie.DUPLICATE, chance):
            rows = rows + chance.sample(rows, (len(rows) + 1) // 2)
            deleted = deleted + chance.sample(deleted, (len(deleted) + 1) // 2)
        if self._lies(Lie.UNKNOWN_DELETION, chance):
            deleted = [*deleted, str(UUID(int=chance.getrandbits(128), version=4))]
        if self._lies(Lie.REORDER, chance):
            rows, deleted = chance.sample(rows, len(rows)), chance.sample(deleted, len(deleted))
        if self._lies(Lie.OMIT, chance):
            rows, deleted = [], []
        return replace(page, rows=rows, deleted=deleted)

    # Writes ---------------------------------------------------------------------------------------------------------

    def write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        """Carries out what arrives; the answer may be lost, or refuse one of them."""
        chance = self._chance("write", decoder.table.name)
        if len(writes) > 1 and self._lies(Lie.BREAK_OFF, chance):
            self._inner.write(writes[: chance.randrange(1, len(writes))], decoder)
            raise _unanswered()
        refused = self._refused(writes, chance)
        rest = [write for number, write in enumerate(writes) if number not in refused]
        carried = iter(self._carried("write", chance, lambda: self._inner.write(rest, decoder) if rest else []))
        receipts = [refused[number] if number in refused else next(carried) for number in range(len(writes))]
        if writes and self._lies(Lie.FAULT, chance):
            receipts[chance.randrange(len(receipts))] = Unavailable("Dynamics had an unexpected fault.")
        self._veiled([each for each in receipts if not isinstance(each, DynamicsError)], decoder)
        return receipts

    def qualify(self, lead_id: str) -> str:
        """Qualifies the lead, if it arrives."""
        return self._carried("qualify", self._chance("qualify", ""), lambda: self._inner.qualify(lead_id))

    def write_task(self, write: RowWrite, decoder: RowDecoder) -> Any:
        """Makes or changes the task, if it arrives."""
        return self._asked("write_task", "", lambda: self._inner.write_task(write, decoder))

    def make_list(self, list_id: str, name: str, members: Entity) -> None:
        """Makes the list, if it arrives."""
        self._asked("make_list", "", lambda: self._inner.make_list(list_id, name, members))

    def put_into_campaign(self, list_id: str, campaign_id: str) -> None:
        """Puts the list into the campaign, if it arrives."""
        self._asked("put_into_campaign", "", lambda: self._inner.put_into_campaign(list_id, campaign_id))

    def add_to_list(self, list_id: str, member_id: str) -> None:
        """Puts the record on the list, if it arrives."""
        self._asked("add_to_list", "", lambda: self._inner.add_to_list(list_id, member_id))

    def remove_from_list(self, list_id: str, members: Entity, member_id: str) -> None:
        """Takes the record off the list, if it arrives."""
        self._asked("remove_from_list", "", lambda: self._inner.remove_from_list(list_id, members, member_id))

    def _refused(self, writes: Sequence[RowWrite], chance: random.Random) -> dict[int, DynamicsError]:
        """Writes that do not arrive, by their place: of a hidden column, and one that is told of another version."""
        refused: dict[int, DynamicsError] = {
            number: ColumnSecured("The sync user may not change a secured column.")
            for number, write in enumerate(writes)
            if any((write.table.name, column) in self._hidden for column in write.values)
        }
        updates = [number for number, write in enumerate(writes) if write.version is not None]
        if updates and self._lies(Lie.MISMATCH, chance):
            refused[chance.choice(updates)] = VersionMismatch("The record changed since it was read.")
        return refused

    # How it lies ----------------------------------------------------------------------------------------------------

    def _asked(self, call: str, table: str, answer: Callable[[], T]) -> T:
        return self._carried(call, self._chance(call, table), answer)

    def _carried(self, call: str, chance: random.Random, answer: Callable[[], T]) -> T:
        """The answer, unless the request or the reply is lost on its way."""
        lost = _unanswered if call in _WRITING else _unreachable
        if self._lies(Lie.THROTTLE, chance):
            raise Throttled("Dynamics asks for a pause.", retry_after=1.0)
        if self._lies(Lie.LOSE_REQUEST, chance):
            raise lost()
        answered = answer()
        if self._lies(Lie.LOSE_REPLY, chance):
            raise lost()
        return answered

    def _lies(self, lie: Lie, chance: random.Random) -> bool:
        # A number is drawn in any case: an ordered lie does not change the ones after it.
        drawn = chance.random() < self.rates.get(lie, 0.0)
        if lie in self._ordered:
            self._ordered.remove(lie)
        elif not drawn:
            return False
        self.told[lie] += 1
        return True

    def _chance(self, call: str, table: str) -> random.Random:
        key = f"{call} {table}"
        self._calls[key] += 1
        return random.Random(f"{self._seed} {key} {self._calls[key]}")

    def _secured(self, table: Table) -> Table:
        hidden = {column for name, column in self._hidden if name == table.name}
        columns = {
            name: replace(column, secured=True) if name in hidden else column for name, column in table.columns.items()
        }
        return replace(table, columns=columns) if hidden else table

    def _veiled(self, rows: list[Any], decoder: RowDecoder) -> list[Any]:
        """The rows with nothing in the hidden columns."""
        hidden = [column for name, column in self._hidden if name == decoder.table.name]
        for name in _attributes(hidden, decoder.fields):
            for row in rows:
                setattr(row, name, None)
        return rows


def _attributes(columns: Collection[str], fields: Collection[str]) -> list[str]:
    """The attributes of a row that tell of these columns."""
    return [name for column in columns for name in (column, f"{column}_type") if name in fields]


def _selection(link: str) -> str:
    """What a link selects: a place is only good for the columns it was given for (reference 4.4)."""
    return link.partition("$deltatoken=")[0]


def _unreachable() -> DynamicsError:
    return Unreachable("The line to Dynamics broke.")


def _unanswered() -> DynamicsError:
    return NotAnswered("The line to Dynamics broke, and nobody knows what became of the change.")
