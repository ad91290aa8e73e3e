"""Acting as somebody else, and asking for less of the customer's automation (reference 5.8, 9.1)."""

import json
from typing import Any

import pytest

from tandem.sandbox.automation.plug_ins import Form, Rewrite, Touch
from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import NO_ROLES, Depth, grant

OBJECT_ID = "aaaaaaaa-0000-4000-8000-000000000001"
BASE = "http://127.0.0.1:1234/api/data/v9.2"


@pytest.fixture
def colleague(writer: Any) -> str:
    """Somebody else with all rights."""
    unit = f"/businessunits({writer.organisation.business_unit_id})"
    return str(
        writer.create(
            "systemuser", lastname="Colleague", azureactivedirectoryobjectid=OBJECT_ID, businessunitid__bind=unit
        )
    )


@pytest.fixture
def application(organisation: Organisation) -> Application:
    """The whole service without a socket."""
    return Application(organisation, Faults())


def send(
    application: Application, user: str, method: str, path: str, content: object = None, **headers: str
) -> Response:
    """An answer of the whole service; `_` in header names stands for `-`, `__` for a dot."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in headers.items()}
    body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
    return application.handle(Request(method=method, path=path, headers=named, body=body, caller=user, base=BASE))


def refusal(response: Response) -> tuple[int, str]:
    """Status and code."""
    return response.status, json.loads(response.body)["error"]["code"]


def stamps(row: Any) -> list[object]:
    """Who made and changed a row, and who acted for them."""
    return [row[name] for name in ("createdby", "createdonbehalfby", "modifiedby", "modifiedonbehalfby")]


@pytest.mark.parametrize(("header", "by_object"), [("callerobjectid", True), ("mscrmcallerid", False)])
def test_a_write_shows_the_user_and_who_acted(
    application: Application, writer: Any, colleague: str, header: str, by_object: bool
) -> None:
    """`createdby` is the one acted as, `createdonbehalfby` the one whose token it is; the owner is the former."""
    named = {header: OBJECT_ID.upper() if by_object else colleague}
    entity = send(application, writer.user, "POST", "leads", {"lastname": "Ek"}, **named).headers["OData-EntityId"]
    created = writer.row("lead", entity[-37:-1])
    writer.send("PATCH", f"leads({created['leadid']})", {"jobtitle": "CTO"})
    changed = writer.row("lead", created["leadid"])

    assert [colleague, writer.user, colleague, writer.user] == stamps(created)
    assert colleague == created["ownerid"]
    assert [colleague, writer.user, writer.user, None] == stamps(changed)


def test_what_cascades_shows_who_acted_too(application: Application, writer: Any, colleague: str) -> None:
    """A lead that loses its parent account to a deletion is changed by the one acted as."""
    account = writer.create("account", name="Contoso")
    lead = writer.create("lead", parentaccountid__bind=f"/accounts({account})")
    send(application, writer.user, "DELETE", f"accounts({account})", mscrmcallerid=colleague)

    assert [writer.user, None, colleague, writer.user] == stamps(writer.row("lead", lead))


def test_who_am_i_is_who_is_acted_as(application: Application, writer: Any, colleague: str) -> None:
    """Reads are that user's too."""
    answer = send(application, writer.user, "GET", "WhoAmI", mscrmcallerid=colleague)

    assert colleague == json.loads(answer.body)["UserId"]


def deny(organisation: Organisation, user: str, privilege: str, depth: Depth | None = None) -> None:
    """Let a privilege of a user reach only so far."""
    with organisation.transaction():
        grant(organisation.connection, user, privilege, depth)


def test_acting_as_somebody_needs_the_privilege(application: Application, writer: Any, colleague: str) -> None:
    """403 0x8004A110, before anything else is looked at."""
    deny(writer.organisation, writer.user, "prvActOnBehalfOfAnotherUser")

    assert (403, "0x8004A110") == refusal(
        send(application, writer.user, "POST", "leads", {"lastname": "Ek"}, mscrmcallerid=colleague)
    )
    assert 204 == send(application, writer.user, "POST", "leads", {"lastname": "Ek"}).status


@pytest.mark.parametrize("who", ["the real caller", "the user acted as"])
def test_a_right_is_needed_by_both(application: Application, writer: Any, colleague: str, who: str) -> None:
    """The rights are those that both have."""
    deny(writer.organisation, writer.user if who == "the real caller" else colleague, "prvCreateLead")

    assert (403, "0x80040220") == refusal(
        send(application, writer.user, "POST", "leads", {"lastname": "Ek"}, mscrmcallerid=colleague)
    )


def test_the_smaller_depth_counts(application: Application, writer: Any, colleague: str) -> None:
    """Measured from the user acted as: a caller of depth Basic changes that user's own rows [infer]."""
    own = writer.create("lead", lastname="Ek", ownerid__bind=f"/systemusers({colleague})")
    other = writer.create("lead", lastname="Ng")
    deny(writer.organisation, writer.user, "prvWriteLead", Depth.BASIC)
    answers = [
        send(application, writer.user, "PATCH", f"leads({row_id})", {"jobtitle": "CTO"}, mscrmcallerid=colleague).status
        for row_id in (own, other)
    ]

    assert [204, 403] == answers


def test_column_rights_are_needed_by_both(application: Application, writer: Any, colleague: str) -> None:
    """A secured column that one of the two may not read is null."""
    row_id = writer.create("lead", lastname="Ek", jobtitle="CTO")
    writer.organisation.secure_column("lead", "jobtitle")
    answer = send(application, writer.user, "GET", f"leads({row_id})", mscrmcallerid=colleague)

    assert json.loads(answer.body)["jobtitle"] is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("00000000-0000-4000-8000-0000000000aa", (403, "0x80072560")),
        ("Colleague", (400, "0x80060888")),
    ],
    ids=["an unknown user", "no id"],
)
def test_a_user_who_is_none_cannot_be_acted_as(
    application: Application, writer: Any, value: str, expected: tuple[int, str]
) -> None:
    """Neither by id nor by name."""
    assert expected == refusal(send(application, writer.user, "GET", "leads", callerobjectid=value))


@pytest.mark.parametrize(
    ("privilege", "disabled", "code"),
    [(None, True, "0x80040225"), (NO_ROLES, False, "0x80042F09")],
    ids=["disabled", "without roles"],
)
def test_a_user_who_cannot_work_cannot_be_acted_as(
    application: Application, writer: Any, colleague: str, privilege: str | None, disabled: bool, code: str
) -> None:
    """As if that user called."""
    writer.organisation.update("systemuser", colleague, {"isdisabled": disabled}, actor=writer.user)
    if privilege is not None:
        deny(writer.organisation, colleague, privilege)

    assert (403, code) == refusal(send(application, writer.user, "GET", "leads", mscrmcallerid=colleague))


def part(method: str, path: str, content: object, *headers: str) -> str:
    """One application/http part of a batch."""
    lines = ["--b", "Content-Type: application/http", "", f"{method} {path} HTTP/1.1", *headers, ""]
    return "\r\n".join([*lines, json.dumps(content), ""])


def test_the_parts_of_a_batch_act_as_it_does_or_as_they_ask(
    application: Application, writer: Any, colleague: str
) -> None:
    """The header of a part wins over that of the batch."""
    third = writer.create("systemuser", lastname="Third", businessunitid__bind=f"/businessunits({unit(writer)})")
    body = part("POST", "leads", {"lastname": "A"}) + part(
        "POST", "leads", {"lastname": "B"}, f"MSCRMCallerID: {third}"
    )
    answer = send(
        application,
        writer.user,
        "POST",
        "$batch",
        f"{body}--b--\r\n".encode(),
        content_type="multipart/mixed; boundary=b",
        mscrmcallerid=colleague,
    )
    made = writer.organisation.connection.execute("SELECT createdby, createdonbehalfby FROM lead ORDER BY lastname")

    assert 200 == answer.status
    assert [(colleague, writer.user), (third, writer.user)] == made.fetchall()


def unit(writer: Any) -> str:
    """The root business unit."""
    return str(writer.organisation.business_unit_id)


STEP = "bbbbbbbb-0000-4000-8000-000000000001"


@pytest.fixture
def automated(writer: Any) -> Any:
    """An organisation whose leads are shouted at once and touched later."""
    logic = writer.organisation.logic
    logic.arm(Rewrite(table="lead", column="lastname", to=Form.UPPER, step=STEP))
    logic.arm(Touch(table="lead"))
    return writer


@pytest.mark.parametrize(
    ("headers", "name", "left"),
    [
        ({}, "EK", 1),
        ({"mscrm__bypassbusinesslogicexecution": "CustomSync"}, "Ek", 1),
        ({"mscrm__bypassbusinesslogicexecution": "CustomAsync"}, "EK", 0),
        ({"mscrm__bypassbusinesslogicexecution": "CustomSync,CustomAsync"}, "Ek", 0),
        ({"mscrm__bypassbusinesslogicexecutionstepids": STEP.upper()}, "Ek", 1),
        ({"mscrm__bypasscustompluginexecution": "true"}, "Ek", 1),
        ({"mscrm__bypasscustompluginexecution": "false"}, "EK", 1),
        ({"mscrm__suppresscallbackregistrationexpanderjob": "true"}, "EK", 0),
        ({"mscrm__solutionuniquename": "marketing"}, "EK", 1),
    ],
    ids=lambda value: ",".join(value.values()) or "no header" if isinstance(value, dict) else "",
)
def test_a_write_may_ask_for_less_automation(
    application: Application, automated: Any, headers: dict[str, str], name: str, left: int
) -> None:
    """Of the same write, of later, or single steps (reference 5.8)."""
    entity = send(application, automated.user, "POST", "leads", {"lastname": "Ek"}, **headers).headers["OData-EntityId"]
    waiting = automated.organisation.connection.execute("SELECT count(*) FROM left_for_later").get

    assert (name, left) == (automated.row("lead", entity[-37:-1])["lastname"], waiting)


@pytest.mark.parametrize(
    ("header", "value", "privilege"),
    [
        ("mscrm__bypassbusinesslogicexecution", "CustomSync", "prvBypassCustomBusinessLogic"),
        ("mscrm__bypassbusinesslogicexecutionstepids", STEP, "prvBypassCustomBusinessLogic"),
        ("mscrm__bypasscustompluginexecution", "true", "prvBypassCustomPlugins"),
    ],
)
def test_bypassing_needs_its_privilege(
    application: Application, automated: Any, header: str, value: str, privilege: str
) -> None:
    """403; nothing is written."""
    deny(automated.organisation, automated.user, privilege)
    before = automated.organisation.version

    assert (403, "0x80040220") == refusal(
        send(application, automated.user, "POST", "leads", {"lastname": "Ek"}, **{header: value})
    )
    assert before == automated.organisation.version


def test_suppressing_flows_needs_either_privilege(application: Application, automated: Any) -> None:
    """One of the two is enough."""
    header = {"mscrm__suppresscallbackregistrationexpanderjob": "true"}
    statuses = []
    for privilege in ("prvBypassCustomPlugins", "prvBypassCustomBusinessLogic"):
        deny(automated.organisation, automated.user, privilege)
        statuses.append(send(application, automated.user, "POST", "leads", {"lastname": "Ek"}, **header).status)

    assert [204, 403] == statuses


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("mscrm__bypassbusinesslogicexecution", "Everything"),
        ("mscrm__bypasscustompluginexecution", "yes"),
        ("mscrm__bypassbusinesslogicexecutionstepids", "step one"),
        ("mscrm__bypassbusinesslogicexecutionstepids", ",".join([STEP] * 4)),
    ],
    ids=["an unknown kind", "no boolean", "no id", "more than three steps"],
)
def test_a_header_that_cannot_be_obeyed_is_refused(
    application: Application, automated: Any, header: str, value: str
) -> None:
    """Never passed over."""
    assert (400, "0x80040203") == refusal(
        send(application, automated.user, "POST", "leads", {"lastname": "Ek"}, **{header: value})
    )
