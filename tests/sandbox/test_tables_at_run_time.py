"""Tables made, changed and deleted while a client reads: what it asks for, and what it meets then."""

import json

import pytest

TICKET = "EntityDefinitions(LogicalName='new_ticket')"
COLUMNS = f"{TICKET}/Attributes"
LEAD_COLUMNS = "EntityDefinitions(LogicalName='lead')/Attributes"


def column(name: str) -> str:
    """The path of a column of new_ticket."""
    return f"{COLUMNS}(LogicalName='{name}')"


def test_a_new_table_has_what_the_service_gives_every_table(definer, reader) -> None:
    """An id, a state, an owner, the stamps and a set of its own, beside the primary name it was made with."""
    identity = definer.table(
        "new_Ticket", DisplayCollectionName=definer.label("All tickets"), HasNotes=True, HasActivities=False
    )
    table = reader.page(TICKET)
    names = {each["LogicalName"] for each in reader.page(f"{COLUMNS}?$select=LogicalName")["value"]}

    assert {
        "MetadataId": identity,
        "SchemaName": "new_Ticket",
        "EntitySetName": "new_tickets",
        "PrimaryIdAttribute": "new_ticketid",
        "PrimaryNameAttribute": "new_name",
        "OwnershipType": "UserOwned",
        "IsCustomEntity": True,
        "ChangeTrackingEnabled": False,
        "ObjectTypeCode": 10000,
    }.items() <= table.items()
    assert "All tickets" == table["DisplayCollectionName"]["UserLocalizedLabel"]["Label"]
    assert {"new_ticketid", "new_name", "statecode", "statuscode", "ownerid", "owningbusinessunit"} <= names
    assert {"createdon", "modifiedby", "versionnumber", "overriddencreatedon"} <= names
    assert "new_tickets" in {each["name"] for each in reader.page("")["value"]}


def test_a_row_of_a_new_table_is_a_row_like_any_other(definer, reader) -> None:
    """It has an owner, a state and a version, and is in the delta once the table is tracked."""
    definer.table()
    definer.done("PUT", TICKET, {"ChangeTrackingEnabled": True, "DisplayName": definer.label("Ticket")})
    link = reader.page("new_tickets?$select=new_name", prefer="odata.track-changes")["@odata.deltaLink"]
    row = definer.done("POST", "new_tickets", {"new_name": "First"})
    shown = reader.page(f"new_tickets({row})?$select=new_name,statecode,_ownerid_value,versionnumber")
    definer.done("PATCH", f"new_tickets({row})", {"statecode": 1}, if_match="*")

    assert ("First", 0, reader.user) == (shown["new_name"], shown["statecode"], shown["_ownerid_value"])
    assert [row] == [each["new_ticketid"] for each in reader.page(link)["value"]]
    assert 2 == reader.page(f"new_tickets({row})?$select=statuscode")["statuscode"]
    definer.done("DELETE", f"new_tickets({row})")
    assert [{"id": row, "reason": "deleted"}] == [
        {name: each[name] for name in ("id", "reason")} for each in reader.page(link)["value"]
    ]


def test_a_table_of_the_organisation_has_no_owner(definer, reader) -> None:
    """OwnershipType OrganizationOwned."""
    definer.table(OwnershipType="OrganizationOwned")

    assert (400, "0x80060888") == reader.refusal("new_tickets?$select=_ownerid_value")


@pytest.mark.parametrize(
    ("schema_name", "entity_set"),
    [
        ("new_Ticket", "new_tickets"),
        ("new_Box", "new_boxes"),
        ("new_City", "new_cities"),
        ("new_Day", "new_days"),
        ("new_Branch", "new_branches"),
    ],
)
def test_the_entity_set_is_the_plural(definer, reader, schema_name: str, entity_set: str) -> None:
    """The plural is the service's own, and only the metadata tells it."""
    definer.table(schema_name)

    assert [] == reader.page(entity_set)["value"]


def test_the_primary_id_cannot_be_given_as_a_column(definer) -> None:
    """It is the service's to make."""
    columns = [definer.column("String", "new_Name", IsPrimaryName=True), definer.column("Integer", "new_TicketId")]

    assert (400, "0x80047013") == definer.refusal(
        "POST", "EntityDefinitions", {"SchemaName": "new_Ticket", "Attributes": columns}
    )


def test_a_table_may_be_called_as_an_index_might(definer) -> None:
    """No name of a customer's meets one of the store's own."""
    made = [definer.table("new_Ticket_by_version"), definer.table("new_Ticket"), definer.table("account_by_version")]

    assert 3 == len(set(made))


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param({"SchemaName": "Ticket"}, (400, "0x80040203"), id="a name without a prefix"),
        pytest.param({"SchemaName": "new_Wrong Name"}, (400, "0x80040203"), id="a name with a blank"),
        pytest.param({"Attributes": []}, (400, "0x80040203"), id="no primary name"),
        pytest.param({"OwnershipType": "None"}, (400, "0x80040203"), id="no ownership"),
        pytest.param({"SchemaName": "new_TAKEN"}, (400, "0x80044363"), id="a name that is taken"),
        pytest.param({"SchemaName": "left_for_later"}, (400, "0x80044363"), id="the name of what the store keeps"),
        pytest.param({"SchemaName": "sqlite_ticket"}, (400, "0x80040203"), id="a name of the store's own"),
        pytest.param({"EntitySetName": "my tickets"}, (400, "0x80040203"), id="a set's name with a blank"),
        pytest.param({"Colour": "red"}, (400, "0x80048d19"), id="a property that there is not"),
        pytest.param({"SchemaName": 5}, (400, "0x80048d19"), id="a name that is a number"),
        pytest.param({"IsActivity": True}, (501, "0x8006088a"), id="an activity"),
        pytest.param({"TableType": "Elastic"}, (501, "0x8006088a"), id="an elastic table"),
    ],
)
def test_a_table_that_no_tenant_takes_is_refused(
    definer, reader, content: dict[str, object], refusal: tuple[int, str]
) -> None:
    """And nothing of it is left."""
    definer.table("new_Taken")
    primary = definer.column("String", "new_Name", IsPrimaryName=True)
    before = reader.page("EntityDefinitions?$select=LogicalName")["value"]

    assert refusal == definer.refusal(
        "POST", "EntityDefinitions", {"SchemaName": "new_Ticket", "Attributes": [primary], **content}
    )
    assert before == reader.page("EntityDefinitions?$select=LogicalName")["value"]


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        (f"{LEAD_COLUMNS}(LogicalName='lastname')", (405, "0x8004023B")),
        (column("new_name"), (405, "0x8004023B")),
        (column("statecode"), (405, "0x8004023B")),
        ("EntityDefinitions(LogicalName='lead')", (405, "0x8004023B")),
        ("EntityDefinitions(LogicalName='new_nothing')", (404, "0x80060888")),
    ],
)
def test_what_belongs_to_the_system_cannot_be_deleted(definer, path: str, refusal: tuple[int, str]) -> None:
    """Neither what ships nor what a table cannot be without."""
    definer.table()

    assert refusal == definer.refusal("DELETE", path)


def test_tracking_that_is_on_cannot_be_turned_off(definer, reader) -> None:
    """Once on it stays (reference 4.1)."""
    definer.table(ChangeTrackingEnabled=True)

    assert (400, "0x80040203") == definer.refusal("PUT", TICKET, {"ChangeTrackingEnabled": False})
    assert reader.page(f"{TICKET}?$select=ChangeTrackingEnabled")["ChangeTrackingEnabled"] is True


def test_a_table_that_is_gone_is_unknown(definer, reader) -> None:
    """Its set, its rows, its delta link; one made again begins empty and with nothing deleted."""
    first = definer.table(ChangeTrackingEnabled=True)
    row = definer.done("POST", "new_tickets", {"new_name": "First"})
    link = reader.page("new_tickets?$select=new_name", prefer="odata.track-changes")["@odata.deltaLink"]
    definer.done("DELETE", f"new_tickets({row})")
    definer.done("DELETE", TICKET)

    assert (404, "0x8006088a") == reader.refusal("new_tickets")
    assert (404, "0x8006088a") == reader.refusal(link)
    assert (404, "0x80060888") == reader.refusal(TICKET)
    second = definer.table(ChangeTrackingEnabled=True)
    assert [] == reader.page("new_tickets")["value"]
    assert [] == reader.page(link)["value"]
    assert first != second


def test_several_tables_can_be_made_at_once(definer, reader) -> None:
    """CreateEntities, which Microsoft's Python SDK calls, takes complex types and all columns at once."""
    primary = definer.column("String", "new_Name", IsPrimaryName=True) | {
        "@odata.type": "Microsoft.Dynamics.CRM.ComplexStringAttributeMetadata"
    }
    entities = [{"SchemaName": name, "Attributes": [primary]} for name in ("new_One", "new_Two")]
    definer.done("POST", "CreateEntities", {"Entities": entities})

    assert [] == reader.page("new_ones")["value"] + reader.page("new_twos")["value"]
    assert (400, "0x80044363") == definer.refusal(
        "POST", "CreateEntities", {"Entities": [{**entities[0], "SchemaName": "new_Three"}, entities[1]]}
    )
    assert (404, "0x8006088a") == reader.refusal("new_threes")


@pytest.mark.parametrize(
    ("method", "path", "privilege"),
    [
        ("POST", "EntityDefinitions", "prvCreateEntity"),
        ("POST", COLUMNS, "prvCreateAttribute"),
        ("PUT", column("new_name"), "prvWriteAttribute"),
        ("DELETE", TICKET, "prvDeleteEntity"),
    ],
)
def test_who_may_not_customise_is_refused(organisation, definer, method: str, path: str, privilege: str) -> None:
    """With the privilege that is missing."""
    definer.table()
    with organisation.transaction():
        organisation.connection.execute(
            "INSERT INTO privilege_grant (user_id, privilege, depth) VALUES (?, ?, NULL)",
            (organisation.user_id, privilege),
        )
    answer = definer.send(method, path, {})

    assert 403 == answer.status
    assert privilege in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("PATCH", TICKET, (405, "0x8006088a")),
        ("PATCH", COLUMNS, (405, "0x8006088a")),
        ("POST", TICKET, (405, "0x8006088a")),
        ("POST", f"{TICKET}/Nothing", (404, "0x8006088a")),
        ("DELETE", f"{COLUMNS}(LogicalName='new_name')/Nothing", (404, "0x8006088a")),
        ("DELETE", f"{COLUMNS}(Colour='red')", (400, "0x80060888")),
        ("GET", "PublishAllXml", (404, "0x8006088a")),
    ],
)
def test_a_request_that_means_no_definition_is_refused(
    definer, method: str, path: str, refusal: tuple[int, str]
) -> None:
    """Definitions are put whole, never patched."""
    definer.table()

    assert refusal == definer.refusal(method, path, {})


@pytest.mark.parametrize("action", ["PublishXml", "PublishAllXml"])
def test_publishing_has_nothing_to_do(definer, action: str) -> None:
    """Changes are in effect at once; clients publish all the same."""
    definer.done("POST", action, {"ParameterXml": "<importexportxml/>"} if action == "PublishXml" else None)
