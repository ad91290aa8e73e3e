"""The door's operations on definitions: an administrator's hand, while a client reads."""

import json
from typing import Any

import pytest

from tandem.sandbox.door.control import control
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.messages import Request
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.store.organisation import Organisation


class Door:
    """The control door of an organisation."""

    def __init__(self, organisation: Organisation) -> None:
        self._levers = Levers(
            organisation=organisation, faults=Faults(), protection=Protection(), expire_tokens=lambda: None
        )

    def post(self, operation: str, **content: object) -> Any:
        """What the door answers; it must agree."""
        status, answer = self.send(operation, **content)
        assert status == 200, answer
        return answer

    def send(self, operation: str, **content: object) -> tuple[int, Any]:
        """The status and the body."""
        request = Request(method="POST", path=operation, body=json.dumps(content).encode())
        answer = control(self._levers, request)
        return answer.status, json.loads(answer.body)


@pytest.fixture
def door(organisation: Organisation) -> Door:
    return Door(organisation)


def test_a_table_can_be_made_and_removed(door, definer, reader) -> None:
    """Tracked, with a name and with columns of short type names."""
    told = door.post("make-table", table="new_Ticket", label="Case", columns={"new_fee": "money", "new_due": "date"})
    row = definer.done("POST", "new_tickets", {"new_name": "First", "new_fee": 1.5, "new_due": "2025-03-04"})
    shown = reader.page(f"new_tickets({row})?$select=new_fee_base,new_due")
    tracked = reader.get("new_tickets?$select=new_name", prefer="odata.track-changes").status
    door.post("remove-table", table="new_ticket")

    assert {"table": "new_ticket", "entity_set": "new_tickets"} == told
    assert (1.5, "2025-03-04", 200) == (shown["new_fee_base"], shown["new_due"], tracked)
    assert (404, "0x8006088a") == reader.refusal("new_tickets")


def test_a_column_can_be_made_removed_and_made_again(door, definer, reader) -> None:
    """With another type it is another column."""
    door.post("make-column", table="lead", column="new_score", type="text", label="Score")
    lead = definer.done("POST", "leads", {"lastname": "Ek", "new_score": "12"})
    door.post("remove-column", table="lead", column="new_score")
    gone = reader.refusal("leads?$select=new_score")
    door.post("make-column", table="lead", column="new_score", type="integer")

    assert (400, "0x80060888") == gone
    assert reader.page(f"leads({lead})?$select=new_score")["new_score"] is None
    definer.done("PATCH", f"leads({lead})", {"new_score": 12})


def test_a_column_can_be_changed(door, definer, reader) -> None:
    """Its label, its requirement and its limits."""
    door.post("change-column", table="lead", column="lastname", label="Surname", required="Recommended", max_length=5)
    door.post("make-column", table="lead", column="new_score", type="decimal")
    door.post("change-column", table="lead", column="new_score", minimum=0, maximum=9.5, precision=1)
    shown = reader.page("EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='lastname')")

    assert ("Surname", "Recommended", 5) == (
        shown["DisplayName"]["UserLocalizedLabel"]["Label"],
        shown["RequiredLevel"]["Value"],
        shown["MaxLength"],
    )
    assert (400, "0x80044331") == definer.refusal("POST", "leads", {"lastname": "Longer"})
    assert (400, "0x80044330") == definer.refusal("POST", "leads", {"new_score": 9.6})


def test_an_option_can_be_removed(door, definer, reader) -> None:
    """Rows that hold it keep the number."""
    lead = definer.done("POST", "leads", {"lastname": "Ek", "leadsourcecode": 8})
    door.post("remove-option", table="lead", column="leadsourcecode", option=8)

    assert 8 == reader.page(f"leads({lead})?$select=leadsourcecode")["leadsourcecode"]
    assert (400, "0x8004431A") == definer.refusal("POST", "leads", {"leadsourcecode": 8})


@pytest.mark.parametrize(
    ("operation", "content"),
    [
        ("plug-in", {"plug_in": {"kind": "refuse", "table": "new_ticket", "column": "new_code"}}),
        ("plug-in", {"plug_in": {"kind": "touch", "table": "new_ticket", "when": {"new_code": "a"}}}),
        (
            "plug-in",
            {
                "plug_in": {
                    "kind": "rewrite",
                    "table": "new_ticket",
                    "column": "new_name",
                    "target": "new_code",
                    "to": "trim",
                }
            },
        ),
        ("duplicate-rule", {"name": "Same code", "table": "new_ticket", "columns": ["new_code"]}),
    ],
)
def test_what_the_customers_logic_needs_cannot_be_deleted(
    door, definer, operation: str, content: dict[str, object]
) -> None:
    """Until the logic is gone, and has done what it left for later."""
    door.post("make-table", table="new_Ticket", columns={"new_code": "text", "new_other": "text"})
    door.post(operation, **content)
    definer.send("POST", "new_tickets", {"new_name": "First", "new_code": "a"})
    column, table = {"table": "new_ticket", "column": "new_code"}, {"table": "new_ticket"}
    refused = [door.send("remove-column", **column)[1], door.send("remove-table", **table)[1]]
    door.post("remove-column", table="new_ticket", column="new_other")
    door.post("unplug")
    door.post("settle")

    assert ["0x8004f01f"] * 2 == [answer["error"]["code"] for answer in refused]
    if operation == "plug-in":
        door.post("remove-column", **column)
        door.post("remove-table", **table)


@pytest.mark.parametrize(
    ("operation", "content", "refusal"),
    [
        ("make-table", {"table": "Ticket"}, (400, "0x80040203")),
        ("make-table", {"table": "new_Ticket", "columns": {"new_x": "colour"}}, (400, "")),
        ("remove-table", {"table": "lead"}, (405, "0x8004023B")),
        ("make-column", {"table": "nothing", "column": "new_x", "type": "text"}, (404, "0x80060888")),
        ("make-column", {"table": "lead", "column": "lastname", "type": "text"}, (400, "0x80047013")),
        ("make-column", {"table": "lead", "column": "new_x", "type": "colour"}, (400, "")),
        ("change-column", {"table": "lead", "column": "nothing"}, (404, "0x80060888")),
        ("remove-column", {"table": "lead", "column": "lastname"}, (405, "0x8004023B")),
        ("remove-option", {"table": "lead", "column": "leadsourcecode", "option": 99}, (400, "0x80040203")),
    ],
)
def test_what_no_tenant_allows_is_refused(
    organisation, door, operation: str, content: dict[str, object], refusal: tuple[int, str]
) -> None:
    """As the metadata API refuses it, and nothing changes."""
    status, answer = door.send(operation, **content)

    assert refusal == (status, answer["error"]["code"])
    assert 0 == organisation.metadata_version


def test_a_lookup_can_be_made(door, definer, reader) -> None:
    """To one table, or to customers; it is bound by its schema name."""
    door.post("make-table", table="new_Ticket")
    told = door.post("make-lookup", table="new_ticket", column="new_ContactId", target="contact", label="Reporter")
    door.post("make-lookup", table="new_ticket", column="new_PayerId")
    contact, account = definer.done("POST", "contacts", {"lastname": "Ek"}), definer.done("POST", "accounts", {})
    bound = {"new_ContactId@odata.bind": f"contacts({contact})"}
    payer = {"new_PayerId_account@odata.bind": f"accounts({account})"}
    row = definer.done("POST", "new_tickets", {"new_name": "First", **bound, **payer})
    shown = reader.page(f"new_tickets({row})?$select=_new_contactid_value,_new_payerid_value")

    assert {"column": "new_contactid"} == told
    assert (contact, account) == (shown["_new_contactid_value"], shown["_new_payerid_value"])
    assert 404 == door.send("make-lookup", table="new_thing", column="new_OtherId", target="contact")[0]
    assert 400 == door.send("make-lookup", table="new_ticket", column="new_OtherId", target="new_thing")[0]
