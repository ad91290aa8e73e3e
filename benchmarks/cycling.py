"""One cycle of a subscription that has copied a whole organisation: with nothing to do, and with edits on both sides.

Each measurement is a process that opened the subscription and went through one cycle before, as `tandem run` has.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx2

from benchmarks.measurement import Clock, Done
from tandem.dynamics.credentials import Credentials
from tandem.mapping.projection import decode_fields
from tandem.marketing.records import Person
from tandem.model.ids import PersonId
from tandem.runtime import connecting, syncing
from tandem.runtime.settings import Settings, load
from tandem.runtime.subscription import Subscription, opened
from tandem.sync.cycle_report import CycleReport
from tandem.sync.edits import Edits

SUBSCRIPTION = "benchmark"
_SEED = 9
_ACTIVE = 0
"""`statecode` of an open lead and of an active contact (reference 8.1): the others refuse edits."""


class Step(StrEnum):
    """What is measured of one subscription, in this order."""

    COPY = "first copy"
    QUIET = "quiet cycle"
    BUSY = "busy cycle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One step of the subscription in `home`, on the organisation behind `door`; `url` is set for PostgreSQL.

    `changes` is the number of people edited on each side before the busy cycle, spread at random.
    """

    step: Step
    door: Mapping[str, str]
    home: Path
    url: str | None
    changes: int

    def run(self, clock: Clock) -> Done:
        """Do the step under the clock. Its rows: those copied; or records changed in marketing and in Dynamics."""
        settings = self._settings()
        if self.step is Step.COPY:
            return self._copy(settings, clock)
        with opened(settings) as subscription, syncing.engine_of(subscription) as (engine, context):
            engine.cycle()
            if self.step is Step.BUSY:
                self._edit_both_sides(subscription)
            with clock:
                report = engine.cycle()
            differ = sum(context.state.links.count_unsent().values())
            return Done(rows=_moved(report) - differ, requests=report.requests)

    def _copy(self, settings: Settings, clock: Clock) -> Done:
        door = self.door
        credentials = Credentials(
            door["client_id"], client_secret=door["client_secret"], tenant=door["tenant"], authority=door["token_url"]
        )
        connecting.connect(settings, door["url"], credentials)
        with opened(settings) as subscription:
            syncing.enable(subscription, True)
            with syncing.engine_of(subscription) as (engine, _), clock:
                reports = list(syncing.cycles(engine, lambda: False))
        rows = sum(counts.read for report in reports for counts in report.entities.values())
        return Done(rows=rows, requests=sum(report.requests for report in reports))

    def _settings(self) -> Settings:
        environ = {"TANDEM_HOME": str(self.home), "TANDEM_SUBSCRIPTION": SUBSCRIPTION}
        return load(environ=environ | ({"TANDEM_DATABASE": self.url} if self.url else {}))

    def _edit_both_sides(self, subscription: Subscription) -> None:
        people = _active_people(subscription, 2 * self.changes)
        here, there = people[: self.changes], people[self.changes :]
        edits, at = Edits(subscription.database, subscription.marketing, subscription.state), subscription.now()
        # The organisation serves every database in turn: each must find values it does not have.
        sold, bought = (f"{trade} {self.home.name}" for trade in ("Seller of", "Buyer of"))
        with subscription.database.transaction():
            for person in here:
                edits.edit(person.id, [("title", sold)], at=at)
        links = subscription.state.links.of_people([person.id for person in there])
        with httpx2.Client() as somebody:
            for link in links.values():
                edit = {"table": link.entity.value, "id": link.crm_id, "values": {"jobtitle": bought}}
                somebody.post(f"{self.door['control_url']}/update", json=edit).raise_for_status()


def _active_people(subscription: Subscription, count: int) -> list[Person]:
    """So many linked people that accept edits, spread at random over the database; fewer where it is small."""
    everybody, _ = subscription.marketing.counts()["person"]
    drawn = random.Random(_SEED).sample(range(1, everybody + 1), min(everybody, 3 * count))
    found = subscription.marketing.people.get(drawn)
    return [found[PersonId(each)] for each in drawn if each in found and _is_active(found[PersonId(each)])][:count]


def _is_active(person: Person) -> bool:
    return person.type is not None and decode_fields(person.fields).get("leadStatus") == _ACTIVE


def _moved(report: CycleReport) -> int:
    counts = report.entities.values()
    return sum(each.created + each.updated + each.deleted + each.pushed for each in counts)
