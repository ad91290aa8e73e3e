"""The sandbox on a real socket: routing, compression, TLS, dying connections, starting and stopping."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tandem.sandbox.service.faults import Armed, Faults
from tandem.sandbox.service.server import PortInUse, Sandbox
from tandem.sandbox.store.organisation import Organisation

ACCOUNT = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def sandbox(organisation: Organisation) -> Iterator[Sandbox]:
    """A running sandbox with 200 accounts."""
    organisation.load(
        "account",
        (
            {"accountid": f"{number:08}-1111-4111-8111-111111111111", "name": f"Account {number}"}
            for number in range(200)
        ),
    )
    with Sandbox(organisation) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    """A client that has signed in."""
    with signed_in(sandbox) as client:
        yield client


@contextmanager
def signed_in(sandbox: Sandbox, **options: Any) -> Iterator[httpx2.Client]:
    """A client with a token of the sync user."""
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": f"{sandbox.url}/.default",
    }
    root = f"{sandbox.url}/api/data/v9.2/"
    with httpx2.Client(base_url=root, timeout=20, trust_env=False, **options) as client:
        token = client.post(sandbox.token_url, data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_links_lead_back_to_the_server(client) -> None:
    """nextLinks can be fetched byte for byte until there are none (reference 3.5)."""
    url: str | None = "accounts?$select=name"
    found: list[str] = []
    while url:
        body = client.get(url, headers={"Prefer": "odata.maxpagesize=70"}).json()
        found += [row["name"] for row in body["value"]]
        url = body.get("@odata.nextLink")

    assert [f"Account {number}" for number in range(200)] == found


def test_large_answers_are_compressed_for_those_who_accept_it(client) -> None:
    """gzip when asked for, plain otherwise, the same content both ways."""
    packed = client.get("accounts?$select=name")
    plain = client.get("accounts?$select=name", headers={"Accept-Encoding": "identity"})

    assert ("gzip", None) == (packed.headers.get("content-encoding"), plain.headers.get("content-encoding"))
    assert packed.json() == plain.json()


def test_large_pages_are_sent_as_they_are_and_read_again_byte_for_byte(sandbox: Sandbox) -> None:
    """To compress them costs more than it saves on one machine."""
    rows = ({"accountid": f"{n:08}-2222-4222-8222-222222222222", "description": "x" * 2_000} for n in range(1_100))
    sandbox.organisation.load("account", rows)
    with signed_in(sandbox, headers={"Accept-Encoding": "gzip", "Prefer": "odata.maxpagesize=1000"}) as client:
        first, again = (client.get("accounts?$select=description") for _ in "12")

    assert "content-encoding" not in first.headers
    assert 1_000_000 < len(first.content) == int(first.headers["content-length"])
    assert first.content == again.content


def test_headers_are_spelled_as_the_service_spells_them(client) -> None:
    """Names have no case in HTTP, but Microsoft's asynchronous client keeps the answer's in a plain dictionary."""
    created = client.post("accounts", json={"name": "Spelled"})
    read = client.get("accounts?$top=1", headers={"Prefer": 'odata.include-annotations="*"'})
    names = {name.decode() for answer in (created, read) for name, _ in answer.headers.raw}

    assert {"OData-EntityId", "OData-Version", "Location", "Content-Type", "Preference-Applied", "REQ_ID"} <= names


def test_a_list_may_be_sent_line_by_line(client) -> None:
    """A header given twice means both of its values."""
    lines = [("Prefer", "odata.maxpagesize=7"), ("Prefer", 'odata.include-annotations="*"')]
    headers = client.get("accounts?$select=name", headers=lines).headers

    assert 'odata.maxpagesize=7,odata.include-annotations="*"' == headers["Preference-Applied"]


def test_without_a_token_the_answer_is_401(sandbox) -> None:
    """The Web API asks for one; the control door, on loopback, does not."""
    with httpx2.Client(trust_env=False, timeout=20) as client:
        answer = client.get(f"{sandbox.url}/api/data/v9.2/WhoAmI")
        door = client.get(sandbox.control_url)

    assert (401, "0x80044300") == (answer.status_code, answer.json()["error"]["code"])
    assert 200 == door.status_code


@pytest.mark.parametrize("path", ["elsewhere", "token", "api/data/v8.2/WhoAmI", "api/data/v9.20/WhoAmI", "api/data"])
def test_other_paths_are_404_with_a_page(sandbox, client, path: str) -> None:
    """Neither the Web API nor the authority nor the door."""
    answer = client.get(f"{sandbox.url}/{path}")

    assert (404, "text/html") == (answer.status_code, answer.headers["Content-Type"])


@pytest.mark.parametrize("version", ["v9.0", "v9.1", "v9.2"])
def test_links_keep_the_version_that_was_asked_for(sandbox, client, version: str) -> None:
    """Every version of the Web API answers."""
    root = f"{sandbox.url}/api/data/{version}"
    body = client.get(f"{root}/accounts?$select=name", headers={"Prefer": "odata.maxpagesize=150"}).json()

    assert body["@odata.context"].startswith(f"{root}/$metadata#")
    assert body["@odata.nextLink"].startswith(f"{root}/accounts?")
    assert 50 == len(client.get(body["@odata.nextLink"]).json()["value"])


def test_every_answer_has_the_id_of_its_request(sandbox, client) -> None:
    """Whatever the answer; support asks for it (reference 0.2)."""
    answers = [
        client.get("WhoAmI"),
        client.get("nothing"),
        client.get("WhoAmI", headers={"Authorization": "Bearer nonsense"}),
    ]

    assert [200, 404, 401] == [each.status_code for each in answers]
    assert 3 == len({each.headers["REQ_ID"] for each in answers})
    assert all(each.headers["REQ_ID"] == each.headers["x-ms-service-request-id"] for each in answers)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE"])
def test_a_method_that_the_web_api_does_not_take_is_405(client, method: str) -> None:
    """Of a collection and a row alike."""
    paths = ("accounts", f"accounts({ACCOUNT})")

    assert [405] * 2 == [client.request(method, path).status_code for path in paths]


REFUSED_USERS = {
    "without roles": ("roles", {"assigned": False}, (403, "0x80042F09")),
    "that is disabled": ("disable", {}, (403, "0x80040225")),
}


@pytest.mark.parametrize(("operation", "content", "expected"), REFUSED_USERS.values(), ids=REFUSED_USERS)
def test_a_user_is_refused(sandbox, client, operation: str, content: dict[str, Any], expected: tuple[int, str]) -> None:
    """Signing in works all the same: the authority does not know (reference 1.3)."""
    client.post(f"{sandbox.control_url}/{operation}", json=content)
    answer = client.get("WhoAmI")
    with signed_in(sandbox) as again:
        later = again.get("WhoAmI")

    assert expected == (answer.status_code, answer.json()["error"]["code"])
    assert 403 == later.status_code


def test_a_write_over_http(client) -> None:
    """Create, read back, delete."""
    created = client.post("accounts", json={"name": "Contoso", "accountid": ACCOUNT})
    read = client.get(f"accounts({ACCOUNT})?$select=name")

    assert (204, "Contoso") == (created.status_code, read.json()["name"])
    assert 204 == client.delete(f"accounts({ACCOUNT})").status_code
    assert 404 == client.get(f"accounts({ACCOUNT})").status_code


@pytest.mark.parametrize(("switch", "done"), [("reset-before", False), ("reset-after", True)], ids=["before", "after"])
def test_a_connection_can_be_cut_around_the_commit(sandbox, client, switch: str, done: bool) -> None:
    """The client sees the same error; only the row tells whether the write was executed."""
    sandbox.faults.arm(Armed(switch=switch))
    with pytest.raises(httpx2.TransportError):
        client.post("accounts", json={"name": "Contoso", "accountid": ACCOUNT})

    assert done == sandbox.organisation.exists("account", ACCOUNT)
    assert 200 == client.get("WhoAmI").status_code


def test_a_body_can_be_cut_in_the_middle(sandbox, client) -> None:
    """Content-Length promises more than arrives."""
    sandbox.faults.arm(Armed(switch="truncate"))
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get("accounts?$select=name")

    assert 200 == client.get("accounts?$select=name").status_code


def test_tls_holds_for_those_who_trust_the_authority(organisation, tmp_path: Path) -> None:
    """With the CA file it works; without, the connection fails."""
    with Sandbox(organisation, tls=True, folder=tmp_path) as sandbox:
        with signed_in(sandbox, verify=ssl.create_default_context(cafile=str(sandbox.ca_file))) as client:
            status = client.get("WhoAmI").status_code
        with httpx2.Client(trust_env=False, timeout=20) as stranger, pytest.raises(httpx2.ConnectError):
            stranger.get(f"{sandbox.url}/api/data/v9.2/WhoAmI")

    assert ("https", 200) == (sandbox.url.partition(":")[0], status)
    assert 0o600 == (tmp_path / "sandbox-key.pem").stat().st_mode & 0o777


def test_a_port_in_use_is_said(organisation) -> None:
    """A sentence with the port, and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {port}") as caught:
            Sandbox(organisation, port=port)

    assert "--port" in caught.value.remedy


def test_sigterm_stops_it_cleanly(tmp_path: Path) -> None:
    """The foreground server announces itself, answers, ends with 0 on SIGTERM, and starts again with its data."""
    script = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from tandem.sandbox.store.organisation import Organisation\n"
        "from tandem.sandbox.service.server import serve\n"
        "organisation = Organisation(Path(sys.argv[1]))\n"
        "serve(organisation, announce=lambda said: print(json.dumps(said), flush=True))\n"
        "organisation.close()\n"
    )

    def run() -> dict[str, str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "organisation.db")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ.copy(),
        )
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            answer = httpx2.get(said["control_url"], trust_env=False, timeout=20)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
        assert (200, 0, b"") == (answer.status_code, process.returncode, errors)
        return {name: value for name, value in said.items() if not name.endswith("url")}

    assert run() == run()


def test_a_sandbox_takes_faults_from_outside(organisation) -> None:
    """The fault file's switches are armed before the first request."""
    faults = Faults()
    faults.arm(Armed(switch="throttle-requests"))
    with Sandbox(organisation, faults=faults) as sandbox, signed_in(sandbox) as client:
        first, second = client.get("WhoAmI"), client.get("WhoAmI")

    assert (429, 200) == (first.status_code, second.status_code)
    assert "Retry-After" in first.headers
