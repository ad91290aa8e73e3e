"""`tandem validate`: every check can pass and fail, and a failure says what to do (rule N2)."""

import dataclasses
import json
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import msgspec
import pytest

from tandem.cli.invocation import ExitCode
from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.runtime import connecting
from tandem.sandbox.door.operations import BecomeCopy, Disable, Operation, Privilege, Roles, Secure, Tracking
from tandem.testing.world import World

Command = Callable[..., Any]


def checks(ended: Any, *verdicts: str) -> list[tuple[str, str | None, str]]:
    """The checks that ended in one of `verdicts`, as (name, table, reason)."""
    found = json.loads(ended.out)["checks"]
    assert all(each["remedy"] for each in found if each["verdict"] != "pass")
    return [(each["name"], each["table"], each["reason"]) for each in found if each["verdict"] in verdicts]


def test_N2_a_good_connection_passes_every_check(copied: World, tandem: Command) -> None:
    """Sign-in once, three checks for each table and one more where people are written, exit 0."""
    ended = tandem("validate", "--json", world=copied)

    passed = checks(ended, "pass")
    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    assert [] == checks(ended, "warn", "fail")
    assert ["address", "credentials", "sync user", "organisation", "roles"] == [
        name for name, table, _ in passed if not table
    ]
    assert {"fields", "change tracking", "read", "write"} == {name for name, table, _ in passed if table == "lead"}
    assert 8 == len({table for _, table, _ in passed if table})


def test_N2_the_table_for_people_ends_with_the_totals(copied: World, tandem: Command) -> None:
    """One line each, then how many passed."""
    ended = tandem("validate", world=copied)

    assert ended.out.endswith("31 passed, 0 warnings, 0 failed.\n")


def rebind(world: World, **changes: Any) -> None:
    """Store another binding than the one that `connect` made."""
    subscription = world.subscription
    assert subscription.binding is not None
    with subscription.database.transaction():
        subscription.bind(msgspec.structs.replace(subscription.binding, **changes))


BROKEN: list[Any] = [
    pytest.param(
        [Privilege(privilege="prvReadLead", depth="Local")],
        [Privilege(privilege="prvReadLead", depth="Global")],
        ("read", "lead", "Read reaches its business unit only, not the whole organisation."),
        id="read in the business unit only",
    ),
    pytest.param(
        [Privilege(privilege="prvReadAccount", depth=None)],
        [Privilege(privilege="prvReadAccount", depth="Global")],
        ("read", "account", "prvReadAccount"),
        id="no read on a table",
    ),
    pytest.param([Roles(assigned=False)], [Roles(assigned=True)], ("sync user", None, ""), id="no roles"),
    pytest.param([Disable()], [Disable(disabled=False)], ("sync user", None, "disabled"), id="a disabled user"),
]


@pytest.mark.parametrize(("broken", "mended", "expected"), BROKEN)
def test_N2_what_stops_the_sync_fails_the_check(
    copied: World,
    tandem: Command,
    broken: Sequence[Operation],
    mended: Sequence[Operation],
    expected: tuple[str, str | None, str],
) -> None:
    """Exactly that check fails, with the reason, and the command exits 1."""
    for operation in broken:
        copied.do(operation)
    try:
        ended = tandem("validate", "--json", world=copied)
        for_people = tandem("validate", world=copied)
    finally:
        for operation in mended:
            copied.do(operation)

    name, table, reason = expected
    ((found, of, said),) = checks(ended, "fail")
    assert (ExitCode.FAILED, name, table, True) == (ended.code, found, of, reason in said)
    assert f"fail: {name}" in for_people.out
    assert [] == checks(tandem("validate", "--json", world=copied), "fail")


def test_N2_change_tracking_off_is_a_warning(copied: World, tandem: Command) -> None:
    """The table is still synced, as a weak stream: exit 0."""
    copied.do(Tracking(table="contact", enabled=False))
    try:
        ended = tandem("validate", "--json", world=copied)
    finally:
        copied.do(Tracking(table="contact", enabled=True))

    ((name, table, reason),) = checks(ended, "warn")
    assert (ExitCode.DONE, "change tracking", "contact") == (ended.code, name, table)
    assert "weak stream" in reason


def test_N2_a_missing_right_to_write_is_a_warning(copied: World, tandem: Command) -> None:
    """Reading goes on; what is missing is named, exit 0."""
    copied.do(Privilege(privilege="prvCreateContact", depth=None))
    copied.do(Privilege(privilege="prvAppendToContact", depth="Local"))
    try:
        ended = tandem("validate", "--json", world=copied)
    finally:
        copied.do(Privilege(privilege="prvCreateContact", depth="Global"))
        copied.do(Privilege(privilege="prvAppendToContact", depth="Global"))

    ((name, table, reason),) = checks(ended, "warn")
    assert (ExitCode.DONE, "write", "contact") == (ended.code, name, table)
    assert "prvCreateContact, prvAppendToContact." in reason


def test_D4_a_selected_column_that_cannot_be_read_is_a_warning(copied: World, tandem: Command) -> None:
    """It is left out, everything else goes on."""
    copied.do(Secure(table="lead", column="telephone1"))
    try:
        ended = tandem("validate", "--json", world=copied)
    finally:
        copied.do(Secure(table="lead", column="telephone1", secured=False))

    assert [("fields", "lead", "Selected and not synced: telephone1: the sync user may not read it.")] == checks(
        ended, "warn"
    )
    assert ExitCode.DONE == ended.code


def test_D7_a_filter_that_cannot_be_read_fails(make_world: Callable[[], World], tandem: Command) -> None:
    """Without it nobody knows which records are excluded."""
    world = make_world().filter_column("account").connect()
    world.do(Secure(table="account", column="new_synctomkto"))

    ended = tandem("validate", "--json", world=world)

    ((name, table, reason),) = checks(ended, "fail")
    assert (ExitCode.FAILED, "fields", "account") == (ended.code, name, table)
    assert "new_synctomkto" in reason


def test_S9_another_organisation_fails(make_world: Callable[[], World], tandem: Command) -> None:
    """The address answers as somebody else than the subscription is bound to."""
    world = make_world().connect()
    bound = world.organisation.organization_id
    world.do(BecomeCopy())

    ((name, _, reason),) = checks(tandem("validate", "--json", world=world), "fail")

    assert "organisation" == name
    assert bound in reason
    assert world.organisation.organization_id in reason


def test_S7_a_sign_in_as_another_user_fails(make_world: Callable[[], World], tandem: Command) -> None:
    """The subscription was connected as one user and Dynamics answers as another: both are named."""
    world = make_world().connect()
    rebind(world, user_id="5f0c0d5e-0000-4000-8000-000000000000", user_name="Somebody Else")

    ((name, _, reason),) = checks(tandem("validate", "--json", world=world), "fail")

    assert "sync user" == name
    assert "Sync User" in reason
    assert "Somebody Else" in reason


def test_S7_a_user_of_another_application_fails(
    make_world: Callable[[], World], tandem: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Server to server the user's application id is the client id."""
    world, read = make_world().connect(), Dynamics.user
    monkeypatch.setattr(Dynamics, "user", lambda self, user: dataclasses.replace(read(self, user), applicationid="x"))

    ((name, _, reason),) = checks(tandem("validate", "--json", world=world), "fail")

    assert "sync user" == name
    assert world.sandbox.client_id in reason


def test_S7_a_user_who_signs_in_with_a_password_passes(make_world: Callable[[], World], tandem: Command) -> None:
    """ROPC: the user needs no application id."""
    world = make_world()
    box = world.sandbox
    credentials = Credentials(
        box.client_id,
        client_secret=box.client_secret,
        username=box.username,
        password=box.password,
        authority=box.token_url,
    )
    connecting.connect(world.settings, box.url, credentials)

    assert [] == checks(tandem("validate", "--json", world=world), "fail")


def test_S7_a_secret_that_is_refused_fails_the_credentials(make_world: Callable[[], World], tandem: Command) -> None:
    """The address passed, nothing after the sign-in could be looked at, and no secret is told."""
    world = make_world().connect()
    wrong = dataclasses.asdict(dataclasses.replace(world.credentials, client_secret="an-old-secret"))
    rebind(world, credentials=world.subscription.vault.seal(msgspec.json.encode(wrong)))

    ended = tandem("validate", "--json", world=world)

    assert ExitCode.FAILED == ended.code
    assert ["address"] == [name for name, _, _ in checks(ended, "pass")]
    assert ["credentials"] == [name for name, _, _ in checks(ended, "fail", "warn")]
    assert "an-old-secret" not in ended.out + ended.err


def test_N2_an_address_where_nobody_answers_fails(
    make_world: Callable[[], World], tandem: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first check fails and is the only one."""
    monkeypatch.setattr("tandem.dynamics.session._FIRST_PAUSE", 0.0)
    world = make_world().connect()
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        rebind(world, url=f"http://127.0.0.1:{taken.getsockname()[1]}")

        ended = tandem("validate", "--json", world=world)

    assert (ExitCode.FAILED, []) == (ended.code, checks(ended, "pass", "warn"))
    assert ["address"] == [name for name, _, _ in checks(ended, "fail")]


def test_N2_validate_needs_a_connection(tandem: Command) -> None:
    """Before the first connect there is nothing to check, and the sentence says so."""
    ended = tandem("validate")

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "[not-connected]" in ended.err
