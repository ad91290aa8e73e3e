"""What a client can learn of rights, messages and versions before it writes (reference 1.7, 1.8, 2.7, 5.10, 7.1)."""

from urllib.parse import quote
from uuid import uuid4

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, grant

NOBODY = "0b0d1e5c-0000-4000-8000-000000000000"
"""The id of no row."""

EVERY_RIGHT = (
    "ReadAccess, WriteAccess, AppendAccess, AppendToAccess, CreateAccess, DeleteAccess, ShareAccess, AssignAccess"
)
PROBE = (
    "sdkmessagefilters?$select=sdkmessagefilterid"
    "&$filter=sdkmessageid/name eq @message and primaryobjecttypecode eq @table&@message='{}'&@table='{}'"
)


def take(organisation: Organisation, privilege: str, depth: Depth | None = None) -> None:
    """Let a privilege of the sync user reach only that far."""
    with organisation.transaction():
        grant(organisation.connection, organisation.user_id, privilege, depth)


def user(organisation: Organisation) -> str:
    """The address of the sync user."""
    return f"systemusers({organisation.user_id})"


def account(organisation: Organisation, **values: object) -> str:
    row_id = str(uuid4())
    organisation.load("account", [{"accountid": row_id, "name": "Contoso", **values}])
    return row_id


@pytest.mark.parametrize(
    "target",
    [
        "{{'@odata.id':'accounts({})'}}",
        '{{"@odata.id":"accounts({})"}}',
        '{{"@odata.id":"http://127.0.0.1:1234/api/data/v9.2/accounts({})"}}',
        '{{"@odata.type":"Microsoft.Dynamics.CRM.account","accountid":"{}"}}',
    ],
)
def test_the_access_to_a_row_is_told(organisation, reader, target: str) -> None:
    """Every right, and without those that were taken away (reference 1.7)."""
    told = quote(target.format(account(organisation)))
    url = f"{user(organisation)}/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@p1)?@p1={told}"
    before = reader.page(url)["AccessRights"]
    take(organisation, "prvWriteAccount")
    take(organisation, "prvAssignAccount")

    assert EVERY_RIGHT == before
    assert EVERY_RIGHT.replace("WriteAccess, ", "").replace(", AssignAccess", "") == reader.page(url)["AccessRights"]


def test_the_access_told_is_the_access_that_writes_have(organisation, reader, writer) -> None:
    """A privilege that covers one's own rows does not cover those of others."""
    other = str(uuid4())
    organisation.load("systemuser", [{"systemuserid": other, "fullname": "Other"}])
    mine, theirs = account(organisation), account(organisation, ownerid=other, ownerid_type="systemuser")
    take(organisation, "prvWriteAccount", Depth.BASIC)

    def told(row_id: str) -> str:
        target = quote(f"{{'@odata.id':'accounts({row_id})'}}")
        return str(
            reader.page(
                f"{user(organisation)}/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@p1)?@p1={target}"
            )["AccessRights"]
        )

    assert ("WriteAccess" in told(mine), 204) == (True, writer.send("PATCH", f"accounts({mine})", {"name": "A"}).status)
    assert ("WriteAccess" in told(theirs), (403, "0x80040220")) == (
        False,
        writer.refusal("PATCH", f"accounts({theirs})", {"name": "A"}),
    )


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        ("RetrievePrincipalAccess", (400, "0x80060888")),
        ("RetrievePrincipalAccess(Target={})", (400, "0x80060888")),
        (f"RetrievePrincipalAccess(Target={{'@odata.id':'accounts({NOBODY})'}})", (404, "0x80040217")),
        ("RetrieveUserPrivileges(Name='prvReadLead')", (400, "0x80060888")),
        ("RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='prvNothing')", (404, "0x80040217")),
        ("RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=prvReadLead)", (400, "0x80060888")),
        ("RetrieveUserPrivileges()/RolePrivileges", (404, "0x8006088a")),
    ],
)
def test_a_question_that_cannot_be_read_is_refused(organisation, reader, call: str, refusal: tuple[int, str]) -> None:
    """A parameter missing, unknown, or of another kind."""
    assert refusal == reader.refusal(f"{user(organisation)}/Microsoft.Dynamics.CRM.{quote(call)}")


def test_one_privilege_can_be_asked_for(organisation, reader) -> None:
    """By its name; none comes back where the user does not have it."""
    url = (
        f"{user(organisation)}/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName"
        "(PrivilegeName=@p1)?@p1='prvReadLead'"
    )
    take(organisation, "prvReadLead", Depth.DEEP)
    (held,) = reader.page(url)["RolePrivileges"]
    take(organisation, "prvReadLead")

    assert ("Deep", "prvReadLead") == (held["Depth"], held["PrivilegeName"])
    assert [] == reader.page(url)["RolePrivileges"]


def test_the_privileges_are_listed_by_the_ids_that_users_have(organisation, reader) -> None:
    """Names map to ids, and every privilege of a user is among them (reference 1.7)."""
    listed = {
        row["name"]: row["privilegeid"]
        for page in reader.every_page("privileges?$select=name,privilegeid")
        for row in page["value"]
    }
    held = reader.page(f"{user(organisation)}/Microsoft.Dynamics.CRM.RetrieveUserPrivileges")["RolePrivileges"]
    defined = reader.page("EntityDefinitions(LogicalName='lead')?$select=Privileges")["Privileges"]

    assert listed == {each["PrivilegeName"]: each["PrivilegeId"] for each in held}
    assert {each["Name"]: each["PrivilegeId"] for each in defined}.items() <= listed.items()
    assert {"prvMerge", "prvActOnBehalfOfAnotherUser", "prvBypassCustomPlugins"} <= listed.keys()


def test_nobody_writes_the_privileges(organisation, reader, writer) -> None:
    """They follow from the tables."""
    (row,) = reader.page("privileges?$select=accessright,canbebasic&$filter=name eq 'prvReadLead'")["value"]
    status, _ = writer.refusal("PATCH", f"privileges({row['privilegeid']})", {"name": "prvOther"})

    assert (1, True) == (row["accessright"], row["canbebasic"])
    assert 400 <= status < 500


@pytest.mark.parametrize(
    ("message", "table", "taken"),
    [
        ("CreateMultiple", "lead", True),
        ("UpsertMultiple", "contact", True),
        ("Update", "account", True),
        ("CreateMultiple", "teammembership", False),
        ("CreateMultiple", "privilege", False),
        ("DeleteMultiple", "lead", False),
        ("CreateMultiple", "nothing", False),
    ],
)
def test_a_probe_tells_whether_a_table_takes_a_message(reader, message: str, table: str, taken: bool) -> None:
    """Non-empty means yes (reference 5.10)."""
    assert taken is bool(reader.page(PROBE.format(message, table))["value"])


@pytest.mark.parametrize("message", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
def test_a_table_refuses_the_bulk_messages_that_the_probe_denies(organisation, reader, writer, message: str) -> None:
    """405 where the probe finds nothing, and for no other table."""
    for table in organisation.tables.values():
        target = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.name}", table.primary_id: str(uuid4())}
        path = f"{table.entity_set}/Microsoft.Dynamics.CRM.{message}"
        refused = writer.attempt("POST", path, {"Targets": [target]}) == (405, "0x80040315")
        assert refused is not bool(reader.page(PROBE.format(message, table.name))["value"]), table.name


def test_a_new_table_has_privileges_and_messages_until_it_goes(definer, reader) -> None:
    """What follows from the tables follows those made at run time, too."""

    def told() -> tuple[int, int]:
        privileges = reader.page("privileges?$select=name&$filter=endswith(name,'new_Ticket')")["value"]
        return len(privileges), len(reader.page(PROBE.format("CreateMultiple", "new_ticket"))["value"])

    before = told()
    definer.table("new_Ticket")
    made = told()
    definer.done("DELETE", "EntityDefinitions(LogicalName='new_ticket')")

    assert ((0, 0), (8, 1), (0, 0)) == (before, made, told())


def test_a_secured_column_is_told_with_what_the_caller_may_do(organisation, reader) -> None:
    """4 is allowed, 0 is not; columns that are not secured are not listed (reference 1.7)."""
    url = f"{user(organisation)}/Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()"
    before = reader.page(url)["AttributePrivileges"]
    organisation.secure_column("lead", "jobtitle")
    identity = reader.page("EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='jobtitle')")["MetadataId"]
    (added,) = [each for each in reader.page(url)["AttributePrivileges"] if each not in before]

    assert {"AttributeId": identity, "CanRead": 0, "CanCreate": 0, "CanUpdate": 0} == added


@pytest.mark.parametrize(
    "url",
    [
        "leads?$select=subject",
        "organizations({organisation})?$select=name",
        "WhoAmI",
        "EntityDefinitions?$select=LogicalName",
        "EntityDefinitions(LogicalName='lead')?$select=LogicalName",
        "RetrieveMetadataChanges()",
    ],
)
def test_any_answer_with_annotations_tells_the_metadata_version(organisation, reader, url: str) -> None:
    """The cheap probe for a changed schema (reference 2.7)."""
    url = url.format(organisation=organisation.organization_id)
    name = "@Microsoft.Dynamics.CRM.globalmetadataversion"
    before = reader.page(url, prefer='odata.include-annotations="*"')
    organisation.add_column("lead", "new_score", "integer")
    after = reader.page(url, prefer='odata.include-annotations="*"')

    assert int(before[name]) < int(after[name])
    assert name not in reader.page(url)


def test_an_error_has_details_where_annotations_are_asked_for(reader) -> None:
    """All of them, or those of a name; otherwise code and message alone (reference 7.1)."""

    def error(prefer: str) -> set[str]:
        body = reader.get("leads?$select=nothing", prefer=prefer).body
        assert b'"code":"0x80060888"' in body
        return {part.split('"')[0] for part in body.decode().split('"@Microsoft.PowerApps.CDS.')[1:]}

    assert set() == error("")
    assert {"ErrorDetails.OperationStatus", "ErrorDetails.SubErrorCode", "HelpLink", "InnerError.Message"} == error(
        'odata.include-annotations="*"'
    )
    assert {"HelpLink"} == error('odata.include-annotations="Microsoft.PowerApps.CDS.HelpLink"')


def test_a_read_past_stale_caches_is_an_ordinary_one(reader) -> None:
    """Nothing here is stale, so `Consistency: Strong` changes nothing (reference 0.1)."""
    assert reader.page("leads?$select=subject") == reader.page("leads?$select=subject", consistency="Strong")
