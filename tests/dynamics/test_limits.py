"""The shared budget, and how often what is tried again."""

import threading

import httpx2
import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import MissingPrivilege, NotDataverse, RowNotFound, Throttled, Unavailable, Unreachable
from tandem.dynamics.limits import CEILING, RateBudget
from tandem.dynamics.session import TRIES

VERSION = "RetrieveVersion()"


@pytest.fixture
def budget(clock):
    return RateBudget(monotonic=clock.monotonic, sleep=clock.sleep)


@pytest.mark.parametrize(("hint", "expected"), [(4, 4), (50, CEILING), (1, 1), (None, 2), (0, 2)])
def test_concurrency_starts_at_the_servers_hint(budget, hint, expected):
    """Reference 6.2: min(hint, 8); without a hint it grows from one."""
    before = budget.concurrency
    budget.succeeded(hint)

    assert (before, budget.concurrency) == (1, expected)


def test_concurrency_grows_by_one_for_each_round_of_successes(budget):
    """Two successes at two, three at three, never above the ceiling; later hints change nothing."""
    budget.succeeded(2)
    seen = []
    for _ in range(60):
        budget.succeeded(2)
        seen.append(budget.concurrency)

    assert seen == sorted(seen)
    assert (seen[1], seen[-1]) == (2, CEILING)
    assert 3 in seen[2:4]


def test_throttled_together_halves_once(budget):
    """Requests refused in one episode are one signal; the next episode is another."""
    budget.succeeded(8)
    with budget.slot() as first, budget.slot() as second:
        budget.throttled(first, 5)
        budget.throttled(second, 5)
    halved = budget.concurrency
    with budget.slot() as third:
        budget.throttled(third, 5)

    assert (halved, budget.concurrency) == (4, 2)


def test_concurrency_never_falls_below_one(budget):
    """However often the server refuses, work goes on."""
    for _ in range(3):
        with budget.slot() as episode:
            budget.throttled(episode, 1)

    assert budget.concurrency == 1


def test_retry_after_holds_everybody(budget, clock):
    """The longest wait counts, and one who comes later waits for what is left of it."""
    budget.succeeded(4)
    with budget.slot() as first, budget.slot() as second:
        budget.throttled(first, 30)
        budget.throttled(second, 10)
    clock.now += 12
    with budget.slot():
        assert clock.slept == [18]


def test_no_more_than_allowed_are_under_way():
    """A third thread waits until one of two is done."""
    budget = RateBudget()
    budget.succeeded(2)
    entered = threading.Event()

    def third() -> None:
        with budget.slot():
            entered.set()

    with budget.slot():
        with budget.slot():
            thread = threading.Thread(target=third)
            thread.start()
            waited = not entered.is_set()
        assert entered.wait(timeout=10)
    thread.join(timeout=10)

    assert waited
    assert not thread.is_alive()


def test_R4_a_throttled_read_waits_as_asked_and_goes_on(dynamics, service, failure, json_answer, clock):
    """Retry-After is obeyed to the second."""
    service.routes[VERSION] = [
        failure("0x80072322", status=429, Retry_After="27"),
        json_answer({"Version": "9.2.1"}),
    ]

    assert dynamics.version() == "9.2.1"
    assert sum(clock.slept) == 27
    assert dynamics.requests == 2


def test_R4_clients_that_share_a_budget_wait_together(service, clock, credentials, failure, json_answer, budget):
    """Two lanes of one sync user: the pause of one is the pause of both."""
    service.routes[VERSION] = [
        *[failure("0x80072322", status=429, Retry_After="9")] * TRIES,
        json_answer({"Version": "9.2.1"}),
    ]
    first, second = (
        Dynamics(
            "https://contoso.crm.dynamics.com",
            credentials,
            transport=httpx2.MockTransport(service),
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            budget=budget,
        )
        for _ in range(2)
    )
    with first, second:
        with pytest.raises(Throttled) as caught:
            first.version()
        ended = clock.now
        second.version()

    assert caught.value.retry_after == 9
    assert clock.now - ended == 9


@pytest.mark.parametrize(
    ("answers", "pauses"),
    [
        ([httpx2.Response(503)], [1]),
        ([httpx2.Response(502), httpx2.Response(504, html="<html>")], [1, 2]),
        ([httpx2.Response(503, headers={"retry-after": "7"})], [7]),
        ([httpx2.Response(429)], [6]),
        ([httpx2.Response(200, headers={"content-type": "application/json"}, content=b'{"Version":"9.')], [1]),
    ],
    ids=["503", "502 then 504 with HTML", "503 with Retry-After", "429 without Retry-After", "half an answer"],
)
def test_a_passing_fault_is_repeated(dynamics, service, json_answer, clock, answers, pauses):
    """Waits grow; the server's own wait replaces them."""
    service.routes[VERSION] = [*answers, json_answer({"Version": "9.2.1"})]

    assert dynamics.version() == "9.2.1"
    assert clock.slept == pauses


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx2.ConnectError("refused"), Unreachable),
        (httpx2.ReadTimeout("slow"), Unreachable),
        (httpx2.RemoteProtocolError("cut"), Unreachable),
        (httpx2.DecodingError("bad gzip"), Unreachable),
        (None, Unavailable),
    ],
)
def test_a_lasting_fault_ends_after_a_bounded_number_of_tries(dynamics, service, clock, error, expected):
    """Five tries, then the engine decides when to come back."""

    def broken(_request):
        if error is not None:
            raise error
        return httpx2.Response(503)

    service.routes[VERSION] = broken

    with pytest.raises(expected):
        dynamics.version()

    assert dynamics.requests == TRIES
    assert clock.slept == [1, 2, 4, 8]


def test_a_refusal_is_not_repeated(dynamics, service, failure, clock):
    """A 404 stays a 404."""
    path = "systemusers(u)?$select=fullname,isdisabled,applicationid,accessmode"
    service.routes[path] = failure("0x80040217", "SystemUser With Id = u Does Not Exist", 404)

    with pytest.raises(RowNotFound):
        dynamics.user("u")

    assert (dynamics.requests, clock.slept) == (1, [])


class TestBatches:
    """A batch can fail as a whole, in a part, or come back short."""

    @pytest.fixture
    def ask(self, dynamics, make_table):
        return lambda: dynamics.fetch_names(make_table(), ["a", "b"])

    @pytest.fixture
    def rows(self, service, json_answer):
        for name in "ab":
            service.routes[f"contacts({name})?$select=contactid,fullname,versionnumber"] = [
                json_answer({"contactid": name, "fullname": name.upper()}) for _ in range(3)
            ]
        return {"a": "A", "b": "B"}

    @pytest.mark.parametrize(
        "outer",
        [
            httpx2.Response(429, headers={"retry-after": "3"}),
            httpx2.Response(503, html="<html>"),
            httpx2.Response(200, headers={"content-type": "multipart/mixed; boundary=x"}, content=b"--x--"),
            httpx2.Response(
                200, headers={"content-type": "multipart/mixed; boundary=x"}, content=b"--x\r\n\r\ncut\r\n--x--"
            ),
            httpx2.Response(
                200,
                headers={"content-type": "multipart/mixed; boundary=x"},
                content=b"--x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{",
            ),
        ],
        ids=["429 outside", "503 outside", "too few parts", "a damaged part", "cut before its end"],
    )
    def test_a_batch_without_its_answers_is_repeated_as_a_whole(self, dynamics, service, ask, rows, outer):
        """All its requests are reads."""
        answers = iter([outer])

        def first_broken(request):
            return next(answers, None) or service._batch(request)

        service.routes["$batch"] = first_broken

        assert ask() == rows
        assert dynamics.requests == 2

    def test_a_refusal_that_ended_the_batch_is_raised(self, service, ask):
        """An outer 400 is multipart too, with the culprit's answer as its last part (reference 5.11)."""
        body = (
            b"--x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 403 Forbidden\r\n"
            b"Content-Type: application/json\r\n\r\n"
            b'{"error":{"code":"0x80040220","message":"No."}}\r\n--x--\r\n'
        )
        service.routes["$batch"] = httpx2.Response(
            403, headers={"content-type": 'multipart/mixed; boundary="x"'}, content=body
        )

        with pytest.raises(MissingPrivilege):
            ask()

    @pytest.mark.parametrize(
        "outer",
        [
            httpx2.Response(404, html="<html>"),
            httpx2.Response(200, html="<html>"),
            httpx2.Response(200, headers={"content-type": "multipart/mixed"}, content=b"{}"),
        ],
    )
    def test_an_answer_that_is_no_batch_is_named_so(self, service, ask, outer):
        """A web page is no batch."""
        service.routes["$batch"] = outer

        with pytest.raises(NotDataverse):
            ask()

    def test_a_429_inside_repeats_the_batch_after_the_wait(self, dynamics, service, ask, rows, failure, clock):
        """Reference 5.11: look at both levels."""
        service.routes["contacts(b)?$select=contactid,fullname,versionnumber"].insert(
            0, failure("0x80072322", status=429, Retry_After="3")
        )

        assert ask() == rows
        assert dynamics.requests == 2
        assert sum(clock.slept) == 3
