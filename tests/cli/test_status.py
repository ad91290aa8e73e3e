"""`tandem status`, `errors`, `holds`, `links`: what is, what failed, what waits for a person."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.model.entities import STANDARD, Entity
from tandem.sandbox.door.operations import Privilege

SYNCED = (*STANDARD, Entity.OPPORTUNITY_ROLE)
CONTRACT = {"records", "deleted", "backlog_inserts", "backlog_updates", "oldest_pending", "errors"}


def test_status_without_a_subscription_says_how_to_connect(terminal: Any) -> None:
    """Not an error: it is the answer. Nothing is made but the log."""
    ended = terminal.run("status")

    assert ExitCode.DONE == ended.code
    assert "State         not connected" in ended.out
    assert "Next          tandem connect URL" in ended.out
    assert ("not connected", None, None, {}) == tuple(
        terminal.status()[key] for key in ("state", "organization_id", "last_cycle", "entities")
    )
    assert ["tandem.log"] == [path.name for path in terminal.home.iterdir()]


def test_status_json_keeps_its_contract(terminal: Any) -> None:
    """The keys of interface.md, the entities by Dynamics' names."""
    status = terminal.synced().status()

    assert ("current", terminal.world.organisation.organization_id) == (status["state"], status["organization_id"])
    assert {"done"} == {status["last_cycle"]["outcome"]}
    assert [entity.value for entity in SYNCED] == list(status["entities"])
    assert all(set(entity) >= CONTRACT for entity in status["entities"].values())
    assert [entity.value for entity in SYNCED] == list(status["streams"])
    assert {"live"} == {stream["state"] for stream in status["streams"].values()}
    weak = {name for name, stream in status["streams"].items() if stream["weak"]}
    assert {"teammembership", "customeropportunityrole"} == weak
    assert all(0 <= stream["token_age"] < 600 for stream in status["streams"].values())
    assert (str(terminal.home / "default.db"), str(terminal.home / "tandem.log")) == (
        status["database"], status["log_file"],
    )  # fmt: skip


def test_status_tells_a_person_the_same(terminal: Any) -> None:
    """The numbers of the JSON stand in the table."""
    terminal.synced()

    shown = terminal.run("status").out
    for name, entity in terminal.status()["entities"].items():
        assert any(line.split()[:2] == [name, f"{entity['records']:,}"] for line in shown.splitlines())
    for line in ("State         current", f"Log file      {terminal.home / 'tandem.log'}"):
        assert line in shown.splitlines()


def test_P8_A5_O3_deletions_are_counted_since_the_first_copy(own_terminal: Any) -> None:
    """Records are those Dynamics still has; what was deleted is counted beside them."""
    world = own_terminal.world
    made = {
        "account": world.create("account", name="Short-lived Inc."),
        "contact": world.create("contact", lastname="Short"),
        "opportunity": world.create("opportunity", name="Lost soon"),
    }
    before = own_terminal.synced().status()["entities"]
    for table, record in made.items():
        world.delete(table, record)

    assert ExitCode.DONE == own_terminal.run("sync").code

    after = own_terminal.status()["entities"]
    for table in made:
        assert (0, 1) == (before[table]["deleted"], after[table]["deleted"])
        assert before[table]["records"] - 1 == after[table]["records"]


def test_P11_a_qualified_lead_is_superseded_by_its_contact(own_terminal: Any) -> None:
    """One person, counted once: at the contact."""
    lead = own_terminal.world.create("lead", lastname="Ready", firstname="Rita", subject="x")
    before = own_terminal.synced().status()["entities"]

    own_terminal.world.qualify(lead)
    own_terminal.run("sync")

    after = own_terminal.status()["entities"]
    moved = {
        table: tuple(after[table][name] - before[table][name] for name in ("records", "superseded"))
        for table in ("lead", "contact")
    }
    assert {"lead": (-1, 1), "contact": (1, 0)} == moved


def test_D7_excluded_records_are_counted_apart(own_terminal: Any) -> None:
    """A record with an explicit No is not among the records."""
    world = own_terminal.world
    world.filter_column("contact", "account")
    world.create("contact", lastname="Secret", new_synctomkto=False)
    world.create("account", name="Secret Inc.", new_synctomkto=False)

    entities = own_terminal.synced().status()["entities"]

    assert (1, 1, 0) == tuple(entities[table]["excluded"] for table in ("contact", "account", "lead"))


def test_O2_a_reference_that_waits_is_shown_with_its_reason(own_terminal: Any) -> None:
    """The role of a person the filter keeps out."""
    world = own_terminal.world
    world.filter_column("contact")
    contact = world.create("contact", lastname="Secret", new_synctomkto=False)
    world.create("opportunity", name="Deal", parentcontactid__bind=f"/contacts({contact})")

    own_terminal.synced()

    (waiting,) = own_terminal.status()["waiting"]
    assert ("opportunity", "contact", 1, "the person is excluded by the filter") == tuple(
        waiting[name] for name in ("entity", "target", "count", "reason")
    )
    assert "the person is excluded by the filter" in own_terminal.run("status").out


def delete_contacts(terminal: Any) -> int:
    """Delete every contact in Dynamics and return how many people there were."""
    world, known = terminal.world, terminal.status()["entities"]["contact"]["records"]
    for (contact,) in world.organisation.connection.execute("select contactid from contact").fetchall():
        if world.organisation.exists("contact", contact):  # a contact's own contacts go with it
            world.delete("contact", contact)
    return int(known)


def hold_of(terminal: Any) -> Any:
    """The one hold of contacts there is."""
    (hold,) = [each for each in terminal.run("holds", "--json").json["holds"] if each["entity"] == "contact"]
    return hold


def contacts(terminal: Any) -> tuple[int, int, int]:
    """Records, deleted and backlog of the contacts."""
    contact = terminal.status()["entities"]["contact"]
    return contact["records"], contact["deleted"], contact["backlog_updates"]


def test_R6_a_mass_delete_is_held_with_a_preview(own_terminal: Any) -> None:
    """What would go, out of how many, at which limit, and the first names; status counts it as backlog."""
    known = delete_contacts(own_terminal.synced())

    ended = own_terminal.run("sync")

    hold = hold_of(own_terminal)
    assert ("mass-delete", "contact", known, known, 20, "open") == tuple(
        hold[name] for name in ("kind", "entity", "count", "known", "brake", "state")
    )
    assert 10 == len(hold["preview"])
    assert all(record["name"] for record in hold["preview"])
    assert (known, 0, known) == contacts(own_terminal)
    status = own_terminal.status()
    assert (1, hold["at"]) == (status["open_holds"], status["entities"]["contact"]["oldest_pending"])
    shown = own_terminal.run("holds").out
    assert f"Hold {hold['id']}: the first of {known} records that would be deleted" in shown
    assert hold["preview"][0]["name"] in shown
    for told in (ended.told, own_terminal.run("status").out):
        assert "Holds that wait for a decision: 1. See: tandem holds" in told


def test_R6_an_approved_hold_is_carried_out_by_the_next_cycle(own_terminal: Any) -> None:
    """The people stay, flagged, and are counted as deleted; the hold is settled for good."""
    known = delete_contacts(own_terminal.synced())
    own_terminal.run("sync")
    number = str(hold_of(own_terminal)["id"])

    approved = own_terminal.run("holds", "--approve", number)
    before = contacts(own_terminal)
    own_terminal.run("sync")

    assert (ExitCode.DONE, (known, 0, 0)) == (approved.code, before)
    assert f"Hold {number} is approved: the next cycle carries the deletions out." in approved.told
    assert (0, known, 0) == contacts(own_terminal)
    assert ("approved", []) == (hold_of(own_terminal)["state"], hold_of(own_terminal)["preview"])
    assert (0, known, 0) == contacts(own_terminal)


def test_R6_a_cancelled_hold_keeps_the_records(own_terminal: Any) -> None:
    """They stay as they are, and nobody asks again."""
    known = delete_contacts(own_terminal.synced())
    own_terminal.run("sync")

    cancelled = own_terminal.run("holds", "--cancel", str(hold_of(own_terminal)["id"]))
    own_terminal.run("sync")

    assert ExitCode.DONE == cancelled.code, cancelled.told
    assert (known, 0, 0) == contacts(own_terminal)
    assert "cancelled" == hold_of(own_terminal)["state"]


def test_R6_a_table_that_answers_empty_is_held_until_it_is_approved(own_terminal: Any) -> None:
    """Read again after the token expired, without a row: halted, previewed; approved, its records are deleted."""
    known = delete_contacts(own_terminal.synced())
    own_terminal.world.advance(days=8)
    own_terminal.run("sync")
    hold, halted = hold_of(own_terminal), own_terminal.status()

    for each in own_terminal.run("holds", "--json").json["holds"]:  # the contacts' connections went with them
        assert ExitCode.DONE == own_terminal.run("holds", "--approve", str(each["id"])).code
    own_terminal.run("sync")

    assert ("empty-table", known, 10) == (hold["kind"], hold["count"], len(hold["preview"]))
    assert ("partly halted", "halted") == (halted["state"], halted["streams"]["contact"]["state"])
    assert "answered empty" in halted["streams"]["contact"]["reason"]
    assert (0, known, 0) == contacts(own_terminal)
    after = own_terminal.status()
    assert ("current", "live") == (after["state"], after["streams"]["contact"]["state"])


@pytest.mark.parametrize("option", ["--approve", "--cancel"])
def test_R6_a_hold_that_is_not_open_cannot_be_settled(terminal: Any, option: str) -> None:
    """The sentence says where to look."""
    ended = terminal.connected().run("holds", option, "7")

    assert ExitCode.FAILED == ended.code
    assert ["There is no open hold 7.", "[no-such-hold]"] == ended.told.splitlines()[::2]


@pytest.fixture
def troubled(terminal: Any) -> Any:
    """A terminal whose last sync could not read two tables."""
    world = terminal.connected().world
    names = ("prvReadOpportunity", "prvReadTeam")
    for name in names:
        world.do(Privilege(privilege=name, depth=None))
    try:
        assert ExitCode.FAILED == terminal.run("sync", "--enable").code
        assert ExitCode.FAILED == terminal.run("sync").code
    finally:
        for name in names:
            world.do(Privilege(privilege=name, depth="Global"))
    return terminal


def test_N4_errors_are_grouped_by_cause_with_advice(troubled: Any) -> None:
    """One entry per cause, how often it was met, and what to do."""
    causes = {cause["entity"]: cause for cause in troubled.run("errors", "--json").json["causes"]}

    assert {"opportunity", "team"} <= set(causes)
    cause = causes["opportunity"]
    assert ("missing-privilege", "read", 1) == (cause["code"], cause["operation"], len(cause["errors"]))
    assert cause["times"] >= 2
    assert "prvReadOpportunity" in cause["message"]
    shown = troubled.run("errors").out
    assert f"opportunity, read: {cause['message']} [missing-privilege]\n  {cause['advice']}\n" in shown


def test_N4_errors_are_written_to_a_file(troubled: Any, tmp_path: Path) -> None:
    """Every error a row; a folder that is not there is said."""
    written = troubled.run("errors", "--csv", str(tmp_path / "errors.csv"))
    refused = troubled.run("errors", "--csv", str(tmp_path / "missing" / "errors.csv"))

    with (tmp_path / "errors.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [each for cause in troubled.run("errors", "--json").json["causes"] for each in cause["errors"]]
    assert f"Wrote {len(kept)} errors to " in written.told
    assert sorted(str(each["id"]) for each in kept) == sorted(row["id"] for row in rows)
    assert {"missing-privilege"} <= {row["code"] for row in rows}
    assert (ExitCode.FAILED, True) == (refused.code, "[file-unwritable]" in refused.told)


@pytest.mark.parametrize(
    ("arguments", "entities"),
    [
        pytest.param(["--entity", "team"], {"team"}, id="of an entity"),
        pytest.param(["--code", "missing-privilege"], {"opportunity", "team"}, id="with a code"),
        pytest.param(["--code", "too-long"], set(), id="with another code"),
        pytest.param(["--find", "PRVREADTEAM"], {"team"}, id="that say a word"),
        pytest.param(["--direction", "pull", "--level", "job"], {"opportunity", "team"}, id="of tables being read"),
        pytest.param(["--direction", "push"], set(), id="on the way to Dynamics"),
        pytest.param(["--level", "record"], set(), id="of single records"),
        pytest.param(["--operation", "read"], {"opportunity", "team"}, id="of an operation"),
        pytest.param(["--operation", "create"], set(), id="of another operation"),
        pytest.param(["--when", "..2001-01-01"], set(), id="met long ago"),
        pytest.param(["--when", "2001-01-01.."], {"opportunity", "team"}, id="met since long ago"),
    ],
)
def test_N4_errors_are_searched_and_filtered(
    troubled: Any, tmp_path: Path, arguments: list[str], entities: set[str]
) -> None:
    """The list and the file hold the same."""
    found = troubled.run("errors", *arguments, "--json", "--csv", str(tmp_path / "found.csv"))

    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        written = {row["entity"] for row in csv.DictReader(file)}
    assert entities == {cause["entity"] for cause in found.json["causes"]} == written


def test_N4_retry_all_means_those_that_are_listed(troubled: Any) -> None:
    """What the filter leaves out stays ignored."""
    causes = troubled.run("errors", "--json").json["causes"]
    numbers = {cause["entity"]: cause["errors"][0]["id"] for cause in causes}
    for entity in ("team", "opportunity"):
        troubled.run("errors", "--ignore", str(numbers[entity]))

    troubled.run("errors", "--retry", "all", "--entity", "team")

    after = {cause["entity"]: cause["errors"][0]["state"] for cause in troubled.run("errors", "--json").json["causes"]}
    assert ("open", "ignored") == (after["team"], after["opportunity"])


def test_N4_an_ignored_error_does_not_count_until_it_is_retried(troubled: Any) -> None:
    """Ignore takes it out of the counts, retry brings it back, and the next cycle heals it."""
    (error,) = next(
        cause["errors"] for cause in troubled.run("errors", "--json").json["causes"] if cause["entity"] == "team"
    )
    number = str(error["id"])

    def state() -> tuple[int, list[str]]:
        found = troubled.run("errors", "--json").json["causes"]
        errors = [each["state"] for cause in found if cause["entity"] == "team" for each in cause["errors"]]
        return troubled.status()["entities"]["team"]["errors"], errors

    before = state()
    troubled.run("errors", "--ignore", number)
    ignored = state()
    troubled.run("errors", "--retry", "all")
    retried = state()
    synced = troubled.run("sync")

    assert [(1, ["open"]), (0, ["ignored"]), (1, ["open"])] == [before, ignored, retried]
    assert ExitCode.DONE == synced.code, synced.told
    assert (0, []) == state()
    assert "No errors.\n" == troubled.run("errors").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["--retry", "7"], ExitCode.FAILED, "There is no error 7.", id="retry"),
        pytest.param(["--ignore", "7"], ExitCode.FAILED, "There is no error 7.", id="ignore"),
        pytest.param(["--retry", "some"], ExitCode.USAGE, "neither an error's id nor `all`", id="not a number"),
    ],
)
def test_N4_an_error_that_is_not_there_is_said(terminal: Any, arguments: list[str], code: int, told: str) -> None:
    """Nothing is marked."""
    ended = terminal.connected().run("errors", *arguments)

    assert code == ended.code
    assert told in ended.told


def test_P18_people_with_one_e_mail_are_listed_and_stay_two(own_terminal: Any) -> None:
    """A lead and a contact of one human, each with its link."""
    world = own_terminal.world
    records = {
        "lead": world.create("lead", lastname="Twice", subject="x", emailaddress1="Twice@example.com"),
        "contact": world.create("contact", lastname="Twice", emailaddress1="twice@example.com"),
    }

    found = own_terminal.synced().run("links", "--json").json

    (pair,) = [each for each in found["possible_duplicates"] if each["email"] == "twice@example.com"]
    assert records == {person["entity"]: person["crm_id"] for person in pair["people"]}
    assert 2 == len({person["person_id"] for person in pair["people"]})
    shown = own_terminal.run("links").out
    assert "twice@example.com" in shown
    assert " (lead), " in shown


def test_P1_a_record_that_several_people_could_be_waits_for_a_person(
    own_terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed with its candidates, counted as backlog, never "the first one"."""
    monkeypatch.setenv("TANDEM_MATCH_EMAIL", "true")
    own_terminal.synced()
    for name in ("first", "second"):
        assert ExitCode.DONE == own_terminal.run("people", "create", f"lastName={name}", "email=two@example.com").code
    lead = own_terminal.world.create("lead", lastname="New", subject="x", emailaddress1="two@example.com")
    before = own_terminal.status()["entities"]["lead"]["records"]

    own_terminal.run("sync")

    (waiting,) = own_terminal.run("links", "--json").json["ambiguous"]
    assert ("lead", lead, "two@example.com", 2) == (
        waiting["entity"], waiting["crm_id"], waiting["email"], len(waiting["candidates"]),
    )  # fmt: skip
    status = own_terminal.status()["entities"]["lead"]
    assert (before, 1, waiting["since"]) == tuple(
        status[name] for name in ("records", "backlog_inserts", "oldest_pending")
    )
    assert "two@example.com" in own_terminal.run("links").out


def test_links_are_counted_by_state(terminal: Any) -> None:
    """Every lead and contact of the organisation is in exactly one state."""
    counts = terminal.synced().run("links", "--json").json["counts"]

    assert {"lead": 300, "contact": 200} == {table: sum(states.values()) for table, states in counts.items()}
    assert {"live", "parked", "severed", "superseded", "excluded", "removed"} == set(counts["lead"])


def test_P16_records_set_aside_are_listed_with_who_they_are_now(own_terminal: Any) -> None:
    """Two linked people were merged, and a third is never to return: then it is nobody."""
    records = [own_terminal.world.create("contact", lastname=name) for name in ("Onza", "Twoza", "Threeza")]
    own_terminal.synced()
    winner, loser, gone = (
        own_terminal.run("people", "find", name, "--json").json["people"][0]["id"]
        for name in ("Onza", "Twoza", "Threeza")
    )

    assert ExitCode.DONE == own_terminal.run("people", "merge", str(winner), str(loser)).code
    assert ExitCode.DONE == own_terminal.run("people", "delete", str(gone), "--never-return").code

    assert {records[1]: winner, records[2]: None} == {
        each["crm_id"]: each["person_id"] for each in own_terminal.run("links", "--json").json["set_aside"]
    }
    shown = own_terminal.run("links").out
    assert re.search(rf"contact +{records[1]} +{winner}\b", shown)
    assert re.search(rf"contact +{records[2]} +nobody", shown)
