"""`$batch`: what goes in, what runs, what comes back (reference 5.11)."""

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.batch import ChangeSet, Operation, execute, parse

BASE = "http://127.0.0.1:1234/api/data/v9.2"
BATCH_TYPE = 'multipart/mixed; boundary="batch_a1"'


def operation(request_line: str, *, body: str = "", content_id: str | None = None, headers: str = "") -> str:
    """One application/http part."""
    own_id = f"Content-ID: {content_id}\r\n" if content_id else ""
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{own_id}\r\n"
        f"{request_line} HTTP/1.1\r\n{headers}\r\n{body}\r\n"
    )


def change_set(*operations: str) -> str:
    """One multipart/mixed part."""
    inner = "".join(f"--changeset_b2\r\n{part}" for part in operations)
    return f"Content-Type: multipart/mixed; boundary=changeset_b2\r\n\r\n{inner}--changeset_b2--\r\n"


def batch(*parts: str) -> bytes:
    """A whole body."""
    return ("".join(f"--batch_a1\r\n{part}" for part in parts) + "--batch_a1--\r\n").encode()


class Recorder:
    """Answers inner requests by path, and records them and the transactions around them."""

    def __init__(self, answer: Callable[[Request], Response] | None = None) -> None:
        self.requests: list[Request] = []
        self.transactions: list[str] = []
        self._answer = answer or (lambda request: Response(status=204))

    def handle(self, request: Request) -> Response:
        self.requests.append(request)
        return self._answer(request)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.transactions.append("begun")
        try:
            yield
        except BaseException:
            self.transactions.append("rolled back")
            raise
        self.transactions.append("committed")


def run(body: bytes, recorder: Recorder, *, prefer: str = "") -> Response:
    request = Request(
        method="POST",
        path="$batch",
        headers={"content-type": BATCH_TYPE, "prefer": prefer},
        body=body,
        caller="me",
        base=BASE,
    )
    return execute(request, recorder.handle, recorder.transaction)


def test_each_part_becomes_one_operation() -> None:
    """Method, URL, headers and body of every part are kept."""
    body = batch(
        operation("GET /api/data/v9.2/accounts?$top=1", headers="Accept: application/json\r\n"),
        operation("PATCH /api/data/v9.2/leads(1)", headers="If-Match: *\r\n", body='{"a":1}'),
    )

    assert [
        Operation(
            method="GET",
            url="/api/data/v9.2/accounts?$top=1",
            headers={"accept": "application/json"},
            body=b"",
        ),
        Operation(method="PATCH", url="/api/data/v9.2/leads(1)", headers={"if-match": "*"}, body=b'{"a":1}'),
    ] == parse(BATCH_TYPE, body)


def test_bare_line_feeds_are_read_like_crlf() -> None:
    """A client that forgets the CR is understood."""
    body = batch(change_set(operation("POST /api/data/v9.2/leads", body="{}", content_id="1")))

    assert parse(BATCH_TYPE, body) == parse(BATCH_TYPE, body.replace(b"\r\n", b"\n"))


def test_a_change_set_keeps_its_members_together() -> None:
    """The members and their Content-IDs come in order."""
    body = batch(
        change_set(
            operation("POST /api/data/v9.2/leads", body="{}", content_id="1"),
            operation("PATCH $1", body="{}", content_id="2"),
        )
    )
    (part,) = parse(BATCH_TYPE, body)

    assert isinstance(part, ChangeSet)
    assert ["1", "2"] == [member.content_id for member in part.operations]


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        pytest.param("application/json", b"{}", "multipart/mixed", id="a body that is no multipart"),
        pytest.param(BATCH_TYPE, b"--other\r\n", "does not occur", id="another boundary in the body"),
        pytest.param(
            BATCH_TYPE,
            batch(change_set(operation("GET /api/data/v9.2/leads", content_id="1"))),
            "GET",
            id="a GET in a change set",
        ),
        pytest.param(
            BATCH_TYPE,
            batch(change_set(operation("POST /api/data/v9.2/leads", body="{}"))),
            "Content-ID is missing",
            id="a change set without Content-ID",
        ),
        pytest.param(
            BATCH_TYPE,
            batch(operation("POST /api/data/v9.2/$batch")),
            "another batch",
            id="a batch in a batch",
        ),
        pytest.param(
            BATCH_TYPE,
            batch(*[operation("GET /api/data/v9.2/leads")] * 1001),
            "1001 requests",
            id="one request too many",
        ),
        pytest.param(BATCH_TYPE, batch(operation("nonsense")), "request line", id="a part without a request line"),
    ],
)
def test_a_malformed_batch_is_refused(content_type: str, body: bytes, words: str) -> None:
    """Nothing runs; the refusal is a 400 that says what is wrong."""
    with pytest.raises(Refused, match=words) as caught:
        parse(content_type, body)

    assert (400, "0x80060888") == (caught.value.status, caught.value.code)


def test_a_thousand_requests_are_the_most() -> None:
    """1,000 inner requests are taken."""
    assert 1000 == len(parse(BATCH_TYPE, batch(*[operation("GET /api/data/v9.2/leads")] * 1000)))


def test_answers_come_back_in_order_as_multipart() -> None:
    """Each part holds an HTTP status line, headers and body; line ends are CRLF."""
    recorder = Recorder(lambda request: Response(status=200, headers={"A": "b"}, body=request.path.encode()))
    answer = run(batch(*(operation(f"GET {BASE}/leads({n})?$select=a") for n in (1, 2))), recorder)
    boundary = answer.headers["Content-Type"].partition("boundary=")[2]

    assert 200 == answer.status
    assert ["leads(1)", "leads(2)"] == [request.path for request in recorder.requests]
    assert "$select=a" == recorder.requests[0].query
    assert (
        "".join(
            f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"HTTP/1.1 200 OK\r\nA: b\r\n\r\nleads({n})\r\n\r\n"
            for n in (1, 2)
        )
        + f"--{boundary}--\r\n"
        == answer.body.decode()
    )


def refuse_second(request: Request) -> Response:
    """404 for leads(2), else 204."""
    return Response(status=404 if request.path == "leads(2)" else 204, body=b"")


def test_the_first_failure_stops_the_run_and_names_the_outer_status() -> None:
    """Without continue-on-error the third request never runs, and the body is still multipart."""
    recorder = Recorder(refuse_second)
    answer = run(batch(*(operation(f"DELETE {BASE}/leads({n})") for n in (1, 2, 3))), recorder)

    assert 404 == answer.status
    assert ["leads(1)", "leads(2)"] == [request.path for request in recorder.requests]
    assert 2 == answer.body.count(b"HTTP/1.1 ")


def test_continue_on_error_runs_everything() -> None:
    """The outer status is 200 and every part is present."""
    recorder = Recorder(refuse_second)
    body = batch(*(operation(f"DELETE {BASE}/leads({n})") for n in (1, 2, 3)))
    answer = run(body, recorder, prefer="odata.continue-on-error")

    assert (200, 3) == (answer.status, answer.body.count(b"HTTP/1.1 "))


def created(request: Request) -> Response:
    """A created row answers with its address."""
    return Response(status=204, row=f"{request.base}/accounts(aa)") if request.method == "POST" else refuse(request)


def refuse(request: Request) -> Response:
    """400 for leads(bad), else 204."""
    return Response(status=400 if request.path == "leads(bad)" else 204)


def test_a_content_id_stands_for_the_row_of_an_earlier_part() -> None:
    """`$1` is replaced in the URL and in bind values, and nowhere else."""
    recorder = Recorder(created)
    run(
        batch(
            change_set(
                operation(f"POST {BASE}/accounts", body="{}", content_id="1"),
                operation("PATCH $1", body='{"name":"$1","parentaccountid@odata.bind":"$1"}', content_id="2"),
            )
        ),
        recorder,
    )

    assert "accounts(aa)" == recorder.requests[1].path
    assert {"name": "$1", "parentaccountid@odata.bind": f"{BASE}/accounts(aa)"} == json.loads(recorder.requests[1].body)
    assert ["begun", "committed"] == recorder.transactions


def test_numbers_beside_a_reference_stay_exact() -> None:
    """Resolving a reference does not rewrite the other values of the body."""
    recorder = Recorder(created)
    amount = '{"revenue":12345678901234.5600,"parentaccountid@odata.bind":"$1"}'
    run(
        batch(
            change_set(
                operation(f"POST {BASE}/accounts", body="{}", content_id="1"),
                operation(f"POST {BASE}/accounts", body=amount, content_id="2"),
            )
        ),
        recorder,
    )

    assert b'"revenue":12345678901234.5600' in recorder.requests[1].body


def test_a_reference_outside_a_change_set_fails_its_own_part_only() -> None:
    """The parts before and after keep their answers."""
    recorder = Recorder(created)
    parts = [operation(f"POST {BASE}/accounts", body="{}"), operation("PATCH $1", body="{}")] * 2
    answer = run(batch(*parts), recorder, prefer="odata.continue-on-error")

    assert (200, 2, 2) == (
        answer.status,
        answer.body.count(b"HTTP/1.1 204"),
        answer.body.count(b"HTTP/1.1 400"),
    )


def test_an_unknown_content_id_fails_the_change_set() -> None:
    """The one error part names the reference."""
    recorder = Recorder(created)
    answer = run(batch(change_set(operation("PATCH $9", body="{}", content_id="1"))), recorder)

    assert 400 == answer.status
    assert b"Content-ID Reference: '$9' does not exist in the batch context." in answer.body


def test_a_failed_change_set_rolls_back_and_answers_with_one_error() -> None:
    """All or nothing: the transaction ends in a rollback and one part names the culprit."""
    recorder = Recorder(created)
    answer = run(
        batch(
            change_set(
                operation(f"POST {BASE}/accounts", body="{}", content_id="1"),
                operation(f"PATCH {BASE}/leads(bad)", body="{}", content_id="2"),
            )
        ),
        recorder,
        prefer="odata.continue-on-error",
    )

    assert ["begun", "rolled back"] == recorder.transactions
    assert (200, 1, 1) == (
        answer.status,
        answer.body.count(b"HTTP/1.1 "),
        answer.body.count(b"Content-ID: 2"),
    )
