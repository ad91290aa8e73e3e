"""`tandem connect`, `disconnect`, `enable`, `disable`: tried first, stored after, and no secret told."""

import getpass
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.sandbox.door.operations import BecomeCopy, Disable, Roles
from tandem.sandbox.service.server import HOST, Sandbox
from tandem.sandbox.service.sign_in import MFA_USERNAME, STRANGER_CLIENT_ID

SECRET = "not-the-right-secret"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that does not answer is asked again at once."""
    monkeypatch.setattr("tandem.dynamics.session._FIRST_PAUSE", 0.0)


@contextmanager
def some_web_site() -> Iterator[str]:
    """Something on loopback that answers every request with a page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Welcome</h1>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer((HOST, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join(10)


@contextmanager
def nobody() -> Iterator[str]:
    """An address on loopback that is taken, and where nobody listens."""
    with closing(socket.socket()) as taken:
        taken.bind((HOST, 0))
        yield f"http://{HOST}:{taken.getsockname()[1]}"


def test_N1_connect_tells_who_answers_and_copies_nothing(terminal: Any) -> None:
    """Organisation, user, fields and the next step; every table is empty and the switch off."""
    ended = terminal.connect()

    assert (ExitCode.DONE, "") == (ended.code, ended.told)
    organisation = terminal.world.organisation.organization_id
    assert f"Connected to Contoso Sandbox ({organisation}, version 9.2." in ended.out
    assert f"Signed in as application {terminal.world.sandbox.client_id}: Sync User" in ended.out
    assert "sync --enable" in ended.out
    status = terminal.status()
    assert ("disabled", organisation, None) == (status["state"], status["organization_id"], status["last_cycle"])
    assert {0} == {entity["records"] for entity in status["entities"].values()}


def test_D1_connect_selects_the_default_fields(terminal: Any) -> None:
    """JSON says how many, by table."""
    found = terminal.connect("--json").json

    assert found["fields"]["lead"] > 20
    assert "Contoso Sandbox" == found["organization"]["friendly_name"]
    assert "Sync User" == found["user"]["fullname"]
    assert "default" == found["subscription"]


@pytest.mark.parametrize("way", ["option", "environment", "standard input", "prompt"])
def test_S7_the_secret_comes_by_four_ways(terminal: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Each connects, and afterwards neither screen nor home shows the secret."""
    url, given = terminal.world.sandbox.url, list[str]()
    typed = ""
    match way:
        case "option":
            given = ["--client-secret", terminal.secret]
        case "environment":
            monkeypatch.setenv("TANDEM_CLIENT_SECRET", terminal.secret)
        case "standard input":
            given, typed = ["--client-secret", "-"], f"{terminal.secret}\n"
        case "prompt":
            monkeypatch.setattr(getpass, "getpass", {"Client secret: ": terminal.secret}.__getitem__)

    ended = terminal.run("connect", url, *terminal.application, *given, typed=typed, is_terminal=way == "prompt")

    assert ExitCode.DONE == ended.code, ended.told
    assert terminal.secret not in ended.out + ended.told + terminal.kept()


def test_S7_a_user_signs_in_with_name_and_password(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROPC; the application's secret from the environment, the password from standard input."""
    box = terminal.world.sandbox
    monkeypatch.setenv("TANDEM_CLIENT_SECRET", terminal.secret)

    ended = terminal.run(
        "connect", box.url, *terminal.application, "--username", box.username, "--password", "-",
        typed=f"{box.password}\n",
    )  # fmt: skip

    assert ExitCode.DONE == ended.code, ended.told
    assert f"Signed in as {box.username}: Sync User" in ended.out
    assert box.password not in ended.out + ended.told + terminal.kept()


def test_S7_two_secrets_on_standard_input_are_two_lines(terminal: Any) -> None:
    """First the client secret, then the password."""
    box = terminal.world.sandbox

    ended = terminal.connect(
        "--username", box.username, "--password", "-", typed=f"{terminal.secret}\n{box.password}\n"
    )

    assert ExitCode.DONE == ended.code, ended.told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["https://contoso.crm.dynamics.com"], "set TANDEM_CLIENT_SECRET", id="no secret"),
        pytest.param(
            ["https://contoso.crm.dynamics.com", "--username", "eve"], "set TANDEM_PASSWORD", id="no password"
        ),
        pytest.param(
            ["https://contoso.crm.dynamics.com", "--client-secret", "-"],
            "no secret was given",
            id="nothing on standard input",
        ),
        pytest.param([], "URL: is missing", id="no address"),
        pytest.param(["https://contoso.crm.dynamics.com", "--rotate"], "together with --rotate", id="too much"),
    ],
)
def test_a_command_line_that_lacks_something_is_usage(terminal: Any, arguments: list[str], told: str) -> None:
    """Exit 2, and the home is not even made."""
    ended = terminal.run("connect", *arguments, "--client-id", "x")

    assert ExitCode.USAGE == ended.code
    assert told in ended.told
    assert not terminal.home.exists()


def assert_refused(terminal: Any, ended: Any, code: str, message: str) -> None:
    """A sentence with what to do and its code, exit 1, no subscription, no secret anywhere."""
    assert ExitCode.FAILED == ended.code
    assert "" == ended.out
    sentence, advice, shown = ended.told.splitlines()
    assert message in sentence
    assert advice
    assert f"[{code}]" == shown
    assert [] == [path.name for path in terminal.home.iterdir() if path.name != "tandem.log"]
    assert SECRET not in ended.told + terminal.kept()
    assert terminal.secret not in ended.told + terminal.kept()


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        pytest.param(
            lambda: nullcontext("http://contoso.crm.dynamics.com"),
            "dynamics-address",
            "in clear text",
            id="http to elsewhere",
        ),
        pytest.param(
            lambda: nullcontext("ftp://contoso.crm.dynamics.com"), "dynamics-address", "ftp://", id="not the web"
        ),
        pytest.param(lambda: nullcontext("contoso"), "dynamics-address", "not a web address", id="a bare word"),
        pytest.param(nobody, "dynamics-unreachable", "", id="nobody answers"),
        pytest.param(some_web_site, "not-dataverse", "not as a Dataverse organisation", id="not Dataverse"),
    ],
)
def test_S8_a_wrong_address_is_refused(
    terminal: Any, address: Callable[[], AbstractContextManager[str]], code: str, message: str
) -> None:
    """What is wrong with it, and nothing stored."""
    with address() as url:
        ended = terminal.run("connect", url, *terminal.application, "--client-secret", "-", typed=terminal.secret)

    assert_refused(terminal, ended, code, message)


@pytest.mark.parametrize(
    ("more", "typed", "code", "message"),
    [
        pytest.param([], SECRET, "dynamics-unauthorised", "(invalid_client)", id="wrong secret"),
        pytest.param(
            ["--username", MFA_USERNAME, "--password", "-"],
            "{secret}\n{secret}",
            "sign-in-refused",
            "multi-factor authentication",
            id="an account with a second factor",
        ),
        pytest.param(
            ["--client-id", STRANGER_CLIENT_ID], "{secret}", "not-a-member", "not a member", id="no user here"
        ),
        pytest.param(
            ["--ca-bundle", "/nowhere.pem"], "{secret}", "ca-bundle", "/nowhere.pem", id="an unreadable CA bundle"
        ),
        pytest.param(
            ["--authority", "http://login.example.com/token"],
            "{secret}",
            "dynamics-address",
            "in clear text",
            id="a sign-in service by http",
        ),
    ],
)
def test_S7_credentials_that_do_not_work_are_refused(
    terminal: Any, more: list[str], typed: str, code: str, message: str
) -> None:
    """Who refused and what to do; nothing stored, no secret shown."""
    ended = terminal.connect(*more, typed=typed.format(secret=terminal.secret))

    assert_refused(terminal, ended, code, message)


@pytest.mark.parametrize(
    ("broken", "mended", "code", "message"),
    [
        pytest.param(Roles(assigned=False), Roles(assigned=True), "no-roles", "no security role", id="without roles"),
        pytest.param(Disable(disabled=True), Disable(disabled=False), "user-disabled", "disabled", id="disabled"),
    ],
)
def test_S7_a_sync_user_that_may_nothing_is_refused(
    terminal: Any, broken: Any, mended: Any, code: str, message: str
) -> None:
    """The user is named as the cause, not the address or the secret."""
    terminal.world.do(broken)
    try:
        ended = terminal.connect()
    finally:
        terminal.world.do(mended)

    assert_refused(terminal, ended, code, message)


def test_a_subscription_that_works_is_not_connected_over(terminal: Any) -> None:
    """The sentence names the organisation and the two ways on."""
    ended = terminal.connected().connect()

    assert ExitCode.FAILED == ended.code
    assert "Subscription 'default' is connected to Contoso Sandbox" in ended.told
    assert "[already-connected]" in ended.told


def test_a_second_subscription_has_a_name(terminal: Any) -> None:
    """--name makes it; --subscription works on it."""
    ended = terminal.connect("--name", "emea")

    assert ExitCode.DONE == ended.code, ended.told
    assert "tandem --subscription emea sync --enable" in ended.out
    assert "disabled" == terminal.run("--subscription", "emea", "status", "--json").json["state"]
    assert "not connected" == terminal.status()["state"]


def test_new_credentials_replace_the_old_ones_after_they_worked(terminal: Any) -> None:
    """A wrong secret is refused and the old one goes on; the right one is told."""
    rotate = ("connect", "--rotate", *terminal.connected().application, "--client-secret", "-")

    refused = terminal.run(*rotate, typed=SECRET)
    after = terminal.run("sync", "--enable", "--entity", "team")
    rotated = terminal.run(*rotate, typed=terminal.secret)

    assert (ExitCode.FAILED, ExitCode.DONE, ExitCode.DONE) == (refused.code, after.code, rotated.code)
    assert "[dynamics-unauthorised]" in refused.told
    assert "New credentials for Contoso Sandbox" in rotated.out


def test_new_credentials_need_a_connection(terminal: Any) -> None:
    """There is nothing to renew."""
    ended = terminal.run("connect", "--rotate", *terminal.application, "--client-secret", "-", typed=terminal.secret)

    assert_refused(terminal, ended, "not-connected", "no subscription 'default'")


def test_disconnect_forgets_the_credentials_and_keeps_the_data(terminal: Any) -> None:
    """Nothing can be synced then; connected again it goes on without copying again."""
    terminal.synced()
    before = terminal.status()["entities"]

    ended = terminal.run("disconnect")

    assert ExitCode.DONE == ended.code, ended.told
    status = terminal.status()
    assert ("not connected", before) == (status["state"], status["entities"])
    assert "[not-connected]" in terminal.run("sync").told
    assert "[not-connected]" in terminal.run("enable").told
    assert "[not-connected]" in terminal.run("disconnect").told
    quiet = terminal.connected().run("sync", "--json").json["entities"]
    assert 0 == sum(counts["created"] + counts["updated"] for counts in quiet.values())


def test_S9_a_subscription_is_never_connected_to_another_organisation(terminal: Any) -> None:
    """Not even after it was disconnected; the credentials are not stored."""
    organisation = terminal.world.organisation.organization_id
    terminal.connected().run("disconnect")
    terminal.world.do(BecomeCopy())
    try:
        ended = terminal.connect()
    finally:
        terminal.world.do(BecomeCopy(id=organisation))

    assert ExitCode.FAILED == ended.code
    assert f"this subscription belongs to Contoso Sandbox ({organisation})." in ended.told
    assert "`tandem relink`" in ended.told
    assert "[organisation-changed]" in ended.told
    assert "not connected" == terminal.status()["state"]


def test_S11_the_switch_and_the_address_are_kept(terminal: Any) -> None:
    """enable --notify stores the address; disable keeps it."""
    on = terminal.connected().run("enable", "--notify", "ops@example.com", "--json")
    off = terminal.run("disable", "--json")

    assert {"subscription": "default", "enabled": True, "notify": "ops@example.com"} == on.json
    assert {"subscription": "default", "enabled": False, "notify": "ops@example.com"} == off.json
    assert ("disabled", "ops@example.com") == (terminal.status()["state"], terminal.status()["notify"])


@pytest.mark.parametrize("command", ["disconnect", "enable", "disable", "sync", "run", "errors", "holds", "links"])
def test_every_command_needs_a_connection(terminal: Any, command: str) -> None:
    """Without one it says how to make it, and makes nothing."""
    assert_refused(terminal, terminal.run(command), "not-connected", "There is no subscription 'default' in ")


def test_a_subscription_that_is_not_there_is_told_with_those_that_are(terminal: Any) -> None:
    """A name that was mistyped is found at once."""
    ended = terminal.connected().run("--subscription", "defualt", "errors")

    assert ExitCode.FAILED == ended.code
    assert "There is no subscription 'defualt' in " in ended.told
    assert "There are: default. Name one with --subscription, or connect this one.\n[not-connected]" in ended.told


def test_R5_the_key_and_the_log_are_their_owners_alone(terminal: Any) -> None:
    """Credentials at rest are sealed text; the key file cannot be read by others."""
    terminal.connected()

    modes = {path.name: path.stat().st_mode & 0o077 for path in Path(terminal.home).iterdir()}
    assert (0, 0) == (modes["key"], modes["tandem.log"])


def test_S8_a_private_authority_is_trusted_where_it_is_given_and_remembered(terminal: Any, tmp_path: Path) -> None:
    """Without --ca-bundle the certificate is refused; with it everything later trusts it too."""
    with Sandbox(terminal.world.organisation, tls=True, folder=tmp_path) as box:
        application = ("--client-id", box.client_id, "--authority", box.token_url, "--client-secret", "-")

        def connect(*arguments: str) -> Any:
            return terminal.run("connect", *arguments, *application, typed=terminal.secret)

        assert_refused(terminal, connect(box.url), "tls-failed", "certificate")
        trusted = connect(box.url, "--ca-bundle", str(box.ca_file))
        rotated = connect("--rotate")
        synced = terminal.run("sync", "--enable", "--entity", "team")

    assert [ExitCode.DONE] * 3 == [trusted.code, rotated.code, synced.code], trusted.told + rotated.told + synced.told


def test_R5_nothing_secret_is_told_however_much_is_told(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The debug log on the screen and in the file, over a connect, a failure and a whole copy."""
    monkeypatch.setenv("TANDEM_LOG_LEVEL", "debug")
    sandbox = terminal.world.sandbox
    url = ("connect", sandbox.url, *terminal.application, "--client-secret")

    ended = [
        terminal.run("--verbose", *url, SECRET),
        terminal.run("--verbose", *url, terminal.secret),
        terminal.run("--verbose", "sync", "--enable"),
    ]

    assert [ExitCode.FAILED, ExitCode.DONE, ExitCode.DONE] == [each.code for each in ended]
    told = "".join(each.out + each.told for each in ended) + terminal.kept()
    assert "GET /WhoAmI 200" in told
    tokens = set(sandbox._edge.tokens._tickets)
    assert tokens
    assert [] == [secret for secret in {SECRET, terminal.secret, sandbox.password, *tokens} if secret in told]


def test_the_commands_work_on_postgresql(terminal: Any, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers from a schema instead of a file."""
    monkeypatch.setenv("TANDEM_DATABASE", postgresql_url)
    monkeypatch.setenv("TANDEM_SUBSCRIPTION", "terminal_commands")
    before = terminal.status()
    terminal.synced()

    status, links = terminal.status(), terminal.run("links", "--json").json
    codes = [terminal.run(command).code for command in ("sync", "status", "links", "errors", "holds", "disconnect")]

    assert ("not connected", "current") == (before["state"], status["state"])
    assert (25, 100) == tuple(status["entities"][name]["records"] for name in ("account", "opportunity"))
    assert {"lead": 300, "contact": 200} == {table: sum(states.values()) for table, states in links["counts"].items()}
    assert [ExitCode.DONE] * 6 == codes
    assert "terminal_commands" in status["database"]
    assert [] == [path.name for path in terminal.home.glob("*.db")]
