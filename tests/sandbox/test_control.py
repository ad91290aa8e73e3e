"""The control door: another user's hand in the organisation, and its bad days."""

import json
import re
from typing import Any

import pytest

from tandem.sandbox.automation.plug_ins import KINDS
from tandem.sandbox.door.control import control, control_table
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.door.operations import OPERATIONS
from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.service.switches import SWITCHES
from tandem.sandbox.service.tokens import Principal, TokenOffice, read_credentials
from tandem.sandbox.store.organisation import Organisation

BASE = "http://127.0.0.1:1234/api/data/v9.2"


class House:
    """An organisation with its application, its token office and its control door."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.faults = Faults()
        self.application = Application(organisation, self.faults)
        self.tokens = TokenOffice(organisation, read_credentials(organisation))
        self.protection = Protection()
        self._levers = Levers(
            organisation=organisation,
            faults=self.faults,
            protection=self.protection,
            expire_tokens=self.tokens.expire_all,
        )

    def post(self, operation: str, **content: object) -> Any:
        """What the door answers; it must agree."""
        answer = self.send("POST", operation, json.dumps(content).encode())
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def send(self, method: str, path: str, body: bytes = b"") -> Response:
        """The door's answer."""
        return control(self._levers, Request(method=method, path=path, body=body))

    def get(self, path: str, query: str = "") -> Response:
        """What the sync user reads."""
        request = Request(method="GET", path=path, query=query, caller=self.organisation.user_id, base=BASE)
        return self.application.handle(request)


@pytest.fixture
def house(organisation: Organisation) -> House:
    """A house around a new organisation."""
    return House(organisation)


def test_an_edit_through_the_door_is_another_users(house: House, writer: Any) -> None:
    """modifiedby is not the sync user, and the version rises."""
    row_id = writer.create("contact", lastname="Ek")
    before = writer.version("contact", row_id)
    answer = house.post("update", table="contact", id=row_id, values={"lastname": "Ny"})
    row = writer.row("contact", row_id)

    assert ("Ny", answer["version"]) == (row["lastname"], row["versionnumber"])
    assert writer.version("contact", row_id) > before
    assert row["modifiedby"] != writer.user


def test_the_door_can_edit_as_a_named_user(house: House, writer: Any) -> None:
    """`user` names who."""
    row_id = house.post("create", table="lead", values={"lastname": "Ek"}, user=writer.user)["id"]

    assert writer.user == writer.row("lead", row_id)["createdby"]


def test_the_door_creates_deletes_qualifies_and_merges(house: House, writer: Any) -> None:
    """Each through the code that answers the Web API."""
    lead = house.post("create", table="lead", values={"lastname": "Ek"})["id"]
    made = house.post("qualify", id=lead, account=False)
    other = house.post("create", table="contact", values={"lastname": "Twin"})["id"]
    house.post("merge", table="contact", winner=made["contact"], loser=other)
    gone = house.post("create", table="account", values={"name": "Gone"})["id"]
    house.post("delete", table="account", id=gone)

    assert (None, None) == (made["account"], made["opportunity"])
    assert lead == writer.row("contact", made["contact"])["originatingleadid"]
    assert made["contact"] == writer.row("contact", other)["masterid"]
    assert not house.organisation.exists("account", gone)


def test_an_edit_of_a_missing_row_never_creates_it(house: House) -> None:
    """404, as the Web API would say with If-Match."""
    absent = "00000000-0000-4000-8000-0000000000aa"
    body = json.dumps({"table": "lead", "id": absent, "values": {}}).encode()

    assert 404 == house.send("POST", "update", body).status
    assert not house.organisation.exists("lead", absent)


def test_a_secured_column_reads_null_for_the_sync_user_only(house: House, writer: Any) -> None:
    """The other user still edits it; unsecured again, it is back."""
    row_id = writer.create("lead", jobtitle="CTO")
    house.post("secure", table="lead", column="jobtitle")
    house.post("update", table="lead", id=row_id, values={"jobtitle": "CEO"})
    hidden = json.loads(house.get(f"leads({row_id})", "$select=jobtitle").body)["jobtitle"]
    house.post("secure", table="lead", column="jobtitle", secured=False)
    shown = json.loads(house.get(f"leads({row_id})", "$select=jobtitle").body)["jobtitle"]

    assert (None, "CEO") == (hidden, shown)


@pytest.mark.parametrize(
    ("lose", "regain", "code"),
    [
        (
            ("privilege", {"privilege": "prvReadLead"}),
            ("privilege", {"privilege": "prvReadLead", "depth": "Global"}),
            "0x80040220",
        ),
        (("roles", {"assigned": False}), ("roles", {"assigned": True}), "0x80042F09"),
        (("disable", {}), ("disable", {"disabled": False}), "0x80040225"),
    ],
    ids=["one privilege", "all roles", "the account"],
)
def test_a_lost_privilege_refuses_the_sync_user_until_it_is_back(
    house: House, lose: Any, regain: Any, code: str
) -> None:
    """403 with the documented code, then 200 again."""
    house.post(lose[0], **lose[1])
    refused = house.get("leads", "$select=leadid")
    house.post(regain[0], **regain[1])

    assert (403, code) == (refused.status, json.loads(refused.body)["error"]["code"])
    assert 200 == house.get("leads", "$select=leadid").status


def test_plug_ins_are_armed_and_taken_away_through_the_door(house: House, writer: Any) -> None:
    """By their kind; the answer tells what is armed."""
    armed = house.post("plug-in", plug_in={"kind": "rewrite", "table": "lead", "column": "lastname", "to": "upper"})
    row_id = house.post("create", table="lead", values={"lastname": "ek"})["id"]
    left = house.post("unplug", table="lead")

    assert [("rewrite", "lead", "lastname", "upper")] == [
        (each["kind"], each["table"], each["column"], each["to"]) for each in armed
    ]
    assert ("EK", []) == (writer.row("lead", row_id)["lastname"], left)


@pytest.mark.parametrize("operation", [("settle", {}), ("advance", {"seconds": 60})], ids=["settling", "time"])
def test_what_plug_ins_left_for_later_is_done_by_another_user(house: House, writer: Any, operation: Any) -> None:
    """By `settle`, or when the clock is advanced."""
    house.post("plug-in", plug_in={"kind": "rewrite-later", "table": "lead", "column": "lastname", "to": "upper"})
    row_id = writer.create("lead", lastname="ek")
    house.post(operation[0], **operation[1])
    row = writer.row("lead", row_id)

    assert "EK" == row["lastname"]
    assert row["modifiedby"] != writer.user
    assert {"done": 0, "failed": 0, "waiting": 0} == house.post("settle")


def test_time_alone_changes_nothing(house: House) -> None:
    """Not even a user is made where no stand-in left anything for later."""
    before = house.organisation.version
    house.post("advance", seconds=60)

    assert before == house.organisation.version


def test_duplicate_rules_are_published_changed_and_unpublished(house: House, writer: Any) -> None:
    """A shipped one by its name; a new one with what it compares."""
    detect = {"mscrm.suppressduplicatedetection": "false"}
    content = {"emailaddress1": "ann@contoso.example", "lastname": "Ek"}
    writer.send("POST", "leads", content)
    steps: list[tuple[str, dict[str, object]]] = [
        ("publish-rule", {"name": "Leads with the same e-mail address"}),
        ("publish-rule", {"name": "Leads with the same e-mail address", "published": False}),
        ("duplicate-rule", {"name": "Names", "table": "lead", "columns": ["lastname"], "status": 500}),
        ("duplicate-rule", {"name": "Names", "table": "lead", "columns": ["jobtitle"]}),
    ]
    outcomes = []
    for operation, settings in steps:
        house.post(operation, **settings)
        outcomes.append(writer.attempt("POST", "leads", content, headers=detect))

    assert [(412, "0x80040333"), 204, (500, "0x80040333"), 204] == outcomes


def test_a_locked_row_refuses_changes_until_it_is_unlocked(house: House, writer: Any) -> None:
    """0x8004022E, whoever asks, by whatever way; reading goes on and other rows are free."""
    row_id, other = (writer.create("lead", lastname="Ek") for _ in range(2))
    house.post("lock", table="lead", id=row_id.upper())
    flags = {"CreateAccount": False, "CreateContact": True, "CreateOpportunity": False, "Status": 3}
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.lead"}
    pair = {"Target": {**kind, "leadid": other}, "Subordinate": {**kind, "leadid": row_id}}
    attempts = [
        writer.attempt("PATCH", f"leads({row_id})", {"lastname": "Ny"}),
        writer.attempt("PATCH", f"leads({row_id})", {"statecode": 2, "statuscode": 4}),
        writer.attempt("PUT", f"leads({row_id})/lastname", {"value": "Ny"}),
        writer.attempt("POST", f"leads({row_id})/Microsoft.Dynamics.CRM.QualifyLead", flags),
        writer.attempt("POST", "Merge", pair),
    ]
    body = json.dumps({"table": "lead", "id": row_id, "values": {"lastname": "Ny"}}).encode()
    at_the_door = house.send("POST", "update", body)

    assert [(400, "0x8004022E")] * 5 == attempts
    assert (400, True) == (at_the_door.status, b"0x8004022E" in at_the_door.body)
    assert (200, 204) == (
        house.get(f"leads({row_id})", "$select=leadid").status,
        writer.attempt("PATCH", f"leads({other})", {"lastname": "Ny"}),
    )

    house.post("lock", table="lead", id=row_id, locked=False)

    assert 204 == writer.attempt("PATCH", f"leads({row_id})", {"lastname": "Ny"})


def test_change_tracking_can_be_turned_off(house: House) -> None:
    """The next tracked read is refused with 0x80072491."""
    house.post("tracking", table="lead", enabled=False)
    request = Request(
        method="GET",
        path="leads",
        query="$select=leadid",
        headers={"prefer": "odata.track-changes"},
        caller=house.organisation.user_id,
        base=BASE,
    )

    assert b"0x80072491" in house.application.handle(request).body


def test_access_tokens_end_at_once_or_with_the_clock(house: House) -> None:
    """Both ways the token is refused with 401."""
    applicant = Principal(column="systemuserid", value=house.organisation.user_id)
    refusals = []
    for operation, content in (("expire-tokens", {}), ("advance", {"seconds": 4_000})):
        token = house.tokens.issue(applicant, BASE)
        assert house.organisation.user_id == house.tokens.user_of(f"Bearer {token}", base=BASE)
        house.post(operation, **content)
        with pytest.raises(Exception, match="expired") as caught:
            house.tokens.user_of(f"Bearer {token}", base=BASE)
        refusals.append(caught.value)

    assert [401, 401] == [getattr(refusal, "status", None) for refusal in refusals]


def test_s9_the_organisation_can_become_another(house: House) -> None:
    """A copy answers with another id and the same rows."""
    before = house.organisation.organization_id
    after = house.post("become-copy")["id"]

    assert before != after
    assert after.encode() in house.get("WhoAmI").body


def test_s9_a_restore_in_place_takes_rows_and_versions_back(house: House, writer: Any) -> None:
    """What was written since the snapshot is gone; the next version is one that was given out before."""
    kept = writer.create("lead", lastname="Ek")
    version = house.post("snapshot")["version"]
    writer.send("PATCH", f"leads({kept})", {"lastname": "Ny"})
    lost = writer.create("lead", lastname="Lost")

    assert version == house.post("restore")["version"]
    assert ("Ek", False) == (writer.row("lead", kept)["lastname"], house.organisation.exists("lead", lost))
    assert version + 1 == writer.version("lead", writer.create("lead"))


def test_switches_are_armed_and_cleared_through_the_door(house: House) -> None:
    """The answer tells what is on."""
    armed = house.post("fault", switch="unexpected", times=None, every=2)

    assert [("unexpected", None, 2)] == [(item["switch"], item["times"], item["every"]) for item in armed]
    assert ["unexpected"] == [item.switch for item in house.faults.armed()]
    assert [] == house.post("clear")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("POST", "explode", b"{}", 404, id="an unknown operation"),
        pytest.param("GET", "create", b"", 405, id="GET of an operation"),
        pytest.param("POST", "create", b'{"table": "lead"}', 400, id="a missing field"),
        pytest.param("POST", "clear", b'{"swich": "slow"}', 400, id="an unknown field"),
        pytest.param("POST", "fault", b'{"switch": "sloow"}', 400, id="an unknown switch"),
        pytest.param("POST", "tracking", b'{"table": "leads", "enabled": true}', 400, id="an unknown table"),
        pytest.param("POST", "secure", b'{"table": "lead", "column": "nosuch"}', 400, id="an unknown column"),
        pytest.param("POST", "create", b'{"table": "leads", "values": {}}', 404, id="a set for a table"),
        pytest.param("POST", "privilege", b'{"privilege": "prvReadLeads"}', 400, id="an unknown privilege"),
        pytest.param("POST", "restore", b"{}", 400, id="a restore without a snapshot"),
        pytest.param("POST", "become-copy", b'{"id": "copy"}', 400, id="a copy with an id that is none"),
        pytest.param("POST", "publish-rule", b'{"name": "nosuch"}', 400, id="an unknown rule"),
        pytest.param("POST", "lock", b'{"table": "leads", "id": "x"}', 400, id="a lock in an unknown table"),
        pytest.param(
            "POST",
            "plug-in",
            b'{"plug_in": {"kind": "explode", "table": "lead"}}',
            400,
            id="an unknown kind of plug-in",
        ),
        pytest.param(
            "POST",
            "plug-in",
            b'{"plug_in": {"kind": "refuse", "table": "lead", "colum": "fax"}}',
            400,
            id="a setting that a plug-in does not have",
        ),
    ],
)
def test_a_mistake_at_the_door_is_told(house: House, method: str, path: str, body: bytes, status: int) -> None:
    """Never ignored; the message is in an error body."""
    answer = house.send(method, path, body)

    assert status == answer.status
    assert json.loads(answer.body)["error"]["message"]


def test_the_door_prints_everything_it_can_do(house: House) -> None:
    """One table of operations, one of switches and one of plug-ins."""
    printed = house.send("GET", "").body.decode()
    kinds = [str(kind.__struct_config__.tag) for kind in KINDS]

    assert control_table() == printed
    assert [] == [name for name in [*OPERATIONS, *SWITCHES, *kinds] if f"| `{name}` |" not in printed]


def test_a_batch_runs_writes_through_the_same_code(house: House, writer: Any) -> None:
    """A change set that fails leaves nothing; single parts stand alone (reference 5.11)."""
    lines = [
        "--b",
        "Content-Type: multipart/mixed; boundary=c",
        "",
        *change("POST accounts", '{"name":"Contoso"}', 1),
        *change("POST contacts", '{"lastname":"Ek","parentcustomerid_account@odata.bind":"$1"}', 2),
        *change("POST contacts", '{"Lastname":"Wrong"}', 3),
        "--c--",
        "--b",
        "Content-Type: application/http",
        "",
        f"POST {BASE}/leads HTTP/1.1",
        "Content-Type: application/json",
        "",
        '{"lastname":"Alone"}',
        "--b--",
        "",
    ]
    request = Request(
        method="POST",
        path="$batch",
        headers={"content-type": "multipart/mixed; boundary=b", "prefer": "odata.continue-on-error"},
        body="\r\n".join(lines).encode(),
        caller=writer.user,
        base=BASE,
    )
    answer = house.application.handle(request)

    assert 200 == answer.status
    assert 1 == answer.body.count(b"HTTP/1.1 400 Bad Request")
    assert 1 == answer.body.count(b"HTTP/1.1 204 No Content")
    assert b"Content-ID: 3" in answer.body
    assert [] == house.organisation.find("account", "name", "Contoso")
    assert 1 == len(house.organisation.find("lead", "lastname", "Alone"))


def test_a_part_of_a_batch_can_be_throttled_alone(house: House, writer: Any) -> None:
    """An inner 429: the outer status is 200, the first part is refused and the second runs (reference 5.11)."""
    house.post("fault", switch="throttle-time", inner=True)
    part = [
        "--b",
        "Content-Type: application/http",
        "",
        "GET /api/data/v9.2/leads?$select=leadid HTTP/1.1",
        "",
        "",
    ]
    request = Request(
        method="POST",
        path="$batch",
        headers={"content-type": "multipart/mixed; boundary=b", "prefer": "odata.continue-on-error"},
        body="\r\n".join([*part, *part, "--b--", ""]).encode(),
        caller=writer.user,
        base=BASE,
    )
    answer = house.application.handle(request)

    assert 200 == answer.status
    assert [b"429", b"200"] == re.findall(rb"HTTP/1.1 (\d+)", answer.body)
    assert b"Retry-After: 1" in answer.body


def change(request_line: str, body: str, content_id: int) -> list[str]:
    """The lines of one part of a change set."""
    method, path = request_line.split()
    return [
        "--c",
        "Content-Type: application/http",
        f"Content-ID: {content_id}",
        "",
        f"{method} /api/data/v9.2/{path} HTTP/1.1",
        "Content-Type: application/json",
        "",
        body,
    ]
