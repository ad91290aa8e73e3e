"""Campaigns, lists, tasks and the older roles (reference 8.6, 8.7, 8.8, 8.10)."""

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s8_messages import row
from tandem.testing.facts.stage import Stage

_CRM = "Microsoft.Dynamics.CRM."
_CONTACTS, _LEADS = 2, 4


def marketing_list(stage: Stage, members: int = _CONTACTS, **values: object) -> str:
    """The id of a new static list."""
    return stage.make("lists", {"listname": stage.mark, "createdfromcode": members, "type": False, **values})


def contact(stage: Stage) -> str:
    """The id of a new contact."""
    return stage.make("contacts", {"lastname": stage.mark})


def members(stage: Stage, of: str) -> list[str]:
    """The contacts of a list."""
    return [each["contactid"] for each in stage.get(f"lists({of})/listcontact_association?$select=contactid").rows]


def add(stage: Stage, of: str, *contacts: str) -> Answer:
    """The answer to AddListMembersList."""
    content = {
        "List": {"@odata.type": f"{_CRM}list", "listid": of},
        "Members": [{"@odata.type": f"{_CRM}contact", "contactid": each} for each in contacts],
    }
    return stage.post("AddListMembersList", content)


@fact("8.6", "a campaign begins with status 0, which is a value", mark=Mark.SHIPPED, need=Need.SALES)
def campaign_state(stage: Stage) -> None:
    """Proposed."""
    campaign = stage.make("campaigns", {"name": stage.mark})
    found = row(stage, f"campaigns({campaign})", "statecode", "statuscode")
    same("the state", (found["statecode"], found["statuscode"]), (0, 0))


@fact("8.6", "a campaign without `codename` gets one", need=Need.SALES)
def codename(stage: Stage) -> None:
    """Auto-numbered."""
    campaign = stage.make("campaigns", {"name": stage.mark})
    true(row(stage, f"campaigns({campaign})", "codename")["codename"], "it is empty")


@fact("8.6", "a campaign response without a campaign is refused with 0x8004030a", need=Need.SALES)
def response_alone(stage: Stage) -> None:
    """`regardingobjectid` is obligatory."""
    stage.post("campaignresponses", {"subject": stage.mark}).refused("0x8004030a")


@fact(
    "8.6",
    "a campaign response is bound by `regardingobjectid_campaign_campaignresponse`",
    mark=Mark.INFERRED,
    need=Need.SALES,
)
def response(stage: Stage) -> None:
    """By the pattern of activities."""
    campaign = stage.make("campaigns", {"name": stage.mark})
    name = "regardingobjectid_campaign_campaignresponse@odata.bind"
    stage.make("campaignresponses", {"subject": stage.mark, name: f"/campaigns({campaign})"})


@fact("8.7", "a list begins with status 0", need=Need.SALES)
def list_state(stage: Stage) -> None:
    """Active is 0 here."""
    found = row(stage, f"lists({marketing_list(stage)})", "statecode", "statuscode")
    same("the state", (found["statecode"], found["statuscode"]), (0, 0))


@fact("8.7", "`membertype` mirrors `createdfromcode`, and donotsendonoptout begins true", need=Need.SALES)
def list_defaults(stage: Stage) -> None:
    """Read-only mirror."""
    found = row(stage, f"lists({marketing_list(stage, _LEADS)})", "membertype", "donotsendonoptout")
    same("the values", (found["membertype"], found["donotsendonoptout"]), (_LEADS, True))


@fact("8.7", "AddListMembersList is unbound, adds many and answers 204", need=Need.SALES)
def added_many(stage: Stage) -> None:
    """Read back by the association."""
    of, contacts = marketing_list(stage), [contact(stage), contact(stage)]
    add(stage, of, *contacts).expect(204)
    same("the members", sorted(members(stage, of)), sorted(contacts))


@fact("8.7", "AddListMembersList cannot be called bound", mark=Mark.INFERRED, need=Need.SALES)
def many_not_bound(stage: Stage) -> None:
    """A trap."""
    content = {"Members": [{"@odata.type": f"{_CRM}contact", "contactid": contact(stage)}]}
    stage.post(f"lists({marketing_list(stage)})/{_CRM}AddListMembersList", content).refused()


@fact("8.7", "AddMemberList is bound, adds one and answers 200", need=Need.SALES)
def added_one(stage: Stage) -> None:
    """By `EntityId`."""
    of, one = marketing_list(stage), contact(stage)
    stage.post(f"lists({of})/{_CRM}AddMemberList", {"EntityId": one}).expect(200)
    same("the members", members(stage, of), [one])


@fact("8.7", "what AddMemberList answers", mark=Mark.UNCONFIRMED, need=Need.SALES)
def added_answer(stage: Stage) -> str:
    """The field's name is unconfirmed."""
    content = {"EntityId": contact(stage)}
    found = stage.post(f"lists({marketing_list(stage)})/{_CRM}AddMemberList", content).expect(200).json
    return ", ".join(sorted(name for name in found if "@" not in name)) or "nothing"


@fact(
    "8.7",
    "whether RemoveMemberList takes {0}",
    mark=Mark.UNCONFIRMED,
    need=Need.SALES,
    each=[
        ("`EntityId`",),
        ("`ListMember`",),
    ],
)
def removed_one(stage: Stage, name: str) -> str:
    """By analogy, or as one public client sends it."""
    of, one = marketing_list(stage), contact(stage)
    add(stage, of, one).expect(204)
    content: dict[str, object] = {"EntityId": one}
    if name == "`ListMember`":
        member = stage.get(f"listmembers?$select=listmemberid&$filter=_listid_value eq {of}").rows[0]
        kind = f"{_CRM}listmember"
        content = {"ListMember": {"@odata.type": kind, "listmemberid": member["listmemberid"]}}
    answer = stage.post(f"lists({of})/{_CRM}RemoveMemberList", content)
    if answer.status >= 400:
        return f"refused with {answer.refused()}"
    same("the members", members(stage, of), [])
    return "it does"


@fact(
    "8.7",
    "a member leaves a list by {0}",
    need=Need.SALES,
    each=[("DELETE of its `$ref`",), ("DELETE of the listmember",)],
)
def removed(stage: Stage, how: str) -> None:
    """The safer ways."""
    of, one = marketing_list(stage), contact(stage)
    add(stage, of, one).expect(204)
    if how == "DELETE of its `$ref`":
        stage.delete(f"lists({of})/listcontact_association({one})/$ref").expect(204)
    else:
        member = stage.get(f"listmembers?$select=listmemberid&$filter=_listid_value eq {of}").rows[0]
        stage.delete(f"listmembers({member['listmemberid']})").expect(204)
    same("the members", members(stage, of), [])


@fact("8.7", "a member joins a list by POST to the association's `$ref`", need=Need.SALES)
def joined(stage: Stage) -> None:
    """5.6."""
    of, one = marketing_list(stage), contact(stage)
    content = {"@odata.id": f"{stage.client.api}/contacts({one})"}
    stage.post(f"lists({of})/listcontact_association/$ref", content).expect(204)
    same("the members", members(stage, of), [one])


@fact("8.7", "listmember tells list, member and the member's type code", need=Need.SALES)
def listmember(stage: Stage) -> None:
    """Queried by filter."""
    of, one = marketing_list(stage), contact(stage)
    add(stage, of, one).expect(204)
    query = "$select=_entityid_value,entitytype,_listid_value&$filter=_listid_value eq"
    (found,) = stage.get(f"listmembers?{query} {of}").rows
    same("the member", (found["_entityid_value"], found["_listid_value"], found["entitytype"]), (one, of, _CONTACTS))


@fact("8.7", "what reading one listmember by its id answers", mark=Mark.UNCONFIRMED, need=Need.SALES)
def listmember_read(stage: Stage) -> str:
    """No single Retrieve is listed."""
    of = marketing_list(stage)
    add(stage, of, contact(stage)).expect(204)
    member = stage.get(f"listmembers?$select=listmemberid&$filter=_listid_value eq {of}").rows[0]["listmemberid"]
    answer = stage.get(f"listmembers({member})?$select=entitytype")
    return "the row" if answer.status == 200 else f"refused with {answer.refused()}"


@fact(
    "8.7",
    "{0} is refused with {1}",
    need=Need.SALES,
    each=[
        ("a member of the wrong type", "0x80040301"),
        ("a member for a locked list", "0x80040302"),
        ("a member for a dynamic list", "0x8004f701"),
        ("removing who is no member", "0x80048458"),
    ],
)
def refused(stage: Stage, told: str, code: str) -> None:
    """Of the list messages."""
    one = contact(stage)
    if told == "a member of the wrong type":
        add(stage, marketing_list(stage, _LEADS), one).refused(code)
        return
    if told == "a member for a locked list":
        of = marketing_list(stage, lockstatus=True)
    elif told == "a member for a dynamic list":
        query = "<fetch><entity name='contact'><attribute name='contactid'/></entity></fetch>"
        of = marketing_list(stage, type=True, query=query)
    else:
        of = marketing_list(stage)
        stage.post(f"lists({of})/{_CRM}RemoveMemberList", {"EntityId": one}).refused(code)
        return
    stage.post(f"lists({of})/{_CRM}AddMemberList", {"EntityId": one}).refused(code)


@fact("8.7", "what adding a member twice answers", mark=Mark.UNCONFIRMED, need=Need.SALES)
def added_twice(stage: Stage) -> str:
    """Silently fine, it is thought."""
    of, one = marketing_list(stage), contact(stage)
    add(stage, of, one).expect(204)
    answer = add(stage, of, one)
    same("the members", members(stage, of), [one])
    return f"HTTP {answer.status}" if answer.status < 400 else f"refused with {answer.refused()}"


@fact("8.7", "AddItemCampaign is bound to the item and answers 200", need=Need.SALES)
def item_added(stage: Stage) -> None:
    """Not to the campaign."""
    campaign, of = stage.make("campaigns", {"name": stage.mark}), marketing_list(stage)
    content = {"Campaign": {"@odata.type": f"{_CRM}campaign", "campaignid": campaign}}
    stage.post(f"lists({of})/{_CRM}AddItemCampaign", content).expect(200)


@fact("8.7", "what AddItemCampaign answers", mark=Mark.UNCONFIRMED, need=Need.SALES)
def item_answer(stage: Stage) -> str:
    """An id; its name is unconfirmed."""
    campaign, of = stage.make("campaigns", {"name": stage.mark}), marketing_list(stage)
    content = {"Campaign": {"@odata.type": f"{_CRM}campaign", "campaignid": campaign}}
    found = stage.post(f"lists({of})/{_CRM}AddItemCampaign", content).expect(200).json
    return ", ".join(sorted(name for name in found if "@" not in name)) or "nothing"


@fact(
    "8.8",
    "a task is regarding {0} by `{1}`",
    need=Need.SALES,
    each=[
        (table, f"regardingobjectid_{table}_task", entity_set, name)
        for table, entity_set, name in (
            ("lead", "leads", "lastname"),
            ("contact", "contacts", "lastname"),
            ("account", "accounts", "name"),
            ("opportunity", "opportunities", "name"),
            ("campaign", "campaigns", "name"),
        )
    ],
)
def regarding(stage: Stage, _table: str, navigation: str, entity_set: str, name: str) -> None:
    """`regardingobjectid_<table>_<activity>`."""
    other = stage.make(entity_set, {name: stage.mark})
    task = stage.make("tasks", {"subject": stage.mark, f"{navigation}@odata.bind": f"/{entity_set}({other})"})
    found = row(stage, f"tasks({task})", "_regardingobjectid_value")
    same("what it is regarding", found["_regardingobjectid_value"], other)


@fact("8.8", "a task's `activitytypecode` is the text `task`", need=Need.SALES)
def activity_type(stage: Stage) -> None:
    """No number."""
    task = stage.make("tasks", {"subject": stage.mark})
    same("activitytypecode", row(stage, f"tasks({task})", "activitytypecode")["activitytypecode"], "task")


@fact("8.8", "a task stands among the activitypointers too", need=Need.SALES)
def pointer(stage: Stage) -> None:
    """A view over all activities."""
    task = stage.make("tasks", {"subject": stage.mark})
    found = row(stage, f"activitypointers({task})", "subject", "activitytypecode")
    same("the pointer", (found["subject"], found["activitytypecode"]), (stage.mark, "task"))


@fact("8.8", "a task is completed by PATCH", need=Need.SALES)
def completed(stage: Stage) -> None:
    """State 1, status 5."""
    task = stage.make("tasks", {"subject": stage.mark})
    stage.patch(f"tasks({task})", {"statecode": 1, "statuscode": 5}, if_match="*").expect(204)


@fact("8.8", "a completed task is read-only", mark=Mark.KNOWN, need=Need.SALES)
def completed_read_only(stage: Stage) -> str:
    """PATCH it first."""
    task = stage.make("tasks", {"subject": stage.mark})
    stage.patch(f"tasks({task})", {"statecode": 1, "statuscode": 5}, if_match="*").expect(204)
    return stage.patch(f"tasks({task})", {"subject": "x"}, if_match="*").refused()


@fact("8.10", "a second role of one customer in one opportunity is refused with 0x80048202", need=Need.SALES)
def role_twice(stage: Stage) -> None:
    """CustomerOpportunityRoleExists."""
    roles = stage.get("relationshiproles?$select=relationshiproleid&$top=1")
    if roles.status == 404 or not roles.rows:
        raise NotSeen("There are no relationship roles here.")
    content = {
        "customerid_contact@odata.bind": f"/contacts({contact(stage)})",
        "opportunityid@odata.bind": f"/opportunities({stage.make('opportunities', {'name': stage.mark})})",
        "opportunityroleid@odata.bind": f"/relationshiproles({roles.rows[0]['relationshiproleid']})",
    }
    stage.make("customeropportunityroles", content)
    stage.post("customeropportunityroles", content).refused("0x80048202")


@fact("8.8", "parties are written through their activity", need=Need.SALES)
def parties(stage: Stage) -> None:
    """`participationtypemask` 11: customer."""
    campaign, one = stage.make("campaigns", {"name": stage.mark}), contact(stage)
    party = {"partyid_contact@odata.bind": f"/contacts({one})", "participationtypemask": 11}
    content = {
        "subject": stage.mark,
        "regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({campaign})",
        "campaignresponse_activity_parties": [party],
    }
    response = stage.make("campaignresponses", content)
    query = f"$select=_partyid_value,participationtypemask&$filter=_activityid_value eq {response}"
    found = [each["_partyid_value"] for each in stage.get(f"activityparties?{query}").rows]
    true(one in found, "the contact is no party")


@fact("8.8", "whether parties are change-tracked alone", mark=Mark.UNCONFIRMED)
def parties_tracked(stage: Stage) -> str:
    """Not, it is thought."""
    found = stage.definition("activityparty", "?$select=ChangeTrackingEnabled").json["ChangeTrackingEnabled"]
    return "they are" if found else "they are not"
