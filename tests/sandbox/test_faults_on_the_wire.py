"""What a client on a real socket meets when a switch strikes."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tandem.sandbox.service.faults import Armed
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation


class Wire:
    """A client with a token; every call has its own connection."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._netloc = urlsplit(sandbox.url).netloc
        form = (
            f"grant_type=client_credentials&client_id={sandbox.client_id}"
            f"&client_secret={sandbox.client_secret}&scope={sandbox.url}/.default"
        )
        _, body = self._call("POST", urlsplit(sandbox.token_url).path, form, {})
        self._headers = {"Authorization": f"Bearer {json.loads(body)['access_token']}"}

    def api(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, bytes]:
        """Status and body of a Web API request."""
        return self._call(method, f"/api/data/v9.2/{path}", body, self._headers | headers)

    def control(self, operation: str, **content: object) -> tuple[int, bytes]:
        """Status and body of a request to the control door."""
        return self._call("POST", f"/control/{operation}", json.dumps(content), {})

    def _call(self, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._netloc, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture
def sandbox(organisation: Organisation) -> Iterator[Sandbox]:
    """A running sandbox."""
    with Sandbox(organisation) as sandbox:
        yield sandbox


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    """A client of it."""
    return Wire(sandbox)


def test_a_batch_cut_in_the_middle_leaves_its_later_parts_undone(sandbox: Sandbox, wire: Wire) -> None:
    """The client gets no byte of an answer."""
    sandbox.faults.arm(Armed(switch="reset-after", inner=True))
    part = "--b\r\nContent-Type: application/http\r\n\r\nPOST /api/data/v9.2/leads HTTP/1.1\r\n\r\n{}\r\n"
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        wire.api("POST", "$batch", part * 2 + "--b--\r\n", **{"Content-Type": "multipart/mixed; boundary=b"})

    assert 1 == len(sandbox.organisation.find("lead", "statecode", 0))


@pytest.mark.parametrize(("switch", "created"), [("reset-before", 0), ("reset-after", 1)])
def test_a_cut_connection_does_not_tell_whether_the_write_happened(
    sandbox: Sandbox, wire: Wire, switch: str, created: int
) -> None:
    """Both look alike to the client; only the organisation knows."""
    sandbox.faults.arm(Armed(switch=switch, method="POST"))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        wire.api("POST", "leads", '{"lastname": "Ek"}')

    assert created == len(sandbox.organisation.find("lead", "lastname", "Ek"))


def test_a_truncated_body_is_shorter_than_it_said(sandbox: Sandbox, wire: Wire) -> None:
    """The Content-Length is the full one."""
    sandbox.faults.arm(Armed(switch="truncate"))
    with pytest.raises(http.client.IncompleteRead):
        wire.api("GET", "systemusers?$select=fullname")


def test_the_service_answers_again_after_a_fault(sandbox: Sandbox, wire: Wire) -> None:
    """One strike, then 200."""
    wire.control("fault", switch="unavailable")

    assert [503, 200] == [wire.api("GET", "WhoAmI")[0] for _ in range(2)]


def test_a_restore_is_seen_by_every_thread_of_the_server(wire: Wire) -> None:
    """Reads before and after, on whatever thread answers them."""
    wire.control("snapshot")
    _, created = wire.control("create", table="lead", values={"lastname": "Lost"})
    path = f"leads({json.loads(created)['id']})?$select=leadid"
    before = {wire.api("GET", path)[0] for _ in range(8)}
    wire.control("restore")

    assert ({200}, {404}) == (before, {wire.api("GET", path)[0] for _ in range(8)})
