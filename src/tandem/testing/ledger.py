"""What was visible, and what was written, however little of it is left (behaviour section 9).

A sync that loses a value also loses the trace of it, so it cannot be asked what it lost. Somebody else has to write
down every value anybody could ever see on either side, and every write that arrived.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tandem.database.port import Database
from tandem.dynamics.errors import DynamicsError, MissingPrivilege
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.mapping.fields import Direction
from tandem.model.entities import Entity
from tandem.state import SyncState
from tandem.state.state import FieldChoice
from tandem.testing.fake import FakeDynamics, FakeOrganisation
from tandem.testing.fake.store import Row


class Killed(BaseException):
    """The process ended here. Nothing in it can catch that."""


@dataclass(slots=True)
class Fuse:
    """Ends the process at one of the points it passes: the `left`-th from now; None: not at all."""

    left: int | None = None
    burnt: int = 0

    @property
    def dead(self) -> bool:
        """Has it come to that? Nothing of a dead process happens any more."""
        return self.left == 0

    def pass_point(self) -> None:
        """Here is one. Raises Killed."""
        if self.left:
            self.left -= 1
            self.burnt += self.left == 0
        if self.dead:
            raise Killed


class MortalDatabase:
    """A database whose process may end before and after each commit."""

    def __init__(self, inner: Database, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse
        self._inside = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit on a clean exit, unless the process ends before."""
        if self._inside:
            yield
            return
        if self._fuse.dead:
            raise Killed
        self._inside = True
        try:
            with self._inner.transaction():
                yield
                self._fuse.pass_point()
        finally:
            self._inside = False
        self._fuse.pass_point()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write that arrived. `values` are stored values by column, and so is `before`, in what is read of the record.

    `person` and `sent` (by API name) are those of the intent it carries out; `refused` tells why it was not carried
    out.
    """

    table: str
    record: str
    person: int
    values: Mapping[str, Any]
    sent: Mapping[str, Any]
    before: Row
    creates: bool
    refused: DynamicsError | None


@dataclass(slots=True)
class Ledger:
    """`held`: by person and API name, the meanings of all values ever visible there; `states`: the rows of Dynamics
    by table, id and version; `made`: the records that Tandem made, by the person they were made for.

    `touched` counts what was done from outside: a write answers something. `written` counts the writes of each column
    since its record or person was touched last.
    """

    held: defaultdict[int, defaultdict[str, set[Any]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    states: dict[tuple[str, str, int], Row] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    written: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    made: defaultdict[int, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def note_row(self, table: str, row_id: str, row: Row) -> None:
        """A row has another state."""
        self.states[table, row_id, row["versionnumber"]] = row

    def note_person(self, person: int, values: Mapping[str, Any]) -> None:
        """Somebody may see these values, by API name, on a person."""
        held = self.held[person]
        for name, value in values.items():
            held[name].add(meaning(value))

    def note_write(self, write: Write) -> None:
        """A write arrived."""
        self.writes.append(write)
        if write.refused is None:
            if write.creates:
                self.made[write.person].append((write.table, write.record))
            self.written.update((write.table, write.record, column) for column in write.values)

    def forget(self, *, keep: Collection[int]) -> None:
        """The subscription was set back: nobody is left who saw or sent anything but people in `keep`, whose records
        stay theirs; and what was held of them then is noted by whoever asks for this."""
        self.held.clear()
        self.writes.clear()
        self.written.clear()
        for person in self.made.keys() - set(keep):
            del self.made[person]

    def forgive(self, records: Iterable[str] | None = None) -> None:
        """Something was done to these records, or to all: writes that answer it are counted from here."""
        if records is None:
            self.written.clear()
        else:
            gone = set(records)
            for key in [key for key in self.written if key[1] in gone]:
                del self.written[key]


def meaning(value: Any) -> Any:
    """What a value comes down to in a walk: nothing is empty, numbers are exact, sets are written in one order."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return Decimal(str(value)).normalize()
    return value


class WatchedDynamics:
    """A fake organisation on a line that writes down what arrives, and in which things may happen meanwhile.

    `forbidden`: tables the sync user may not read; `before` and `after`: acts that take place once, just before the
    next write arrives and just after it was carried out; `look`: called before a write arrives, so that what is
    visible then is written down; `state`: what the subscription remembers.
    """

    def __init__(
        self,
        organisation: FakeOrganisation,
        ledger: Ledger,
        fuse: Fuse,
        *,
        look: Callable[[], None],
        state: Callable[[], SyncState],
    ) -> None:
        self._inner = FakeDynamics(organisation)
        self._organisation = organisation
        self._ledger = ledger
        self._fuse = fuse
        self._look = look
        self._state = state
        self.forbidden: set[str] = set()
        self.before: list[Callable[[], None]] = []
        self.after: list[Callable[[], None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def read_page(self, where: PageQuery | str, decoder: RowDecoder, *, page_size: int | None = None) -> Page:
        """One page, unless the table may not be read."""
        if decoder.table.name in self.forbidden:
            raise MissingPrivilege(f"The sync user may not read {decoder.table.name}.")
        return self._inner.read_page(where, decoder, page_size=page_size)

    def write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        """What the writes left, written down."""
        self._look()
        _let_happen(self.before)
        self._fuse.pass_point()
        under_way = {each.crm_id: each for each in self._state().intents.begun()}
        chosen = self._state().choices()[Entity(decoder.table.name)]
        rows = [self._organisation.get(each.table.name, each.id) or {} for each in writes]
        answers = self._inner.write(writes, decoder)
        for each, row, answer in zip(writes, rows, answers, strict=True):
            intent = under_way[each.id]
            self._ledger.note_write(
                Write(
                    table=each.table.name,
                    record=each.id,
                    person=intent.person_id,
                    values=each.values,
                    sent=intent.sent,
                    before={name: row.get(name) for name, choice in chosen.items() if _is_read(choice)},
                    creates=each.version is None,
                    refused=answer if isinstance(answer, DynamicsError) else None,
                )
            )
        _let_happen(self.after)
        self._fuse.pass_point()
        return answers

    def write_task(self, write: RowWrite, decoder: RowDecoder) -> Any:
        """The task it made or changed."""
        self._fuse.pass_point()
        row = self._inner.write_task(write, decoder)
        self._fuse.pass_point()
        return row

    def qualify(self, lead_id: str) -> str:
        """The contact it made, written down."""
        self._fuse.pass_point()
        contact = self._inner.qualify(lead_id)
        for intent in self._state().intents.begun():
            if intent.crm_id == lead_id:
                self._ledger.made[intent.person_id].append(("contact", contact))
        self._fuse.pass_point()
        return contact


def _is_read(choice: FieldChoice) -> bool:
    return choice.selected and choice.direction in (Direction.BOTH, Direction.FROM)


def _let_happen(acts: list[Callable[[], None]]) -> None:
    while acts:
        acts.pop(0)()
