"""`tandem demo`: the whole main job on this machine, in a minute, with nothing to set up.

It uses a home of its own in a temporary folder: whoever tries the demo on a machine that syncs for real must not find
a made-up organisation in the real one.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.model.entities import Entity

if TYPE_CHECKING:
    from tandem.report.conflicts import Conflict
    from tandem.sync.context import Context
    from tandem.sync.cycle import Engine
    from tandem.sync.cycle_report import CycleReport
    from tandem.testing.world import World

_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What became of one entity: rows of the first copy, then what the syncs after it did.

    `changed` and `deleted` are records in marketing, `pushed` those written to Dynamics.
    """

    entity: Entity
    copied: int
    changed: int
    deleted: int
    pushed: int
    errors: int
    seconds: float
    rows_per_second: float


def demo(
    people: Annotated[
        int, typer.Option(min=100, metavar="N", help="Leads and contacts of the made-up organisation.")
    ] = 5_000,
    json: output.Json = False,
) -> None:
    """Copy a made-up Dynamics organisation, edit both sides, sync, and show what moved."""
    from tandem.report.conflicts import read_conflicts
    from tandem.report.differences import read_differences
    from tandem.runtime import syncing
    from tandem.testing.world import World

    def say(text: str) -> None:
        if not json:
            output.line(text)

    say("Everything happens on this machine, in a temporary folder that is removed at the end.\n")
    say(f"1. A Dynamics 365 organisation is made up: {people:,} people.")
    begun = time.monotonic()
    with TemporaryDirectory(prefix="tandem-demo-") as folder, World(Path(folder), people=people, seed=_SEED) as world:
        say(f"2. Tandem connects: {_connection(world)}.")
        with world.engine() as (engine, context):
            first = list(syncing.cycles(engine, lambda: False))
            copied = sum(counts.read for counts in first[0].entities.values())
            say(f"3. The first copy: {copied:,} records in {first[0].seconds:.1f} s.")
            moved, synced = _edit_and_sync(world, engine, context)
            say(
                f"4. Edits on both sides, and one sync of {synced.seconds:.2f} s, {synced.requests} requests: "
                f"{_changed(synced)} records change in marketing, {_pushed(synced)} in Dynamics."
            )
            if not json:
                output.table(("what somebody did", "what both databases show"), moved)
            conflicts = read_conflicts(world.subscription, limit=100)
            if not json:
                _print_journal(conflicts)
            quiet, idle = _sync_with_nothing_to_do(world, engine)
            differences = sum(read_differences(world.subscription, limit=0).counts.values())
            say(
                f"6. A sync with nothing to do: {idle['changed']} changes in marketing, {idle['pushed']} records sent, "
                f"{idle['new_versions']} new versions in Dynamics, {differences} fields that differ, "
                f"{idle['requests']} requests."
            )
    totals = _totals([*first, synced, quiet])
    if json:
        output.json(
            {
                "people": people,
                "entities": {total.entity.value: asdict(total) for total in totals},
                "moved": [{"done": done, "seen": seen} for done, seen in moved],
                "conflicts": conflicts,
                "quiet_cycle": idle,
                "differences": differences,
                "seconds": round(time.monotonic() - begun, 3),
            }
        )
        return
    output.table(
        ("entity", "copied", "changed", "deleted", "pushed", "errors", "seconds", "rows/s"),
        [(total.entity.value, *list(asdict(total).values())[1:]) for total in totals],
    )


def _connection(world: "World") -> str:
    """Connect, and say to what."""
    subscription = world.connect().subscription
    binding, choices = subscription.binding, subscription.state.choices()
    assert binding is not None
    selected = sum(choice.selected for table in choices.values() for choice in table.values())
    return f"{binding.organization_name}, as {binding.user_name}, {selected} fields selected"


def _edit_and_sync(world: "World", engine: "Engine", context: "Context") -> tuple[list[tuple[str, str]], "CycleReport"]:
    """What was done and what is seen of it after one sync."""
    from tandem.cli.tour import Tour

    scenes = Tour(world, engine, context).scenes()
    report = engine.cycle()
    return [(scene.done, scene.look()) for scene in scenes], report


def _sync_with_nothing_to_do(world: "World", engine: "Engine") -> tuple["CycleReport", dict[str, int]]:
    """One more sync, and what it cost and did."""
    version = world.organisation.version
    report = engine.cycle()
    return report, {
        "changed": _changed(report),
        "pushed": _pushed(report),
        "new_versions": world.organisation.version - version,
        "requests": report.requests,
    }


def _print_journal(conflicts: "Sequence[Conflict]") -> None:
    collided = [each for each in conflicts if each.rule == "P4"]
    output.line(
        f"5. The journal (tandem conflicts) keeps what lost: {len(conflicts) - len(collided)} values of the merged "
        f"record, and {len(collided)} of fields that both sides changed:"
    )
    output.table(
        ("person", "field", "was", "marketing", "dynamics", "kept", "rule"),
        [
            (
                str(each.person_id),
                each.label,
                each.base.shown,
                each.marketing.shown,
                each.dynamics.shown,
                each.winner,
                each.rule,
            )
            for each in collided
        ],
    )


def _changed(report: "CycleReport") -> int:
    """Records that changed in marketing."""
    return sum(counts.created + counts.updated + counts.deleted for counts in report.entities.values())


def _pushed(report: "CycleReport") -> int:
    """Records that were written to Dynamics."""
    return sum(counts.pushed for counts in report.entities.values())


def _totals(reports: Sequence["CycleReport"]) -> list[Total]:
    """The first report is the first copy's."""
    copy, *later = reports
    totals = []
    for entity, counts in copy.entities.items():
        after = [report.entities[entity] for report in later if entity in report.entities]
        totals.append(
            Total(
                entity=entity,
                copied=counts.read,
                changed=sum(each.created + each.updated for each in after),
                deleted=sum(each.deleted for each in after),
                pushed=sum(each.pushed for each in [counts, *after]),
                errors=sum(each.failed for each in [counts, *after]),
                seconds=round(counts.seconds, 2),
                rows_per_second=round(counts.read / counts.seconds) if counts.seconds else 0,
            )
        )
    return totals
