"""Lookups, customer columns, many-to-many relationships and alternate keys made and deleted while a client reads."""

import json

import pytest

TICKET = "EntityDefinitions(LogicalName='new_ticket')"
NAMESPACE = "Microsoft.Dynamics.CRM."


@pytest.fixture
def lookup(definer) -> dict[str, object]:
    """A relationship that leads from new_ticket to account, as a client gives it; the table is there."""
    definer.table()
    return {
        "@odata.type": f"{NAMESPACE}OneToManyRelationshipMetadata",
        "SchemaName": "new_account_Tickets",
        "ReferencedEntity": "account",
        "ReferencedAttribute": "accountid",
        "ReferencingEntity": "new_ticket",
        "CascadeConfiguration": {"Delete": "RemoveLink", "Assign": "NoCascade", "Merge": "Cascade", "Share": "Active"},
        "Lookup": definer.column("Lookup", "new_AccountId"),
    }


@pytest.fixture
def pairing(definer) -> dict[str, object]:
    """A many-to-many relationship of new_ticket and lead, as a client gives it; the table is there."""
    definer.table()
    return {
        "@odata.type": f"#{NAMESPACE}ManyToManyRelationshipMetadata",
        "SchemaName": "new_Ticket_Leads",
        "Entity1LogicalName": "new_ticket",
        "Entity2LogicalName": "lead",
        "IntersectEntityName": "new_ticket_lead",
    }


def test_a_lookup_comes_with_its_relationship(definer, reader, lookup) -> None:
    """Bound by the lookup's schema name, followed back by the relationship's (reference 0.4, 2.5)."""
    identity = definer.done("POST", "RelationshipDefinitions", lookup)
    account = definer.done("POST", "accounts", {"name": "Contoso"})
    row = definer.done("POST", "new_tickets", {"new_AccountId@odata.bind": f"/accounts({account})"})
    shape = reader.page(f"RelationshipDefinitions({identity})")

    assert account == reader.page(f"new_tickets({row})")["_new_accountid_value"]
    members = reader.page(f"accounts({account})/new_account_Tickets?$select=new_ticketid")["value"]
    assert [row] == [each["new_ticketid"] for each in members]
    assert {
        "@odata.type": f"#{NAMESPACE}OneToManyRelationshipMetadata",
        "SchemaName": "new_account_Tickets",
        "ReferencingAttribute": "new_accountid",
        "ReferencingEntityNavigationPropertyName": "new_AccountId",
        "ReferencedEntityNavigationPropertyName": "new_account_Tickets",
        "IsCustomRelationship": True,
    }.items() <= shape.items()
    assert {"Delete": "RemoveLink", "Merge": "Cascade", "Share": "Active"}.items() <= (
        shape["CascadeConfiguration"].items()
    )
    by_name = reader.page(f"RelationshipDefinitions(SchemaName='new_account_Tickets')/{shape['@odata.type'][1:]}")
    assert identity == by_name["MetadataId"]


@pytest.mark.parametrize(("cascade", "left"), [("RemoveLink", 1), ("Cascade", 0), ("Restrict", 1)])
def test_the_cascade_of_a_new_relationship_is_obeyed(definer, reader, lookup, cascade: str, left: int) -> None:
    """When the referenced row is deleted (reference 8.14)."""
    definer.done("POST", "RelationshipDefinitions", {**lookup, "CascadeConfiguration": {"Delete": cascade}})
    account = definer.done("POST", "accounts", {"name": "Contoso"})
    definer.done("POST", "new_tickets", {"new_AccountId@odata.bind": f"/accounts({account})"})
    status = definer.send("DELETE", f"accounts({account})").status

    assert (405 if cascade == "Restrict" else 204) == status
    assert left == len(reader.page("new_tickets")["value"])


def test_a_cascade_can_be_changed(definer, reader, lookup) -> None:
    """PUT of the relationship."""
    identity = definer.done("POST", "RelationshipDefinitions", lookup)
    path = f"RelationshipDefinitions({identity})"
    shape = reader.page(path)
    told = {**shape, "CascadeConfiguration": {**shape["CascadeConfiguration"], "Delete": "Restrict"}}
    definer.done("PUT", path, {name: value for name, value in told.items() if name != "@odata.context"})

    assert told["CascadeConfiguration"] == reader.page(path)["CascadeConfiguration"]


@pytest.mark.parametrize(
    "path",
    ["RelationshipDefinitions(SchemaName='new_account_Tickets')", f"{TICKET}/Attributes(LogicalName='new_accountid')"],
)
def test_a_lookup_and_its_relationship_go_together(definer, reader, lookup, path: str) -> None:
    """Whichever of them is deleted."""
    definer.done("POST", "RelationshipDefinitions", lookup)
    definer.done("DELETE", path)

    assert (404, "0x80060888") == reader.refusal("RelationshipDefinitions(SchemaName='new_account_Tickets')")
    assert (400, "0x80060888") == reader.refusal("new_tickets?$select=_new_accountid_value")


def test_a_table_that_a_lookup_leads_to_cannot_be_deleted(definer, reader, lookup) -> None:
    """Until the lookup is gone: what is referenced stays."""
    definer.table("new_Board")
    told = {**lookup, "SchemaName": "new_board_Tickets", "ReferencedEntity": "new_board"}
    identity = definer.done("POST", "RelationshipDefinitions", told)

    assert (400, "0x8004f01f") == definer.refusal("DELETE", "EntityDefinitions(LogicalName='new_board')")
    definer.done("DELETE", f"RelationshipDefinitions({identity})")
    definer.done("DELETE", "EntityDefinitions(LogicalName='new_board')")


def test_a_customer_column_leads_to_accounts_and_contacts(definer, reader, lookup) -> None:
    """CreateCustomerRelationships; each target has a navigation property of its own (reference 5.6)."""
    told = {
        "Lookup": definer.column("ComplexLookup", "new_CustomerId"),
        "OneToManyRelationships": [
            {"SchemaName": f"new_{table}_Customers", "ReferencedEntity": table, "ReferencingEntity": "new_ticket"}
            for table in ("account", "contact")
        ],
    }
    answer = json.loads(definer.send("POST", "CreateCustomerRelationships", told).body)
    contact = definer.done("POST", "contacts", {"lastname": "Ek"})
    row = definer.done("POST", "new_tickets", {"new_CustomerId_contact@odata.bind": f"/contacts({contact})"})
    shown = reader.page(f"new_tickets({row})", prefer='odata.include-annotations="*"')
    column = reader.page(f"{TICKET}/Attributes({answer['AttributeId']})/{NAMESPACE}LookupAttributeMetadata")

    assert ("Customer", ["account", "contact"]) == (column["AttributeType"], column["Targets"])
    assert contact == shown["_new_customerid_value"]
    assert "contact" == shown["_new_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"]
    assert 2 == len(
        {reader.page(f"RelationshipDefinitions({each})")["SchemaName"] for each in answer["RelationshipIds"]}
    )
    parental = {**told["OneToManyRelationships"][0], "CascadeConfiguration": {"Delete": "Cascade"}}
    differing = [parental, told["OneToManyRelationships"][1]]
    assert (501, "0x8006088a") == definer.refusal(
        "POST",
        "CreateCustomerRelationships",
        {"Lookup": definer.column("ComplexLookup", "new_OtherId"), "OneToManyRelationships": differing},
    )
    assert (400, "0x80040203") == definer.refusal(
        "POST", "CreateCustomerRelationships", {**told, "OneToManyRelationships": told["OneToManyRelationships"][:1]}
    )


def test_a_many_to_many_relationship_pairs_rows(definer, reader, pairing) -> None:
    """Its pairs are in a table of their own, from which nothing is written (reference 5.6)."""
    identity = definer.done("POST", "RelationshipDefinitions", pairing)
    lead = definer.done("POST", "leads", {"lastname": "Ek"})
    row = definer.done("POST", "new_tickets", {"new_name": "First"})
    definer.done("POST", f"new_tickets({row})/new_Ticket_Leads/$ref", {"@odata.id": f"leads({lead})"})
    pairs = reader.page("new_ticket_leadset")["value"]
    members = reader.page(f"leads({lead})/new_Ticket_Leads?$select=new_name")["value"]
    definer.done("DELETE", f"new_tickets({row})")

    assert [(row, lead)] == [(each["new_ticketid"], each["leadid"]) for each in pairs]
    assert ["First"] == [each["new_name"] for each in members]
    assert [] == reader.page("new_ticket_leadset")["value"]
    assert "ManyToManyRelationship" == reader.page(f"RelationshipDefinitions({identity})")["RelationshipType"]


@pytest.mark.parametrize("path", ["RelationshipDefinitions(SchemaName='new_Ticket_Leads')", TICKET])
def test_a_many_to_many_relationship_goes_with_its_pairs(definer, reader, pairing, path: str) -> None:
    """When it is deleted, or one of its tables is."""
    definer.done("POST", "RelationshipDefinitions", pairing)
    definer.done("DELETE", path)

    assert (404, "0x8006088a") == reader.refusal("new_ticket_leadset")
    assert "new_Ticket_Leads" not in {
        each["SchemaName"] for each in reader.page("RelationshipDefinitions?$select=SchemaName")["value"]
    }


def test_a_table_can_be_paired_with_itself(definer, reader, pairing) -> None:
    """The ends then need names of their own."""
    told = {**pairing, "Entity2LogicalName": "new_ticket", "IntersectEntityName": "new_ticket_ticket"}
    named = {"Entity1NavigationPropertyName": "new_Blocks", "Entity2NavigationPropertyName": "new_BlockedBy"}
    assert (400, "0x80040203") == definer.refusal("POST", "RelationshipDefinitions", told)
    definer.done("POST", "RelationshipDefinitions", {**told, **named})
    first, second = (definer.done("POST", "new_tickets", {"new_name": name}) for name in "ab")
    definer.done("POST", f"new_tickets({first})/new_Blocks/$ref", {"@odata.id": f"new_tickets({second})"})

    assert ["b"] == [each["new_name"] for each in reader.page(f"new_tickets({first})/new_Blocks")["value"]]
    assert ["a"] == [each["new_name"] for each in reader.page(f"new_tickets({second})/new_BlockedBy")["value"]]
    assert [] == reader.page(f"new_tickets({first})/new_BlockedBy")["value"]


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        pytest.param({"SchemaName": "new_Ticket_Leads"}, (400, "0x80044363"), id="a name that is taken"),
        pytest.param({"SchemaName": "new_Other"}, (400, "0x80044363"), id="an intersect table that is there"),
        pytest.param({"Entity1LogicalName": "nothing"}, (400, "0x80040203"), id="a table that is not there"),
        pytest.param({"Entity1LogicalName": "teammembership"}, (400, "0x80040203"), id="a table of pairs"),
        pytest.param({"Entity1LogicalName": "activitypointer"}, (400, "0x80040203"), id="the view over activities"),
        pytest.param({"Entity1NavigationPropertyName": "a/b"}, (400, "0x80040203"), id="a property with a slash"),
        pytest.param({"Colour": "red"}, (400, "0x80048d19"), id="a property that there is not"),
    ],
)
def test_a_pairing_that_no_tenant_takes_is_refused(
    definer, pairing, told: dict[str, object], refusal: tuple[int, str]
) -> None:
    """Names are unique."""
    definer.done("POST", "RelationshipDefinitions", pairing)
    other = {**pairing, "SchemaName": "new_Other_Leads", "IntersectEntityName": "new_ticket_lead"}

    assert refusal == definer.refusal("POST", "RelationshipDefinitions", {**other, **told})


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("PUT", "RelationshipDefinitions(SchemaName='new_Ticket_Leads')", (501, "0x8006088a")),
        ("DELETE", "RelationshipDefinitions(SchemaName='teammembership_association')", (405, "0x8004023B")),
        ("DELETE", "RelationshipDefinitions(SchemaName='lk_nothing')", (404, "0x80060888")),
        ("DELETE", "EntityDefinitions(LogicalName='new_ticket_lead')", (405, "0x8004023B")),
        ("POST", "RelationshipDefinitions(SchemaName='new_Ticket_Leads')", (405, "0x8006088a")),
        ("PUT", f"{TICKET}/Keys(LogicalName='new_key')", (405, "0x8006088a")),
    ],
)
def test_a_relationship_is_changed_only_as_it_can_be(
    definer, pairing, method: str, path: str, refusal: tuple[int, str]
) -> None:
    """Shipped ones stay, and an intersect table goes with its relationship."""
    definer.done("POST", "RelationshipDefinitions", pairing)

    assert refusal == definer.refusal(method, path, {})


def test_what_stands_beside_a_lookup_is_no_columns_name(definer, lookup) -> None:
    """A row tells the table that a lookup leads to under `<name>_type`."""
    definer.done("POST", "RelationshipDefinitions", lookup)
    kind = definer.column("Integer", "new_AccountId_Type")

    assert (400, "0x80047013") == definer.refusal("POST", f"{TICKET}/Attributes", kind)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        pytest.param({"SchemaName": "new_account_tickets"}, (400, "0x80044363"), id="a name that is taken"),
        pytest.param({"SchemaName": "new account"}, (400, "0x80040203"), id="a name with a blank"),
        pytest.param({"ReferencedEntity": "nothing"}, (400, "0x80040203"), id="a table that is not there"),
        pytest.param({"ReferencedEntity": "activitypointer"}, (400, "0x80040203"), id="the view over activities"),
        pytest.param({"ReferencingEntityNavigationPropertyName": "a b"}, (400, "0x80040203"), id="a property's blank"),
        pytest.param(
            {"ReferencingEntityNavigationPropertyName": "new_name"}, (400, "0x80047013"), id="a column's name"
        ),
        pytest.param(
            {"ReferencingEntityNavigationPropertyName": "new_AccountId"},
            (400, "0x80047013"),
            id="another lookup's property",
        ),
        pytest.param({"Lookup": None}, (400, "0x80040203"), id="no lookup"),
        pytest.param({"CascadeConfiguration": {"Delete": "Perhaps"}}, (400, "0x80048d19"), id="a cascade there is not"),
        pytest.param({"CascadeConfiguration": {"Delete": "Active"}}, (400, "0x80040203"), id="a cascade of assigning"),
        pytest.param({"Colour": "red"}, (400, "0x80048d19"), id="a property that there is not"),
        pytest.param(
            {"ReferencedEntityNavigationPropertyName": "new_Others"},
            (501, "0x8006088a"),
            id="a collection that is not named as the relationship",
        ),
    ],
)
def test_a_relationship_that_no_tenant_takes_is_refused(
    definer, reader, lookup, told: dict[str, object], refusal: tuple[int, str]
) -> None:
    """And its column is not made."""
    definer.done("POST", "RelationshipDefinitions", lookup)
    other = {**lookup, "SchemaName": "new_account_Other", "Lookup": definer.column("Lookup", "new_OtherId")}

    assert refusal == definer.refusal("POST", "RelationshipDefinitions", {**other, **told})
    assert (404, "0x80060888") == reader.refusal(f"{TICKET}/Attributes(LogicalName='new_otherid')")


def test_a_key_names_rows_and_keeps_them_apart(definer, reader) -> None:
    """From the moment it is made until it is deleted (reference 2.6, 5.4)."""
    definer.table()
    definer.add("String", "new_Code", MaxLength=20)
    key = definer.done("POST", f"{TICKET}/Keys", {"SchemaName": "new_ByCode", "KeyAttributes": ["new_code"]})
    row = definer.done("POST", "new_tickets", {"new_code": "A"})
    again = definer.refusal("POST", "new_tickets", {"new_code": "a"})
    found = reader.page("new_tickets(new_code='A')?$select=new_name")["new_ticketid"]
    shape = reader.page(f"{TICKET}/Keys(LogicalName='new_bycode')")

    assert (row, (412, "0x80060892")) == (found, again)
    assert {"MetadataId": key, "SchemaName": "new_ByCode", "KeyAttributes": ["new_code"]}.items() <= shape.items()
    assert "Active" == shape["EntityKeyIndexStatus"]
    assert (400, "0x8004f01f") == definer.refusal("DELETE", f"{TICKET}/Attributes(LogicalName='new_code')")
    definer.done("DELETE", f"{TICKET}/Keys({key})")
    definer.done("POST", "new_tickets", {"new_code": "a"})
    assert 400 == reader.get("new_tickets(new_code='A')").status


def test_a_key_over_duplicates_has_failed_until_it_is_tried_again(definer, reader) -> None:
    """ReactivateEntityKey builds the index once the duplicates are gone; empty values are none (reference 2.6)."""
    definer.table()
    definer.add("Integer", "new_Number")
    first, _, _ = (definer.done("POST", "new_tickets", {"new_number": number}) for number in (1, 1, None))
    definer.done("POST", "new_tickets", {})
    definer.done("POST", f"{TICKET}/Keys", {"SchemaName": "new_ByNumber", "KeyAttributes": ["new_number"]})
    told = {"EntityLogicalName": "new_ticket", "EntityKeyLogicalName": "new_bynumber"}

    def status() -> str:
        return str(reader.page(f"{TICKET}/Keys(LogicalName='new_bynumber')")["EntityKeyIndexStatus"])

    definer.done("POST", "ReactivateEntityKey", told)
    still = status()
    definer.done("DELETE", f"new_tickets({first})")
    definer.done("POST", "ReactivateEntityKey", told)

    assert ("Failed", "Active") == (still, status())
    assert (412, "0x80060892") == definer.refusal("POST", "new_tickets", {"new_number": 1})
    assert (400, "0x80040203") == definer.refusal("POST", "ReactivateEntityKey", told)


@pytest.mark.parametrize(
    ("columns", "refusal"),
    [
        pytest.param(["new_code"], (400, "0x80044363"), id="the columns of another key"),
        pytest.param([], (400, "0x80040203"), id="no column"),
        pytest.param(["new_code", "new_code"], (400, "0x80040203"), id="a column twice"),
        pytest.param(["new_nothing"], (400, "0x80040203"), id="a column that is not there"),
        pytest.param(["new_text"], (400, "0x80040203"), id="text of several lines"),
        pytest.param(["new_long"], (400, "0x80040203"), id="more than 900 bytes"),
        pytest.param(["new_secret"], (400, "0x80040203"), id="a secured column"),
        pytest.param(["ownerid"], (400, "0x80040203"), id="a reference to one of several tables"),
    ],
)
def test_a_key_that_no_tenant_takes_is_refused(definer, columns: list[str], refusal: tuple[int, str]) -> None:
    """Types, bytes and column security limit it (reference 1.8, 2.6)."""
    definer.table()
    definer.add("String", "new_Code", MaxLength=20)
    definer.add("String", "new_Long", MaxLength=451)
    definer.add("Memo", "new_Text")
    definer.add("Integer", "new_Secret", IsSecured=True)
    definer.done("POST", f"{TICKET}/Keys", {"SchemaName": "new_ByCode", "KeyAttributes": ["new_code"]})

    assert refusal == definer.refusal("POST", f"{TICKET}/Keys", {"SchemaName": "new_Key", "KeyAttributes": columns})


@pytest.mark.parametrize("told", [{"MaxLength": 451}, {"IsSecured": True}])
def test_a_column_of_a_key_stays_fit_for_it(definer, told: dict[str, object]) -> None:
    """It can be lengthened to 900 bytes, and not secured."""
    definer.table()
    definer.add("String", "new_Code", MaxLength=20)
    definer.done("POST", f"{TICKET}/Keys", {"SchemaName": "new_ByCode", "KeyAttributes": ["new_code"]})
    path = f"{TICKET}/Attributes(LogicalName='new_code')"

    assert (400, "0x80040203") == definer.refusal("PUT", path, told)
    definer.done("PUT", path, {"MaxLength": 450})


def test_a_new_tables_own_relationships_have_the_services_names(definer, reader) -> None:
    """Who owns its rows and who made them."""
    definer.table()
    names = {each["SchemaName"] for each in reader.page(f"{TICKET}/ManyToOneRelationships")["value"]}

    assert {"user_new_ticket", "team_new_ticket", "business_unit_new_ticket", "lk_new_ticket_createdby"} <= names


def test_a_table_takes_ten_keys(definer) -> None:
    """Of at most sixteen columns (reference 2.6)."""
    definer.table()
    names = [f"new_n{number}" for number in range(17)]
    for name in names:
        definer.add("Integer", name)
    assert (400, "0x80040203") == definer.refusal(
        "POST", f"{TICKET}/Keys", {"SchemaName": "new_All", "KeyAttributes": names}
    )
    for name in names[:10]:
        definer.done("POST", f"{TICKET}/Keys", {"SchemaName": f"{name}_key", "KeyAttributes": [name]})

    assert (400, "0x80040203") == definer.refusal(
        "POST", f"{TICKET}/Keys", {"SchemaName": "new_Eleventh", "KeyAttributes": [names[10]]}
    )
