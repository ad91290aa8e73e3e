"""`tandem campaigns` and the two actions on campaigns, as somebody types them (rules S6, F4)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode


@pytest.fixture
def spring(own_terminal: Any) -> str:
    """A campaign in Dynamics that is about to be read; its id."""
    campaign: str = own_terminal.world.create("campaign", name="Spring fair", typecode=3)
    own_terminal.synced()
    return campaign


def test_S6_campaigns_are_listed_once_they_are_enabled_and_read(own_terminal: Any, spring: str) -> None:
    """Each step says what comes next."""
    off, enabled = own_terminal.run("campaigns"), own_terminal.run("campaigns", "--enable")
    own_terminal.run("sync")
    listed, as_json = own_terminal.run("campaigns"), own_terminal.run("campaigns", "--json").json

    assert "Campaign sync is off: `tandem campaigns --enable` switches it on.\n" == off.out
    assert ("The campaigns were not read yet.\n", ExitCode.DONE) == (enabled.out, enabled.code)
    assert "Campaign sync is on: the next `tandem sync` reads the campaigns.\n" == enabled.told
    row = next(line for line in listed.out.splitlines() if spring in line)
    assert ["Spring", "fair", "Event", "Active", "Proposed"] == row.split()[1:6]
    found = {each["id"]: each for each in as_json["campaigns"]}
    assert (True, True) == (as_json["enabled"], as_json["copied"])
    assert ("Spring fair", True, []) == tuple(found[spring][name] for name in ("name", "active", "lists"))


def test_S6_disabled_campaigns_stay_listed_and_it_is_said_that_they_may_be_old(own_terminal: Any, spring: str) -> None:
    """On standard error: the list itself is the answer."""
    own_terminal.run("campaigns", "--enable")
    own_terminal.run("sync")

    disabled = own_terminal.run("campaigns", "--disable")

    assert spring in disabled.out
    assert disabled.told.startswith("Campaign sync is off")
    assert not own_terminal.run("campaigns", "--json").json["enabled"]


@pytest.mark.parametrize("options", [("--disable", "--enable"), ("--disable", "--reset")], ids=" ".join)
def test_switching_off_and_on_at_once_is_a_wrong_command_line(own_terminal: Any, options: tuple[str, str]) -> None:
    """Nothing is changed."""
    ended = own_terminal.run("campaigns", *options)

    assert ExitCode.USAGE == ended.code
    assert "choose one" in ended.told


def test_S6_there_is_nothing_to_reset_while_it_is_off(own_terminal: Any, spring: str) -> None:
    """Refused with how to switch it on; switched on and reset at once is one command."""
    refused, both = own_terminal.run("campaigns", "--reset"), own_terminal.run("campaigns", "--enable", "--reset")

    assert (ExitCode.FAILED, "") == (refused.code, refused.out)
    assert "[campaign-sync-off]" in refused.told
    assert ExitCode.DONE == both.code


def test_S6_campaigns_need_a_subscription_that_is_connected(own_terminal: Any) -> None:
    """There is nothing to switch on before."""
    ended = own_terminal.run("campaigns", "--enable")

    assert ExitCode.FAILED == ended.code
    assert "tandem connect" in ended.told


def test_F4_people_are_added_and_removed_by_name_of_the_campaign(own_terminal: Any, spring: str) -> None:
    """Several at once, each with its outcome; the list shows how many."""
    own_terminal.run("campaigns", "--enable")
    own_terminal.run("sync")
    people = [
        str(own_terminal.run("people", "create", f"lastName={name}", "microsoftTopic=Fair", "--json").json["id"])
        for name in ("Ek", "Lund")
    ]

    added = own_terminal.run("action", "add-to-campaign", "Spring fair", *people)
    listed = own_terminal.run("campaigns").out
    removed = own_terminal.run("action", "remove-from-campaign", spring, people[0])

    assert ExitCode.DONE == added.code, added.told
    assert all(f"Person {person}: added" in added.out for person in people)
    row = next(line for line in listed.splitlines() if f"Mkto-leads-{spring}" in line)
    assert ["leads", "2", "yes"] == row.split()[3:6]
    assert (ExitCode.DONE, True) == (removed.code, f"Person {people[0]}: removed" in removed.out)


def test_F4_what_is_refused_is_told_with_the_reason(own_terminal: Any, spring: str) -> None:
    """On standard error, and the command fails."""
    own_terminal.run("campaigns", "--enable")
    own_terminal.run("sync")

    ended = own_terminal.run("action", "add-to-campaign", "Winter fair", "1")

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "There is no campaign 'Winter fair'." in ended.told
