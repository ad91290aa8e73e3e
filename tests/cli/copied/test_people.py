"""`tandem people`: finding, showing, editing and making people from the command line."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.testing.world import World

Command = Callable[..., Any]


def facts(ended: Any) -> Any:
    """The one JSON object a command printed."""
    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    return json.loads(ended.out, parse_float=Decimal)


def of_type(world: World, kind: str) -> list[dict[str, Any]]:
    """The people of a type, as exported."""
    return [each for each in world.export("person") if each["microsoftType"] == kind]


def test_people_are_found_by_id_e_mail_and_part_of_a_name(copied: World, tandem: Command) -> None:
    """Every way leads to the same person, in any case of letters."""
    person = next(each for each in of_type(copied, "contact") if each.get("email") and each.get("firstName"))
    name = f"{person['firstName']} {person['lastName']}"

    for text in (str(person["id"]), person["email"].upper(), name.lower()):
        found = facts(tandem("people", "find", text, "--json", world=copied))["people"]
        assert (person["id"], name, person["email"], "contact", person.get("company")) in [
            (each["id"], each["name"], each["email"], each["microsoft_type"], each["company"]) for each in found
        ]


def test_a_list_of_people_says_when_there_may_be_more(copied: World, tandem: Command) -> None:
    """A cut list never looks like a whole one."""
    assert "The first 3; there may be more: --limit." in tandem("people", "find", "a", "--limit", "3", world=copied).out
    assert "0 found." in tandem("people", "find", "nobody at all", world=copied).out


def test_D3_a_person_is_shown_with_labels_company_owner_link_and_history(copied: World, tandem: Command) -> None:
    """Codes stay in JSON beside the label; names stand for ids."""
    person = next(
        each for each in of_type(copied, "contact") if each["externalCompanyId"] and each["externalSalesPersonId"]
    )
    sales_person = next(
        each
        for each in copied.export("salesperson")
        if each["externalSalesPersonId"] == person["externalSalesPersonId"]
    )

    shown = facts(tandem("people", "show", str(person["id"]), "--json", world=copied))

    assert {"label": "Person Status", "value": 0, "shown": "Active"} == shown["fields"]["leadStatus"]
    assert (person["externalCompanyId"], True, True, person["company"]) == tuple(
        shown["company"][name] for name in ("external_company_id", "shared", "here", "name")
    )
    assert person["company"] == shown["company"]["fields"]["company"]["value"]
    assert ("sales person", sales_person["externalSalesPersonId"]) == (shown["owner"]["kind"], shown["owner"]["id"])
    assert f"{sales_person.get('firstName', '')} {sales_person.get('lastName', '')}".strip() == shown["owner"]["name"]
    assert [("contact", "live", {})] == [
        (each["entity"], each["state"], each["unsent"]) for each in shown["links"] if each["state"] == "live"
    ]
    assert "New Person" == shown["activities"][0]["type"]


def test_D3_a_lead_is_shown_with_the_labels_of_leads(copied: World, tandem: Command) -> None:
    """Status 0 is Active for a contact and Open for a lead."""
    lead = next(each for each in of_type(copied, "lead") if each["leadStatus"] == 0)

    text = tandem("people", "show", str(lead["id"]), world=copied).out

    assert re.search(r"Person Status +leadStatus +Open", text)
    assert re.search(r"In Dynamics: lead [0-9a-f-]{36} \(live, version \d+\)", text)


def test_P13_a_team_that_owns_is_named(copied: World, tandem: Command) -> None:
    """The owner is the team; there is no sales person."""
    person = next(each for each in copied.export("person") if each["microsoftTeamId"])
    team = next(each for each in copied.export("team") if each["microsoftTeamId"] == person["microsoftTeamId"])

    assert f"Owner: {team['name']} (team)" in tandem("people", "show", str(person["id"]), world=copied).out


def test_A2_set_takes_both_names_labels_and_company_fields(copied: World, tandem: Command) -> None:
    """One command line for the person and its company; the answer names what changed."""
    person = next(each for each in of_type(copied, "contact") if each["externalCompanyId"])
    number = str(person["id"])

    changed = facts(
        tandem(
            "people", "set", number, "jobtitle=CTO", "doNotCall=yes", "company.name=Fabrikam", "--json", world=copied
        )
    )

    assert {
        "id": person["id"],
        "changed": {"title": "CTO", "doNotCall": True, "company.company": "Fabrikam"},
    } == changed
    assert {"Fabrikam"} == {
        each["company"] for each in copied.export("person") if each["externalCompanyId"] == person["externalCompanyId"]
    }
    shown = tandem("people", "show", number, world=copied).out
    assert "edited here and not sent: title, doNotCall" in shown
    assert re.search(r"Change Data Value +title .*CTO +Tandem", shown)
    again = tandem("people", "set", number, "title=CTO", world=copied)
    assert (ExitCode.DONE, f"Person {number}: nothing to change.\n", "") == again


def test_S1_people_are_edited_while_the_sync_is_at_work(copied: World, tandem: Command) -> None:
    """No command here needs the lock that `tandem run` holds."""
    number = str(of_type(copied, "lead")[0]["id"])

    with copied.engine():
        ended = tandem("people", "set", number, "phone=+1 555 0100", world=copied)

    assert (ExitCode.DONE, f"Person {number}: changed phone.\n", "") == ended


def test_P2_create_makes_a_person_only_in_marketing(copied: World, tandem: Command) -> None:
    """The new id is told; the person has no type and no link."""
    made = facts(tandem("people", "create", "firstName=Ann", "emailaddress1=ann@example.com", "--json", world=copied))

    shown = facts(tandem("people", "show", str(made["id"]), "--json", world=copied))
    assert (None, [], "Ann") == (shown["microsoft_type"], shown["links"], shown["fields"]["firstName"]["value"])
    assert "only in marketing" in tandem("people", "show", str(made["id"]), world=copied).out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["set", "1", "nonsense=1"], "unknown-field", "'nonsense'", id="an unknown field"),
        pytest.param(["set", "1", "leadStatus=Open"], "not-editable", "leadStatus", id="a pull-only field"),
        pytest.param(["set", "1", "annualRevenue=much"], "bad-value", "annualRevenue", id="a bad value"),
        pytest.param(["set", "999999", "phone=1"], "unknown-person", "999999", id="an unknown person"),
        pytest.param(["show", "999999"], "unknown-person", "999999", id="showing an unknown person"),
        pytest.param(["delete", "999999"], "unknown-person", "999999", id="deleting an unknown person"),
        pytest.param(["merge", "1", "999999"], "unknown-person", "999999", id="merging an unknown person"),
        pytest.param(["merge", "1", "1"], "not-mergeable", "Person 1", id="merging somebody with itself"),
        pytest.param(["create", "nonsense=1"], "unknown-field", "'nonsense'", id="creating with an unknown field"),
    ],
)
def test_P3_a_refused_edit_is_one_sentence_and_changes_nothing(
    copied: World, tandem: Command, arguments: list[str], code: str, said: str
) -> None:
    """What, to whom and what to do, on standard error, and exit 1."""
    before = copied.export("person")

    ended = tandem("people", *arguments, world=copied)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    message, advice, printed = ended.err.splitlines()
    assert (True, True, f"[{code}]") == (said in message, bool(advice), printed)
    assert before == copied.export("person")


@pytest.mark.parametrize(
    "arguments",
    [["set", "1", "phone"], ["set", "1", "=1"], ["set", "one", "phone=1"], ["create"], ["delete"], ["merge", "1"]],
)
def test_a_wrong_command_line_exits_2(copied: World, tandem: Command, arguments: list[str]) -> None:
    """Nothing was tried: the line itself is wrong."""
    ended = tandem("people", *arguments, world=copied)

    assert (ExitCode.USAGE, "") == (ended.code, ended.out)
    assert "--help" in ended.err


def test_P9_delete_removes_a_person_in_marketing_while_the_sync_is_at_work(copied: World, tandem: Command) -> None:
    """Nobody finds it any more; Dynamics keeps its record, and no lock is needed."""
    lead = of_type(copied, "lead")[1]
    (link,) = copied.subscription.state.links.of_person(lead["id"])

    with copied.engine():
        ended = tandem("people", "delete", str(lead["id"]), world=copied)

    assert (ExitCode.DONE, f"Person {lead['id']} deleted, in marketing only.\n", "") == ended
    assert lead["id"] not in [each["id"] for each in copied.export("person")]
    assert "unknown-person" in tandem("people", "show", str(lead["id"]), world=copied).err
    assert copied.organisation.get("lead", link.crm_id) is not None
    other = of_type(copied, "lead")[1]["id"]
    assert {"id": other, "deleted": True} == facts(
        tandem("people", "delete", str(other), "--never-return", "--json", world=copied)
    )


def test_P16_merge_tells_which_record_goes_on_and_which_is_set_aside(copied: World, tandem: Command) -> None:
    """For a person to read, and as JSON."""
    winner, loser, other = (each["id"] for each in of_type(copied, "contact")[2:5])
    kept, aside, third = (copied.subscription.state.links.of_person(each)[0].crm_id for each in (winner, loser, other))

    told = tandem("people", "merge", str(winner), str(loser), world=copied)
    merged = facts(tandem("people", "merge", str(winner), str(other), "--json", world=copied))

    assert (ExitCode.DONE, "") == (told.code, told.err)
    assert [
        f"Person {loser} is part of person {winner} now.",
        f"In Dynamics: contact {kept}",
        f"Set aside: contact {aside} is not synced any more. Dynamics still has two records; `tandem links` lists it.",
    ] == [line for line in told.out.splitlines() if not line.startswith("To be sent: ")]
    assert (winner, {"entity": "contact", "id": kept}, {"entity": "contact", "id": third}) == (
        merged["id"], merged["record"], merged["set_aside"],
    )  # fmt: skip
    assert (
        f"Person {loser} was merged into person {winner}." in tandem("people", "delete", str(loser), world=copied).err
    )


def test_P16_merge_tells_what_is_to_be_sent(copied: World, tandem: Command) -> None:
    """A person only in marketing brings a value that its record does not have."""
    contact = next(each for each in of_type(copied, "contact")[6:] if not each.get("microsoftHomePhone"))
    alone = facts(tandem("people", "create", "microsoftHomePhone=+1 555 0199", "--json", world=copied))["id"]

    told = tandem("people", "merge", str(contact["id"]), str(alone), world=copied)

    assert "To be sent: microsoftHomePhone\n" in told.out


def test_the_help_names_every_command_on_people(tandem: Command) -> None:
    """Looking, editing, and what is done to a person as a whole."""
    assert {"find", "show", "set", "create", "import", "erase", "delete", "merge"} == set(
        re.findall(r"^  (\w+) ", tandem("people", "--help").out.partition("Commands")[2], re.MULTILINE)
    )
