"""The organisation, and what the caller may do in it (reference 1.6, 1.7, 1.8)."""

import re

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.stage import Stage


@fact("1.6", "RetrieveVersion tells a version of four numbers")
def version(stage: Stage) -> None:
    """Such as 9.2.25063.00145."""
    found = stage.get("RetrieveVersion()").expect(200).json["Version"]
    true(re.fullmatch(r"\d+\.\d+\.\d+\.\d+", found), f"Version is {found!r}")


_CURRENT = "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"


@fact(
    "1.6",
    "RetrieveCurrentOrganization tells `{0}`",
    each=[
        (name,)
        for name in (
            "OrganizationId",
            "FriendlyName",
            "OrganizationVersion",
            "EnvironmentId",
            "UrlName",
            "UniqueName",
            "State",
        )
    ],
)
def current_organization(stage: Stage, name: str) -> None:
    """In `Detail`."""
    true(stage.get(_CURRENT).expect(200).json["Detail"].get(name), f"Detail has no {name}")


@fact("1.6", "a .NET dictionary comes as Count, IsReadOnly, Keys and Values")
def dictionary(stage: Stage) -> None:
    """The endpoints are one."""
    found = stage.get(_CURRENT).expect(200).json["Detail"]["Endpoints"]
    same("its members", sorted(found), ["Count", "IsReadOnly", "Keys", "Values"])
    same("keys and values", (len(found["Keys"]), len(found["Values"])), (found["Count"],) * 2)


@fact("1.6", "RetrieveCurrentOrganization and WhoAmI agree on the organisation")
def same_organization(stage: Stage) -> None:
    """One id."""
    detail = stage.get(_CURRENT).expect(200).json["Detail"]
    same("OrganizationId", detail["OrganizationId"], stage.get("WhoAmI").expect(200).json["OrganizationId"])


@fact("1.6", "`organizations` has one row")
def one_organization(stage: Stage) -> None:
    """This one."""
    same("rows", len(stage.get("organizations?$select=name").rows), 1)


@fact(
    "1.6",
    "`organizations` has the column `{0}`",
    mark=Mark.KNOWN,
    each=[
        (name,)
        for name in (
            "expirechangetrackingindays",
            "expiresubscriptionsindays",
            "_basecurrencyid_value",
            "currencydecimalprecision",
            "isduplicatedetectionenabled",
            "maxuploadfilesize",
        )
    ],
)
def organization_columns(stage: Stage, name: str) -> str:
    """Names as in the docs, lower-cased."""
    row = stage.get(f"organizations?$select={name}").rows[0]
    return f"{name} is {row[name]}"


def _privileges(stage: Stage, ending: str = "()") -> list[dict[str, str]]:
    path = f"systemusers({stage.user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges{ending}"
    found: list[dict[str, str]] = stage.get(path).expect(200).json["RolePrivileges"]
    return found


@fact("1.7", "RetrieveUserPrivileges answers {0}", each=[("with parentheses", "()"), ("without parentheses", "")])
def privileges(stage: Stage, _told: str, ending: str) -> None:
    """They are optional."""
    true(_privileges(stage, ending), "no RolePrivileges")


@fact("1.7", "a privilege's depth is Basic, Local, Deep or Global")
def depths(stage: Stage) -> None:
    """And nothing else."""
    unknown = {each["Depth"] for each in _privileges(stage)} - {"Basic", "Local", "Deep", "Global"}
    same("other depths", sorted(unknown), [])


@fact("1.7", "whether RetrieveUserPrivileges names the privileges", mark=Mark.UNCONFIRMED)
def privilege_names(stage: Stage) -> str:
    """Some versions leave PrivilegeName out."""
    return "named" if all(each.get("PrivilegeName") for each in _privileges(stage)) else "PrivilegeName left out"


@fact(
    "1.7",
    "a table's definition tells its privileges: `{0}`",
    each=[
        (f"prv{right}Lead",) for right in ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
    ],
)
def table_privileges(stage: Stage, name: str) -> None:
    """Eight for a user-owned table."""
    found = stage.definition("lead", "?$select=Privileges").json["Privileges"]
    true(name in [each["Name"] for each in found], f"no {name}")


@fact("1.7", "RetrievePrincipalAccess tells the caller's rights on one row", need=Need.ROWS)
def principal_access(stage: Stage) -> None:
    """As one text."""
    target = f"{{'@odata.id':'{stage.address(stage.row())}'}}"
    path = f"systemusers({stage.user})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@p1)?@p1={target}"
    rights = stage.get(path).expect(200).json["AccessRights"].split(", ")
    true("ReadAccess" in rights and "WriteAccess" in rights, f"AccessRights is {rights}")


@fact(
    "1.7",
    "setting a lookup takes Append here and AppendTo there: without {0} it is 403",
    need=Need.DOOR,
    each=[
        ("prvAppendContact",),
        ("prvAppendToAccount",),
    ],
)
def append(stage: Stage, privilege: str) -> None:
    """Two privileges."""
    account = stage.make("accounts", {"name": stage.mark})
    contact = stage.make("contacts", {"lastname": stage.mark})
    stage.afterwards(privilege, lambda: stage.door("privilege", privilege=privilege, depth="Global"))
    stage.door("privilege", privilege=privilege)
    bound = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    stage.patch(f"contacts({contact})", bound, if_match="*").expect(403, "0x80040220")


@fact("1.7", "the built-in System Administrator profile has a fixed id")
def administrator_profile(stage: Stage) -> None:
    """572329c1-..."""
    answer = stage.get("fieldsecurityprofiles(572329c1-a042-4e22-be47-367c6374ea45)?$select=name")
    if answer.status == 403:
        raise NotSeen("The caller may not read field security profiles.")
    answer.expect(200)


def _secured(stage: Stage) -> None:
    stage.afterwards("jobtitle", lambda: stage.door("secure", table="contact", column="jobtitle", secured=False))
    stage.door("secure", table="contact", column="jobtitle")


@fact("1.8", "a secured column is present and null, without an error", need=Need.DOOR)
def secured_read(stage: Stage) -> None:
    """Not to be told from an empty one."""
    contact = stage.make("contacts", {"lastname": stage.mark, "jobtitle": "CTO"})
    _secured(stage)
    row = stage.get(f"contacts({contact})?$select=jobtitle").expect(200).json
    same("jobtitle", row["jobtitle"], None)


@fact(
    "1.8",
    "writing a secured column is {1} on {0}",
    need=Need.DOOR,
    each=[
        ("update", "0x8004f507"),
        ("create", "0x8004f502"),
    ],
)
def secured_write(stage: Stage, act: str, code: str) -> None:
    """The whole write fails."""
    contact = stage.make("contacts", {"lastname": stage.mark})
    _secured(stage)
    if act == "create":
        stage.post("contacts", {"lastname": stage.mark, "jobtitle": "CTO"}).expect(403, code)
    else:
        stage.patch(f"contacts({contact})", {"jobtitle": "CTO"}, if_match="*").expect(403, code)


@fact("1.8", "what a filter on a secured column answers", mark=Mark.UNCONFIRMED, need=Need.DOOR)
def secured_filter(stage: Stage) -> str:
    """0x8004f504 is possible."""
    _secured(stage)
    answer = stage.get("contacts?$select=lastname&$filter=jobtitle eq 'CTO'")
    return f"{answer.status} {answer.code}" if answer.status >= 400 else f"{len(answer.rows)} rows"


@fact("1.8", "`account.{0}` ships secured", mark=Mark.SHIPPED, each=[("openrevenue",), ("opendeals",)])
def shipped_secured(stage: Stage, column: str) -> None:
    """Two rollups."""
    path = f"EntityDefinitions(LogicalName='account')/Attributes(LogicalName='{column}')?$select=IsSecured"
    answer = stage.get(path)
    if answer.status == 404:
        raise NotSeen(f"There is no account.{column} here.")
    same("IsSecured", answer.expect(200).json["IsSecured"], True)


@fact("1.7", "`privileges` gives names to ids")
def privilege_ids(stage: Stage) -> None:
    """Where RetrieveUserPrivileges leaves them out."""
    identity = _privileges(stage)[0]["PrivilegeId"]
    answer = stage.get(f"privileges?$select=name,privilegeid&$filter=privilegeid eq {identity}")
    true(answer.rows[0]["name"].startswith("prv"), f"the name is {answer.rows[0]['name']!r}")


@fact(
    "1.7",
    "a privilege of a table tells `{0}`",
    each=[
        (name,)
        for name in (
            "CanBeBasic",
            "CanBeLocal",
            "CanBeDeep",
            "CanBeGlobal",
            "CanBeEntityReference",
            "CanBeParentEntityReference",
            "Name",
            "PrivilegeId",
            "PrivilegeType",
        )
    ],
)
def privilege_shape(stage: Stage, name: str) -> None:
    """In the table's definition."""
    found = stage.definition("lead", "?$select=Privileges").json["Privileges"]
    true(all(name in each for each in found), f"no {name}")


@fact("1.7", "changing the owner takes Assign: without it, it is 403", need=Need.DOOR)
def assign(stage: Stage) -> None:
    """0x80040220."""
    row = stage.make("accounts", {"name": stage.mark})
    query = f"$select=systemuserid&$filter=systemuserid ne {stage.user} and isdisabled eq false&$top=1"
    other = stage.get(f"systemusers?{query}").rows[0]["systemuserid"]
    name = "prvAssignAccount"
    stage.afterwards(name, lambda: stage.door("privilege", privilege=name, depth="Global"))
    stage.door("privilege", privilege=name)
    content = {"ownerid@odata.bind": f"/systemusers({other})"}
    stage.patch(f"accounts({row})", content, if_match="*").expect(403, "0x80040220")


@fact(
    "1.7",
    "without {0} it is 403",
    need=Need.DOOR,
    each=[
        ("prvCreateAccount", "POST"),
        ("prvWriteAccount", "PATCH"),
        ("prvDeleteAccount", "DELETE"),
        ("prvReadAccount", "GET"),
    ],
)
def table_rights(stage: Stage, privilege: str, method: str) -> None:
    """Each right its own."""
    row = stage.make("accounts", {"name": stage.mark})
    stage.afterwards(privilege, lambda: stage.door("privilege", privilege=privilege, depth="Global"))
    stage.door("privilege", privilege=privilege)
    content = None if method in ("GET", "DELETE") else {"name": stage.mark}
    path = "accounts" if method == "POST" else f"accounts({row})"
    stage.send(method, path, content).expect(403, "0x80040220")


@fact("1.7", "with Read of Basic depth only own rows are found", need=Need.DOOR)
def basic_depth(stage: Stage) -> None:
    """Others are not there."""
    own = stage.make("accounts", {"name": stage.mark})
    other = stage.door("create", table="account", values={"name": stage.mark})["id"]
    stage.taken_away(f"accounts({other})")
    name = "prvReadAccount"
    stage.afterwards(name, lambda: stage.door("privilege", privilege=name, depth="Global"))
    stage.door("privilege", privilege=name, depth="Basic")
    rows = stage.get(f"accounts?$select=accountid&$filter=name eq '{stage.mark}'").rows
    same("the rows", [each["accountid"] for each in rows], [own])


@fact("1.7", "what RetrievePrincipalAttributePrivileges answers", mark=Mark.UNCONFIRMED)
def attribute_privileges(stage: Stage) -> str:
    """Its shape is unconfirmed."""
    name = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges"
    answer = stage.get(f"systemusers({stage.user})/{name}()")
    if answer.status != 200:
        return f"refused with {answer.refused()}"
    return ", ".join(sorted(each for each in answer.json if "@" not in each))


@fact(
    "1.7",
    "fieldpermissions has the column `{0}`",
    each=[
        (name,)
        for name in (
            "entityname",
            "attributelogicalname",
            "canread",
            "cancreate",
            "canupdate",
            "canreadunmasked",
        )
    ],
)
def field_permissions(stage: Stage, name: str) -> None:
    """What a profile lets its members do with a column."""
    stage.get(f"fieldpermissions?$select={name}&$top=1").expect(200)
