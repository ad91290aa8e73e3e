"""Service protection: three limits, windows that slide, several servers, and what a refused client is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import msgspec
import pytest

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Armed
from tandem.sandbox.service.protection import COOKIE, UNLIMITED, Limits, Protection, read_limits
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation

USER = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
REQUESTS = "x-ms-ratelimit-burst-remaining-xrm-requests"
TIME = "x-ms-ratelimit-time-remaining-xrm-requests"


def request(user: str = USER, *, server: str = "") -> Request:
    headers = {"cookie": f"other=1; {COOKIE}={server}"} if server else {}
    return Request(method="GET", path="WhoAmI", headers=headers, caller=user, base="http://127.0.0.1:1/api/data/v9.2")


def send(protection: Protection, now: float, *, user: str = USER, server: str = "", seconds: float = 0.0) -> Any:
    """The headers of an answered request that took so many seconds, or the refusal."""
    try:
        with protection.visit(request(user, server=server), now=now) as visit:
            visit.spend(seconds, now=now)
            return visit.stamps()
    except Refused as refused:
        return refused


def waits(protection: Protection, *moments: float) -> list[int | None]:
    """The Retry-After of requests at those moments; None where one was let in."""
    answers = [send(protection, moment) for moment in moments]
    return [int(each.headers["Retry-After"]) if isinstance(each, Refused) else None for each in answers]


def server_of(answer: dict[str, str]) -> str:
    """The server that the affinity cookie of an answer names."""
    return answer["Set-Cookie"].removeprefix(f"{COOKIE}=").partition(";")[0]


def test_the_limits_are_microsofts_unless_told() -> None:
    """Numbers of reference 6.1, on one web server."""
    assert Limits(requests=6000, seconds=1200, concurrent=52, window=300, servers=1, hint=8) == Protection().limits


def test_requests_are_limited_within_the_window() -> None:
    """The seventh of six; the documented code and message, with the numbers that are set."""
    protection = Protection(Limits(requests=6, window=30))
    waited = waits(protection, *range(6))
    refusal = send(protection, 6)

    assert [None] * 6 == waited
    assert (429, "0x80072322") == (refusal.status, refusal.code)
    assert "Number of requests exceeded the limit of 6 over time window of 30 seconds." == refusal.message
    assert "24" == refusal.headers["Retry-After"]


def test_execution_time_is_limited_within_the_window() -> None:
    """However few the requests; the message tells milliseconds."""
    protection = Protection(Limits(seconds=1_200, window=300))
    send(protection, 0, seconds=700)
    send(protection, 10, seconds=500.5)
    refusal = send(protection, 20)

    assert (429, "0x80072321", "280") == (refusal.status, refusal.code, refusal.headers["Retry-After"])
    assert (
        "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of"
        " 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later."
    ) == refusal.message


def test_requests_at_once_are_limited() -> None:
    """The third of two; one that has ended makes room for the next, after the wait."""
    protection = Protection(Limits(concurrent=2))
    with ExitStack() as open_requests:
        for _ in range(2):
            open_requests.enter_context(protection.visit(request(), now=0))
        refusal = send(protection, 0)

    assert (429, "0x80072326", "1") == (refusal.status, refusal.code, refusal.headers["Retry-After"])
    assert "Number of concurrent requests exceeded the limit of 2." == refusal.message
    assert [None] == waits(protection, 1)


def test_the_window_slides() -> None:
    """What was done long enough ago counts no more, one request after the other."""
    protection = Protection(Limits(requests=2, window=100))

    assert [None, None, 60] == waits(protection, 0, 30, 40)
    assert [None, 29] == waits(protection, 100, 101)
    assert [None] == waits(protection, 130)


def test_whoever_goes_on_sending_waits_longer() -> None:
    """Each request that is sent too early puts the end off, also the one just before it (reference 6.1)."""
    protection = Protection(Limits(requests=1, window=10))

    assert [None, 9, 10, 11, 2] == waits(protection, 0, 1, 1, 1, 11)
    assert [None] == waits(protection, 13)


def test_the_wait_has_an_end_however_much_is_sent() -> None:
    """Two windows after the last request at most."""
    protection = Protection(Limits(requests=1, window=10))
    waits(protection, *[0.0] * 500)

    assert [20, None] == waits(protection, 0, 20)


def test_a_refused_request_uses_nothing_up() -> None:
    """It does not count, only lengthens the wait."""
    protection = Protection(Limits(requests=2, window=100))
    waits(protection, 0, 0, 0, 0)

    assert "1" == send(protection, 102)[REQUESTS]


def test_each_user_is_limited_alone() -> None:
    """One at its limit does not hold the other back."""
    protection = Protection(Limits(requests=1))
    send(protection, 0)

    assert isinstance(send(protection, 0), Refused)
    assert "0" == send(protection, 0, user=OTHER)[REQUESTS]


def test_without_the_cookie_requests_are_spread_and_the_limits_multiply() -> None:
    """Three servers take three times as many (reference 6.2)."""
    protection = Protection(Limits(requests=2, servers=3))
    answers = [send(protection, 0) for _ in range(6)]

    assert [2, 2, 2] == [[server_of(each) for each in answers].count(name) for name in set(map(server_of, answers))]
    assert isinstance(send(protection, 0), Refused)


def test_the_cookie_pins_a_client_to_one_server() -> None:
    """Which has its own limits; nobody who has the cookie gets another."""
    protection = Protection(Limits(requests=2, servers=3))
    server = server_of(send(protection, 0))
    pinned = send(protection, 0, server=server)

    assert "Set-Cookie" not in pinned
    assert isinstance(send(protection, 0, server=server), Refused)
    assert server != server_of(send(protection, 0))


def test_a_cookie_of_no_server_is_replaced() -> None:
    """As after a server has gone."""
    assert "Set-Cookie" in send(Protection(), 0, server="gone")


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_is_for_the_server_alone(scheme: str, secure: bool) -> None:
    """No script reads it, and over https it never travels in the clear."""
    with Protection().visit(replace(request(), base=f"{scheme}://127.0.0.1:1/api/data/v9.2"), now=0) as visit:
        attributes = visit.stamps()["Set-Cookie"].split("; ")[1:]

    assert ["Path=/", "HttpOnly", *(["Secure"] if secure else [])] == attributes


def test_every_answer_tells_what_is_left_and_how_parallel_to_be() -> None:
    """In the documented form (reference 6.1, 6.2)."""
    protection = Protection(Limits(hint=4))
    answer = send(protection, 0, seconds=0.07)

    assert ("5999", "1,199.93", "4") == (answer[REQUESTS], answer[TIME], answer["x-ms-dop-hint"])


def test_a_refusal_tells_what_is_left_too() -> None:
    """Nothing, in that case."""
    protection = Protection(Limits(requests=1))
    send(protection, 0)

    assert ("0", "8") == tuple(send(protection, 0).headers[name] for name in (REQUESTS, "x-ms-dop-hint"))


def test_setting_the_limits_begins_anew() -> None:
    """Who was held back is let in, and the new limits hold."""
    protection = Protection(Limits(requests=1))
    before = waits(protection, 0, 0)
    protection.limits = Limits(requests=2, window=50)

    assert [None, 300] == before
    assert [None, None, 50] == waits(protection, 0, 0, 0)


def test_without_limits_nobody_is_held_back() -> None:
    """And the answers tell nothing of what is left."""
    protection = Protection(UNLIMITED)
    with ExitStack() as open_requests:
        for _ in range(100):
            open_requests.enter_context(protection.visit(request(), now=0))
        answer = send(protection, 0, seconds=10_000)

    assert {"x-ms-dop-hint", "Set-Cookie"} == set(answer)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        pytest.param("requests=60, window=10", Limits(requests=60, window=10), id="some"),
        pytest.param(
            "requests=1,seconds=0.5,concurrent=2,window=3,servers=4,hint=5",
            Limits(requests=1, seconds=0.5, concurrent=2, window=3, servers=4, hint=5),
            id="all",
        ),
        pytest.param("concurrent=off", Limits(concurrent=None), id="one off"),
        pytest.param("off", UNLIMITED, id="off"),
    ],
)
def test_limits_are_read(text: str, limits: Limits) -> None:
    """What is not named is Microsoft's."""
    assert limits == read_limits(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("request=5", "request"),
        ("requests", "'requests'"),
        ("requests=0", ">= 1"),
        ("window=off", "window"),
        ("", "''"),
    ],
)
def test_wrong_limits_are_refused(text: str, told: str) -> None:
    """With what is wrong."""
    with pytest.raises(ValueError, match=told):
        read_limits(text)


# On the wire


@contextmanager
def signed_in(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    """A client with a token, which keeps the cookies that it gets."""
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": f"{sandbox.url}/.default",
    }
    with httpx2.Client(base_url=f"{sandbox.url}/api/data/v9.2/", timeout=20, trust_env=False) as client:
        token = client.post(sandbox.token_url, data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
def sandbox(organisation: Organisation) -> Iterator[Sandbox]:
    """A running sandbox that lets two requests in within 300 seconds."""
    now = organisation.clock()
    organisation.clock = lambda: now
    with Sandbox(organisation, protection=Protection(Limits(requests=2))) as running:
        yield running


def test_a_request_over_the_limit_is_not_executed(sandbox: Sandbox) -> None:
    """429 in the service's error shape, with the id of the request."""
    with signed_in(sandbox) as client:
        answers = [client.post("accounts", json={"name": f"Account {number}"}) for number in range(3)]

    assert [204, 204, 429] == [each.status_code for each in answers]
    assert 2 == len(sandbox.organisation.find("account", "statecode", 0))
    assert "0x80072322" == answers[2].json()["error"]["code"]
    assert ("300", "0") == (answers[2].headers["Retry-After"], answers[2].headers[REQUESTS])
    assert answers[2].headers["REQ_ID"]


def test_a_client_that_keeps_cookies_has_one_server_to_itself_only(sandbox: Sandbox) -> None:
    """And all of them when it throws the cookies away (reference 6.2)."""
    sandbox.protection.limits = Limits(requests=2, servers=2)
    with signed_in(sandbox) as client:
        keeping = [client.get("WhoAmI").status_code for _ in range(3)]
        throwing = []
        for _ in range(3):
            client.cookies.clear()
            throwing.append(client.get("WhoAmI").status_code)

    assert [200, 200, 429] == keeping
    assert [200, 200, 429] == sorted(throwing)


def test_a_batch_is_one_request(sandbox: Sandbox) -> None:
    """However many are inside (reference 6.1)."""
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /api/data/v9.2/WhoAmI HTTP/1.1\r\n\r\n\r\n"
    body = part * 10 + "--b--\r\n"
    with signed_in(sandbox) as client:
        answer = client.post("$batch", content=body, headers={"Content-Type": "multipart/mixed; boundary=b"})

    assert (10, "1") == (answer.text.count("200 OK"), answer.headers[REQUESTS])


def test_a_slow_answer_uses_its_time_up(sandbox: Sandbox) -> None:
    """What a fault adds counts like work."""
    sandbox.faults.arm(Armed(switch="slow", seconds=0.25))
    with signed_in(sandbox) as client:
        left = float(client.get("WhoAmI").headers[TIME].replace(",", ""))

    assert 1_190 < left <= 1_199.75


def test_time_that_passes_makes_room(sandbox: Sandbox) -> None:
    """The windows slide with the organisation's clock."""
    with signed_in(sandbox) as client:
        before = [client.get("WhoAmI").status_code for _ in range(3)]
        client.post(f"{sandbox.control_url}/advance", json={"seconds": 300})
        after = client.get("WhoAmI").status_code

    assert ([200, 200, 429], 200) == (before, after)


def test_requests_wait_for_each_other_within_the_limit_on_requests_at_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While two are executed, or wait for a thread, a third is refused at once."""
    sandbox.protection.limits = Limits(concurrent=2)
    both, go_on = threading.Barrier(3), threading.Event()
    handle = Application.handle

    def held(application: Application, request: Request) -> Response:
        if request.path == "accounts":
            both.wait(20)
            go_on.wait(20)
        return handle(application, request)

    monkeypatch.setattr(Application, "handle", held)
    statuses: list[int] = []
    with signed_in(sandbox) as client:
        threads = [threading.Thread(target=lambda: statuses.append(client.get("accounts").status_code)) for _ in "12"]
        for thread in threads:
            thread.start()
        both.wait(20)
        third = client.get("WhoAmI")
        go_on.set()
        for thread in threads:
            thread.join(20)

    assert (429, "0x80072326") == (third.status_code, third.json()["error"]["code"])
    assert [200, 200] == statuses


def test_the_door_sets_the_limits(sandbox: Sandbox) -> None:
    """While it runs; null is no limit, a mistake is told."""
    with signed_in(sandbox) as client:
        door = f"{sandbox.control_url}/protect"
        answer = client.post(door, json={"requests": None, "seconds": 600, "servers": 2})
        wrong = client.post(door, json={"requests": 0})
        told = client.get("WhoAmI").headers

    expected = Limits(requests=None, seconds=600, servers=2)
    assert expected == msgspec.json.decode(json.dumps(answer.json()), type=Limits) == sandbox.protection.limits
    assert 400 == wrong.status_code
    assert REQUESTS not in told
    assert told[TIME].startswith(("599.", "600.00"))
