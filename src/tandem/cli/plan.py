"""`tandem plan`: what the next cycle would do, without doing it."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.plan import Plan


def plan(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most entries of each kind to list.")] = 20,
    json: output.Json = False,
) -> None:
    """Show what a cycle would do now: what would be written to Dynamics, and what would change in marketing.

    The cycle itself is run, nothing is sent and nothing is kept. Tables that are still to be copied are only named.
    """
    from tandem.report.plan import read_plan
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        found = read_plan(subscription)
    if json:
        output.json(
            {
                "cycle": found.cycle.as_json(),
                "writes": found.writes,
                "changes": found.changes,
                "collisions": found.collisions,
                "holds": found.holds,
                "errors": found.errors,
            }
        )
    else:
        _print(found, limit)


def _print(found: "Plan", limit: int) -> None:
    cycle = found.cycle
    pushed = sum(counts.pushed for counts in cycle.entities.values())
    read = sum(counts.created + counts.updated + counts.deleted for counts in cycle.entities.values())
    if not (found.writes or found.changes or found.collisions or found.holds or found.errors or read):
        output.line("The next cycle would change nothing.")
    else:
        output.line(f"The next cycle would write {pushed:,} records to Dynamics and change {read:,} in marketing.")
    if cycle.unfinished:
        names = ", ".join(entity.value for entity in cycle.unfinished)
        output.line(f"Besides, it would go on copying {names}; what that brings is not planned.")
    _print_entries(found, limit)


def _print_entries(found: "Plan", limit: int) -> None:
    writes = [
        (each.table, each.record, name, each.before.get(name), value)
        for each in found.writes
        for name, value in each.after.items()
    ]
    kinds = (
        ("To Dynamics", ("table", "record", "column", "now", "then"), writes),
        (
            "In marketing",
            ("person", "activity", "field", "now", "then"),
            [(str(each.person_id), each.type, each.field, each.old, each.new) for each in found.changes],
        ),
        (
            "Collisions",
            ("person", "field", "marketing", "Dynamics", "winner"),
            [(str(each["person_id"]), each["field"], each["marketing"], each["crm"], each["winner"])
             for each in found.collisions],
        ),
        (
            "Held until you decide",
            ("held", "table", "field", "records"),
            [(each["kind"], each["entity"], each["field"], each["count"]) for each in found.holds],
        ),
        (
            "Not possible",
            ("table", "person", "field", "why"),
            [(each["entity"], each["person_id"] and str(each["person_id"]), each["field"], each["message"])
             for each in found.errors],
        ),
    )  # fmt: skip
    for title, columns, rows in kinds:
        if rows:
            more = f" (the first {limit} of {len(rows):,})" if len(rows) > limit else ""
            output.table(columns, rows[:limit], title=title + more)
