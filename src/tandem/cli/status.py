"""`tandem status`: where the sync stands, for a person or for monitoring.

It is asked when something is wrong, so it needs nothing that may be the cause: no Dynamics, no running Tandem.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.fields import print_quick_syncs
from tandem.cli.invocation import ExitCode
from tandem.cli.progress import span

if TYPE_CHECKING:
    from tandem.report.status import Status
    from tandem.report.throughput import Throughput
    from tandem.report.unread import Unread

_HEIGHTS = ".▁▂▃▄▅▆▇█"


def status(
    context: typer.Context,
    fail_after: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=525_600,
            metavar="MINUTES",
            help="For a monitor: exit 1 when the last good cycle ended longer ago than this.",
        ),
    ] = None,
    trend: Annotated[
        bool,
        typer.Option("--trend", help="Show too how many records are synced per hour, and whether the backlog grows."),
    ] = False,
    unread: Annotated[
        bool,
        typer.Option("--unread", help="Ask Dynamics too how many changes wait there to be read; a request per table."),
    ] = False,
    json: output.Json = False,
) -> None:
    """Show the state, the records of each table, what is not done yet, and how far Dynamics was read.

    Asks Dynamics nothing, but with --unread, and works while `tandem run` is going. Records are those Dynamics still
    has; deleted counts from the first copy on; a backlog was read and not applied, or is left of a copy, and grows when
    it is more than six hours ago. Unsent counts people who differ from their record: `tandem differences` says in what,
    and why. Synced are records created, updated, deleted or pushed, by full hours of the clock in UTC.
    """
    from tandem.report.status import is_older, read_status
    from tandem.runtime.subscription import now

    found = read_status(context.obj.settings, unread=unread)
    if json:
        output.json(found)
    else:
        _tell(found)
        if trend:
            _tell_trend(found)
        if found.unread is not None:
            _tell_unread(found.unread)
    if fail_after is not None and is_older(found.last_good_cycle_at, minutes=fail_after, now=now()):
        last = found.last_good_cycle_at
        when = (
            f"The last good cycle ended at {last}, more than {fail_after} minutes ago" if last else "No good cycle yet"
        )
        output.note(f"{when}. The state is: {found.state}.")
        raise typer.Exit(ExitCode.FAILED)


def _tell(found: "Status") -> None:
    for name, value in _facts(found):
        output.line(f"{name:<14}{value}")
    if found.entities:
        _tell_tables(found)
    if found.quick_syncs:
        print_quick_syncs(found.quick_syncs)
    if found.waiting:
        output.table(
            ["waiting", "for", "references", "since", "reason"],
            [(each.entity, each.target, each.count, each.since, each.reason) for each in found.waiting],
        )
        output.line("What would end it: tandem waiting")
    if found.open_holds:
        output.line(f"Holds that wait for a decision: {found.open_holds}. See: tandem holds")


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
        elif found.down:
            yield "Stopped by", found.down
    if found.organization_id:
        yield "Agreement", f"{found.verification.sentence}: tandem verify"
    if found.credentials_expire_at:
        yield "Credentials", f"a certificate that ends on {found.credentials_expire_at}"
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
            "oldest insert",
            "to update",
            "oldest update",
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
                each.oldest_insert,
                each.backlog_updates,
                each.oldest_update,
                each.unsent,
                each.errors,
            )
            for name, each in found.entities.items()
        ],
        optional=("superseded", "excluded", "to insert", "oldest insert", "to update", "oldest update", "unsent"),
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
            for name, each in [
                *found.streams.items(),
                *((f"{name} (next selection)", each) for name, each in found.successors.items()),
            ]
        ],
        optional=("rows read", "of about", "remark"),
    )


def _tell_trend(found: "Status") -> None:
    output.table(
        ["table", "last hour", "most", "least", "average", "backlog", "6 hours ago", "trend", "done in", "5 days"],
        [
            (
                name,
                each.last_hour,
                each.max_per_hour,
                each.min_per_hour,
                each.average_per_hour,
                each.backlog,
                each.backlog_before,
                each.trend,
                None if each.seconds_left is None else span(each.seconds_left),
                _curve(each),
            )
            for name, each in found.throughput.items()
        ],
        title="Records synced per hour, and the backlog, every four hours of five days",
    )


def _curve(throughput: "Throughput") -> str:
    """The backlog as bars, up to its highest; a dot is nothing left, a blank nobody knows."""
    levels = [each.backlog for each in throughput.buckets]
    highest = max((level for level in levels if level is not None), default=0) or 1
    return "".join(" " if level is None else _HEIGHTS[math.ceil(level * 8 / highest)] for level in levels)


def _tell_unread(unread: "dict[str, Unread]") -> None:
    output.table(
        ["table", "unread in Dynamics", "remark"],
        [
            (name, f"{each.changes:,} or more" if each.capped else each.changes, each.remark)
            for name, each in unread.items()
        ],
        optional=("remark",),
    )
