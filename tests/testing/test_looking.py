"""How facts are looked at: each can fail, nothing is left behind, and nothing is touched that was not allowed."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tandem.sandbox.data.generate import generate
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation
from tandem.testing.facts import FACTS, Client, Fact, Mark, Need, SignIn, Stage, Verdict, look, look_at
from tandem.testing.facts.case import Check, same

TABLES = ("account", "contact", "lead", "opportunity", "connection", "campaign", "list", "listmember", "task")
READING = frozenset({Need.READING})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A small organisation on loopback."""
    organisation = Organisation()
    for table, rows in generate(20, seed=1):
        organisation.load(table, rows)
    with Sandbox(organisation) as serving:
        yield serving
    organisation.close()


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[Client]:
    """The suite's client, signed in as the sync user."""
    sign_in = SignIn(token_url=sandbox.token_url, client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    client = Client(sandbox.url, sign_in)
    yield client
    client.close()


def stated(check: Check, *, need: Need = Need.READING, mark: Mark = Mark.CONFIRMED) -> Fact:
    """A fact of the test's own."""
    return Fact(section="1.5", title="of a test", mark=mark, need=need, check=check, values=())


def contents(organisation: Organisation) -> dict[str, list[Any]]:
    """Every row of the tables a run could touch."""
    read = organisation.connection.execute
    return {table: read(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def dumb(status: int, body: bytes) -> Callable[[httpx2.Request], httpx2.Response]:
    """An organisation that lets everybody in and gives everything one answer."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/token"):
            return httpx2.Response(200, json={"access_token": "t", "refresh_token": "r"})
        return httpx2.Response(status, content=body, headers={"Content-Type": "application/json"})

    return answer


ORGANISATIONS = {
    "agrees to everything": dumb(200, b'{"value": []}'),
    "refuses everything": dumb(400, b'{"error": {"code": "0x80040203", "message": "Invalid argument."}}'),
    "fails at everything": dumb(500, b'{"error": {"code": "0x80040216", "message": "An unexpected error occurred."}}'),
}


def holding(answer: Callable[[httpx2.Request], httpx2.Response]) -> set[str]:
    """The facts that are said to hold of an organisation that answers so."""
    sign_in = SignIn(token_url="http://127.0.0.1/token", client_id="c", client_secret="s", username="u", password="p")
    client = Client("http://127.0.0.1", sign_in, transport=httpx2.MockTransport(answer))
    stage = Stage(client, allowed=frozenset(Need) - {Need.SCHEMA, Need.DOOR})
    outcomes = [look(fact, stage) for fact in FACTS]
    client.close()
    return {outcome.fact.name for outcome in outcomes if outcome.verdict is Verdict.HOLDS}


def test_no_fact_holds_whatever_an_organisation_answers() -> None:
    """A check that cannot fail proves nothing."""
    held = [holding(answer) for answer in ORGANISATIONS.values()]

    assert set() == set.intersection(*held)
    assert all(len(names) < len(FACTS) / 5 for names in held)


class Damaging(httpx2.HTTPTransport):
    """A line that rewrites what the organisation answers: one text for another, in the body and in the headers."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self._old, self._new = old, new

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().handle_request(request)
        answer.read()
        status = int(str(answer.status_code).replace(self._old, self._new))
        kept = {
            name: value for name, value in answer.headers.items() if name not in ("content-length", "content-encoding")
        }
        headers = {name.replace(self._old, self._new): value for name, value in kept.items()}
        return httpx2.Response(status, headers=headers, content=answer.text.replace(self._old, self._new).encode())


@pytest.mark.parametrize(
    ("old", "new", "section"),
    [
        pytest.param("x-ms-service-request-id", "x-other", "0.2", id="a header left out"),
        pytest.param("401", "403", "1.3", id="401 told as 403"),
        pytest.param("MetadataId", "Metadata", "2.2", id="a property renamed"),
        pytest.param("@odata.etag", "@odata.tag", "3.1", id="ETags left out"),
        pytest.param("lookuplogicalname", "lookupname", "3.1", id="an annotation left out"),
        pytest.param("@odata.nextLink", "@odata.next", "3.5", id="pages without a link"),
        pytest.param("@odata.deltaLink", "@odata.delta", "4.2", id="changes without a link"),
        pytest.param('"reason":"deleted"', '"reason":"changed"', "4.3", id="deletions told as changes"),
        pytest.param("412", "409", "5.3", id="412 told as 409"),
        pytest.param("0x80048d19", "0x80040203", "5.6", id="another code"),
        pytest.param("Content-ID", "Content-Other", "5.11", id="parts without Content-ID"),
    ],
)
def test_damage_is_noticed(sandbox: Sandbox, client: Client, old: str, new: str, section: str) -> None:
    """An organisation that is wrong in one point contradicts the fact that speaks of it."""
    damaged = Client(sandbox.url, client.sign_in, transport=Damaging(old, new))
    facts = [fact for fact in FACTS if fact.section == section]

    with Stage(damaged, allowed=frozenset({Need.READING, Need.ROWS, Need.SALES})) as stage:
        outcomes = look_at(facts, stage)
    damaged.close()

    assert any(outcome.contradicts for outcome in outcomes)


def test_what_differs_is_told_with_request_and_answer(sandbox: Sandbox, client: Client) -> None:
    """Whoever reads the report sees what was sent and what came."""
    outcome = look(stated(lambda stage: stage.get("nosuchset").expect(200) and None), Stage(client, allowed=READING))

    assert (
        Verdict.DIFFERS,
        True,
        "answered with 404 0x8006088a `Resource not found for the segment 'nosuchset'.`, the reference says 200",
    ) == (
        outcome.verdict,
        outcome.contradicts,
        outcome.told,
    )
    assert f"GET {sandbox.url}/api/data/v9.2/nosuchset" in outcome.wire[-1]
    assert "HTTP 404" in outcome.wire[-1]
    assert "0x8006088a" in outcome.wire[-1]


def test_what_is_told_holds_no_secret(sandbox: Sandbox, client: Client) -> None:
    """Neither the application's secret nor a token, in either direction."""

    def check(stage: Stage) -> None:
        granted = stage.client.token(stage.client.application()).json["access_token"]
        stage.client.token({"grant_type": "password", "password": "hunter2"})
        tokens.append(granted)
        same("nothing", 1, 2)

    tokens: list[str] = []
    told = "\n".join(look(stated(check), Stage(client, allowed=READING)).wire)

    assert "client_secret=***" in told
    assert '"access_token":"***' in told
    assert "password=***" in told
    assert "HTTP 400" in told
    assert "hunter2" not in told
    assert sandbox.client_secret not in told
    assert tokens[0] not in told
    assert "Bearer " not in told


def test_a_strange_answer_is_a_difference(client: Client) -> None:
    """No crash, and the facts after it are looked at."""
    outcome = look(stated(lambda stage: stage.get("WhoAmI").json["NoSuchId"]), Stage(client, allowed=READING))

    assert (Verdict.DIFFERS, "the answer has another shape: KeyError 'NoSuchId'") == (outcome.verdict, outcome.told)


def test_what_the_callers_roles_do_not_allow_is_not_seen(sandbox: Sandbox, client: Client) -> None:
    """It tells of the caller, not of the organisation."""
    stage = Stage(client, allowed=READING, control_url=sandbox.control_url)
    fact = stated(lambda stage: stage.get("leads?$select=lastname").rows and None)
    stage.door("privilege", privilege="prvReadLead")
    try:
        outcome = look(fact, stage)
    finally:
        stage.door("privilege", privilege="prvReadLead", depth="Global")

    assert Verdict.NOT_SEEN == outcome.verdict
    assert "prvReadLead" in outcome.told


def test_where_no_table_can_be_made_one_fact_says_so_and_the_others_are_not_seen(
    sandbox: Sandbox, client: Client
) -> None:
    """And nobody tries it again for each."""
    stage = Stage(client, allowed=frozenset({Need.ROWS, Need.SCHEMA}), control_url=sandbox.control_url)
    stage.door("fault", switch="unexpected", times=None, path="EntityDefinitions")
    try:
        outcomes = [look(stated(lambda stage: stage.row() and None, need=Need.ROWS), stage) for _ in range(2)]
    finally:
        stage.door("clear")

    assert [Verdict.DIFFERS, Verdict.NOT_SEEN] == [outcome.verdict for outcome in outcomes]
    assert outcomes[1].told.startswith("No table could be made: ")


def test_an_unconfirmed_fact_that_differs_settles_and_contradicts_nothing(client: Client) -> None:
    """One learns from it."""
    fact = stated(lambda stage: same("x", 1, 2), mark=Mark.KNOWN)

    outcome = look(fact, Stage(client, allowed=READING))

    assert (True, False) == (outcome.settles, outcome.contradicts)


@pytest.mark.parametrize("need", [need for need in Need if need is not Need.READING])
def test_what_is_not_allowed_is_not_looked_at(client: Client, need: Need) -> None:
    """And says what it would take."""
    asked: list[Stage] = []

    outcome = look(stated(lambda stage: asked.append(stage), need=need), Stage(client, allowed=READING))

    assert (Verdict.NOT_SEEN, f"It takes {need.value}.", []) == (outcome.verdict, outcome.told, asked)


def test_a_run_that_may_only_read_writes_nothing(sandbox: Sandbox, client: Client) -> None:
    """Not even what the service would refuse to keep."""
    before = sandbox.organisation.version

    with Stage(client, allowed=READING) as stage:
        outcomes = look_at(FACTS, stage)

    assert before == sandbox.organisation.version
    assert 300 < sum(outcome.verdict is Verdict.HOLDS for outcome in outcomes)


def test_a_run_in_a_table_of_its_own_leaves_every_other_row_alone(sandbox: Sandbox, client: Client) -> None:
    """And the table is gone afterwards."""
    organisation = sandbox.organisation
    before, tables = contents(organisation), set(organisation.tables)
    facts = [fact for fact in FACTS if fact.section.startswith("5.") and fact.need is not Need.SALES]

    with Stage(client, allowed=frozenset({Need.READING, Need.ROWS, Need.SCHEMA})) as stage:
        during = stage.subject.table
        outcomes = look_at(facts, stage)

    assert {Verdict.HOLDS} == {outcome.verdict for outcome in outcomes if outcome.fact.need is not Need.DOOR}
    assert during not in tables
    assert tables == set(organisation.tables)
    assert before == contents(organisation)


def test_a_run_that_may_write_leaves_no_row_behind(sandbox: Sandbox, client: Client) -> None:
    """What actions and cascades make included."""
    before = contents(sandbox.organisation)
    facts = [fact for fact in FACTS if fact.section.startswith("8.")]

    with Stage(client, allowed=frozenset({Need.READING, Need.ROWS, Need.SALES})) as stage:
        look_at(facts, stage)

    assert [] == stage.left
    assert before == contents(sandbox.organisation)


def test_an_interrupted_fact_leaves_nothing_behind(sandbox: Sandbox, client: Client) -> None:
    """Ctrl-C in the middle of it."""

    def check(stage: Stage) -> None:
        stage.row()
        raise KeyboardInterrupt

    before = contents(sandbox.organisation)

    with (
        pytest.raises(KeyboardInterrupt),
        Stage(client, allowed=frozenset({Need.READING, Need.ROWS})) as stage,
    ):
        look(stated(check, need=Need.ROWS), stage)

    assert before == contents(sandbox.organisation)


def test_an_interrupted_run_takes_its_table_away(sandbox: Sandbox, client: Client) -> None:
    """With the rows in it."""

    def check(stage: Stage) -> None:
        stage.row()
        raise KeyboardInterrupt

    tables = set(sandbox.organisation.tables)

    with (
        pytest.raises(KeyboardInterrupt),
        Stage(client, allowed=frozenset({Need.READING, Need.ROWS, Need.SCHEMA})) as stage,
    ):
        look(stated(check, need=Need.ROWS), stage)

    assert tables == set(sandbox.organisation.tables)


def test_a_row_whose_reply_was_lost_is_found_by_its_mark(sandbox: Sandbox, client: Client) -> None:
    """Nobody knows its id."""
    before = contents(sandbox.organisation)

    with Stage(client, allowed=frozenset({Need.READING, Need.SALES})) as stage:
        stage.post("contacts", {"lastname": stage.mark})
        during = contents(sandbox.organisation)

    assert before != during
    assert before == contents(sandbox.organisation)


def test_what_cannot_be_taken_away_is_told(client: Client) -> None:
    """Somebody has to."""
    stage = Stage(client, allowed=READING)
    address = stage.taken_away(f"systemusers({stage.user})")

    stage.clear()

    assert [address] == [told.partition(" ")[0] for told in stage.left]


def test_a_throttled_request_is_repeated_after_the_pause_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds of Retry-After."""
    answers = iter(
        [
            httpx2.Response(200, json={"access_token": "t"}),
            httpx2.Response(429, headers={"Retry-After": "17"}, json={"error": {"code": "0x80072322", "message": ""}}),
            httpx2.Response(200, json={"UserId": "u"}),
        ]
    )
    slept: list[float] = []
    monkeypatch.setattr("tandem.testing.facts.client.time.sleep", slept.append)
    sign_in = SignIn(token_url="http://127.0.0.1/token", client_id="c", client_secret="s")
    client = Client("http://127.0.0.1", sign_in, transport=httpx2.MockTransport(lambda _request: next(answers)))

    assert "u" == Stage(client, allowed=READING).user
    assert [17.0] == slept
    client.close()


def test_a_link_of_the_service_goes_out_byte_for_byte() -> None:
    """Links are opaque: decoding one and encoding it again makes another."""
    link = "http://127.0.0.1/api/data/v9.2/contacts?$skiptoken=%3Ccookie%20pagenumber=%222%22%2f%3e"
    targets: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        targets.append(request.extensions.get("target", b""))
        return httpx2.Response(200, json={"access_token": "t"})

    sign_in = SignIn(token_url="http://127.0.0.1/token", client_id="c", client_secret="s")
    client = Client("http://127.0.0.1", sign_in, transport=httpx2.MockTransport(answer))
    client.send("GET", link)
    client.close()

    assert link.removeprefix("http://127.0.0.1").encode() == targets[-1]
