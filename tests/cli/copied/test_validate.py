"""`tandem validate`: every check can pass and fail, and a failure says what to do (rule N2)."""

import dataclasses
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tandem.cli.invocation import ExitCode
from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.mapping.fields import Direction
from tandem.model.entities import STANDARD
from tandem.runtime import connecting
from tandem.sandbox.door.definitions import MakeLookup, MakeTable, RemoveColumn
from tandem.sandbox.door.operations import (
    BecomeCopy,
    Disable,
    Operation,
    Privilege,
    RegisterCertificate,
    Roles,
    Secure,
    Tracking,
)
from tandem.sandbox.service.sign_in import MFA_USERNAME, STRANGER_CLIENT_ID
from tandem.sync.campaigns import switch_campaign_sync
from tandem.testing.world import World

Command = Callable[..., Any]


def checks(ended: Any, *verdicts: str) -> list[tuple[str, str | None, str]]:
    """The checks that ended in one of `verdicts`, as (name, table, reason)."""
    found = json.loads(ended.out)["checks"]
    assert all(each["remedy"] for each in found if each["verdict"] != "pass")
    return [(each["name"], each["table"], each["reason"]) for each in found if each["verdict"] in verdicts]


def test_N2_a_good_connection_passes_every_check(copied: World, tandem: Command) -> None:
    """Sign-in once, three checks for each table and more where people are written, the actions, exit 0."""
    ended = tandem("validate", "--json", world=copied)

    passed = checks(ended, "pass")
    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    assert [] == checks(ended, "warn", "fail")
    of_all = ["database", "credentials end", "address", "credentials", "sync user", "organisation", "roles", "task"]
    assert of_all == [name for name, table, _ in passed if not table]
    of_leads = {"fields", "change tracking", "read", "write", "assign"}
    assert of_leads == {name for name, table, _ in passed if table == "lead"}
    assert {table for _, table, _ in passed} >= {entity.value for entity in STANDARD}


def test_N2_the_table_for_people_ends_with_the_totals(copied: World, tandem: Command) -> None:
    """One line each, then how many passed."""
    ended = tandem("validate", world=copied)

    every = checks(tandem("validate", "--json", world=copied), "pass", "warn", "fail")
    assert ended.out.endswith(f"\n{len(every)} passed, 0 warnings, 0 failed.\n")


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


RIGHTS: list[Any] = [
    pytest.param(["prvCreateContact", "prvAppendToContact"], "write", "contact", id="making contacts"),
    pytest.param(["prvWriteLead"], "write", "lead", id="changing leads"),
    pytest.param(["prvAssignLead"], "assign", "lead", id="changing owners"),
    pytest.param(["prvCreateActivity", "prvWriteActivity"], "task", None, id="making tasks"),
    pytest.param(["prvAppendToCampaign", "prvCreateList"], "campaign lists", None, id="making lists"),
    pytest.param(["prvAppendTonew_Thing"], "append to", "contact", id="pointing to a record"),
]


@pytest.fixture
def writing(make_world: Callable[[], World]) -> World:
    """Campaigns are synced, and contacts point to a custom table by a lookup that edits are sent to."""
    world = make_world()
    world.do(MakeTable(table="new_Thing"))
    world.do(MakeLookup(table="contact", column="new_ThingId", target="new_thing"))
    world.connect()
    world.choose("contact", "new_thingid", direction=Direction.BOTH)
    with world.subscription.database.transaction():
        switch_campaign_sync(world.subscription.state, True)
    return world


@pytest.mark.parametrize(("privileges", "name", "table"), RIGHTS)
def test_N2_a_right_that_only_writing_needs_is_a_warning_until_it_is_given(
    writing: World, tandem: Command, privileges: list[str], name: str, table: str | None
) -> None:
    """Reading goes on; what is missing is named, with what is refused without it, exit 0."""
    for depth in (None, "Local"):
        for each in privileges:
            writing.do(Privilege(privilege=each, depth=depth))
        ended = tandem("validate", "--json", world=writing)
        ((found, of, reason),) = checks(ended, "warn")
        assert (ExitCode.DONE, name, table) == (ended.code, found, of)
        assert f"{', '.join(privileges)}.".lower() in reason.lower()
        assert "refused" in reason

    for each in privileges:
        writing.do(Privilege(privilege=each, depth="Global"))
    assert [] == checks(tandem("validate", "--json", world=writing), "warn", "fail")


def test_N2_rights_on_lists_are_not_asked_for_without_campaigns(copied: World, tandem: Command) -> None:
    """Whoever does not sync campaigns need not give them."""
    copied.do(Privilege(privilege="prvCreateList", depth=None))
    try:
        ended = tandem("validate", "--json", world=copied)
    finally:
        copied.do(Privilege(privilege="prvCreateList", depth="Global"))

    assert [] == checks(ended, "warn", "fail")


def test_C2_a_custom_entity_is_checked_like_any_table(make_world: Callable[[], World], tandem: Command) -> None:
    """Without the right to read it, it fails; with it, it passes."""
    world = make_world()
    world.do(MakeTable(table="new_Thing"))
    world.do(MakeLookup(table="new_thing", column="new_ContactId", target="contact"))
    world.connect()
    assert ExitCode.DONE == tandem("entities", "--enable", "new_thing", world=world).code
    world.do(Tracking(table="new_thing", enabled=True))
    assert {"fields", "read", "change tracking"} == {
        name for name, table, _ in checks(tandem("validate", "--json", world=world), "pass") if table == "new_thing"
    }

    world.do(Privilege(privilege="prvReadnew_Thing", depth=None))
    ((name, table, _),) = checks(tandem("validate", "--json", world=world), "fail")
    assert ("read", "new_thing") == (name, table)


def test_D6_a_selected_column_that_vanished_is_a_warning(make_world: Callable[[], World], tandem: Command) -> None:
    """Until it is back, or not selected any more."""
    world = make_world()
    world.organisation.add_column("contact", "new_size", "integer")
    world.connect()
    world.do(RemoveColumn(table="contact", column="new_size"))

    ((name, table, reason),) = checks(tandem("validate", "--json", world=world), "warn")
    assert ("fields", "contact") == (name, table)
    assert "new_size" in reason

    assert ExitCode.DONE == tandem("fields", "contact", "--deselect", "new_size", world=world).code
    assert [] == checks(tandem("validate", "--json", world=world), "warn", "fail")


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


def test_S10_a_copied_database_fails(make_world: Callable[[], World], tandem: Command, tmp_path: Path) -> None:
    """It would not sync; adopted, it passes."""
    world = make_world().connect()
    stored = world.subscription.state.setting("instance")
    with world.subscription.database.transaction():
        world.subscription.state.put_setting("instance", {**stored, "fingerprint": "another place"})

    ((name, _, reason),) = checks(tandem("validate", "--json", world=world), "fail")
    assert "database" == name
    assert "copied or moved" in reason

    assert ExitCode.DONE == tandem("adopt", "--yes", world=world).code
    assert [] == checks(tandem("validate", "--json", world=world), "fail")


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
    assert ["database", "credentials end", "address"] == [name for name, _, _ in checks(ended, "pass")]
    assert ["credentials"] == [name for name, _, _ in checks(ended, "fail", "warn")]
    assert "an-old-secret" not in ended.out + ended.err


def test_N2_an_address_where_nobody_answers_fails(
    make_world: Callable[[], World], tandem: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs nobody to answer is looked at, then the first check fails and ends it."""
    monkeypatch.setattr("tandem.dynamics.session._FIRST_PAUSE", 0.0)
    world = make_world().connect()
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        rebind(world, url=f"http://127.0.0.1:{taken.getsockname()[1]}")

        ended = tandem("validate", "--json", world=world)

    assert (ExitCode.FAILED, []) == (ended.code, checks(ended, "warn"))
    assert ["database", "credentials end"] == [name for name, _, _ in checks(ended, "pass")]
    assert ["address"] == [name for name, _, _ in checks(ended, "fail")]


# Before connecting ------------------------------------------------------------------------------------------------


def before(world: World, tandem: Command, *more: str, secret: str | None = None) -> Any:
    """`tandem validate URL` in a home where nothing is."""
    box = world.sandbox
    given = ("--client-id", box.client_id, "--authority", box.token_url)
    return tandem("validate", box.url, *given, "--client-secret", secret or box.client_secret, "--json", *more)


def test_N2_a_connection_is_checked_before_it_is_made(copied: World, tandem: Command, tmp_path: Path) -> None:
    """The same checks, with the fields a connect would select; nothing is stored and there is no database."""
    ended = before(copied, tandem)

    assert (ExitCode.DONE, []) == (ended.code, checks(ended, "warn", "fail"))
    names = [name for name, table, _ in checks(ended, "pass") if not table]
    assert ["credentials end", "address", "credentials", "sync user", "roles", "task"] == names
    selected = [reason for name, table, reason in checks(ended, "pass") if (name, table) == ("fields", "lead")]
    assert selected == [
        reason
        for name, table, reason in checks(tandem("validate", "--json", world=copied), "pass")
        if (name, table) == ("fields", "lead")
    ]
    assert [] == [path for path in tmp_path.rglob("*") if path.suffix != ".log" and path.is_file()]


@pytest.mark.parametrize(
    ("more", "name", "said"),
    [
        pytest.param(
            ("--username", MFA_USERNAME, "--password", "x"), "credentials", "multi-factor authentication", id="MFA"
        ),
        pytest.param(("--username", "nobody@x", "--password", "x"), "credentials", "password", id="a wrong password"),
        pytest.param(("--client-id", STRANGER_CLIENT_ID), "sync user", "not a member", id="no application user"),
    ],
)
def test_S7_what_is_wrong_with_a_sign_in_is_told_before_connecting(
    copied: World, tandem: Command, more: Sequence[str], name: str, said: str
) -> None:
    """How far it came, and what to do."""
    ended = before(copied, tandem, *more)

    ((found, _, reason),) = checks(ended, "fail")
    assert (ExitCode.FAILED, name) == (ended.code, found)
    assert said in reason
    (remedy,) = [each["remedy"] for each in json.loads(ended.out)["checks"] if each["verdict"] == "fail"]
    assert name == "sync user" or "application user" in remedy or "locked" in remedy


def test_S7_a_password_that_meets_multi_factor_authentication_is_explained(copied: World, tandem: Command) -> None:
    """ROPC cannot pass it, whatever is typed: the way out is named."""
    ended = before(copied, tandem, "--username", MFA_USERNAME, "--password", "x")

    (check,) = [each for each in json.loads(ended.out)["checks"] if each["verdict"] == "fail"]
    assert "A password alone cannot pass multi-factor authentication." in check["remedy"]
    assert "application user" in check["remedy"]


def test_N2_an_address_that_is_no_organisation_fails_before_connecting(copied: World, tandem: Command) -> None:
    """Nothing after it can be looked at."""
    box = copied.sandbox
    ended = tandem("validate", "http://contoso.example", "--client-id", "x", "--client-secret", "y", "--json")
    ((name, _, reason),) = checks(ended, "fail")
    assert (ExitCode.FAILED, "address") == (ended.code, name)
    assert "clear text" in reason

    wrong = tandem("validate", f"{box.url}/", "--client-id", box.client_id, "--client-secret", "x",
                   "--authority", f"{box.url}/nowhere/token", "--json")  # fmt: skip
    assert ["credentials"] == [name for name, _, _ in checks(wrong, "fail")]


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "answers everybody, without a token"), (404, "no Dataverse organisation"), (302, "status 302")],
)
def test_N2_a_web_site_is_no_organisation(
    copied: World, tandem: Command, receiver: Callable[[int], str], status: int, said: str
) -> None:
    """It is told by what it answers to somebody without a token, before any secret leaves."""
    box = copied.sandbox
    ended = tandem("validate", receiver(status), "--client-id", box.client_id, "--client-secret", box.client_secret,
                   "--authority", box.token_url, "--json")  # fmt: skip

    ((name, _, reason),) = checks(ended, "fail")
    assert (ExitCode.FAILED, "address") == (ended.code, name)
    assert said in reason


@pytest.fixture
def receiver() -> Iterator[Callable[[int], str]]:
    """Starts web sites that give one answer to everything."""
    with ExitStack() as running:

        def start(status: int) -> str:
            class Page(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()
                    self.wfile.write(b"<h1>Welcome</h1>")

                def log_message(self, *_: object) -> None:
                    pass

            server = running.enter_context(HTTPServer(("127.0.0.1", 0), Page))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["https://contoso.crm.dynamics.com"], id="an address without credentials"),
        pytest.param(["--client-id", "x"], id="credentials without an address"),
        pytest.param(["--username", "ann"], id="a user without an address"),
    ],
)
def test_N2_half_of_a_connection_is_a_usage_error(tandem: Command, arguments: list[str]) -> None:
    """It would be checked against something else than meant."""
    assert ExitCode.USAGE == tandem("validate", *arguments).code


# The end of the credentials ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "verdict", "said"),
    [
        pytest.param(31, "pass", "is good until", id="in a month and a day"),
        pytest.param(29, "warn", "ends on", id="in less than thirty days"),
        pytest.param(-1, "fail", "ended on", id="yesterday"),
    ],
)
def test_S7_the_end_of_a_certificate_is_told_in_time(
    make_world: Callable[[], World], tandem: Command, days: int, verdict: str, said: str
) -> None:
    """With what to do; a secret says that nobody knows."""
    world = make_world().connect()
    (secret,) = [reason for name, _, reason in checks(tandem("validate", "--json", world=world), "pass")
                 if name == "credentials end"]  # fmt: skip
    assert "Only Microsoft Entra knows" in secret

    pem, public = certificate_ending(days)
    world.do(RegisterCertificate(certificate=public))
    given = dataclasses.asdict(dataclasses.replace(world.credentials, client_secret=None, certificate=pem))
    rebind(world, credentials=world.subscription.vault.seal(msgspec.json.encode(given)))
    ended = tandem("validate", "--json", world=world)

    found = [reason for name, _, reason in checks(ended, verdict) if name == "credentials end"]
    assert [said] == [reason.removeprefix("The certificate ")[: len(said)] for reason in found]
    assert (ExitCode.FAILED if verdict == "fail" else ExitCode.DONE) == ended.code


def certificate_ending(days: int) -> tuple[str, str]:
    """Key and certificate, and the certificate alone, as PEM; it ends in so many days."""
    key, today = rsa.generate_private_key(public_exponent=65537, key_size=2048), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tandem")])
    certificate = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=today - timedelta(days=40),
        not_valid_after=today + timedelta(days=days),
    ).sign(key, hashes.SHA256())
    public = certificate.public_bytes(Encoding.PEM).decode()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() + public, public


def test_N2_validate_needs_a_connection(tandem: Command) -> None:
    """Before the first connect there is nothing to check, and the sentence says so."""
    ended = tandem("validate")

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "[not-connected]" in ended.err
