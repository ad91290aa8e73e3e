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


def test_any_url_ending_in_token_is_an_authority(sandbox, client) -> None:
    """A client may be given another authority or the token URL itself (interface.md)."""
    answer = client.post(f"{sandbox.url}/some/authority/token", data={"grant_type": "client_credentials"})

    assert (400, "unauthorized_client") == (answer.status_code, answer.json()["error"])


def test_without_a_token_the_answer_is_401(sandbox) -> None:
    """The Web API asks for one; the control door, on loopback, does not."""
    with httpx2.Client(trust_env=False, timeout=20) as client:
        answer = client.get(f"{sandbox.url}/api/data/v9.2/WhoAmI")
        door = client.get(sandbox.control_url)

    assert (401, "0x80044300") == (answer.status_code, answer.json()["error"]["code"])
    assert 200 == door.status_code


def test_other_paths_are_404(sandbox, client) -> None:
    """Neither the Web API nor the token endpoint nor the door."""
    assert 404 == client.get(f"{sandbox.url}/elsewhere").status_code


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
