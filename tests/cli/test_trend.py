"""`tandem status --trend` and `--unread`: how fast it goes, whether it keeps up, and what was not read yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.dynamics.client import Dynamics
from tandem.model.entities import Entity
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import opened
from tandem.sandbox.door.operations import Privilege

FACTS = {
    "last_hour",
    "max_per_hour",
    "min_per_hour",
    "average_per_hour",
    "backlog",
    "backlog_before",
    "trend",
    "seconds_left",
    "buckets",
}


def cycle(terminal: Any, *, hours_ago: float, created: int, backlog: int) -> None:
    """A cycle of the past in the history, of contacts; the newest cycle there is ended then."""
    at = (datetime.now(UTC) - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    counts = {"entities": {"contact": {"created": created}}, "backlog": {"contact": backlog}}
    with opened(Settings(home=terminal.home)) as subscription:
        number = subscription.state.journal.begin_cycle(at=at)
        subscription.state.journal.end_cycle(number, outcome="done", requests=1, counts=counts, at=at)


def ids(terminal: Any, table: str) -> list[str]:
    """Every record of the table in Dynamics."""
    sql = f"select {table}id from {table}"
    return [record for (record,) in terminal.world.organisation.connection.execute(sql).fetchall()]


def delete_contacts(terminal: Any) -> None:
    """Delete every contact in Dynamics."""
    for contact in ids(terminal, "contact"):
        if terminal.world.organisation.exists("contact", contact):  # a contact's own contacts go with it
            terminal.world.delete("contact", contact)


def row(shown: str, table: str, heading: str) -> list[str]:
    """The cells of a table's row in the listing with this heading."""
    listing = shown[shown.index(heading) :]
    return next(line.split() for line in listing.splitlines() if line.split()[:1] == [table])


def test_N3_each_cycle_keeps_the_backlog_that_status_shows(own_terminal: Any) -> None:
    """Deletions that are held are left to do: in the cycle, in the status, and in the last bucket."""
    own_terminal.synced()
    assert {} == own_terminal.status()["last_cycle"]["backlog"]
    delete_contacts(own_terminal)

    reported = own_terminal.run("sync", "--json").json

    status = own_terminal.status()
    held = status["entities"]["contact"]["backlog_updates"]
    assert held > 20
    assert {"contact": held} == reported["backlog"] == status["last_cycle"]["backlog"]
    assert (held, held) == (
        status["throughput"]["contact"]["backlog"],
        status["throughput"]["contact"]["buckets"][-1]["backlog"],
    )


def test_N3_the_trend_is_always_in_the_json(own_terminal: Any) -> None:
    """For each table that is shown; Dynamics is not asked, so there is nothing unread."""
    status = own_terminal.synced().status()

    assert list(status["entities"]) == list(status["throughput"])
    assert {frozenset(FACTS)} == {frozenset(each) for each in status["throughput"].values()}
    assert status["unread"] is None


def test_N3_the_trend_tells_what_was_synced_and_where_the_backlog_goes(own_terminal: Any) -> None:
    """A day and more of cycles: the best hour, the worst, and a backlog that was 3,000 ten hours ago."""
    own_terminal.connected()
    for hours_ago, created, backlog in ((30, 0, 0), (10, 2_400, 3_000), (5, 0, 2_000)):
        cycle(own_terminal, hours_ago=hours_ago, created=created, backlog=backlog)

    shown = own_terminal.run("status", "--trend").out
    told = row(shown, "contact", "Records synced per hour")
    assert ["0", "2,400", "0", "100.0", "0", "3,000", "normal"] == told[1:8]
    assert "." == told[-1][-1]
    assert "█" in "".join(told[8:])
    assert "Records synced per hour" not in own_terminal.run("status").out


def test_N3_a_backlog_that_grows_is_told(own_terminal: Any) -> None:
    """Held deletions, where nothing was left to do seven hours ago."""
    own_terminal.synced()
    cycle(own_terminal, hours_ago=7, created=0, backlog=0)
    delete_contacts(own_terminal)
    own_terminal.run("sync")

    found = own_terminal.status()["throughput"]
    assert ("growing", 0, None) == tuple(found["contact"][name] for name in ("trend", "backlog_before", "seconds_left"))
    assert "growing" in row(own_terminal.run("status", "--trend").out, "contact", "Records synced per hour")
    assert "normal" == found["lead"]["trend"]


def test_N3_unread_changes_are_counted_in_dynamics_and_shown_apart(own_terminal: Any) -> None:
    """Changed and deleted records both; the backlog does not know them, and a weak stream cannot tell."""
    world = own_terminal.world
    own_terminal.synced()
    kept, gone = ids(own_terminal, "lead")[:2]
    world.edit("lead", kept, lastname="New")
    world.delete("lead", gone)

    status = own_terminal.run("status", "--unread", "--json").json

    assert {"changes": 2, "capped": False, "remark": None} == status["unread"]["lead"]
    assert (0, 0) == (status["unread"]["contact"]["changes"], status["throughput"]["lead"]["backlog"])
    assert (None, "no change tracking: nobody can tell") == tuple(
        status["unread"]["teammembership"][name] for name in ("changes", "remark")
    )
    shown = own_terminal.run("status", "--unread").out
    assert ["lead", "2"] == row(shown, "lead", "unread in Dynamics")
    assert "nobody can tell" in shown

    own_terminal.run("sync")
    assert 0 == own_terminal.run("status", "--unread", "--json").json["unread"]["lead"]["changes"]


def test_N3_an_expired_token_and_a_table_that_is_not_read_yet_are_said(own_terminal: Any) -> None:
    """A number would be a guess."""
    own_terminal.synced()
    own_terminal.world.advance(days=8)

    expired = own_terminal.run("status", "--unread", "--json").json["unread"]["lead"]
    with opened(Settings(home=own_terminal.home)) as subscription, subscription.database.transaction():
        stream = subscription.state.streams.all()[Entity.LEAD]
        stream.begin_again("the token was lost")
        subscription.state.streams.put(stream)
    copying = own_terminal.run("status", "--unread", "--json").json["unread"]["lead"]

    assert (None, None) == (expired["changes"], copying["changes"])
    assert "the token has expired" in expired["remark"]
    assert "no token yet" in copying["remark"]


def test_N3_dynamics_counts_no_further_than_5000(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So 5,000 may be any number above, and 4,999 is what it says."""
    terminal.synced()
    counts = iter([4_999, 5_000])
    monkeypatch.setattr(Dynamics, "count_changes", lambda _dynamics, _link: next(counts, 0))

    shown = terminal.run("status", "--unread").out
    listing = shown[shown.index("unread in Dynamics") :]
    assert (True, 1) == ("4,999" in listing, listing.count("5,000 or more"))
    assert "4,999 or more" not in listing


def test_N3_a_table_that_may_not_be_read_is_said_and_the_others_are_counted(own_terminal: Any) -> None:
    """One table's trouble is its own."""
    own_terminal.synced()
    own_terminal.world.do(Privilege(privilege="prvReadLead", depth=None))

    unread = own_terminal.run("status", "--unread", "--json").json["unread"]
    assert (None, 0) == (unread["lead"]["changes"], unread["contact"]["changes"])
    assert "prvReadLead" in unread["lead"]["remark"]


def test_N3_what_is_unread_cannot_be_asked_without_a_connection(terminal: Any) -> None:
    """The same status without --unread is an answer."""
    ended = terminal.run("status", "--unread")

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "[not-connected]" in ended.told
    assert ExitCode.DONE == terminal.run("status", "--trend").code
