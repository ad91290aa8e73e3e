"""`$batch`: what goes in, what runs, what comes back (reference 5.11)."""

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.batch import ChangeSet, Operation, execute, parse
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.store.organisation import Organisation

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


@pytest.fixture
def application(organisation: Organisation) -> Application:
    """The whole service without a socket."""
    return Application(organisation, Faults())


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
    assert "odata.continue-on-error" == answer.headers["Preference-Applied"]


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


@pytest.mark.parametrize(
    "reference", ["$1", "/$1", "/api/data/v9.2/$1", f"{BASE}/$1"], ids=["bare", "rooted", "below the API", "absolute"]
)
def test_a_reference_may_be_rooted_as_any_url(reference: str) -> None:
    """In the URL, also before the rest of a path, and in values that name a row."""
    recorder = Recorder(created)
    body = json.dumps({"@odata.id": reference})
    run(
        batch(
            change_set(
                operation(f"POST {BASE}/accounts", body="{}", content_id="1"),
                operation(f"PUT {reference}/primarycontactid/$ref", body=body, content_id="2"),
            )
        ),
        recorder,
    )

    assert "accounts(aa)/primarycontactid/$ref" == recorder.requests[1].path
    assert {"@odata.id": f"{BASE}/accounts(aa)"} == json.loads(recorder.requests[1].body)


def test_references_are_found_at_any_depth_of_a_body() -> None:
    """In nested rows, in lists of binds and in the targets of a bulk operation; other dollars stay."""
    recorder = Recorder(created)
    content = {
        "Targets": [{"@odata.id": "$1", "name": "$1"}],
        "primarycontactid": {"parentcustomerid_account@odata.bind": "$1"},
        "contact_customer_accounts@odata.bind": ["$1", "/contacts(bb)"],
    }
    run(
        batch(
            change_set(
                operation(f"POST {BASE}/accounts", body="{}", content_id="1"),
                operation(f"POST {BASE}/accounts", body=json.dumps(content), content_id="2"),
            )
        ),
        recorder,
    )
    row = f"{BASE}/accounts(aa)"

    assert {
        "Targets": [{"@odata.id": row, "name": "$1"}],
        "primarycontactid": {"parentcustomerid_account@odata.bind": row},
        "contact_customer_accounts@odata.bind": [row, "/contacts(bb)"],
    } == json.loads(recorder.requests[1].body)


@pytest.mark.parametrize("resource", ["$metadata", "/api/data/v9.2/$metadata"])
def test_not_every_dollar_is_a_reference(resource: str) -> None:
    """`$metadata` is a resource."""
    recorder = Recorder()
    run(batch(operation(f"GET {resource}")), recorder)

    assert ["$metadata"] == [request.path for request in recorder.requests]


def test_a_reference_to_a_later_part_fails_the_change_set() -> None:
    """Only earlier parts have rows."""
    recorder = Recorder(created)
    answer = run(
        batch(
            change_set(
                operation("PATCH $2", body="{}", content_id="1"),
                operation(f"POST {BASE}/accounts", body="{}", content_id="2"),
            )
        ),
        recorder,
    )

    assert (400, []) == (answer.status, recorder.requests)
    assert b"Content-ID Reference: '$2' does not exist in the batch context." in answer.body


def test_a_content_id_given_twice_is_refused() -> None:
    """A reference to it would mean two rows."""
    part = operation(f"POST {BASE}/accounts", body="{}", content_id="1")
    with pytest.raises(Refused, match="'1' occurs twice") as caught:
        parse(BATCH_TYPE, batch(change_set(part, part)))

    assert (400, "0x80060888") == (caught.value.status, caught.value.code)


@pytest.mark.parametrize(
    "url", ["accounts(1)?$select=name", "/api/data/v9.2/accounts(1)?$select=name", f"{BASE}/accounts(1)?$select=name"]
)
def test_a_url_is_relative_rooted_or_absolute(url: str) -> None:
    """All three mean the same."""
    recorder = Recorder()
    run(batch(operation(f"GET {url}")), recorder)

    assert [("accounts(1)", "$select=name")] == [(request.path, request.query) for request in recorder.requests]


def test_a_url_may_hold_blanks_as_clients_write_their_filters() -> None:
    """The request line is cut at its first and last blank."""
    recorder = Recorder()
    run(batch(operation(f"GET {BASE}/accounts?$filter=name eq 'A  B'&$top=1")), recorder)

    assert "$filter=name eq 'A  B'&$top=1" == recorder.requests[0].query


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed;boundary=batch_a1",
        'Multipart/Mixed; Boundary="batch_a1"',
        "multipart/mixed; charset=utf-8; boundary=batch_a1; x=y",
    ],
)
def test_a_boundary_may_be_quoted_or_not(content_type: str) -> None:
    """In any place of the header and in any case."""
    assert 1 == len(parse(content_type, batch(operation(f"GET {BASE}/accounts"))))


def test_what_stands_before_and_after_the_parts_is_passed_over() -> None:
    """Preamble and epilogue of MIME; and parts may tell their length."""
    part = operation(f"POST {BASE}/accounts", headers="Content-Length: 2\r\n", body="{}")
    body = b"This is a multipart message.\r\n" + batch(part) + b"--batch_a1\r\nnot a part\r\n"

    assert [b"{}"] == [each.body for each in parse(BATCH_TYPE, body) if isinstance(each, Operation)]


def test_a_content_id_is_echoed() -> None:
    """In a change set and outside."""
    recorder = Recorder(created)
    part = operation(f"POST {BASE}/accounts", body="{}", content_id="one")
    answer = run(batch(part, change_set(part)), recorder)

    assert (200, 2) == (answer.status, answer.body.count(b"Content-ID: one\r\n"))


def answer_to(application: Application, user: str, body: bytes) -> Response:
    """What the whole service answers to a batch."""
    headers = {"content-type": BATCH_TYPE, "prefer": "odata.continue-on-error"}
    return application.handle(Request(method="POST", path="$batch", headers=headers, body=body, caller=user, base=BASE))


def test_a_failed_change_set_leaves_no_row(organisation: Organisation, application: Application) -> None:
    """The account of the first part is gone with the second part's refusal; the batch goes on."""
    contact = json.dumps({"lastname": "x" * 51, "parentcustomerid_account@odata.bind": "$1"})
    answer = answer_to(
        application,
        organisation.user_id,
        batch(
            change_set(
                operation(f"POST {BASE}/accounts", body='{"name":"Gone"}', content_id="1"),
                operation(f"POST {BASE}/contacts", body=contact, content_id="2"),
            ),
            operation(f"POST {BASE}/accounts", body='{"name":"Kept"}'),
        ),
    )
    names = [name for (name,) in organisation.connection.execute("SELECT name FROM account")]

    assert (["Kept"], 1, 1) == (names, answer.body.count(b"0x80044331"), answer.body.count(b"HTTP/1.1 204"))


def test_a_reference_to_a_row_upserted_by_key_means_its_id(
    organisation: Organisation, application: Application, make_key: Callable[..., None]
) -> None:
    """Even when the next part changes the key."""
    make_key("account", "accountnumber")
    answer = answer_to(
        application,
        organisation.user_id,
        batch(
            change_set(
                operation(f"PATCH {BASE}/accounts(accountnumber='A')", body='{"accountnumber":"B"}', content_id="1"),
                operation(f"POST {BASE}/contacts", body='{"parentcustomerid_account@odata.bind":"$1"}', content_id="2"),
            )
        ),
    )
    (account,) = organisation.find("account", "accountnumber", "B")

    assert (200, 1) == (answer.status, len(organisation.find("contact", "parentcustomerid", account)))


@pytest.mark.parametrize(("length", "outside", "inside"), [(32_000, 200, 200), (60_000, 414, 200), (70_000, 414, 414)])
def test_a_url_may_be_twice_as_long_in_a_batch(
    organisation: Organisation, application: Application, length: int, outside: int, inside: int
) -> None:
    """32,768 characters outside, 65,536 inside (reference 0.4)."""
    query = f"$select=name&@p='{'x' * length}'"
    user = organisation.user_id
    alone = application.handle(Request(method="GET", path="accounts", query=query, caller=user, base=BASE))
    answer = answer_to(application, user, batch(operation(f"GET {BASE}/accounts?{query}")))

    assert (outside, True) == (alone.status, f"HTTP/1.1 {inside} ".encode() in answer.body)
