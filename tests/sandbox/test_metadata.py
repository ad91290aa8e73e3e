"""EntityDefinitions: shapes, casts, filters, and that they tell the truth about the rows."""

from typing import Any

import pytest

from tandem.sandbox.tables import TABLES

LEAD = "EntityDefinitions(LogicalName='lead')"
CAST = f"{LEAD}/Attributes/Microsoft.Dynamics.CRM"


def by_name(body: Any) -> dict[str, Any]:
    return {item["LogicalName"]: item for item in body["value"]}


def test_a_table_tells_its_names_and_abilities(organisation, reader) -> None:
    """The properties of reference 2.2, MetadataId always among them."""
    names = "LogicalName,SchemaName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ObjectTypeCode"
    body = reader.page(f"{LEAD}?$select={names},OwnershipType,ChangeTrackingEnabled,CanChangeTrackingBeEnabled")
    identity = body.pop("MetadataId")

    assert {
        "@odata.context": f"http://127.0.0.1:1234/api/data/v9.2/$metadata#EntityDefinitions({names},OwnershipType,"
        "ChangeTrackingEnabled,CanChangeTrackingBeEnabled)/$entity",
        "LogicalName": "lead",
        "SchemaName": "Lead",
        "EntitySetName": "leads",
        "PrimaryIdAttribute": "leadid",
        "PrimaryNameAttribute": "fullname",
        "ObjectTypeCode": 4,
        "OwnershipType": "UserOwned",
        "ChangeTrackingEnabled": True,
        "CanChangeTrackingBeEnabled": {
            "Value": True,
            "CanBeChanged": True,
            "ManagedPropertyLogicalName": "canchangetrackingbeenabled",
        },
    } == body
    assert "lead" == reader.page(f"EntityDefinitions({identity})?$select=LogicalName")["LogicalName"]


def test_every_table_is_listed_at_once(organisation, reader) -> None:
    """Collections of definitions are not paged, whatever page size is asked for (reference 2.2)."""
    body = reader.page("EntityDefinitions?$select=LogicalName", prefer="odata.maxpagesize=1")

    assert list(TABLES) == list(by_name(body))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LogicalName eq 'lead'", {"lead"}),
        ("LogicalName in ('lead','contact')", {"lead", "contact"}),
        ("LogicalName eq 'lead' or LogicalName eq 'team'", {"lead", "team"}),
        ("IsIntersect eq true", {"teammembership", "systemuserprofiles", "teamprofiles", "listmember", "campaignitem"}),
        ("ObjectTypeCode eq 4", {"lead"}),
        ("OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'BusinessParented'", {"businessunit"}),
        ("OwnershipType eq 'BusinessParented'", {"businessunit"}),
        ("IsIntersect eq false and (LogicalName eq 'lead' or LogicalName eq 'teammembership')", {"lead"}),
        (
            "CanCreateAttributes/Value eq false and LogicalName ne 'teammembership'",
            {"activitypointer", "campaignitem", "listmember", "systemuserprofiles", "teamprofiles"},
        ),
        (
            "IsActivityParty eq true and DataProviderId eq null and HasActivities eq false",
            {"systemuser", "team"},
        ),
        (
            "PrimaryNameAttribute eq null and IsIntersect eq false",
            {"fieldpermission", "sdkmessagefilter", "activityparty"},
        ),
    ],
)
def test_definitions_can_be_filtered(organisation, reader, text: str, expected: set[str]) -> None:
    """Comparisons on simple and managed properties; enums by their full type name (reference 2.2), or without [k]."""
    assert expected == set(by_name(reader.page(f"EntityDefinitions?$select=LogicalName&$filter={text}")))


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("EntityDefinitions?$filter=startswith(LogicalName,'l')", (501, "0x8006088a")),
        ("EntityDefinitions?$filter=DisplayName eq 'Lead'", (400, "0x80060888")),
        ("EntityDefinitions?$filter=OwnershipType eq 'Nobody'", (400, "0x80060888")),
        ("EntityDefinitions?$filter=OwnershipType eq UserOwned", (400, "0x80060888")),
        ("EntityDefinitions?$filter=OwnershipType eq Microsoft.Dynamics.CRM.Owners'UserOwned'", (400, "0x80060888")),
        (
            "EntityDefinitions?$filter=LogicalName eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'",
            (400, "0x80060888"),
        ),
        (
            "EntityDefinitions?$filter=OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'Nobody'",
            (400, "0x80060888"),
        ),
        ("EntityDefinitions?$filter=Nothing eq 'Lead'", (400, "0x80060888")),
        ("EntityDefinitions?$select=Nothing", (400, "0x80060888")),
        ("EntityDefinitions?$top=1", (501, "0x8006088a")),
        ("EntityDefinitions(LogicalName='nothing')", (404, "0x80060888")),
        (f"{LEAD}/Nothing", (404, "0x8006088a")),
        (f"{LEAD}/Attributes(LogicalName='nothing')", (404, "0x80060888")),
        (f"{LEAD}/Attributes?$select=MaxLength", (400, "0x80060888")),
        (f"{CAST}.EnumAttributeMetadata", (404, "0x8006088a")),
        (f"{CAST}.StringAttributeMetadata?$expand=OptionSet", (400, "0x80060888")),
    ],
)
def test_what_metadata_does_not_know_is_refused(organisation, reader, url: str, refusal: tuple[int, str]) -> None:
    """Metadata has its own limits (reference 2.2-2.4)."""
    assert refusal == reader.refusal(url)


def test_attributes_have_their_common_properties(organisation, reader) -> None:
    """One row of the listing, label included (reference 2.3)."""
    attributes = by_name(
        reader.page(f"{LEAD}/Attributes?$select=LogicalName,AttributeType,AttributeTypeName,RequiredLevel,DisplayName")
    )
    lastname = attributes["lastname"]

    assert "#Microsoft.Dynamics.CRM.StringAttributeMetadata" == lastname["@odata.type"]
    assert ("String", "StringType") == (lastname["AttributeType"], lastname["AttributeTypeName"]["Value"])
    assert "ApplicationRequired" == lastname["RequiredLevel"]["Value"]
    assert "Last Name" == lastname["DisplayName"]["UserLocalizedLabel"]["Label"]
    assert 1033 == lastname["DisplayName"]["LocalizedLabels"][0]["LanguageCode"]


def test_every_column_is_listed_and_every_shadow_names_its_column(organisation, reader) -> None:
    """What can be selected has no AttributeOf; what has one cannot be selected (reference 2.3)."""
    attributes = by_name(reader.page(f"{LEAD}/Attributes?$select=LogicalName,AttributeOf"))
    columns = {name for name, attribute in attributes.items() if attribute["AttributeOf"] is None}

    assert set(TABLES["lead"].columns) == columns
    assert ("customerid", "industrycode") == (
        attributes["customeridname"]["AttributeOf"],
        attributes["industrycodename"]["AttributeOf"],
    )
    assert (400, "0x80060888") == reader.refusal("leads?$select=customeridname")


@pytest.mark.parametrize(
    ("cast", "column", "expected"),
    [
        ("StringAttributeMetadata", "mobilephone", {"MaxLength": 20, "FormatName": {"Value": "Phone"}}),
        ("MemoAttributeMetadata", "description", {"MaxLength": 2000}),
        ("IntegerAttributeMetadata", "numberofemployees", {"MinValue": 0, "MaxValue": 1_000_000}),
        ("MoneyAttributeMetadata", "revenue", {"MinValue": 0, "MaxValue": 1e14, "Precision": 2}),
        ("DoubleAttributeMetadata", "estimatedvalue", {"MaxValue": 1e12}),
        (
            "DateTimeAttributeMetadata",
            "estimatedclosedate",
            {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}},
        ),
        ("DateTimeAttributeMetadata", "createdon", {"DateTimeBehavior": {"Value": "UserLocal"}}),
        (
            "LookupAttributeMetadata",
            "customerid",
            {"Targets": ["account", "contact"], "AttributeType": "Customer"},
        ),
        ("LookupAttributeMetadata", "ownerid", {"Targets": ["systemuser", "team"], "AttributeType": "Owner"}),
        ("BigIntAttributeMetadata", "versionnumber", {"AttributeType": "BigInt"}),
        ("UniqueIdentifierAttributeMetadata", "leadid", {"AttributeType": "Uniqueidentifier"}),
    ],
)
def test_a_cast_shows_what_belongs_to_the_type(
    organisation, reader, cast: str, column: str, expected: dict[str, object]
) -> None:
    """Type-specific properties come with the cast, for one column and for all of the type (reference 2.4)."""
    select = f"$select=LogicalName,{','.join(expected)}"
    listed = by_name(reader.page(f"{CAST}.{cast}?{select}"))[column]
    path = f"{LEAD}/Attributes(LogicalName='{column}')/Microsoft.Dynamics.CRM.{cast}"
    alone = reader.page(f"{path}?{select}")

    assert expected == {name: listed[name] for name in expected}
    assert expected == {name: alone[name] for name in expected}


def test_options_come_when_expanded(organisation, reader) -> None:
    """Local option sets fill OptionSet and leave GlobalOptionSet null (reference 2.4)."""
    body = reader.page(
        f"{CAST}.PicklistAttributeMetadata?$select=LogicalName"
        "&$expand=OptionSet($select=Options,IsGlobal,Name),GlobalOptionSet($select=Options,Name)"
    )
    source = by_name(body)["leadsourcecode"]
    labels = {
        option["Value"]: option["Label"]["UserLocalizedLabel"]["Label"] for option in source["OptionSet"]["Options"]
    }

    assert (10, "Advertisement", "Other") == (len(labels), labels[1], labels[10])
    assert (False, "lead_leadsourcecode", None) == (
        source["OptionSet"]["IsGlobal"],
        source["OptionSet"]["Name"],
        source["GlobalOptionSet"],
    )


def test_an_option_set_can_be_asked_for_by_itself(organisation, reader) -> None:
    """The one of the other kind is not there. [k]"""
    column = f"{LEAD}/Attributes(LogicalName='leadsourcecode')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    body = reader.page(f"{column}/OptionSet?$select=Options")

    assert (10, False) == (len(body["Options"]), "Name" in body)
    assert 204 == reader.get(f"{column}/GlobalOptionSet").status
    assert (404, "0x8006088a") == reader.refusal(f"{column}/Options")
    assert (404, "0x8006088a") == reader.refusal(f"{CAST}.PicklistAttributeMetadata/OptionSet")


def test_what_is_expanded_can_be_filtered(organisation, reader) -> None:
    """Whichever option comes first. [k]"""
    for options in ("$select=LogicalName;$filter=IsPrimaryName eq true", "$filter=IsPrimaryName eq true"):
        (column,) = reader.page(f"{LEAD}?$select=LogicalName&$expand=Attributes({options})")["Attributes"]

        assert "fullname" == column["LogicalName"]
    assert (501, "0x8006088a") == reader.refusal(f"{LEAD}?$expand=Attributes($top=1)")
    assert (501, "0x8006088a") == reader.refusal(f"{CAST}.PicklistAttributeMetadata?$expand=OptionSet($filter=a eq 1)")


def test_states_and_statuses_know_one_another(organisation, reader) -> None:
    """A status option names its state, a state its default status."""
    statuses = by_name(reader.page(f"{CAST}.StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet"))
    states = by_name(reader.page(f"{CAST}.StateAttributeMetadata?$select=LogicalName&$expand=OptionSet"))

    assert {1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 6: 2, 7: 2} == {
        option["Value"]: option["State"] for option in statuses["statuscode"]["OptionSet"]["Options"]
    }
    assert {0: 1, 1: 3, 2: 4} == {
        option["Value"]: option["DefaultStatus"] for option in states["statecode"]["OptionSet"]["Options"]
    }


def test_booleans_have_two_options(organisation, reader) -> None:
    """`donotemail` true means do NOT (reference 8.1)."""
    body = reader.page(f"{CAST}.BooleanAttributeMetadata?$select=LogicalName&$expand=OptionSet")
    options = by_name(body)["donotemail"]["OptionSet"]

    assert ("Do Not Allow", "Allow") == (
        options["TrueOption"]["Label"]["UserLocalizedLabel"]["Label"],
        options["FalseOption"]["Label"]["UserLocalizedLabel"]["Label"],
    )


def test_relationships_give_the_names_that_bind(organisation, reader) -> None:
    """(column, target) -> navigation property (reference 2.5)."""
    body = reader.page(
        "EntityDefinitions(LogicalName='contact')/ManyToOneRelationships"
        "?$select=SchemaName,ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
    )
    names = {
        (item["ReferencingAttribute"], item["ReferencedEntity"]): item["ReferencingEntityNavigationPropertyName"]
        for item in body["value"]
    }

    assert "parentcustomerid_account" == names["parentcustomerid", "account"]
    assert "parentcustomerid_contact" == names["parentcustomerid", "contact"]
    assert "ownerid" == names["ownerid", "team"]
    assert "originatingleadid" == names["originatingleadid", "lead"]


def test_the_other_ends_of_relationships(organisation, reader) -> None:
    """One-to-many with cascades, many-to-many with its intersect table, and keys, of which none ship."""
    collections = reader.page("EntityDefinitions(LogicalName='account')/OneToManyRelationships")["value"]
    children = next(item for item in collections if item["SchemaName"] == "contact_customer_accounts")
    teams = reader.page("EntityDefinitions(LogicalName='team')/ManyToManyRelationships")["value"]

    assert "Cascade" == children["CascadeConfiguration"]["Delete"]
    assert ["teammembership", "teamprofiles"] == [item["IntersectEntityName"] for item in teams]
    assert [] == reader.page(f"{LEAD}/Keys")["value"]


def test_customisation_shows_in_metadata_and_moves_its_version(organisation, reader) -> None:
    """A custom column, a secured column and tracking turned off are told, and the version annotation grows."""

    def version() -> int:
        body = reader.page("leads?$select=leadid", prefer='odata.include-annotations="*"')
        return int(body["@Microsoft.Dynamics.CRM.globalmetadataversion"])

    before = version()
    organisation.add_column("lead", "new_score", "integer", label="Score")
    organisation.secure_column("lead", "jobtitle")
    organisation.set_change_tracking("lead", enabled=False)
    attributes = by_name(
        reader.page(f"{LEAD}/Attributes?$select=LogicalName,IsSecured,IsCustomAttribute,AttributeType")
    )

    assert ("Integer", True) == (
        attributes["new_score"]["AttributeType"],
        attributes["new_score"]["IsCustomAttribute"],
    )
    assert attributes["jobtitle"]["IsSecured"]
    assert not reader.page(f"{LEAD}?$select=ChangeTrackingEnabled")["ChangeTrackingEnabled"]
    assert version() > before
