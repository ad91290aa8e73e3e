"""The service document, definitions of tables, relationships and keys (reference 2.1, 2.2, 2.5, 2.6)."""

import re
from typing import Any

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.stage import Stage
from tandem.testing.facts.subject import column, create, named, options

ACCOUNT = "EntityDefinitions(LogicalName='account')"
_TABLE = {
    "LogicalName": "lead",
    "SchemaName": "Lead",
    "EntitySetName": "leads",
    "LogicalCollectionName": "leads",
    "PrimaryIdAttribute": "leadid",
    "PrimaryNameAttribute": "fullname",
    "ObjectTypeCode": 4,
    "OwnershipType": "UserOwned",
    "IsActivity": False,
    "IsIntersect": False,
    "IsCustomEntity": False,
    "TableType": "Standard",
}


@fact("2.1", "the service document lists entity sets by name, kind and url")
def service_document(stage: Stage) -> None:
    """At the root of the API."""
    found = stage.get("").expect(200).json
    true(found["@odata.context"].endswith("$metadata"), f"@odata.context is {found['@odata.context']!r}")
    true({"name": "accounts", "kind": "EntitySet", "url": "accounts"} in found["value"], "accounts is not in it")


@fact("2.2", "the definition of lead: {0} is {1!r}", each=list(_TABLE.items()))
def lead_definition(stage: Stage, name: str, value: object) -> None:
    """As a client maps by it."""
    found = stage.definition("lead", f"?$select={name}").json
    same(name, found[name], value)


@fact("2.2", "MetadataId comes whether it is selected or not")
def metadata_id(stage: Stage) -> None:
    """Always."""
    found = stage.get(f"{ACCOUNT}?$select=LogicalName").expect(200).json
    true(found.get("MetadataId"), "no MetadataId")


@fact("2.2", "a table is addressed by its MetadataId as well")
def by_metadata_id(stage: Stage) -> None:
    """Without quotes."""
    identity = stage.get(f"{ACCOUNT}?$select=LogicalName").expect(200).json["MetadataId"]
    found = stage.get(f"EntityDefinitions({identity})?$select=LogicalName").expect(200).json
    same("LogicalName", found["LogicalName"], "account")


@fact("2.2", "a managed property comes as Value, CanBeChanged and ManagedPropertyLogicalName")
def managed_property(stage: Stage) -> None:
    """A complex type."""
    found = stage.get(f"{ACCOUNT}?$select=CanChangeTrackingBeEnabled").expect(200).json["CanChangeTrackingBeEnabled"]
    same("its members", sorted(found), ["CanBeChanged", "ManagedPropertyLogicalName", "Value"])


@fact("2.2", "a label comes as LocalizedLabels and UserLocalizedLabel")
def label(stage: Stage) -> None:
    """Per language."""
    found = stage.get(f"{ACCOUNT}?$select=DisplayName").expect(200).json["DisplayName"]
    same("its members", sorted(found), ["LocalizedLabels", "UserLocalizedLabel"])
    shape = {"Label", "LanguageCode", "IsManaged", "MetadataId", "HasChanged"}
    true(shape <= set(found["UserLocalizedLabel"]), f"a label has only {sorted(found['UserLocalizedLabel'])}")


@fact("2.2", "definitions of tables are not paged")
def not_paged(stage: Stage) -> None:
    """Whatever page size is asked for."""
    answer = stage.get("EntityDefinitions?$select=LogicalName", prefer="odata.maxpagesize=2").expect(200).json
    true("@odata.nextLink" not in answer and len(answer["value"]) > 2, "they come in pages")


@fact("2.2", "an unknown table is 404")
def unknown_table(stage: Stage) -> None:
    """By its logical name."""
    stage.get("EntityDefinitions(LogicalName='new_nosuchtable')?$select=LogicalName").expect(404)


@fact(
    "2.2",
    "the object type code of {0} is {1}",
    mark=Mark.UNCONFIRMED,
    each=[
        ("account", 1),
        ("contact", 2),
        ("opportunity", 3),
        ("systemuser", 8),
        ("team", 9),
        ("activitypointer", 4200),
        ("task", 4212),
        ("list", 4300),
        ("listmember", 4301),
        ("campaign", 4400),
        ("campaignresponse", 4401),
        ("connection", 3234),
        ("customeropportunityrole", 4503),
    ],
)
def type_codes(stage: Stage, table: str, code: int) -> str:
    """From general knowledge, but for lead's."""
    found = stage.definition(table, "?$select=ObjectTypeCode").json["ObjectTypeCode"]
    same("ObjectTypeCode", found, code)
    return str(found)


@fact("2.2", "`{0}` in a metadata filter is 501 0x8006088a", each=[("startswith",), ("contains",), ("endswith",)])
def no_functions(stage: Stage, function: str) -> None:
    """Only comparisons."""
    stage.get(f"EntityDefinitions?$select=LogicalName&$filter={function}(LogicalName,'acc')").expect(501, "0x8006088a")


@fact(
    "2.2",
    "tables are filtered by {0}",
    each=[
        ("a text", "LogicalName eq 'account'"),
        ("an enum literal with its full type", "OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'"),
        ("a managed property's Value", "CanCreateAttributes/Value eq true"),
        ("a boolean", "ChangeTrackingEnabled eq true"),
        ("conditions joined with or", "LogicalName eq 'account' or LogicalName eq 'contact'"),
        ("conditions joined with and", "LogicalName eq 'account' and IsCustomEntity eq false"),
    ],
)
def filtered_tables(stage: Stage, _told: str, condition: str) -> None:
    """Simple and managed properties."""
    rows = stage.get(f"EntityDefinitions?$select=LogicalName&$filter={condition}").rows
    true("account" in [row["LogicalName"] for row in rows], "account is not found")


@fact(
    "2.2",
    "columns are filtered by {0}",
    each=[
        ("AttributeType", "AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'", "industrycode"),
        (
            "RequiredLevel/Value",
            "RequiredLevel/Value eq Microsoft.Dynamics.CRM.AttributeRequiredLevel'SystemRequired'",
            "accountid",
        ),
    ],
)
def filtered_columns(stage: Stage, _told: str, condition: str, column: str) -> None:
    """With full type names."""
    rows = stage.get(f"{ACCOUNT}/Attributes?$select=LogicalName&$filter={condition}").rows
    found = [row["LogicalName"] for row in rows]
    true(column in found and "fax" not in found, f"found {found[:20]}")


@fact("2.2", "an enum literal without its type is refused", mark=Mark.INFERRED)
def bare_enum(stage: Stage) -> None:
    """The full type name is needed."""
    stage.get("EntityDefinitions?$select=LogicalName&$filter=OwnershipType eq UserOwned").refused()


def relationships(stage: Stage, table: str, kind: str) -> list[dict[str, Any]]:
    """The relationships of a table of one kind, with every property."""
    return stage.definition(table, f"/{kind}").rows


@fact(
    "2.5",
    "{0}.{1} to {2} is bound by `{3}`",
    each=[
        ("contact", "parentcustomerid", "account", "parentcustomerid_account"),
        ("contact", "parentcustomerid", "contact", "parentcustomerid_contact"),
        ("lead", "customerid", "account", "customerid_account"),
        ("lead", "customerid", "contact", "customerid_contact"),
        ("opportunity", "customerid", "account", "customerid_account"),
        ("account", "primarycontactid", "contact", "primarycontactid"),
        ("account", "parentaccountid", "account", "parentaccountid"),
    ],
)
def navigation(stage: Stage, table: str, column: str, target: str, name: str) -> None:
    """Exact case."""
    found = [
        each["ReferencingEntityNavigationPropertyName"]
        for each in relationships(stage, table, "ManyToOneRelationships")
        if (each["ReferencingAttribute"], each["ReferencedEntity"]) == (column, target)
    ]
    same("navigation properties", found, [name])


@fact("2.5", "`contact_customer_accounts` is read from both of its ends")
def both_ends(stage: Stage) -> None:
    """Many-to-one here, one-to-many there."""
    there = [each["SchemaName"] for each in relationships(stage, "account", "OneToManyRelationships")]
    here = [each["SchemaName"] for each in relationships(stage, "contact", "ManyToOneRelationships")]
    name = "contact_customer_accounts"
    same("where it stands", (name in there, name in here), (True, True))


@fact(
    "2.5",
    "a one-to-many relationship tells what cascades: {0}",
    each=[(name,) for name in ("Assign", "Delete", "Merge", "Reparent", "Share", "Unshare", "RollupView")],
)
def cascades(stage: Stage, act: str) -> None:
    """`CascadeConfiguration`."""
    found = relationships(stage, "account", "OneToManyRelationships")[0]["CascadeConfiguration"]
    values = {"NoCascade", "Cascade", "Active", "UserOwned", "RemoveLink", "Restrict"}
    true(found[act] in values, f"CascadeConfiguration.{act} is {found[act]!r}")


@fact(
    "2.5",
    "a many-to-many relationship tells its {0}",
    each=[
        (name,)
        for name in (
            "Entity1LogicalName",
            "Entity2LogicalName",
            "IntersectEntityName",
            "Entity1NavigationPropertyName",
            "Entity2NavigationPropertyName",
        )
    ],
)
def many_to_many(stage: Stage, name: str) -> None:
    """teammembership is one everywhere."""
    found = relationships(stage, "systemuser", "ManyToManyRelationships")
    true(found and all(each.get(name) for each in found), f"no {name}")


@fact("2.5", "RelationshipDefinitions lists relationships of every kind, told by `@odata.type`", mark=Mark.KNOWN)
def every_relationship(stage: Stage) -> None:
    """Of all tables."""
    found = {each["@odata.type"].rpartition(".")[2] for each in stage.get("RelationshipDefinitions").rows}
    same("kinds", sorted(found), ["ManyToManyRelationshipMetadata", "OneToManyRelationshipMetadata"])


@fact("2.5", "RelationshipDefinitions cast to OneToManyRelationshipMetadata lists all lookups at once", mark=Mark.KNOWN)
def every_lookup(stage: Stage) -> None:
    """Of each column and target that a table of its own tells."""
    names = ("ReferencingEntity", "ReferencingAttribute", "ReferencedEntity")
    cast = "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
    found = {
        tuple(each[name] for name in names)
        for each in stage.get(f"RelationshipDefinitions/{cast}?$select={','.join(names)}").rows
    }
    own = {tuple(each[name] for name in names) for each in relationships(stage, "contact", "ManyToOneRelationships")}
    same("lookups of contact", {each for each in found if each[0] == "contact"} ^ own, set())
    true(("contact", "parentcustomerid", "account") in found, "no lookup from contact to account")


@fact("2.6", "the keys of a table are listed")
def listed_keys(stage: Stage) -> None:
    """With what a client needs to use them."""
    stage.get(f"{ACCOUNT}/Keys?$select=SchemaName,LogicalName,KeyAttributes,EntityKeyIndexStatus").expect(200)


@fact("2.6", "keys ride along with the table when expanded")
def expanded_keys(stage: Stage) -> None:
    """In one request."""
    path = "EntityDefinitions?$select=SchemaName&$filter=LogicalName eq 'account'&$expand=Keys($select=KeyAttributes)"
    true("Keys" in stage.get(path).rows[0], "no Keys")


@fact("2.6", "a new key tells its columns and the state of its index", need=Need.SCHEMA)
def new_key(stage: Stage) -> None:
    """Built by a job: Pending, InProgress, Active or Failed."""
    path = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Keys"
    (found,) = stage.get(f"{path}?$select=LogicalName,KeyAttributes,EntityKeyIndexStatus").rows
    same("KeyAttributes", found["KeyAttributes"], [stage.subject.text])
    states = ("Pending", "InProgress", "Active", "Failed")
    true(found["EntityKeyIndexStatus"] in states, f"EntityKeyIndexStatus is {found['EntityKeyIndexStatus']!r}")
    true(re.fullmatch(r"new_\w+", found["LogicalName"]), f"LogicalName is {found['LogicalName']!r}")


@fact("2.6", "a key over a column that is not there is refused", mark=Mark.KNOWN, need=Need.SCHEMA)
def unknown_key_column(stage: Stage) -> None:
    """Nothing to index."""
    definition = {"SchemaName": "new_NoKey", **named("No key"), "KeyAttributes": ["new_nosuchcolumn"]}
    stage.post(f"EntityDefinitions(LogicalName='{stage.subject.table}')/Keys", definition).refused()


@fact("2.6", "rows without a value in the key's column do not violate the key", need=Need.SCHEMA)
def empty_key_values(stage: Stage) -> None:
    """They do not count."""
    stage.row()
    stage.row()


@fact("2.6", "a key over columns with duplicate values does not become active", mark=Mark.KNOWN, need=Need.SCHEMA)
def key_over_duplicates(stage: Stage) -> str:
    """Failed, or refused at once."""
    path = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Keys"
    for _ in range(2):
        stage.row(whole=7)
    answer = stage.post(path, {"SchemaName": "new_WholeKey", **named("Whole"), "KeyAttributes": [stage.subject.whole]})
    if answer.status >= 400:
        return f"refused with {answer.refused()}"
    key = stage.taken_away(f"{path}(LogicalName='new_wholekey')")
    found = str(stage.get(f"{key}?$select=EntityKeyIndexStatus").expect(200).json["EntityKeyIndexStatus"])
    true(found != "Active", "it is active")
    return found


@fact("2.5", "a navigation property made with a relationship keeps the case of its schema name", need=Need.SCHEMA)
def custom_navigation(stage: Stage) -> None:
    """`new_ParentId`, where the column is `new_parentid`."""
    found = [
        each["ReferencingEntityNavigationPropertyName"]
        for each in relationships(stage, stage.subject.table, "ManyToOneRelationships")
        if each["ReferencingAttribute"] == stage.subject.parent
    ]
    same("the navigation property", found, [stage.subject.navigation])


@fact("0.4", "a custom navigation property in lower case is refused", need=Need.SCHEMA)
def custom_navigation_case(stage: Stage) -> None:
    """Case counts."""
    subject = stage.subject
    content = {subject.name: stage.mark, f"{subject.parent}@odata.bind": f"/{stage.address(stage.row())}"}
    stage.post(subject.entity_set, content).expect(400, "0x80048d19")


@fact(
    "13",
    "`{2}` joins {0} to fieldsecurityprofile, in {1}",
    mark=Mark.KNOWN,
    each=[
        ("systemuser", "systemuserprofiles", "systemuserprofiles_association"),
        ("team", "teamprofiles", "teamprofiles_association"),
    ],
)
def profiles(stage: Stage, table: str, intersect: str, name: str) -> None:
    """Many-to-many."""
    found = [
        each["IntersectEntityName"]
        for each in relationships(stage, table, "ManyToManyRelationships")
        if name in (each["Entity1NavigationPropertyName"], each["Entity2NavigationPropertyName"])
    ]
    same("the intersect table", found, [intersect])


@fact(
    "2.4", "a global option set is read by its name, and a column of it shows it as GlobalOptionSet", need=Need.SCHEMA
)
def global_set(stage: Stage) -> None:
    """`GlobalOptionSetDefinitions(Name='x')`."""
    name = f"{stage.subject.table}_set"
    own = options("One", "Two")["OptionSet"] | {"Name": name, "IsGlobal": True, **named("Set")}
    create(stage.client, "GlobalOptionSetDefinitions", own)
    address = stage.taken_away(f"GlobalOptionSetDefinitions(Name='{name}')")
    found = stage.get(address).expect(200).json
    same("the set", (found["Name"], found["IsGlobal"]), (name, True))
    at = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Attributes"
    bound = {"GlobalOptionSet@odata.bind": f"/GlobalOptionSetDefinitions({found['MetadataId']})"}
    create(stage.client, at, column("Picklist", "new_Shared", **bound))
    shared = stage.taken_away(f"{at}(LogicalName='new_shared')")
    path = f"{shared}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=GlobalOptionSet"
    same("GlobalOptionSet", stage.get(path).expect(200).json["GlobalOptionSet"]["Name"], name)


@fact(
    "2.2",
    "every {0} is one of {1}",
    mark=Mark.KNOWN,
    each=[
        ("OwnershipType", "UserOwned, TeamOwned, BusinessOwned, OrganizationOwned, BusinessParented, None"),
        ("TableType", "Standard, Elastic, Virtual"),
    ],
)
def table_values(stage: Stage, name: str, values: str) -> str:
    """Of all tables."""
    found = {str(row[name]) for row in stage.get(f"EntityDefinitions?$select=LogicalName,{name}").rows}
    same("other values", sorted(found - set(values.split(", "))), [])
    return ", ".join(sorted(found))


@fact(
    "1.7",
    "the activities share one set of privileges: {0} has `prvReadActivity`",
    mark=Mark.KNOWN,
    each=[
        ("task",),
        ("campaignresponse",),
    ],
)
def activity_privileges(stage: Stage, table: str) -> None:
    """Not `prvReadTask`."""
    found = [each["Name"] for each in stage.definition(table, "?$select=Privileges").json["Privileges"]]
    true("prvReadActivity" in found, f"the privileges are {found}")
