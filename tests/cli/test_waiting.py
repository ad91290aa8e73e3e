"""`tandem waiting`: what waits, why, since when, and what would end it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import Unavailable
from tandem.report.waiting import read_waiting
from tandem.sync.waiting import COMPANY_EXCLUDED, COMPANY_NOT_READ, PERSON_DELETED, PERSON_EXCLUDED
from tandem.testing.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An organisation without people, with the sync filter, connected; several people with one e-mail wait (P1)."""
    with World(tmp_path, match_email=True) as made:
        yield made.filter_column("contact", "account").connect()


@pytest.fixture
def terminal(world: World, monkeypatch: pytest.MonkeyPatch, make_terminal: Callable[[World], Any]) -> Any:
    """A terminal at that subscription."""
    monkeypatch.setenv("TANDEM_HOME", str(world.settings.home))
    return make_terminal(world)


def groups(world: World) -> dict[tuple[str, str], Any]:
    """What waits, by kind and reason."""
    return {(each.kind, each.reason): each for each in read_waiting(world.subscription)}


def test_nothing_waits_at_first(world: World, terminal) -> None:
    world.sync()

    assert (0, "Nothing waits.\n") == (terminal.run("waiting").code, terminal.run("waiting").out)
    assert {"waiting": []} == terminal.run("waiting", "--json").json


def test_O2_a_role_waits_for_a_person_that_the_filter_excludes(world: World, terminal) -> None:
    """It is told which record waits for which, and ends when the filter says Yes."""
    contact = world.create("contact", lastname="Ek", new_synctomkto=False)
    deal = world.create("opportunity", name="Deal", parentcontactid__bind=f"contacts({contact})")
    world.sync()
    found = groups(world)["role", PERSON_EXCLUDED]
    ended = terminal.run("waiting")

    assert ("opportunity", "contact", 1) == (found.entity, found.target, found.count)
    assert [(deal, contact, found.since)] == [(each.record, each.target, each.since) for each in found.references]
    assert "new_synctomkto" in found.ends
    assert f"1 of opportunity wait for contact: {PERSON_EXCLUDED}, since {found.since}." in ended.out
    assert deal in ended.out
    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()
    assert {} == groups(world)


def test_O2_a_role_waits_for_a_person_that_was_deleted_here(world: World, terminal) -> None:
    """The next change of the record brings a new person, which is what is promised."""
    contact = world.create("contact", lastname="Ek")
    world.create("opportunity", name="Deal", parentcontactid__bind=f"contacts({contact})")
    world.sync()
    terminal.run("people", "delete", str(world.person("contact", contact).id))
    world.cycle()
    found = groups(world)["role", PERSON_DELETED]
    world.edit("contact", contact, jobtitle="Buyer")
    world.cycle()

    assert (1, "next change" in found.ends) == (found.count, True)
    assert {} == groups(world)


def test_P9_what_waits_for_somebody_who_never_returns_is_told_so(
    world: World, terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is promised that the setting forbids."""
    contact = world.create("contact", lastname="Ek")
    world.create("opportunity", name="Deal", parentcontactid__bind=f"contacts({contact})")
    world.sync()
    terminal.run("people", "delete", str(world.person("contact", contact).id))
    monkeypatch.setenv("TANDEM_NEVER_RETURN", "true")

    (found,) = terminal.run("waiting", "--json").json["waiting"]

    assert (PERSON_DELETED, True) == (found["reason"], "never_return" in found["ends"])


def test_P1_a_record_that_may_be_several_people_waits_for_a_decision(world: World, terminal) -> None:
    """The e-mail is what it waits for; nobody but a person can end it, and the advice does."""
    world.create("contact", lastname="First")
    world.sync()
    people = [terminal.run("people", "create", "email=ek@example.com", "--json").json["id"] for _ in range(2)]
    contact = world.create("contact", lastname="Ek", emailaddress1="ek@example.com")
    world.cycle()
    (found,) = groups(world).values()
    terminal.run("people", "delete", str(people[0]))
    world.edit("contact", contact, jobtitle="Buyer")
    world.cycle()

    assert ("ambiguous", [(contact, "ek@example.com")]) == (
        found.kind,
        [(each.record, each.target) for each in found.references],
    )
    assert "tandem links" in found.ends
    assert {} == groups(world)
    assert people[1] == world.person("contact", contact).id


def test_P14_people_of_a_company_that_is_not_here_are_counted_with_the_reason(world: World) -> None:
    """One that the filter excludes, and one that was not read yet; a private company is nobody's absence."""
    kept_out = world.create("account", name="Kept out", new_synctomkto=False)
    here = world.create("account", name="Here")
    for account in (kept_out, here):
        world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"accounts({account})")
    world.create("contact", lastname="Alone")
    world.sync()
    excluded = groups(world)
    with world.subscription.database.transaction():
        world.subscription.database.script(
            f"update person set external_company_id = 'nowhere' where external_company_id = '{here}'"
        )
    absent = groups(world)

    assert {("company", COMPANY_EXCLUDED): 1} == {key: each.count for key, each in excluded.items()}
    assert {("company", COMPANY_EXCLUDED): 1, ("company", COMPANY_NOT_READ): 1} == {
        key: each.count for key, each in absent.items()
    }
    assert "new_synctomkto" in absent["company", COMPANY_EXCLUDED].ends
    assert "Nothing to do" in absent["company", COMPANY_NOT_READ].ends


def test_C1_a_custom_object_of_a_company_that_is_kept_out_waits_with_that_reason(world: World) -> None:
    """Though no company was ever made of the account."""
    table = world.make_table("new_Order", new_AccountId="account")
    account = world.create("account", name="Kept out", new_synctomkto=False)
    world.create(table, new_name="First", new_AccountId__bind=f"accounts({account})")
    world.enable_custom(table)
    world.sync()

    assert {("custom-object", COMPANY_EXCLUDED): 1} == {key: each.count for key, each in groups(world).items()}


def test_C1_a_custom_object_waits_for_the_person_it_belongs_to(world: World) -> None:
    """Listed by reason, as roles are."""
    table = world.make_table("new_Order", new_ContactId="contact")
    contact = world.create("contact", lastname="Ek", new_synctomkto=False)
    first = world.create(table, new_name="First", new_ContactId__bind=f"contacts({contact})")
    world.create(table, new_name="Nobody's")
    world.enable_custom(table)
    world.sync()
    (found,) = groups(world).values()

    assert ("custom-object", table, "contact", PERSON_EXCLUDED, 1) == (
        found.kind,
        found.entity,
        found.target,
        found.reason,
        found.count,
    )
    assert [(first, contact)] == [(each.record, each.target) for each in found.references]
    assert [] == read_waiting(world.subscription, limit=0)[0].references


def test_more_than_the_limit_is_counted_and_the_oldest_are_listed(world: World, terminal) -> None:
    contact = world.create("contact", lastname="Ek", new_synctomkto=False)
    for number in range(3):
        world.create("opportunity", name=f"Deal {number}", parentcontactid__bind=f"contacts({contact})")
    world.sync()
    (few,) = read_waiting(world.subscription, limit=2)
    ended, none = terminal.run("waiting", "--limit", "2"), terminal.run("waiting", "--limit", "0")

    assert (3, 2) == (few.count, len(few.references))
    assert "and 1 more: --limit" in ended.out
    assert "3 of opportunity wait" in none.out
    assert "more" not in none.out
    assert 3 == len(terminal.run("waiting", "--json").json["waiting"][0]["references"])


def test_F3_an_action_that_is_not_carried_out_yet_is_told(
    world: World, terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its request, for whom it is and since when; until it is done."""
    world.create("contact", lastname="Ek")
    world.sync()
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write_task", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        terminal.run("action", "create-task", "Call", "1", "--request-id", "call")
    ((kind, _), group), ended = *groups(world).items(), terminal.run("waiting")
    world.sync()

    assert ("request", "create-task", 1) == (kind, group.entity, group.count)
    assert [("call", "person 1")] == [(each.record, each.target) for each in group.references]
    assert "1 of create-task wait for Dynamics: " in ended.out
    assert {} == groups(world)
