"""The rows of campaigns, lists and their members, activities, and the roles of customers.

Members are people who stand: nobody on a list, in a task or in a role was merged away, for a merge moves those
(reference 8.13). There are few of everything beside the people, so a million of them are made hardly more slowly.
"""

from collections.abc import Iterator

from tandem.sandbox.data import names
from tandem.sandbox.data.draw import Draw, stamp
from tandem.sandbox.data.people import company_of, human_of
from tandem.sandbox.data.shape import LONGEST_LIST, Shape
from tandem.sandbox.data.staff import Row, currency, owner

_DAY = 86_400
_LIST_CODE = 4300
_RELATIONSHIP_ROLES = ("Decision Maker", "Influencer")
_CODES = {"contact": 2, "lead": 4, "account": 1}
_KINDS = tuple(_CODES)
# Every campaign in turn; status 0 is the first of a new one (reference 8.6).
_STATES = ((0, 0), (0, 2), (0, 3), (0, 1), (1, 6), (0, 5))
_OPTED_IN = (
    '<fetch><entity name="{table}"><attribute name="{table}id" /><filter>'
    '<condition attribute="donotbulkemail" operator="eq" value="0" /></filter></entity></fetch>'
)
_OWNER, _REGARDING, _CUSTOMER = 9, 8, 11


def campaign(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of campaigns."""
    draw.start("campaign", number)
    created = draw.moment()
    begins = created + draw.below(60) * _DAY
    currency_id, decimals = currency(draw, foreign=0.2)
    state, status = _STATES[number % len(_STATES)]
    return {
        "campaignid": draw.guid("campaign", number),
        "name": f"{draw.one(names.TOPICS)} {number + 1}",
        "codename": f"CMP-{1_000 + number:05d}-{draw.guid('campaign', number)[:6].upper()}",
        "typecode": 1 + draw.below(5),
        "proposedstart": stamp(begins),
        "proposedend": stamp(begins + (1 + draw.below(90)) * _DAY),
        "budgetedcost": draw.money(1_000, 200_000, decimals),
        "othercost": draw.money(0, 20_000, decimals) if draw.chance(0.4) else None,
        "expectedresponse": draw.below(101) if draw.chance(0.5) else None,
        "transactioncurrencyid": currency_id,
        "description": draw.some(0.3, names.NOTES),
        "statecode": state,
        "statuscode": status,
        **owner(shape, draw),
        "createdon": stamp(created),
        "modifiedon": stamp(draw.moment(created)),
    }


def a_list(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of lists: of each kind of member, most static, some dynamic, locked, empty or inactive."""
    draw.start("list", number)
    created = draw.moment()
    kind = _KINDS[number % len(_KINDS)]
    dynamic = shape.list_is_dynamic(number)
    inactive = number % 10 == 9
    return {
        "listid": draw.guid("list", number),
        "listname": f"{draw.one(names.TOPICS)} {number + 1}",
        "createdfromcode": _CODES[kind],
        "type": dynamic,
        "query": _OPTED_IN.format(table=kind) if dynamic else None,
        "lockstatus": number % 10 == 6,
        "purpose": draw.some(0.5, names.NOTES),
        "lastusedon": stamp(draw.moment(created)) if draw.chance(0.5) else None,
        "statecode": int(inactive),
        "statuscode": int(inactive),
        **owner(shape, draw),
        "createdon": stamp(created),
        "modifiedon": stamp(draw.moment(created)),
    }


def members(shape: Shape, draw: Draw, number: int) -> Iterator[Row]:
    """The members of list `number`, each once."""
    kind = _KINDS[number % len(_KINDS)]
    known = set()
    for place in range(shape.list_size(number)):
        member = shape.list_member(kind, number, place)
        if member in known:
            continue
        known.add(member)
        name = _name(shape, draw, kind, member)
        draw.start("listmember", number * LONGEST_LIST + place)
        added = stamp(draw.moment())
        yield {
            "listmemberid": draw.guid("listmember", number * LONGEST_LIST + place),
            "listid": draw.guid("list", number),
            "entityid": draw.guid(kind, member),
            "entityid_type": kind,
            "name": name,
            "createdon": added,
            "modifiedon": added,
        }


def items(shape: Shape, draw: Draw) -> Iterator[Row]:
    """The lists of campaigns: two lists in three are in one."""
    for number in range(shape.lists if shape.campaigns else 0):
        if number % 3 != 2:
            yield {
                "campaignitemid": draw.guid("campaignitem", number),
                "campaignid": draw.guid("campaign", number % shape.campaigns),
                "entityid": draw.guid("list", number),
                "entitytype": _LIST_CODE,
            }


def task(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of tasks: about somebody or something, or about nothing."""
    kind, row = shape.task_regards(number)
    draw.start("task", number)
    created = draw.moment()
    due = created + draw.below(30) * _DAY
    state, status = ((0, 2), (0, 3), (1, 5), (1, 5), (0, 7), (2, 6), (0, 4))[number % 7]
    return {
        "activityid": draw.guid("task", number),
        "subject": f"{draw.one(names.TOPICS)}?",
        "description": draw.some(0.3, names.NOTES),
        "regardingobjectid": draw.reference(kind, row),
        "regardingobjectid_type": None if row is None else kind,
        "scheduledend": stamp(due) if draw.chance(0.8) else None,
        "actualend": stamp(due) if state == 1 else None,
        "percentcomplete": 100 if state == 1 else draw.below(100),
        "prioritycode": draw.below(3),
        "statecode": state,
        "statuscode": status,
        **owner(shape, draw),
        "createdon": stamp(created),
        "modifiedon": stamp(draw.moment(created)),
    }


def response(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of campaign responses."""
    draw.start("campaignresponse", number)
    created = draw.moment()
    state = (0, 0, 1, 0, 2)[number % 5]
    return {
        "activityid": draw.guid("campaignresponse", number),
        "subject": draw.one(names.TOPICS),
        "regardingobjectid": draw.guid("campaign", number % shape.campaigns),
        "responsecode": 1 + draw.below(4),
        "channeltypecode": 1 + draw.below(6),
        "receivedon": stamp(created),
        "lastname": draw.some(0.5, names.CULTURES[0].last),
        "statecode": state,
        "statuscode": state + 1,
        **owner(shape, draw),
        "createdon": stamp(created),
        "modifiedon": stamp(draw.moment(created)),
    }


def parties(shape: Shape, draw: Draw) -> Iterator[Row]:
    """Who takes part in the activities: owner, what they regard, and the contact that responded."""
    for number in range(shape.tasks):
        row = task(shape, draw, number)
        yield from _parties(draw, "task", row, str(row["regardingobjectid_type"]))
    for number in range(shape.responses):
        row = response(shape, draw, number)
        yield from _parties(draw, "campaignresponse", row, "campaign")
        if number < shape.contacts:
            customer = draw.guid("contact", shape.contact_standing(number))
            yield _party(draw, "campaignresponse", row, _CUSTOMER, ("contact", customer))


def relationship_roles(draw: Draw) -> Iterator[Row]:
    """The rows of relationshiproles."""
    for number, name in enumerate(_RELATIONSHIP_ROLES):
        yield {
            "relationshiproleid": draw.guid("relationshiprole", number),
            "name": name,
            "statecode": 0,
            "statuscode": 1,
            "createdon": stamp(0),
            "modifiedon": stamp(0),
        }


def opportunity_roles(shape: Shape, draw: Draw) -> Iterator[Row]:
    """The rows of customeropportunityroles: the older way to say who has a part in a deal, on some old deals."""
    for number in range(4, min(shape.opportunities, 10_000) if shape.contacts else 0, 20):
        draw.start("customeropportunityrole", number)
        contact = shape.contact_standing(draw.below(shape.contacts))
        created = stamp(draw.moment())
        yield {
            "customeropportunityroleid": draw.guid("customeropportunityrole", number),
            "opportunityid": draw.guid("opportunity", number),
            "customerid": draw.guid("contact", contact),
            "customerid_type": "contact",
            "opportunityroleid": draw.guid("relationshiprole", draw.below(len(_RELATIONSHIP_ROLES))),
            "description": draw.some(0.3, names.NOTES),
            **owner(shape, draw),
            "createdon": created,
            "modifiedon": created,
        }


def _name(shape: Shape, draw: Draw, kind: str, number: int) -> str:
    if kind == "account":
        return company_of(draw, number).name
    human = human_of(shape, draw, shape.contact_human(number) if kind == "contact" else shape.lead_human(number))
    return " ".join(part for part in (human.first, human.last) if part)


def _parties(draw: Draw, kind: str, row: Row, regarded: str) -> Iterator[Row]:
    yield _party(draw, kind, row, _OWNER, (str(row["ownerid_type"]), str(row["ownerid"])))
    if row["regardingobjectid"] is not None:
        yield _party(draw, kind, row, _REGARDING, (regarded, str(row["regardingobjectid"])))


def _party(draw: Draw, kind: str, row: Row, mask: int, party: tuple[str, str]) -> Row:
    return {
        "activitypartyid": draw.guid(f"{row['activityid']}/activityparty", mask),
        "activityid": row["activityid"],
        "activityid_type": kind,
        "partyid": party[1],
        "partyid_type": party[0],
        "participationtypemask": mask,
    }
