"""What deleting, assigning and merging a row does to the others (reference 8.1, 8.9, 8.13, 8.14)."""

from dataclasses import replace
from typing import Any

import pytest

from tandem.sandbox.store.customisation import ChangeColumn
from tandem.sandbox.tables import Cascade

CRM = "Microsoft.Dynamics.CRM"


def ref(table: str, row_id: str) -> dict[str, object]:
    """A row as a parameter names it."""
    return {"@odata.type": f"{CRM}.{table}", f"{table}id": row_id}


def merge(writer: Any, table: str, winner: str, loser: str) -> None:
    """Merge two rows."""
    content = {"Target": ref(table, winner), "Subordinate": ref(table, loser), "PerformParentingChecks": False}
    writer.send("POST", "Merge", content)


def user(writer: Any) -> str:
    """The id of a new user who can own rows."""
    return str(writer.create("systemuser", firstname="Bo", lastname="Ng", domainname="bo@contoso.example"))


def listed(writer: Any, table: str, member: str, name: str = "News") -> tuple[str, str]:
    """A new list with that member: the ids of the list and of the membership."""
    code = {"account": 1, "contact": 2, "lead": 4}[table]
    list_id = writer.create("list", listname=name, createdfromcode=code)
    content = {"@odata.id": f"{table}s({member})"}
    writer.send("POST", f"lists({list_id})/list{table}_association/$ref", content)
    (membership,) = writer.organisation.find("listmember", "listid", list_id)
    return list_id, membership


def deletions(writer: Any, since: int) -> set[tuple[str, str]]:
    """The (table, id) of what the deletion log got after a version."""
    found = writer.organisation.connection.execute(
        "SELECT table_name, row_id FROM deletion WHERE version > ?", (since,)
    )
    return set(found)


@pytest.fixture
def family(writer: Any) -> dict[str, str]:
    """An account with what hangs on it, by name."""
    account = writer.create("account", name="Contoso")
    to_account = f"accounts({account})"
    contact = writer.create("contact", lastname="Ek", parentcustomerid_account__bind=to_account)
    lead = writer.create("lead", lastname="Ng", customerid_account__bind=to_account)
    deal = writer.create("opportunity", name="Deal", customerid_account__bind=to_account)
    return {
        "account": account,
        "contact": contact,
        "lead": lead,
        "opportunity": deal,
        "task": writer.create("task", subject="Call", regardingobjectid_contact_task__bind=f"contacts({contact})"),
        "subsidiary": writer.create("account", name="Sub", parentaccountid__bind=to_account),
        "parented": writer.create("lead", lastname="Os", parentaccountid__bind=to_account),
        "list": listed(writer, "contact", contact)[0],
    }


def test_deleting_an_account_deletes_its_customers_and_their_history(
    organisation: Any, writer: Any, family: dict[str, str]
) -> None:
    """Each in the deletion log of its own table; who only pointed at it is updated."""
    (membership,) = organisation.find("listmember", "listid", family["list"])
    (*parties,) = organisation.find("activityparty", "activityid", family["task"])
    before = organisation.version
    writer.send("DELETE", f"accounts({family['account']})")

    assert {
        *((table, family[table]) for table in ("account", "contact", "lead", "opportunity", "task")),
        ("listmember", membership),
        *(("activityparty", party) for party in parties),
    } == deletions(writer, before)
    assert [None, None] == [
        writer.row(table, family[name])["parentaccountid"]
        for table, name in (("account", "subsidiary"), ("lead", "parented"))
    ]
    assert before < writer.version("account", family["subsidiary"])
    assert family["list"] == writer.row("list", family["list"])["listid"]


def test_what_a_restricting_row_holds_back_is_not_deleted_in_part(writer: Any, family: dict[str, str]) -> None:
    """405 0x80040227, and everything is still there."""
    team = writer.create("team", name="Sellers")
    writer.send("PATCH", f"leads({family['lead']})", {"ownerid@odata.bind": f"teams({team})"})
    before = writer.organisation.version

    assert (405, "0x80040227") == writer.refusal("DELETE", f"teams({team})")
    assert before == writer.organisation.version


def test_a_row_that_is_deleted_is_still_named_by_nobody(writer: Any) -> None:
    """A party that goes leaves the activity of another behind, without it."""
    campaign, contact = writer.create("campaign", name="Spring"), writer.create("contact", lastname="Ek")
    content = {
        "subject": "Yes",
        "regardingobjectid_campaign_campaignresponse@odata.bind": f"campaigns({campaign})",
        "campaignresponse_activity_parties": [
            {"partyid_contact@odata.bind": f"contacts({contact})", "participationtypemask": 11}
        ],
    }
    answer = writer.send("POST", "campaignresponses", content).headers["OData-EntityId"][-37:-1]
    writer.send("DELETE", f"contacts({contact})")

    assert answer == writer.row("campaignresponse", answer)["activityid"]
    assert [] == writer.organisation.find("activityparty", "partyid", contact)


def test_deleting_one_row_of_an_id_leaves_another_tables_row_of_that_id_alone(writer: Any) -> None:
    """A polymorphic lookup points at one of them."""
    contact = writer.create("contact", lastname="Ek")
    writer.create("lead", leadid=contact, lastname="Ek")
    task = writer.create("task", subject="Call", regardingobjectid_contact_task__bind=f"contacts({contact})")
    writer.send("DELETE", f"leads({contact})")

    assert contact == writer.row("task", task)["regardingobjectid"]


def test_assigning_an_account_assigns_what_belongs_to_it(writer: Any, family: dict[str, str]) -> None:
    """Contacts, customers' rows and their tasks have the new owner [k]; who only points at it keeps the old one."""
    owner = user(writer)
    writer.send("PATCH", f"accounts({family['account']})", {"ownerid@odata.bind": f"systemusers({owner})"})
    owners = {
        name: writer.row("account" if name == "subsidiary" else "lead" if name == "parented" else name, row_id)[
            "ownerid"
        ]
        for name, row_id in family.items()
    }
    kept = {"parented", "list"}

    assert {name: writer.user if name in kept else owner for name in family} == owners
    assert [owner] == [
        row["partyid"]
        for party in writer.organisation.find("activityparty", "activityid", family["task"])
        if (row := writer.row("activityparty", party))["participationtypemask"] == 9
    ]


def test_assigning_a_row_to_its_owner_changes_no_other(writer: Any, family: dict[str, str]) -> None:
    """Nothing moves, so nothing has a new version."""
    version = writer.version("contact", family["contact"])
    writer.send("PATCH", f"accounts({family['account']})", {"ownerid@odata.bind": f"systemusers({writer.user})"})

    assert version == writer.version("contact", family["contact"])


@pytest.mark.parametrize("table", ["account", "contact", "lead"])
def test_p12_a_merge_moves_tasks_members_and_parties_to_the_winner(writer: Any, table: str) -> None:
    """Each row that moved is an update, none is a deletion."""
    winner, loser = writer.create(table), writer.create(table)
    bind = {f"regardingobjectid_{table}_task__bind": f"{table}s({loser})"}
    task = writer.create("task", subject="Call", **bind)
    list_id, membership = listed(writer, table, loser)
    before = writer.organisation.version
    merge(writer, table, winner, loser)

    assert winner == writer.row("task", task)["regardingobjectid"]
    assert (winner, table) == (
        writer.row("listmember", membership)["entityid"],
        writer.row("listmember", membership)["entityid_type"],
    )
    assert before < min(writer.version("task", task), writer.version("listmember", membership))
    assert set() == deletions(writer, before)
    assert {8} == {
        writer.row("activityparty", party)["participationtypemask"]
        for party in writer.organisation.find("activityparty", "partyid", winner)
    }
    assert 1 == writer.row("list", list_id)["membercount"]


def test_p12_a_list_that_both_were_on_keeps_the_winner_once(writer: Any) -> None:
    """The loser's membership is deleted; that of another list moves."""
    winner, loser = writer.create("contact"), writer.create("contact")
    both, own = listed(writer, "contact", winner)
    writer.send("POST", f"lists({both})/listcontact_association/$ref", {"@odata.id": f"contacts({loser})"})
    (lost,) = (row for row in writer.organisation.find("listmember", "listid", both) if row != own)
    _, moved = listed(writer, "contact", loser, "Other")
    before = writer.organisation.version
    merge(writer, "contact", winner, loser)

    assert {("listmember", lost)} == deletions(writer, before)
    assert {own, moved} == set(writer.organisation.find("listmember", "entityid", winner))
    assert 1 == writer.row("list", both)["membercount"]


def test_deleting_one_connection_deletes_its_twin(writer: Any, family: dict[str, str]) -> None:
    """And deleting an end deletes both (reference 8.9)."""
    ends = {
        "record1id_contact__bind": f"contacts({family['contact']})",
        "record2id_opportunity__bind": f"opportunities({family['opportunity']})",
    }
    first = writer.create("connection", **ends)
    writer.create("connection", **ends)
    before = writer.organisation.version
    writer.send("DELETE", f"connections({first})")

    assert 2 == len(deletions(writer, before))

    writer.send("DELETE", f"opportunities({family['opportunity']})")

    assert [] == writer.organisation.find("connection", "record1id", family["contact"])


def test_the_definitions_tell_what_cascades(reader: Any) -> None:
    """A client reads it before it offers to pass deletions on (reference 8.14)."""
    path = "EntityDefinitions(LogicalName='task')/ManyToOneRelationships?$filter=ReferencedEntity eq 'lead'"
    (relationship,) = reader.page(path)["value"]

    assert ("Lead_Tasks", "regardingobjectid_lead_task") == (
        relationship["SchemaName"],
        relationship["ReferencingEntityNavigationPropertyName"],
    )
    assert {
        "Assign": "Cascade",
        "Delete": "Cascade",
        "Merge": "Cascade",
        "Reparent": "Cascade",
    }.items() <= relationship["CascadeConfiguration"].items()


@pytest.mark.parametrize(
    ("act", "along"),
    [
        (Cascade.CASCADE, {"mine", "theirs", "closed"}),
        (Cascade.ACTIVE, {"mine", "theirs"}),
        (Cascade.USER_OWNED, {"mine", "closed"}),
        (Cascade.NONE, set()),
    ],
)
def test_a_relationship_tells_which_rows_are_assigned_along(writer: Any, act: Cascade, along: set[str]) -> None:
    """All, the active ones, those of the former owner, or none (reference 8.14)."""
    organisation = writer.organisation
    parent = replace(organisation.tables["lead"].columns["parentaccountid"], on_assign=act)
    organisation.customise(ChangeColumn("lead", parent))
    third, owner = user(writer), user(writer)
    account = writer.create("account", name="Contoso")
    leads = {
        name: writer.create("lead", lastname=name, parentaccountid__bind=f"accounts({account})")
        for name in ("mine", "theirs", "closed")
    }
    writer.send("PATCH", f"leads({leads['theirs']})", {"ownerid@odata.bind": f"systemusers({third})"})
    writer.send("PATCH", f"leads({leads['closed']})", {"statecode": 2})
    writer.send("PATCH", f"accounts({account})", {"ownerid@odata.bind": f"systemusers({owner})"})

    assert along == {name for name, row_id in leads.items() if writer.row("lead", row_id)["ownerid"] == owner}
