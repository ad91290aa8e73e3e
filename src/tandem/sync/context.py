"""What every part of the engine works with. Clock and settings come from outside: nothing here reads them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from tandem.database.port import Database
from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.writes import LARGEST_WRITE_BATCH
from tandem.marketing.port import MarketingDatabase
from tandem.model.entities import Entity
from tandem.rules.brakes import Brakes
from tandem.rules.companies import FANOUT_LIMIT
from tandem.state import SyncState


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """The settings the engine obeys; the defaults are those of the documentation."""

    page_size: int = 5_000
    fresh_interval: float = 60.0
    brakes: Brakes = field(default_factory=Brakes)
    fanout_limit: int = FANOUT_LIMIT
    match_email: bool = False
    sum_scores: bool = True
    never_return: bool = False
    contact_parent_account: bool = False
    check_duplicates: bool = True
    write_batch: int = LARGEST_WRITE_BATCH
    address_block: bool = False
    consent: bool = False
    language: int = 1033
    verification_days: int = 7
    keep_journal: int = 90
    keep_activities: int = 90
    keep_history: int = 90


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the rows of one entity in one cycle."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    excluded: int = 0
    waiting: int = 0
    pushed: int = 0
    failed: int = 0
    verified: int = 0
    seconds: float = 0.0

    def add(self, other: "Counts") -> None:
        """Add another page's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the reading of one table is. `total` is an estimate or None, `rate` in rows a second or None."""

    entity: Entity
    rows: int
    total: int | None
    rate: float | None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at this rate, as far as it can be told."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.rows) / self.rate


@dataclass(slots=True, kw_only=True)
class Context:
    """One subscription at work."""

    database: Database
    dynamics: DynamicsOrganisation
    marketing: MarketingDatabase
    state: SyncState
    now: Callable[[], str]
    monotonic: Callable[[], float]
    settings: SyncSettings = field(default_factory=SyncSettings)
    report: Callable[[Progress], None] = lambda _progress: None
    stopping: Callable[[], bool] = lambda: False
    writing: Callable[[], AbstractContextManager[None]] = nullcontext
    """Held by whoever writes to Dynamics: the engine, or an action in another process."""
