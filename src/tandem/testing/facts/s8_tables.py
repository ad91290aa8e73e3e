"""The tables of a CRM sync as they ship (reference 8.1-8.10).

Customers change lengths, options and requirement levels, so what differs here in an organisation is worth knowing and
contradicts nothing.
"""

from collections.abc import Mapping
from typing import Any

from tandem.testing.facts.case import Mark, fact, same, true
from tandem.testing.facts.stage import Stage

_SECTIONS: Mapping[str, str] = {
    "lead": "8.1",
    "contact": "8.2",
    "account": "8.3",
    "opportunity": "8.4",
    "systemuser": "8.5",
    "team": "8.5",
    "campaign": "8.6",
    "campaignresponse": "8.6",
    "list": "8.7",
    "listmember": "8.7",
    "task": "8.8",
    "activitypointer": "8.8",
    "activityparty": "8.8",
    "connection": "8.9",
    "connectionrole": "13",
    "customeropportunityrole": "8.10",
    "transactioncurrency": "9.4",
    "teammembership": "13",
}
_TABLES = (
    ("lead", "leads", "leadid", "fullname"),
    ("contact", "contacts", "contactid", "fullname"),
    ("account", "accounts", "accountid", "name"),
    ("opportunity", "opportunities", "opportunityid", "name"),
    ("systemuser", "systemusers", "systemuserid", "fullname"),
    ("team", "teams", "teamid", "name"),
    ("campaign", "campaigns", "campaignid", "name"),
    ("campaignresponse", "campaignresponses", "activityid", "subject"),
    ("list", "lists", "listid", "listname"),
    ("listmember", "listmembers", "listmemberid", "name"),
    ("task", "tasks", "activityid", "subject"),
    ("activitypointer", "activitypointers", "activityid", "subject"),
    ("activityparty", "activityparties", "activitypartyid", None),
    ("connection", "connections", "connectionid", "name"),
    ("connectionrole", "connectionroles", "connectionroleid", "name"),
    ("customeropportunityrole", "customeropportunityroles", "customeropportunityroleid", None),
    ("transactioncurrency", "transactioncurrencies", "transactioncurrencyid", "currencyname"),
    ("teammembership", "teammemberships", "teammembershipid", None),
)
_LENGTHS: Mapping[str, Mapping[str, int]] = {
    "lead": {
        "subject": 300,
        "lastname": 50,
        "firstname": 50,
        "middlename": 50,
        "salutation": 100,
        "fullname": 160,
        "companyname": 100,
        "jobtitle": 100,
        "emailaddress1": 100,
        "telephone1": 50,
        "mobilephone": 20,
        "pager": 20,
        "fax": 50,
        "websiteurl": 200,
        "sic": 20,
        "address1_line1": 250,
        "address1_city": 80,
        "address1_stateorprovince": 50,
        "address1_postalcode": 20,
        "address1_country": 80,
        "address1_county": 50,
    },
    "contact": {
        "lastname": 50,
        "firstname": 50,
        "suffix": 10,
        "salutation": 100,
        "nickname": 100,
        "fullname": 160,
        "jobtitle": 100,
        "department": 100,
        "emailaddress1": 100,
        "telephone1": 50,
        "mobilephone": 50,
        "pager": 50,
        "websiteurl": 200,
        "assistantname": 100,
        "governmentid": 50,
        "employeeid": 50,
    },
    "account": {
        "name": 160,
        "accountnumber": 20,
        "telephone1": 50,
        "fax": 50,
        "websiteurl": 200,
        "emailaddress1": 100,
        "tickersymbol": 10,
        "stockexchange": 20,
        "sic": 20,
    },
    "opportunity": {"name": 300, "stepname": 200},
    "systemuser": {"fullname": 200, "firstname": 64, "internalemailaddress": 100, "domainname": 1024},
    "team": {"name": 160},
    "campaign": {"name": 128, "codename": 32, "message": 256, "promotioncodename": 128},
    "list": {"listname": 128, "purpose": 512, "source": 128},
    "task": {"subject": 200},
    "connection": {"name": 500},
    "customeropportunityrole": {"description": 500},
}
_OPTIONS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "lead": {
        "leadsourcecode": tuple(range(1, 11)),
        "leadqualitycode": (1, 2, 3),
        "industrycode": tuple(range(1, 34)),
        "preferredcontactmethodcode": (1, 2, 3, 4, 5),
        "budgetstatus": (0, 1, 2, 3),
        "need": (0, 1, 2, 3),
        "purchaseprocess": (0, 1, 2),
        "purchasetimeframe": (0, 1, 2, 3, 4),
        "initialcommunication": (0, 1),
        "salesstage": (0,),
        "prioritycode": (1,),
    },
    "contact": {
        "gendercode": (1, 2),
        "familystatuscode": (1, 2, 3, 4),
        "accountrolecode": (1, 2, 3),
        "leadsourcecode": (1,),
        "customertypecode": (1,),
    },
    "account": {
        "customertypecode": tuple(range(1, 13)),
        "accountcategorycode": (1, 2),
        "ownershipcode": (1, 2, 3, 4),
    },
    "opportunity": {"salesstage": (0, 1, 2, 3), "opportunityratingcode": (1, 2, 3)},
    "systemuser": {"accessmode": (0, 1, 2, 3, 4, 5)},
    "campaign": {"typecode": (1, 2, 3, 4, 5)},
    "campaignresponse": {"responsecode": (1, 2, 3, 4), "channeltypecode": (1, 2, 3, 4, 5, 6)},
    "list": {"createdfromcode": (1, 2, 4)},
    "task": {"prioritycode": (0, 1, 2)},
    "connectionrole": {"category": (1, 2, 3, 4, 5, 1000, 1001, 1002)},
}
_STATES: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "lead": {0: (1, 2), 1: (3,), 2: (4, 5, 6, 7)},
    "contact": {0: (1,), 1: (2,)},
    "account": {0: (1,), 1: (2,)},
    "opportunity": {0: (1, 2), 1: (3,), 2: (4, 5)},
    "campaign": {0: (0, 1, 2, 3, 4, 5), 1: (6,)},
    "list": {0: (0,), 1: (1,)},
    "task": {0: (2, 3, 4, 7), 1: (5,), 2: (6,)},
    "connection": {0: (1,), 1: (2,)},
}
_RANGES = (
    ("lead", "numberofemployees", "Integer", 0, 1_000_000),
    ("lead", "revenue", "Money", 0, 1e14),
    ("lead", "budgetamount", "Money", 0, 1e12),
    ("lead", "estimatedvalue", "Double", 0, 1e12),
    ("account", "revenue", "Money", 0, 1e14),
    ("account", "numberofemployees", "Integer", 0, 1_000_000_000),
    ("opportunity", "estimatedvalue", "Money", -1e12, 1e12),
    ("opportunity", "closeprobability", "Integer", 0, 100),
    ("campaign", "budgetedcost", "Money", 0, 1e12),
    ("campaign", "expectedresponse", "Integer", 0, 100),
    ("task", "percentcomplete", "Integer", 0, 100),
)
_LEVELS = (
    ("lead", "subject", "ApplicationRequired"),
    ("lead", "lastname", "ApplicationRequired"),
    ("lead", "companyname", "Recommended"),
    ("contact", "lastname", "ApplicationRequired"),
    ("account", "name", "ApplicationRequired"),
    ("opportunity", "name", "ApplicationRequired"),
    ("campaign", "name", "SystemRequired"),
    ("list", "listname", "SystemRequired"),
    ("list", "createdfromcode", "SystemRequired"),
    ("list", "type", "SystemRequired"),
)
_DATES = (
    ("lead", "estimatedclosedate"),
    ("contact", "birthdate"),
    ("contact", "anniversary"),
    ("opportunity", "estimatedclosedate"),
    ("opportunity", "actualclosedate"),
    ("opportunity", "finaldecisiondate"),
)


def column(stage: Stage, table: str, name: str, kind: str, query: str) -> dict[str, Any]:
    """The definition of a column, cast to its kind. Raises NotSeen."""
    path = f"/Attributes(LogicalName='{name}')/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?{query}"
    found: dict[str, Any] = stage.definition(table, path).json
    return found


def values(stage: Stage, table: str, name: str, kind: str) -> list[dict[str, int]]:
    """The options of a column."""
    found = column(stage, table, name, kind, "$select=LogicalName&$expand=OptionSet,GlobalOptionSet")
    listed: list[dict[str, int]] = (found["OptionSet"] or found["GlobalOptionSet"])["Options"]
    return listed


def of(table: str) -> str:
    """The section that speaks of a table."""
    return _SECTIONS[table]


@fact("{0}", "the set of {1} is {2}, its id {3}", each=[(of(table), table, *rest) for table, *rest in _TABLES])
def tables(stage: Stage, _section: str, table: str, entity_set: str, key: str, primary_name: str | None) -> None:
    """And its primary name."""
    found = stage.definition(table, "?$select=EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute").json
    same("set and id", (found["EntitySetName"], found["PrimaryIdAttribute"]), (entity_set, key))
    if primary_name is not None:
        same("the primary name", found["PrimaryNameAttribute"], primary_name)


@fact(
    "{0}",
    "{1}.{2} holds {3} characters",
    mark=Mark.SHIPPED,
    each=[(of(table), table, name, length) for table, columns in _LENGTHS.items() for name, length in columns.items()],
)
def lengths(stage: Stage, _section: str, table: str, name: str, length: int) -> None:
    """`MaxLength`."""
    kind = "Memo" if name == "description" else "String"
    same("MaxLength", column(stage, table, name, kind, "$select=MaxLength")["MaxLength"], length)


@fact(
    "{0}",
    "the options of {1}.{2} are {3}",
    mark=Mark.SHIPPED,
    each=[
        (of(table), table, name, options) for table, columns in _OPTIONS.items() for name, options in columns.items()
    ],
)
def option_values(stage: Stage, _section: str, table: str, name: str, options: tuple[int, ...]) -> None:
    """Their codes."""
    same("the codes", tuple(sorted(each["Value"] for each in values(stage, table, name, "Picklist"))), options)


@fact(
    "{0}",
    "the states of {1} and their statuses are {2}",
    mark=Mark.SHIPPED,
    each=[(of(table), table, states) for table, states in _STATES.items()],
)
def states(stage: Stage, _section: str, table: str, states: Mapping[int, tuple[int, ...]]) -> None:
    """`State` of each status option."""
    found: dict[int, list[int]] = {}
    for each in values(stage, table, "statuscode", "Status"):
        found.setdefault(each["State"], []).append(each["Value"])
    same("the states", {state: tuple(sorted(found[state])) for state in sorted(found)}, dict(states))


@fact(
    "{0}",
    "{1}.{2} is {3} from {4:,.0f} to {5:,.0f}",
    mark=Mark.SHIPPED,
    each=[(of(each[0]), *each) for each in _RANGES],
)
def ranges(stage: Stage, _section: str, table: str, name: str, kind: str, low: float, high: float) -> None:
    """`MinValue` and `MaxValue`."""
    found = column(stage, table, name, kind, "$select=MinValue,MaxValue")
    same("the range", (found["MinValue"], found["MaxValue"]), (low, high))


@fact("{0}", "{1}.{2} is {3}", mark=Mark.SHIPPED, each=[(of(each[0]), *each) for each in _LEVELS])
def levels(stage: Stage, _section: str, table: str, name: str, level: str) -> None:
    """`RequiredLevel`."""
    found = stage.definition(table, f"/Attributes(LogicalName='{name}')?$select=RequiredLevel").json
    same("RequiredLevel", found["RequiredLevel"]["Value"], level)


@fact("9.2", "{0}.{1} is a date without a time", mark=Mark.SHIPPED, each=_DATES)
def dates(stage: Stage, table: str, name: str) -> None:
    """Some may still be UserLocal in old environments."""
    found = column(stage, table, name, "DateTime", "$select=Format,DateTimeBehavior")
    same("behaviour and format", (found["DateTimeBehavior"], found["Format"]), ({"Value": "DateOnly"}, "DateOnly"))


@fact(
    "{0}",
    "{1}.{2} cannot be written",
    each=[
        ("8.1", "lead", "fullname"),
        ("8.1", "lead", "merged"),
        ("8.1", "lead", "masterid"),
        ("8.1", "lead", "revenue_base"),
        ("8.2", "contact", "fullname"),
        ("8.2", "contact", "accountid"),
        ("8.2", "contact", "parentcontactid"),
        ("8.2", "contact", "masterid"),
        ("8.3", "account", "openrevenue"),
        ("8.4", "opportunity", "totalamount"),
        ("8.7", "list", "membertype"),
        ("8.7", "list", "membercount"),
    ],
)
def computed(stage: Stage, _section: str, table: str, name: str) -> None:
    """`IsValidForUpdate`."""
    found = stage.definition(table, f"/Attributes(LogicalName='{name}')?$select=IsValidForUpdate").json
    true(found["IsValidForUpdate"] is False, "it can")


@fact(
    "{0}",
    "{1}.{2} is given at creation only",
    each=[
        ("8.7", "list", "createdfromcode"),
        ("8.4", "opportunity", "originatingleadid"),
    ],
)
def create_only(stage: Stage, _section: str, table: str, name: str) -> None:
    """Valid for create, not for update."""
    found = stage.definition(table, f"/Attributes(LogicalName='{name}')?$select=IsValidForCreate,IsValidForUpdate").json
    same("create and update", (found["IsValidForCreate"], found["IsValidForUpdate"]), (True, False))
