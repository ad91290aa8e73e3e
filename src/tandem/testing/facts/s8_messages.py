"""What happens to the rows of a CRM: qualifying, merging, closing, cascades (reference 8.4, 8.9, 8.11-8.14)."""

from typing import Any

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s4_changes import TRACK
from tandem.testing.facts.stage import Stage

_CRM = "Microsoft.Dynamics.CRM."


def row(stage: Stage, address: str, *columns: str) -> dict[str, Any]:
    """Some columns of a row."""
    found: dict[str, Any] = stage.get(f"{address}?$select={','.join(columns)}").expect(200).json
    return found


def lead(stage: Stage, **values: object) -> str:
    """The address of a new lead."""
    return f"leads({stage.make('leads', {'lastname': stage.mark, 'subject': stage.mark, **values})})"


def qualify(stage: Stage, address: str, **flags: object) -> Answer:
    """The answer to QualifyLead; what it made is taken away afterwards."""
    content = {"CreateAccount": False, "CreateContact": False, "CreateOpportunity": False, "Status": 3, **flags}
    answer = stage.post(f"{address}/{_CRM}QualifyLead", content)
    for each in answer.json["value"] if answer.status == 200 else ():
        table = each["@odata.type"].rpartition(".")[2]
        entity_set = "opportunities" if table == "opportunity" else f"{table}s"
        stage.taken_away(f"{entity_set}({each[f'{table}id']})")
    return answer


@fact("8.11", "QualifyLead answers 200 with what it made, by type and id", need=Need.SALES)
def qualified(stage: Stage) -> None:
    """Only those created."""
    address = lead(stage, companyname=stage.mark)
    rows = qualify(stage, address, CreateAccount=True, CreateContact=True, CreateOpportunity=True).rows
    found = sorted(each["@odata.type"] for each in rows)
    same("the types", found, [f"#{_CRM}{table}" for table in ("account", "contact", "opportunity")])


@fact("8.11", "QualifyLead that makes nothing answers an empty collection", mark=Mark.INFERRED, need=Need.SALES)
def qualified_alone(stage: Stage) -> None:
    """The three flags are false."""
    same("the rows", qualify(stage, lead(stage)).rows, [])


@fact("8.11", "a qualified lead has state 1 and the status that was given", need=Need.SALES)
def qualified_state(stage: Stage) -> None:
    """3, Qualified."""
    address = lead(stage)
    qualify(stage, address).expect(200)
    found = row(stage, address, "statecode", "statuscode")
    same("the state", (found["statecode"], found["statuscode"]), (1, 3))


@fact("8.11", "what is born of a lead carries `originatingleadid`", need=Need.SALES)
def born(stage: Stage) -> None:
    """The contact knows its lead."""
    address = lead(stage)
    (found,) = qualify(stage, address, CreateContact=True).rows
    contact = row(stage, f"contacts({found['contactid']})", "_originatingleadid_value")
    true(f"leads({contact['_originatingleadid_value']})" == address, "it carries another")


@fact(
    "8.11",
    "the lead's {0} goes to the {1}'s {2}",
    mark=Mark.OSS,
    need=Need.SALES,
    each=[
        ("subject", "opportunity", "name", "name"),
        ("companyname", "account", "name", "name"),
        ("lastname", "contact", "lastname", "name"),
        ("emailaddress1", "contact", "emailaddress1", "a@example.org"),
        ("jobtitle", "contact", "jobtitle", "CTO"),
        ("mobilephone", "contact", "mobilephone", "123"),
        ("emailaddress1", "account", "emailaddress1", "a@example.org"),
        ("address1_city", "contact", "address1_city", "Oslo"),
        ("description", "opportunity", "description", "long"),
        ("websiteurl", "account", "websiteurl", "https://example.org"),
    ],
)
def mapped(stage: Stage, column: str, table: str, to: str, value: str) -> None:
    """Default maps, customisable."""
    given = stage.mark if value == "name" else value
    address = lead(stage, **{"companyname": stage.mark, column: given})
    (found,) = qualify(stage, address, **{f"Create{table.capitalize()}": True}).rows
    entity_set = "opportunities" if table == "opportunity" else f"{table}s"
    same(to, row(stage, f"{entity_set}({found[f'{table}id']})", to)[to], given)


@fact("8.11", "whether the lead's telephone1 goes to the contact's", mark=Mark.UNCONFIRMED, need=Need.SALES)
def telephone(stage: Stage) -> str:
    """In neither mock's map."""
    (found,) = qualify(stage, lead(stage, telephone1="123"), CreateContact=True).rows
    value = row(stage, f"contacts({found['contactid']})", "telephone1")["telephone1"]
    return "it does" if value == "123" else "it does not"


@fact("8.11", "which lookups of the lead QualifyLead fills", mark=Mark.UNCONFIRMED, need=Need.SALES)
def filled(stage: Stage) -> str:
    """By the action alone."""
    address = lead(stage, companyname=stage.mark)
    qualify(stage, address, CreateAccount=True, CreateContact=True, CreateOpportunity=True).expect(200)
    names = ("_parentaccountid_value", "_parentcontactid_value", "_qualifyingopportunityid_value", "_customerid_value")
    found = row(stage, address, *names)
    return ", ".join(name for name in names if found[name]) or "none"


@fact("8.11", "a lead that is closed is refused with 0x80040519", need=Need.SALES)
def closed_already(stage: Stage) -> None:
    """Already qualified."""
    address = lead(stage)
    qualify(stage, address).expect(200)
    qualify(stage, address).refused("0x80040519")


@fact(
    "8.11",
    "`{0}` is obligatory",
    need=Need.SALES,
    each=[(name,) for name in ("CreateAccount", "CreateContact", "CreateOpportunity", "Status")],
)
def obligatory(stage: Stage, name: str) -> None:
    """Three booleans and Status."""
    content = {"CreateAccount": False, "CreateContact": False, "CreateOpportunity": False, "Status": 3}
    del content[name]
    stage.post(f"{lead(stage)}/{_CRM}QualifyLead", content).refused()


@fact("8.11", "a qualified lead can be reopened and qualified again", need=Need.SALES)
def again(stage: Stage) -> None:
    """State 0, status 1."""
    address = lead(stage)
    qualify(stage, address).expect(200)
    stage.patch(address, {"statecode": 0, "statuscode": 1}, if_match="*").expect(204)
    qualify(stage, address).expect(200)


@fact("8.12", "a lead is disqualified with status {0}, and reopened", need=Need.SALES, each=[(4,), (5,), (6,), (7,)])
def disqualified(stage: Stage, status: int) -> None:
    """By PATCH."""
    address = lead(stage)
    for state, reason in ((2, status), (0, 1)):
        stage.patch(address, {"statecode": state, "statuscode": reason}, if_match="*").expect(204)
        same("statuscode", row(stage, address, "statuscode")["statuscode"], reason)


_MERGED = (("contact", "contacts", "lastname"), ("account", "accounts", "name"), ("lead", "leads", "lastname"))


def merge(stage: Stage, table: str, entity_set: str, name: str, **changed: object) -> tuple[str, str, Answer]:
    """Winner and loser by id, and the answer to Merge."""
    winner, loser = (stage.make(entity_set, {name: stage.mark}) for _ in range(2))
    kind, key = f"{_CRM}{table}", f"{table}id"
    content = {
        "Target": {"@odata.type": kind, key: winner},
        "Subordinate": {"@odata.type": kind, key: loser},
        "UpdateContent": {"@odata.type": kind, key: "00000000-0000-0000-0000-000000000000", **changed},
        "PerformParentingChecks": False,
    }
    return winner, loser, stage.post("Merge", content)


@fact("8.13", "Merge of two rows of {0} answers 204", need=Need.SALES, each=_MERGED)
def merged(stage: Stage, table: str, entity_set: str, name: str) -> None:
    """Of one type."""
    merge(stage, table, entity_set, name)[2].expect(204)


@fact("8.13", "the loser of a merge in {0} stays: merged, inactive, with `masterid`", need=Need.SALES, each=_MERGED)
def loser_stays(stage: Stage, table: str, entity_set: str, name: str) -> None:
    """No delete."""
    winner, loser, _ = merge(stage, table, entity_set, name)
    found = row(stage, f"{entity_set}({loser})", "merged", "_masterid_value", "statecode")
    same("merged and master", (found["merged"], found["_masterid_value"]), (True, winner))
    true(found["statecode"] != 0, "it is active")


@fact("8.13", "the loser's status after a merge of {0} is 2", need=Need.SALES, each=_MERGED[:2])
def loser_status(stage: Stage, table: str, entity_set: str, name: str) -> None:
    """State 1, status 2."""
    _, loser, _ = merge(stage, table, entity_set, name)
    found = row(stage, f"{entity_set}({loser})", "statecode", "statuscode")
    same("state and status", (found["statecode"], found["statuscode"]), (1, 2))


@fact("8.13", "state and status of a lead that lost a merge", mark=Mark.UNCONFIRMED, need=Need.SALES)
def lead_status(stage: Stage) -> str:
    """A closed state."""
    _, loser, _ = merge(stage, *_MERGED[2])
    found = row(stage, f"leads({loser})", "statecode", "statuscode")
    return f"state {found['statecode']}, status {found['statuscode']}"


@fact("8.13", "UpdateContent goes to the winner", need=Need.SALES)
def update_content(stage: Stage) -> None:
    """And only there."""
    winner, _, _ = merge(stage, *_MERGED[0], telephone1="555-0100")
    same("telephone1", row(stage, f"contacts({winner})", "telephone1")["telephone1"], "555-0100")


@fact("8.13", "the loser's children point at the winner afterwards", need=Need.SALES)
def reparented(stage: Stage) -> None:
    """Merge cascades."""
    winner, loser = (stage.make("accounts", {"name": stage.mark}) for _ in range(2))
    bound = {"parentcustomerid_account@odata.bind": f"/accounts({loser})"}
    contact = stage.make("contacts", {"lastname": stage.mark, **bound})
    kind = f"{_CRM}account"
    content = {
        "Target": {"@odata.type": kind, "accountid": winner},
        "Subordinate": {"@odata.type": kind, "accountid": loser},
        "PerformParentingChecks": False,
    }
    stage.post("Merge", content).expect(204)
    found = row(stage, f"contacts({contact})", "_parentcustomerid_value")
    same("the company", found["_parentcustomerid_value"], winner)


@fact("8.13", "a loser that is not active is refused with 0x80045304", need=Need.SALES)
def inactive_loser(stage: Stage) -> None:
    """Merge once only."""
    winner, loser, _ = merge(stage, *_MERGED[0])
    kind = f"{_CRM}contact"
    content = {
        "Target": {"@odata.type": kind, "contactid": winner},
        "Subordinate": {"@odata.type": kind, "contactid": loser},
        "PerformParentingChecks": False,
    }
    stage.post("Merge", content).refused("0x80045304")


@fact("8.13", "a row merged with itself is refused with 0x80045305", need=Need.SALES)
def with_itself(stage: Stage) -> None:
    """Identical."""
    same_row = {"@odata.type": f"{_CRM}contact", "contactid": stage.make("contacts", {"lastname": stage.mark})}
    content = {"Target": same_row, "Subordinate": same_row, "PerformParentingChecks": False}
    stage.post("Merge", content).refused("0x80045305")


@fact("8.13", "Merge of opportunities is refused", need=Need.SALES)
def not_merged(stage: Stage) -> None:
    """Only account, contact, lead and incident."""
    one, two = (stage.make("opportunities", {"name": stage.mark}) for _ in range(2))
    kind = f"{_CRM}opportunity"
    content = {
        "Target": {"@odata.type": kind, "opportunityid": one},
        "Subordinate": {"@odata.type": kind, "opportunityid": two},
        "PerformParentingChecks": False,
    }
    stage.post("Merge", content).refused()


@fact("8.13", "in change tracking the loser of a merge is an update", need=Need.DOOR)
def loser_tracked(stage: Stage) -> None:
    """Winner and loser both."""
    link = stage.get("contacts?$select=merged", prefer=TRACK).expect(200).json["@odata.deltaLink"]
    winner, loser, _ = merge(stage, *_MERGED[0])
    found = {each.get("contactid"): each for each in stage.get(link).rows}
    same("merged", (found[winner]["merged"], found[loser]["merged"]), (False, True))


@fact(
    "8.4",
    "{0}Opportunity answers 204, and state and status are {1} and {2}",
    need=Need.SALES,
    each=[
        ("Win", 1, 3),
        ("Lose", 2, 4),
        ("Lose", 2, 5),
    ],
)
def closed(stage: Stage, act: str, state: int, status: int) -> None:
    """With the close activity in the body."""
    opportunity = stage.make("opportunities", {"name": stage.mark})
    close = {"subject": stage.mark, "opportunityid@odata.bind": f"/opportunities({opportunity})"}
    stage.post(f"{act}Opportunity", {"Status": status, "OpportunityClose": close}).expect(204)
    found = row(stage, f"opportunities({opportunity})", "statecode", "statuscode")
    same("the state", (found["statecode"], found["statuscode"]), (state, status))


@fact("8.4", "a closed opportunity is reopened by PATCH", need=Need.SALES)
def reopened(stage: Stage) -> None:
    """State 0, status 1."""
    opportunity = stage.make("opportunities", {"name": stage.mark})
    close = {"subject": stage.mark, "opportunityid@odata.bind": f"/opportunities({opportunity})"}
    stage.post("WinOpportunity", {"Status": 3, "OpportunityClose": close}).expect(204)
    stage.patch(f"opportunities({opportunity})", {"statecode": 0, "statuscode": 1}, if_match="*").expect(204)


@fact("8.4", "whether an opportunity can be closed by PATCH", mark=Mark.UNCONFIRMED, need=Need.SALES)
def closed_by_patch(stage: Stage) -> str:
    """On current versions, it is said."""
    opportunity = stage.make("opportunities", {"name": stage.mark})
    answer = stage.patch(f"opportunities({opportunity})", {"statecode": 1, "statuscode": 3}, if_match="*")
    return "it can" if answer.status == 204 else f"refused with {answer.refused()}"


@fact("8.9", "a connection makes its mirrored twin", need=Need.SALES)
def twin(stage: Stage) -> None:
    """record1 and record2 swapped."""
    one, two = (stage.make("contacts", {"lastname": stage.mark}) for _ in range(2))
    bound = {"record1id_contact@odata.bind": f"/contacts({one})", "record2id_contact@odata.bind": f"/contacts({two})"}
    connection = stage.make("connections", bound)
    names = ("_record1id_value", "_record2id_value", "_relatedconnectionid_value")
    other = row(stage, f"connections({connection})", *names)["_relatedconnectionid_value"]
    found = row(stage, f"connections({other})", *names)
    same("the twin", [found[name] for name in names], [two, one, connection])


@fact("8.9", "exactly one of a connection and its twin is master", mark=Mark.INFERRED, need=Need.SALES)
def one_master(stage: Stage) -> None:
    """Import that one."""
    one, two = (stage.make("contacts", {"lastname": stage.mark}) for _ in range(2))
    bound = {"record1id_contact@odata.bind": f"/contacts({one})", "record2id_contact@odata.bind": f"/contacts({two})"}
    connection = stage.make("connections", bound)
    found = row(stage, f"connections({connection})", "ismaster", "_relatedconnectionid_value")
    other = row(stage, f"connections({found['_relatedconnectionid_value']})", "ismaster")
    same("masters", sorted([found["ismaster"], other["ismaster"]]), [False, True])


@fact("8.9", "deleting a connection removes its twin", mark=Mark.UNCONFIRMED, need=Need.SALES)
def twin_removed(stage: Stage) -> None:
    """General knowledge."""
    one, two = (stage.make("contacts", {"lastname": stage.mark}) for _ in range(2))
    bound = {"record1id_contact@odata.bind": f"/contacts({one})", "record2id_contact@odata.bind": f"/contacts({two})"}
    connection = stage.make("connections", bound)
    other = row(stage, f"connections({connection})", "_relatedconnectionid_value")["_relatedconnectionid_value"]
    stage.taken_away(f"connections({other})")
    stage.delete(f"connections({connection})").expect(204)
    stage.get(f"connections({other})?$select=ismaster").expect(404)


@fact("8.14", "deleting a company deletes the leads of which it is the customer", need=Need.SALES)
def cascaded(stage: Stage) -> None:
    """Cascade."""
    account = stage.make("accounts", {"name": stage.mark})
    address = lead(stage, **{"customerid_account@odata.bind": f"/accounts({account})"})
    stage.delete(f"accounts({account})").expect(204)
    stage.get(f"{address}?$select=lastname").expect(404)


@fact("8.14", "deleting a company only empties a lead's parentaccountid, and changes the lead", need=Need.SALES)
def link_removed(stage: Stage) -> None:
    """RemoveLink: an update."""
    account = stage.make("accounts", {"name": stage.mark})
    address = lead(stage, **{"parentaccountid@odata.bind": f"/accounts({account})"})
    before = row(stage, address, "versionnumber")["versionnumber"]
    stage.delete(f"accounts({account})").expect(204)
    found = row(stage, address, "_parentaccountid_value", "versionnumber")
    same("the link", found["_parentaccountid_value"], None)
    true(found["versionnumber"] > before, "its version is the same")


@fact("8.5", "a disabled user cannot be given a row: {0}", need=Need.DOOR, each=[("0x8004022b",)])
def disabled_owner(stage: Stage, code: str) -> None:
    """Owner disabled."""
    other = stage.get(f"systemusers?$select=systemuserid&$filter=systemuserid ne {stage.user}&$top=1").rows[0]
    user = other["systemuserid"]
    stage.afterwards("the user", lambda: stage.door("disable", user=user, disabled=False))
    stage.door("disable", user=user)
    content = {stage.subject.name: stage.mark, "ownerid@odata.bind": f"/systemusers({user})"}
    stage.post(stage.subject.entity_set, content).refused(code)


@fact("8.5", "a user cannot be deleted", mark=Mark.KNOWN, need=Need.DOOR)
def users_stay(stage: Stage) -> None:
    """Only disabled; never tried on a real one."""
    stage.delete(f"systemusers({stage.user})").refused()


@fact("8.5", "the pull of users by `isdisabled eq false and accessmode eq 4` finds the caller")
def users_pulled(stage: Stage) -> None:
    """An application user."""
    rows = stage.get("systemusers?$select=fullname&$filter=isdisabled eq false and accessmode eq 4").rows
    true(stage.user in [each["systemuserid"] for each in rows], "the caller is not found")


@fact(
    "5.7", "what a change of a closed {0} answers", mark=Mark.KNOWN, need=Need.SALES, each=[("lead",), ("opportunity",)]
)
def closed_change(stage: Stage, table: str) -> str:
    """0x80040230, or the table's own code."""
    if table == "lead":
        address = lead(stage)
        stage.patch(address, {"statecode": 2, "statuscode": 4}, if_match="*").expect(204)
    else:
        address = f"opportunities({stage.make('opportunities', {'name': stage.mark})})"
        close = {"subject": stage.mark, "opportunityid@odata.bind": f"/{address}"}
        stage.post("LoseOpportunity", {"Status": 4, "OpportunityClose": close}).expect(204)
    return stage.patch(address, {"description": "x"}, if_match="*").refused()
