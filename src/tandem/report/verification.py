"""How far agreement is proven: what was looked at on both sides, and what nothing explains (rule R1).

"In step" is what every sync says of itself. A number that says of how many records it was looked at, and when, can be
believed, and one that is not zero can be followed to the record.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from tandem.model.entities import Entity
from tandem.rules.verification import REMEDIES, Verdict
from tandem.runtime import syncing
from tandem.runtime.subscription import Subscription
from tandem.state.verification import Circle
from tandem.sync.context import Progress

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVerification:
    """One table: the last circle over all its records that was closed, or the first while it goes on.

    `checked` of `records` were looked at since `begun_at`; `explained` values differ for a known reason; `found` counts
    what nothing explains. `looked_at` counts the records of the circle that goes on now.
    """

    checked: int
    records: int
    explained: int
    found: dict[Verdict, int]
    begun_at: str
    finished_at: str | None
    looked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDifference:
    """One thing nothing explains: a field, or without one the whole record; `text` says what is done about it."""

    entity: Entity
    crm_id: str
    person_id: int | None
    field: str | None
    verdict: Verdict
    text: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`checked` records in `days`, with `unexplained` differences. `tables` by logical name, those looked at only."""

    checked: int = 0
    days: float = 0.0
    unexplained: int = 0
    tables: dict[str, TableVerification] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The proof in one sentence."""
        if not self.checked:
            return "nothing was looked at on both sides yet"
        span = "less than a day" if self.days < 1 else f"{self.days:,.0f} day{'s' if self.days >= 1.5 else ''}"
        differences = "difference" if self.unexplained == 1 else "differences"
        return f"checked {self.checked:,} pairs in {span}, {self.unexplained:,} unexplained {differences}"


def read_verification(subscription: Subscription, only: Collection[Entity] | None = None) -> Verification:
    """What is stored about it, of every table or of those in `only`; Dynamics is not asked."""
    circles = {
        entity: each
        for entity, each in subscription.state.verifications.circles().items()
        if only is None or entity in only
    }
    shown = [each[0] for each in circles.values()]
    now = subscription.now()
    return Verification(
        checked=sum(each.checked for each in shown),
        days=max((_days(each.begun_at, each.finished_at or now) for each in shown), default=0.0),
        unexplained=sum(circle.found.total() for each in circles.values() for circle in each),
        tables={entity.value: _table(each) for entity, each in circles.items()},
    )


def read_findings(
    subscription: Subscription, only: Collection[Entity] | None = None, *, limit: int = 1_000
) -> list[FoundDifference]:
    """What was found since the last closed circles began, the newest first."""
    return [
        FoundDifference(
            entity=each.entity,
            crm_id=each.crm_id,
            person_id=each.person_id,
            field=each.field,
            verdict=each.verdict,
            text=REMEDIES[each.verdict],
            at=each.at,
        )
        for each in subscription.state.verifications.findings(limit=limit)
        if only is None or each.entity in only
    ]


def verify(
    subscription: Subscription,
    only: Collection[Entity] | None = None,
    *,
    report: Callable[[Progress], None] = lambda _progress: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Verification:
    """Look at every record on both sides now. Raises what a cycle raises; InUse, NotEnabled, NotConnected."""
    syncing.require_enabled(subscription)
    with syncing.engine_of(subscription, report=report, stopping=stopping) as (engine, context):
        syncing.verify(engine, context, only)
    return read_verification(subscription, only)


def _table(circles: list[Circle]) -> TableVerification:
    shown, last = circles[0], circles[-1]
    found = shown.found if shown is last else shown.found + last.found
    return TableVerification(
        checked=shown.checked,
        records=shown.records,
        explained=shown.explained,
        found={verdict: count for verdict, count in found.items() if count},
        begun_at=shown.begun_at,
        finished_at=shown.finished_at,
        looked_at=0 if last.finished_at else last.checked,
    )


def _days(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds() / _DAY
