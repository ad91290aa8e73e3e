"""Campaigns, their items and the responses to them; the roles of customers (reference 8.6, 8.7, 8.10)."""

import json
import re
from typing import Any

import pytest

CRM = "Microsoft.Dynamics.CRM"


def campaign(writer: Any, **values: object) -> str:
    """The id of a new campaign."""
    return str(writer.create("campaign", name="Spring", **values))


def a_list(writer: Any, **values: object) -> str:
    """The id of a new list of contacts."""
    return str(writer.create("list", listname="News", createdfromcode=2, **values))


def target(campaign_id: str) -> dict[str, object]:
    """The body of AddItemCampaign."""
    return {"Campaign": {"@odata.type": f"{CRM}.campaign", "campaignid": campaign_id}}


def add_item(entity_set: str, row_id: str) -> str:
    """The path of AddItemCampaign on an item."""
    return f"{entity_set}({row_id})/{CRM}.AddItemCampaign"


def test_a_new_campaign_is_proposed_with_status_zero(writer: Any, reader: Any) -> None:
    """Status 0 is a value; it can be set back to it."""
    row_id = campaign(writer)
    url = f"campaigns({row_id})?$select=statecode,statuscode"

    assert (0, 0) == (reader.page(url)["statecode"], reader.page(url)["statuscode"])

    writer.send("PATCH", f"campaigns({row_id})", {"statecode": 0, "statuscode": 2})
    writer.send("PATCH", f"campaigns({row_id})", {"statecode": 0, "statuscode": 0})

    assert 0 == reader.page(url)["statuscode"]
    assert [row_id] == [row["campaignid"] for row in reader.page("campaigns?$filter=statuscode eq 0")["value"]]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"statecode": 1, "statuscode": 6}, 204),
        ({"statecode": 1}, 204),
        ({"statecode": 0, "statuscode": 5}, 204),
        ({"statecode": 1, "statuscode": 0}, (400, "0x80048408")),
        ({"statecode": 0, "statuscode": 6}, (400, "0x80048408")),
    ],
    ids=["inactive", "inactive by its default", "suspended", "inactive but proposed", "active but inactive"],
)
def test_a_campaign_changes_state_by_pairs(writer: Any, state: dict[str, int], expected: Any) -> None:
    """A reason belongs to one state (reference 5.7)."""
    assert expected == writer.attempt("PATCH", f"campaigns({campaign(writer)})", state)


def test_campaigns_without_a_code_are_numbered(writer: Any) -> None:
    """A code that is given stays."""
    codes = [writer.row("campaign", campaign(writer))["codename"] for _ in range(2)]
    own = writer.row("campaign", campaign(writer, codename="MINE"))["codename"]

    assert [True, True] == [re.fullmatch(r"CMP-\d{5}-[0-9A-F]{6}", code) is not None for code in codes]
    assert codes[0] < codes[1]
    assert "MINE" == own


def test_the_cost_of_a_campaign_is_computed(writer: Any, reader: Any) -> None:
    """In the row's currency and in the organisation's; nobody writes it."""
    row_id = campaign(writer, othercost=120.5, budgetedcost=1000)
    row = reader.page(f"campaigns({row_id})?$select=totalactualcost,totalactualcost_base,budgetedcost_base")

    assert (120.5, 120.5, 1000) == (row["totalactualcost"], row["totalactualcost_base"], row["budgetedcost_base"])
    assert (400, "0x8004022E") == writer.refusal("PATCH", f"campaigns({row_id})", {"totalactualcost": 5})


def test_a_list_becomes_an_item_of_a_campaign_by_action(writer: Any, reader: Any) -> None:
    """The action is bound to the item; the item is then found from both ends and in the intersect table."""
    campaign_id, list_id = campaign(writer), a_list(writer)
    answer = writer.send("POST", add_item("lists", list_id), target(campaign_id))
    content = json.loads(answer.body)
    (item,) = reader.page("campaignitems")["value"]

    assert content["@odata.context"].endswith(f"/$metadata#{CRM}.AddItemCampaignResponse")
    assert (content["CampaignItemId"], campaign_id, list_id, 4300) == (
        item["campaignitemid"],
        item["campaignid"],
        item["entityid"],
        item["entitytype"],
    )
    assert [list_id] == [
        row["listid"] for row in reader.page(f"campaigns({campaign_id})/campaignlist_association")["value"]
    ]
    assert [campaign_id] == [
        row["campaignid"] for row in reader.page(f"lists({list_id})/campaignlist_association")["value"]
    ]


def test_an_item_is_removed_by_action_or_by_reference(writer: Any, reader: Any) -> None:
    """RemoveItemCampaign is bound to the campaign [k]."""
    campaign_id, one, two = campaign(writer), a_list(writer), a_list(writer)
    for list_id in (one, two):
        address = {"@odata.id": f"lists({list_id})"}
        writer.send("POST", f"campaigns({campaign_id})/campaignlist_association/$ref", address)
    writer.send("POST", f"campaigns({campaign_id})/{CRM}.RemoveItemCampaign", {"EntityId": one})
    writer.send("DELETE", f"lists({two})/campaignlist_association({campaign_id})/$ref")

    assert [] == reader.page("campaignitems")["value"]
    assert (404, "0x80040217") == writer.refusal(
        "POST", f"campaigns({campaign_id})/{CRM}.RemoveItemCampaign", {"EntityId": one}
    )


def test_a_campaign_can_be_an_item_of_another(writer: Any, reader: Any) -> None:
    """Each end of the relationship with itself has a name of its own."""
    parent, child = campaign(writer), campaign(writer)
    writer.send("POST", add_item("campaigns", child), target(parent))
    down = reader.page(f"campaigns({parent})/Referencingcampaigncampaign_association")["value"]
    up = reader.page(f"campaigns({child})/Referencedcampaigncampaign_association")["value"]

    assert ([child], [parent]) == ([row["campaignid"] for row in down], [row["campaignid"] for row in up])
    assert [] == reader.page(f"campaigns({parent})/campaignlist_association")["value"]


@pytest.mark.parametrize("by_action", [True, False], ids=["by action", "by reference"])
def test_an_inactive_list_cannot_be_an_item(writer: Any, by_action: bool) -> None:
    """0x80040304."""
    campaign_id, list_id = campaign(writer), a_list(writer)
    writer.send("PATCH", f"lists({list_id})", {"statecode": 1})
    path = add_item("lists", list_id) if by_action else f"campaigns({campaign_id})/campaignlist_association/$ref"
    content = target(campaign_id) if by_action else {"@odata.id": f"lists({list_id})"}

    assert (400, "0x80040304") == writer.refusal("POST", path, content)


def test_items_are_not_written_as_rows_nor_added_on_the_campaign(writer: Any) -> None:
    """What looks like it must fail (reference 11, trap 17)."""
    campaign_id, list_id = campaign(writer), a_list(writer)
    on_the_campaign = {"Campaign": {"@odata.type": f"{CRM}.list", "listid": list_id}}

    assert (405, "0x80040315") == writer.refusal("POST", "campaignitems", {"campaignid": campaign_id})
    assert (400, "0x80048d19") == writer.refusal("POST", add_item("campaigns", campaign_id), on_the_campaign)


def test_deleting_a_list_takes_its_items_and_members_along(writer: Any, reader: Any) -> None:
    """The campaign and the contact stay."""
    campaign_id, list_id, contact = campaign(writer), a_list(writer), writer.create("contact")
    writer.send("POST", add_item("lists", list_id), target(campaign_id))
    writer.send("POST", f"lists({list_id})/{CRM}.AddMemberList", {"EntityId": contact})
    writer.send("DELETE", f"lists({list_id})")

    assert ([], []) == (reader.page("campaignitems")["value"], reader.page("listmembers")["value"])
    assert campaign_id == writer.row("campaign", campaign_id)["campaignid"]
    assert contact == writer.row("contact", contact)["contactid"]


def test_a_response_names_its_campaign(writer: Any, reader: Any) -> None:
    """Without one it is refused with a code of its own, as is taking it away."""
    campaign_id = campaign(writer)
    bind = {"regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({campaign_id})"}
    row_id = writer.send("POST", "campaignresponses", {"subject": "Yes", "responsecode": 1, **bind})
    row_id = row_id.headers["OData-EntityId"][-37:-1]
    row = reader.page(f"campaignresponses({row_id})")

    assert (campaign_id, "campaignresponse", 0, 1) == (
        row["_regardingobjectid_value"],
        row["activitytypecode"],
        row["statecode"],
        row["statuscode"],
    )
    assert (400, "0x8004030A") == writer.refusal("POST", "campaignresponses", {"subject": "Yes"})
    assert (400, "0x8004030A") == writer.refusal(
        "PATCH", f"campaignresponses({row_id})", {"regardingobjectid_campaign_campaignresponse": None}
    )


def test_a_lead_and_an_opportunity_name_the_campaign_they_came_from(writer: Any, reader: Any) -> None:
    """And keep being there when it goes."""
    campaign_id = campaign(writer)
    rows = {
        table: writer.create(table, campaignid__bind=f"campaigns({campaign_id})") for table in ("lead", "opportunity")
    }
    leads = reader.page(f"campaigns({campaign_id})/campaign_leads?$select=leadid")["value"]

    assert [rows["lead"]] == [row["leadid"] for row in leads]

    writer.send("DELETE", f"campaigns({campaign_id})")

    assert [None, None] == [writer.row(table, row_id)["campaignid"] for table, row_id in rows.items()]


@pytest.mark.parametrize("named", [True, False], ids=["named by the caller", "that of the lead"])
def test_a_qualified_leads_opportunity_has_the_campaign(writer: Any, named: bool) -> None:
    """SourceCampaignId wins over the lead's own (reference 8.11)."""
    own, other = campaign(writer), campaign(writer)
    lead = writer.create("lead", subject="Deal", campaignid__bind=f"campaigns({own})")
    content: dict[str, object] = {
        "CreateAccount": False,
        "CreateContact": False,
        "CreateOpportunity": True,
        "Status": 3,
    }
    if named:
        content["SourceCampaignId"] = {"@odata.type": f"{CRM}.campaign", "campaignid": other}
    answer = writer.send("POST", f"leads({lead})/{CRM}.QualifyLead", content)
    (made,) = json.loads(answer.body)["value"]

    assert (other if named else own) == writer.row("opportunity", made["opportunityid"])["campaignid"]


def test_nobody_has_the_same_role_for_an_opportunity_twice(writer: Any) -> None:
    """0x80048202, on create and on update; another role is another row."""
    contact, deal = writer.create("contact"), writer.create("opportunity")
    roles = [writer.create("relationshiprole", name=name) for name in "AB"]

    def content(role: str) -> dict[str, object]:
        return {
            "customerid_contact@odata.bind": f"contacts({contact})",
            "opportunityid@odata.bind": f"opportunities({deal})",
            "opportunityroleid@odata.bind": f"relationshiproles({role})",
        }

    writer.send("POST", "customeropportunityroles", content(roles[0]))
    other = writer.send("POST", "customeropportunityroles", content(roles[1])).headers["OData-EntityId"][-37:-1]
    to_the_first = {"opportunityroleid@odata.bind": f"relationshiproles({roles[0]})"}

    assert (400, "0x80048202") == writer.refusal("POST", "customeropportunityroles", content(roles[0]))
    assert (400, "0x80048202") == writer.refusal("PATCH", f"customeropportunityroles({other})", to_the_first)
    assert 204 == writer.attempt("PATCH", f"customeropportunityroles({other})", {"description": "Buyer"})


@pytest.mark.parametrize("missing", ["customerid_contact", "opportunityid"])
def test_an_opportunity_role_needs_both_ends(writer: Any, missing: str) -> None:
    """SystemRequired."""
    content = {
        "customerid_contact@odata.bind": f"contacts({writer.create('contact')})",
        "opportunityid@odata.bind": f"opportunities({writer.create('opportunity')})",
    }
    del content[f"{missing}@odata.bind"]

    assert (400, "0x80040203") == writer.refusal("POST", "customeropportunityroles", content)


@pytest.mark.parametrize("table", ["campaign", "list"])
def test_campaigns_and_lists_can_be_connected(writer: Any, table: str) -> None:
    """One connection, two rows; both go with the thing connected."""
    contact = writer.create("contact")
    row_id = campaign(writer) if table == "campaign" else a_list(writer)
    writer.create(
        "connection",
        **{f"record1id_{table}__bind": f"{table}s({row_id})", "record2id_contact__bind": f"contacts({contact})"},
    )

    assert [1, 1] == [len(writer.organisation.find("connection", f"record{end}id", row_id)) for end in (1, 2)]

    writer.send("DELETE", f"{table}s({row_id})")

    assert [] == writer.organisation.find("connection", "record1id", contact)


def test_a_connection_goes_by_the_name_of_what_it_leads_to(writer: Any, reader: Any) -> None:
    """Each of the two rows by its own, also when an end changes; each tells the types of its ends [k]."""
    contact, other = (writer.create("contact", firstname="Ann", lastname=name) for name in ("Ek", "Ng"))
    row_id = writer.create(
        "connection",
        record1id_contact__bind=f"contacts({contact})",
        record2id_campaign__bind=f"campaigns({campaign(writer)})",
    )
    twin = writer.row("connection", row_id)["relatedconnectionid"]

    def shown(connection: str) -> tuple[str, int, int]:
        row = reader.page(f"connections({connection})?$select=name,record1objecttypecode,record2objecttypecode")
        return row["name"], row["record1objecttypecode"], row["record2objecttypecode"]

    assert [("Spring", 2, 4400), ("Ann Ek", 4400, 2)] == [shown(row_id), shown(twin)]

    writer.send("PATCH", f"connections({row_id})", {"record1id_contact@odata.bind": f"contacts({other})"})

    assert [("Spring", 2, 4400), ("Ann Ng", 4400, 2)] == [shown(row_id), shown(twin)]
