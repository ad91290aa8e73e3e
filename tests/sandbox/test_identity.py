"""Who calls, which organisation answers, and what the caller may do (reference 1.3-1.8)."""

from uuid import uuid4

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import NO_ROLES, SYSTEM_ADMINISTRATOR_PROFILE, Depth, grant

ACCOUNT = "11111111-1111-4111-8111-111111111111"


def take(organisation: Organisation, privilege: str, depth: Depth | None = None) -> None:
    """Let a privilege of the sync user reach only that far."""
    with organisation.transaction():
        grant(organisation.connection, organisation.user_id, privilege, depth)


def test_who_am_i(organisation, reader) -> None:
    """The three ids, with and without parentheses."""
    body = reader.page("WhoAmI")

    assert {
        "@odata.context": "http://127.0.0.1:1234/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
        "BusinessUnitId": organisation.business_unit_id,
        "UserId": organisation.user_id,
        "OrganizationId": organisation.organization_id,
    } == body
    assert body == reader.page("WhoAmI()")


def test_every_answer_has_its_request_id(reader) -> None:
    """REQ_ID to log (reference 0.2)."""
    first, second = reader.get("WhoAmI").headers, reader.get("nothing").headers

    assert first["REQ_ID"] != second["REQ_ID"]


def test_the_organisation_describes_itself(organisation, reader) -> None:
    """Ids, version and endpoints in the dictionary shape (reference 1.6)."""
    url = "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
    detail = reader.page(url)["Detail"]
    before = detail["EnvironmentId"]
    organisation.change_organization(str(uuid4()))
    changed = reader.page(url)["Detail"]

    assert detail["Endpoints"]["Count"] == len(detail["Endpoints"]["Keys"]) == len(detail["Endpoints"]["Values"])
    assert "http://127.0.0.1:1234/" == detail["Endpoints"]["Values"][0]
    assert organisation.organization_id == changed["OrganizationId"]
    assert before != changed["EnvironmentId"]
    assert (400, "0x80060888") == reader.refusal("RetrieveCurrentOrganization()")


def test_the_organization_row_tells_how_long_deletions_are_kept(organisation, reader) -> None:
    """One row, with the retention that bounds delta tokens (reference 1.6)."""
    (row,) = reader.page("organizations?$select=expirechangetrackingindays,_basecurrencyid_value")["value"]

    assert (7, organisation.currency_id, organisation.organization_id) == (
        row["expirechangetrackingindays"],
        row["_basecurrencyid_value"],
        row["organizationid"],
    )


def test_total_record_counts(organisation, reader) -> None:
    """Counts of several tables in the dictionary shape; an unknown table is refused (reference 3.3)."""
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso"}])
    body = reader.page('RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact"]')

    assert {
        "Count": 2,
        "IsReadOnly": False,
        "Keys": ["account", "contact"],
        "Values": [1, 0],
    } == body["EntityRecordCountCollection"]
    assert (404, "0x80060888") == reader.refusal('RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["acount"]')


def test_a_users_privileges_and_their_depth(organisation, reader) -> None:
    """Everything organisation-wide by default; what was taken is missing, what was narrowed says so (reference 1.7)."""
    take(organisation, "prvReadLead", Depth.LOCAL)
    take(organisation, "prvDeleteContact")
    url = f"systemusers({organisation.user_id})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    held = {item["PrivilegeName"]: item["Depth"] for item in reader.page(url)["RolePrivileges"]}

    assert ("Local", "Global", None) == (
        held["prvReadLead"],
        held["prvAppendToAccount"],
        held.get("prvDeleteContact"),
    )
    assert held.keys() == {item["PrivilegeName"] for item in reader.page(url.removesuffix("()"))["RolePrivileges"]}


@pytest.mark.parametrize(
    "url",
    ["accounts", "accounts/$count", f"accounts({ACCOUNT})", f"accounts({ACCOUNT})/name"],
)
def test_a_table_without_read_privilege_is_refused(organisation, reader, url: str) -> None:
    """403 with the privilege and the table in the text (reference 7.2)."""
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso"}])
    take(organisation, "prvReadAccount")

    assert (403, "0x80040220") == reader.refusal(url)
    assert b"is missing prvReadAccount privilege" in reader.get(url).body
    assert b"on OTC=1 for entity 'account'" in reader.get(url).body


def test_the_depth_of_read_limits_the_rows(organisation, reader) -> None:
    """Basic covers one's own rows; a single row out of reach is refused, a list leaves it out."""
    other = str(uuid4())
    organisation.load("systemuser", [{"systemuserid": other, "fullname": "Other"}])
    organisation.load(
        "account",
        [
            {"accountid": ACCOUNT, "name": "Theirs", "ownerid": other, "ownerid_type": "systemuser"},
            {"accountid": str(uuid4()), "name": "Mine"},
        ],
    )
    take(organisation, "prvReadAccount", Depth.BASIC)

    assert ["Mine"] == [row["name"] for row in reader.page("accounts?$select=name")["value"]]
    assert (403, "0x80040220") == reader.refusal(f"accounts({ACCOUNT})")


def test_a_user_without_roles_is_refused_everything(organisation, reader) -> None:
    """Even WhoAmI (reference 1.3)."""
    take(organisation, NO_ROLES)

    assert (403, "0x80042F09") == reader.refusal("WhoAmI")


def test_a_disabled_user_is_refused_everything(organisation, reader) -> None:
    """Status unconfirmed, code as documented (reference 1.3)."""
    organisation.update("systemuser", organisation.user_id, {"isdisabled": True}, actor=organisation.user_id)

    assert (403, "0x80040225") == reader.refusal("WhoAmI")


def secured(organisation: Organisation) -> None:
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso", "telephone1": "555"}])
    organisation.secure_column("account", "telephone1")


def join_profile(organisation: Organisation, profile: str) -> None:
    organisation.load(
        "systemuserprofiles",
        [
            {
                "systemuserprofileid": str(uuid4()),
                "systemuserid": organisation.user_id,
                "fieldsecurityprofileid": profile,
            }
        ],
    )


def test_a_secured_column_reads_as_null(organisation, reader) -> None:
    """Present, null, without an annotation and without an error; a filter on it is refused (reference 1.8)."""
    secured(organisation)
    (row,) = reader.page("accounts?$select=telephone1", prefer='odata.include-annotations="*"')["value"]

    assert (True, None) == ("telephone1" in row, row["telephone1"])
    assert (403, "0x8004f504") == reader.refusal("accounts?$select=name&$filter=telephone1 eq '555'")
    assert 204 == reader.get(f"accounts({ACCOUNT})/telephone1").status


def test_a_profile_that_allows_reading_shows_the_value(organisation, reader) -> None:
    """And the caller can learn its own permissions by reading them (reference 1.7, 13)."""
    secured(organisation)
    profile = str(uuid4())
    organisation.load("fieldsecurityprofile", [{"fieldsecurityprofileid": profile, "name": "Sync"}])
    organisation.load(
        "fieldpermission",
        [
            {
                "fieldpermissionid": str(uuid4()),
                "fieldsecurityprofileid": profile,
                "entityname": "account",
                "attributelogicalname": "telephone1",
                "canread": 4,
                "cancreate": 0,
                "canupdate": 0,
            }
        ],
    )
    join_profile(organisation, profile)
    mine = reader.page(f"systemusers({organisation.user_id})/systemuserprofiles_association?$select=name")["value"]
    url = f"fieldpermissions?$select=attributelogicalname,canread&$filter=_fieldsecurityprofileid_value eq {profile}"
    (permission,) = reader.page(url)["value"]

    assert [(profile, "Sync")] == [(each["fieldsecurityprofileid"], each["name"]) for each in mine]
    assert ("telephone1", 4) == (permission["attributelogicalname"], permission["canread"])
    assert "555" == reader.page(f"accounts({ACCOUNT})?$select=telephone1")["telephone1"]


def test_the_administrators_profile_sees_everything(organisation, reader) -> None:
    """The built-in profile needs no permission rows."""
    secured(organisation)
    join_profile(organisation, SYSTEM_ADMINISTRATOR_PROFILE)

    assert "555" == reader.page(f"accounts({ACCOUNT})?$select=telephone1")["telephone1"]


def test_the_profile_of_a_team_gives_its_members_their_rights(organisation, reader) -> None:
    """Through `teamprofiles`; who is not in the team reads null (reference 13, [k])."""
    secured(organisation)
    team, user = str(uuid4()), organisation.user_id
    organisation.load("team", [{"teamid": team, "name": "Sales", "businessunitid": organisation.business_unit_id}])
    row = {"teamid": team, "fieldsecurityprofileid": SYSTEM_ADMINISTRATOR_PROFILE}
    organisation.load("teamprofiles", [{"teamprofileid": str(uuid4()), **row}])
    assert reader.page(f"accounts({ACCOUNT})?$select=telephone1")["telephone1"] is None

    organisation.load("teammembership", [{"teammembershipid": str(uuid4()), "teamid": team, "systemuserid": user}])

    assert "555" == reader.page(f"accounts({ACCOUNT})?$select=telephone1")["telephone1"]


def test_the_shipped_rollups_are_secured(organisation, reader) -> None:
    """`openrevenue` and `opendeals` read null for an ordinary caller (reference 1.8)."""
    assert organisation.tables["account"].columns["openrevenue"].secured
    assert organisation.tables["account"].columns["opendeals"].secured
