"""Many writes in one `$batch`: each part with its own condition, its own answer and its own transaction (5.11)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tandem.sandbox.automation.duplicates import DuplicateRule
from tandem.sandbox.automation.plug_ins import Form, Refuse, Rewrite
from tandem.sandbox.messages import Request
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Armed, Faults
from tandem.sandbox.service.switches import Reply
from tandem.sandbox.store.organisation import Organisation

BASE = "http://127.0.0.1:1234/api/data/v9.2"
ABSENT = "00000000-0000-4000-8000-0000000000aa"
GO_ON = "odata.continue-on-error"
SHOWN = "Prefer: return=representation"


@dataclass(frozen=True, slots=True)
class Part:
    """One PATCH and the headers of its own."""

    row_id: str
    content: Mapping[str, object]
    headers: tuple[str, ...] = ("If-Match: *",)

    def lines(self) -> list[str]:
        """The part as it stands in the body."""
        url = f"/api/data/v9.2/leads({self.row_id})?$select=lastname,versionnumber"
        request = [f"PATCH {url} HTTP/1.1", "Content-Type: application/json", *self.headers]
        return ["--b", "Content-Type: application/http", "", *request, "", json.dumps(self.content)]


@dataclass(frozen=True, slots=True)
class Answer:
    """One part of the answer: its status, its headers in lower case and its body."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.body["error"]["code"])


class Peer:
    """The service behind its fault switches."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.faults = Faults()
        self._application = Application(organisation, self.faults)

    def reply(self, *parts: Part, prefer: str = GO_ON) -> Reply:
        """What the connection does with a batch of these parts."""
        lines = [line for part in parts for line in part.lines()]
        request = Request(
            method="POST",
            path="$batch",
            headers={"content-type": "multipart/mixed; boundary=b", "prefer": prefer},
            body="\r\n".join([*lines, "--b--", ""]).encode(),
            caller=self.organisation.user_id,
            base=BASE,
        )
        return self.faults.answer(request, self._application.handle)

    def send(self, *parts: Part, prefer: str = GO_ON) -> tuple[int, list[Answer]]:
        """The outer status and the answers in order."""
        response = self.reply(*parts, prefer=prefer).response
        assert response is not None
        boundary = response.headers["Content-Type"].partition("boundary=")[2]
        *inner, last = response.body.decode().split(f"--{boundary}")[1:]
        assert "--\r\n" == last
        return response.status, [parsed(part) for part in inner]


def parsed(part: str) -> Answer:
    """One part of the answer."""
    _, head, body = part.lstrip("\r\n").split("\r\n\r\n", 2)
    status, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    found = re.match(r"HTTP/1.1 (\d+) ", status)
    assert found is not None, part
    return Answer(int(found[1]), headers, json.loads(body) if body.strip() else None)


@pytest.fixture
def peer(organisation: Organisation) -> Peer:
    """The service over a new organisation."""
    return Peer(organisation)


def names(writer: Any, *rows: str) -> list[object]:
    """The last names that are stored."""
    return [writer.row("lead", row_id)["lastname"] for row_id in rows]


def test_every_row_of_the_table_of_conditions_holds_inside_a_batch(peer: Peer, writer: Any) -> None:
    """Reference 5.3: each part has a condition of its own, and a refused one leaves the others alone."""
    first, second, third = (writer.create("lead", lastname="Ek") for _ in range(3))
    current, stale = f'If-Match: W/"{writer.version("lead", first)}"', 'If-Match: W/"1"'
    status, answers = peer.send(
        Part(first, {"lastname": "A"}, (current,)),
        Part(second, {"lastname": "B"}, (stale,)),
        Part(third, {"lastname": "C"}, ("If-None-Match: *",)),
        Part(ABSENT, {"lastname": "D"}, ("If-Match: *",)),
        Part(ABSENT, {"lastname": "E"}, ("If-None-Match: *",)),
        Part(third, {"lastname": "F"}, ()),
    )

    assert (200, [204, 412, 412, 404, 204, 204]) == (status, [answer.status for answer in answers])
    assert ["0x80060882", "0x80040237", "0x80040217"] == [answer.code for answer in answers[1:4]]
    assert ["A", "Ek", "F", "E"] == names(writer, first, second, third, ABSENT)
    assert f"{BASE}/leads({first})" == answers[0].headers["odata-entityid"]


def test_a_representation_is_that_of_its_own_part(peer: Peer, writer: Any) -> None:
    """200 updated, 201 created, 204 where none was asked for; ETag and version are those of that write."""
    row_id = writer.create("lead", lastname="Ek")
    _, answers = peer.send(
        Part(row_id, {"lastname": "A"}, ("If-Match: *", SHOWN)),
        Part(row_id, {"lastname": "B"}),
        Part(ABSENT, {"lastname": "C"}, ("If-None-Match: *", SHOWN)),
        Part(row_id, {"lastname": "D"}, ("If-Match: *", SHOWN)),
    )
    shown = [answers[number].body for number in (0, 2, 3)]

    assert [200, 204, 201, 200] == [answer.status for answer in answers]
    assert ["A", "C", "D"] == [body["lastname"] for body in shown]
    assert [f'W/"{body["versionnumber"]}"' for body in shown] == [body["@odata.etag"] for body in shown]
    assert writer.version("lead", row_id) == shown[2]["versionnumber"] > shown[0]["versionnumber"]
    assert "return=representation" == answers[0].headers["preference-applied"]


def test_business_logic_acts_on_each_part_alone(peer: Peer, writer: Any) -> None:
    """A refusal, a rewrite that the representation shows, a locked row and a duplicate, side by side."""
    logic = peer.organisation.logic
    first, second, locked, twin = (writer.create("lead", lastname="Ek") for _ in range(4))
    writer.create("lead", emailaddress1="ann@contoso.example")
    logic.arm(Refuse(table="lead", when={"lastname": "Nobody"}))
    logic.arm(Rewrite(table="lead", column="lastname", to=Form.UPPER))
    logic.put_rule(DuplicateRule(name="x", table="lead", columns=("emailaddress1",)))
    logic.lock("lead", locked, locked=True)
    same = {"emailaddress1": "ann@contoso.example"}
    status, answers = peer.send(
        Part(first, {"lastname": "ny"}, ("If-Match: *", SHOWN)),
        Part(second, {"lastname": "Nobody"}),
        Part(locked, {"lastname": "ny"}),
        Part(twin, same, ("If-Match: *", "MSCRM.SuppressDuplicateDetection: false")),
        Part(second, same),
    )

    assert (200, [200, 400, 400, 412, 204]) == (status, [answer.status for answer in answers])
    assert ["0x80040265", "0x8004022E", "0x80040333"] == [answer.code for answer in answers[1:4]]
    assert "NY" == answers[0].body["lastname"]


def test_without_continue_on_error_the_rest_is_not_run(peer: Peer, writer: Any) -> None:
    """What was done before the failure stays done; the outer status is the failure's."""
    rows = [writer.create("lead", lastname="Ek") for _ in range(3)]
    conditions = ("If-Match: *", 'If-Match: W/"1"', "If-Match: *")
    parts = [Part(row_id, {"lastname": "Ny"}, (each,)) for row_id, each in zip(rows, conditions, strict=True)]
    status, answers = peer.send(*parts, prefer="")

    assert (412, [204, 412]) == (status, [answer.status for answer in answers])
    assert ["Ny", "Ek", "Ek"] == names(writer, *rows)


@pytest.mark.parametrize(
    ("armed", "status", "stored"),
    [
        pytest.param(Armed(switch="throttle-time", inner=True, after=1, seconds=7), 429, "Ek", id="throttled"),
        pytest.param(Armed(switch="unexpected", inner=True, after=1), 500, "Ek", id="an unexpected error"),
        pytest.param(Armed(switch="unexpected-after", inner=True, after=1), 500, "Ny", id="an error after the commit"),
        pytest.param(Armed(switch="version-mismatch", inner=True), 412, "Ek", id="a version that is wrongly refused"),
    ],
)
def test_one_part_can_fail_by_itself(peer: Peer, writer: Any, armed: Armed, status: int, stored: str) -> None:
    """The outer status is 200 and the other parts are done (reference 5.11)."""
    rows = [writer.create("lead", lastname="Ek") for _ in range(3)]
    versions = [writer.version("lead", row_id) for row_id in rows]
    conditions = ("If-Match: *", f'If-Match: W/"{versions[1]}"', "If-Match: *")
    peer.faults.arm(armed)
    outer, answers = peer.send(
        *(Part(row_id, {"lastname": "Ny"}, (each,)) for row_id, each in zip(rows, conditions, strict=True))
    )

    assert (200, [204, status, 204]) == (outer, [answer.status for answer in answers])
    assert ["Ny", stored, "Ny"] == names(writer, *rows)
    assert armed.seconds == (float(answers[1].headers["retry-after"]) if status == 429 else None)


@pytest.mark.parametrize(
    ("armed", "stored"),
    [
        pytest.param(Armed(switch="reset-before"), ["Ek", "Ek", "Ek"], id="before the first part"),
        pytest.param(
            Armed(switch="reset-before", inner=True, after=1), ["Ny", "Ek", "Ek"], id="before the second part"
        ),
        pytest.param(Armed(switch="reset-after", inner=True, after=1), ["Ny", "Ny", "Ek"], id="after the second part"),
        pytest.param(Armed(switch="reset-after"), ["Ny", "Ny", "Ny"], id="after the last part"),
    ],
)
def test_a_connection_can_be_lost_anywhere_in_a_batch(peer: Peer, writer: Any, armed: Armed, stored: list[str]) -> None:
    """The client sees the same each time: nothing. What was done stays done, and the rest is never run."""
    rows = [writer.create("lead", lastname="Ek") for _ in range(3)]
    peer.faults.arm(armed)

    assert Reply(response=None) == peer.reply(*(Part(row_id, {"lastname": "Ny"}) for row_id in rows))
    assert stored == names(writer, *rows)
    assert 200 == peer.send(Part(rows[0], {"lastname": "Ny"}))[0]


@pytest.mark.parametrize(
    ("switch", "status", "stored"),
    [
        ("throttle-requests", 429, "Ek"),
        ("unavailable", 503, "Ek"),
        ("unexpected", 500, "Ek"),
        ("unexpected-after", 500, "Ny"),
    ],
)
def test_a_batch_can_fail_as_a_whole(peer: Peer, writer: Any, switch: str, status: int, stored: str) -> None:
    """The answer is no multipart, and only the organisation knows whether anything was done."""
    rows = [writer.create("lead", lastname="Ek") for _ in range(3)]
    peer.faults.arm(Armed(switch=switch, path="$batch"))
    response = peer.reply(*(Part(row_id, {"lastname": "Ny"}) for row_id in rows)).response

    assert response is not None
    assert (status, False) == (response.status, "multipart" in response.headers["Content-Type"])
    assert [stored] * 3 == names(writer, *rows)


def test_an_answer_can_be_cut_in_the_middle(peer: Peer, writer: Any) -> None:
    """Every part was carried out; the closing boundary is never sent."""
    rows = [writer.create("lead", lastname="Ek") for _ in range(3)]
    peer.faults.arm(Armed(switch="truncate", path="$batch"))
    reply = peer.reply(*(Part(row_id, {"lastname": "Ny"}) for row_id in rows))

    assert reply.response is not None
    assert reply.response.body.count(b"HTTP/1.1 ") > reply.response.body[: reply.sent].count(b"HTTP/1.1 ") > 0
    assert ["Ny"] * 3 == names(writer, *rows)
