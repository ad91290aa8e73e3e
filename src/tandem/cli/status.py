"""`tandem status`: where the sync stands, for a person or for monitoring."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.status import Status


def status(context: typer.Context, json: output.Json = False) -> None:
    """Show the state, the records of each table, what is not done yet, and how far Dynamics was read.

    Asks Dynamics nothing and works while `tandem run` is going. Records are those Dynamics still has; deleted counts
    from the first copy on; a backlog was read and not applied, or is left of a copy. Unsent counts people who differ
    from their record: `tandem differences` says in what, and why.
    """
    from tandem.report.status import read_status

    found = read_status(context.obj.settings)
    if json:
        output.json(found)
        return
    for name, value in _facts(found):
        output.line(f"{name:<14}{value}")
    if found.entities:
        _tell_tables(found)
    if found.waiting:
        output.table(
            ["waiting", "for", "references", "since", "reason"],
            [(each.entity, each.target, each.count, each.since, each.reason) for each in found.waiting],
        )
    if found.open_holds:
        output.line(f"{found.open_holds} holds wait for a decision: tandem holds")


def _facts(found: "Status") -> Iterable[tuple[str, str]]:
    yield "Subscription", found.subscription
    yield "State", found.state
    if found.organization_id:
        yield "Organisation", f"{found.organization_name} ({found.organization_id}) {found.url}"
        yield "Sync user", found.user or ""
        yield "First copy", f"complete since {found.first_copy_completed_at}" if found.first_copy_completed_at else "-"
    else:
        yield "Next", "tandem connect URL --client-id ID"
    cycle = found.last_cycle
    if cycle:
        ended = f"{cycle['outcome']} {cycle['ended_at']}" if cycle["ended_at"] else "not ended: at work, or killed"
        yield "Last cycle", f"{cycle['number']}, begun {cycle['begun_at']}, {ended}"
        stopped = cycle.get("stopped_by")
        if stopped:
            yield "Stopped by", f"{stopped['message']} {stopped['advice']} [{stopped['code']}]"
    if found.notify:
        yield "Notifies", found.notify
    yield "Database", found.database
    yield "Log file", found.log_file


def _tell_tables(found: "Status") -> None:
    output.table(
        [
            "table",
            "records",
            "deleted",
            "superseded",
            "excluded",
            "to insert",
            "to update",
            "oldest",
            "unsent",
            "errors",
        ],
        [
            (
                name,
                each.records,
                each.deleted,
                each.superseded,
                each.excluded,
                each.backlog_inserts,
                each.backlog_updates,
                each.oldest_pending,
                each.unsent,
                each.errors,
            )
            for name, each in found.entities.items()
        ],
        optional=("superseded", "excluded", "to insert", "to update", "oldest", "unsent"),
    )
    output.table(
        ["table", "reading", "rows read", "of about", "token from", "remark"],
        [
            (
                name,
                f"{each.state} ({each.reading})" if each.reading else each.state,
                each.rows_read,
                each.total,
                each.token_at,
                each.reason or ("weak: no change tracking" if each.weak else ""),
            )
            for name, each in found.streams.items()
        ],
        optional=("rows read", "of about", "remark"),
    )
