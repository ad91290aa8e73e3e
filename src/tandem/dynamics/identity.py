"""Who the sync user is, which organisation answers, and what the user may see.

A column the user cannot read arrives as null with status 200 (reference 1.8), so what it may read must be known
before the first row: what cannot be found out counts as unreadable, never as empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Generic, TypeVar

import msgspec

from tandem.dynamics.address import encode
from tandem.dynamics.messages import Conversation, Request, Response, document
from tandem.dynamics.translation import expect
from tandem.model.schema import Table

T = TypeVar("T")

_ADMINISTRATOR_PROFILE = "572329c1-a042-4e22-be47-367c6374ea45"
"""The built-in column security profile that allows everything (reference 1.7)."""

_ALLOWED = 4
"""The value of a granted right in `fieldpermissions`; general knowledge (reference 1.7)."""


class Depth(IntEnum):
    """How far a privilege reaches; a greater one includes the smaller."""

    BASIC = 1
    LOCAL = 2
    DEEP = 3
    GLOBAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The caller, by ids."""

    user_id: str
    business_unit_id: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRights:
    """What a user lacks of a table's secured columns: those it gets as null or masked, and those it may not write."""

    unreadable: frozenset[str] = frozenset()
    unwritable: frozenset[str] = frozenset()

    def narrow(self, table: Table) -> Table:
        """The table as the user may write it: one such column in a write, and all of it is refused."""
        if not self.unwritable:
            return table
        closed = {
            name: replace(table.columns[name], creatable=False, updatable=False)
            for name in self.unwritable
            if name in table.columns
        }
        return replace(table, columns={**table.columns, **closed})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What every cycle begins with. `schema` is a mark that changes when any table or column changes, None where it is
    not told; `rights` are those to the secured columns of the tables asked about, by name."""

    identity: Identity
    schema: str | None
    rights: Mapping[str, ColumnRights]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The organisation that answers. `environment_id` is None where the version does not tell it."""

    id: str
    friendly_name: str
    unique_name: str
    version: str
    environment_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A system user, by the names of its columns; `accessmode` 4 is a non-interactive user (reference 8.5)."""

    systemuserid: str
    fullname: str | None
    isdisabled: bool
    applicationid: str | None
    accessmode: int | None


class _WhoAmI(msgspec.Struct, rename="pascal"):
    user_id: str
    business_unit_id: str
    organization_id: str


class _OrganizationDetail(msgspec.Struct, rename="pascal"):
    organization_id: str
    friendly_name: str = ""
    unique_name: str = ""
    organization_version: str = ""
    environment_id: str | None = None


class _CurrentOrganization(msgspec.Struct, rename="pascal"):
    detail: _OrganizationDetail


class _Version(msgspec.Struct, rename="pascal"):
    version: str


class _RolePrivilege(msgspec.Struct, rename="pascal"):
    depth: str
    privilege_id: str
    privilege_name: str | None = None


class _RolePrivileges(msgspec.Struct, rename="pascal"):
    role_privileges: list[_RolePrivilege]


class _Rows(msgspec.Struct, Generic[T]):
    value: list[T]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


class _Privilege(msgspec.Struct):
    privilegeid: str
    name: str


class _Profile(msgspec.Struct):
    fieldsecurityprofileid: str


class _Team(msgspec.Struct):
    teamid: str
    profiles: list[_Profile] = msgspec.field(default_factory=list, name="teamprofiles_association")


class _Permission(msgspec.Struct):
    attributelogicalname: str
    canread: int | None = None
    cancreate: int | None = None
    canupdate: int | None = None
    profile: str | None = msgspec.field(default=None, name="_fieldsecurityprofileid_value")


class _MaskingRule(msgspec.Struct):
    attributelogicalname: str


class _UserRow(msgspec.Struct):
    systemuserid: str
    fullname: str | None = None
    isdisabled: bool = False
    applicationid: str | None = None
    accessmode: int | None = None


def read_who_am_i(response: Response) -> Identity:
    """The caller from the answer to WhoAmI (reference 1.5)."""
    found = document(expect(response), _WhoAmI)
    return Identity(
        user_id=found.user_id.lower(),
        business_unit_id=found.business_unit_id.lower(),
        organization_id=found.organization_id.lower(),
    )


def read_organization(response: Response) -> Organization:
    """The organisation from the answer to RetrieveCurrentOrganization (reference 1.6)."""
    found = document(expect(response), _CurrentOrganization).detail
    return Organization(
        id=found.organization_id.lower(),
        friendly_name=found.friendly_name,
        unique_name=found.unique_name,
        version=found.organization_version,
        environment_id=found.environment_id,
    )


def read_version(response: Response) -> str:
    """The version from the answer to RetrieveVersion."""
    return document(expect(response), _Version).version


def read_user(response: Response) -> User:
    """One system user from the answer to a read of its row."""
    found = document(expect(response), _UserRow)
    return User(
        systemuserid=found.systemuserid.lower(),
        fullname=found.fullname,
        isdisabled=found.isdisabled,
        applicationid=found.applicationid.lower() if found.applicationid else None,
        accessmode=found.accessmode,
    )


def read_privileges(api: str, user_id: str) -> Conversation[dict[str, Depth]]:
    """The user's privileges through all roles, own and of teams: name -> widest depth (reference 1.7)."""
    (answer,) = yield [Request(url=f"{api}/systemusers({user_id})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")]
    granted = document(expect(answer), _RolePrivileges).role_privileges
    names: dict[str, str] = {}
    if any(privilege.privilege_name is None for privilege in granted):
        # Some server versions leave the names out.
        names = yield from _privilege_names(api)
    widest: dict[str, Depth] = {}
    for privilege in granted:
        name = privilege.privilege_name or names.get(privilege.privilege_id.lower())
        depth = Depth.__members__.get(privilege.depth.upper())
        if name is not None and depth is not None:
            widest[name] = max(depth, widest.get(name, depth))
    return widest


def read_column_rights(api: str, user_id: str, table: Table) -> Conversation[ColumnRights]:
    """What the user lacks of the table's secured columns (reference 1.8).

    Where profiles or permissions cannot be read, it lacks everything. One round of questions, so that it can ride on
    what every cycle asks: a right is given and taken without any change of the definitions.
    """
    secured = frozenset(column.name for column in table.columns.values() if column.secured)
    if not secured:
        return ColumnRights()
    profile, of_table = "fieldsecurityprofileid", encode(f"entityname eq '{table.name}'")
    user = f"{api}/systemusers({user_id})"
    own, teams, masks, permissions = yield [
        Request(url=f"{user}/systemuserprofiles_association?$select={profile}"),
        Request(
            url=f"{user}/teammembership_association?$select=teamid&$expand=teamprofiles_association($select={profile})"
        ),
        Request(url=f"{api}/attributemaskingrules?$select=attributelogicalname&$filter={of_table}"),
        Request(
            url=f"{api}/fieldpermissions?$select=attributelogicalname,canread,cancreate,canupdate,"
            f"_fieldsecurityprofileid_value&$filter={of_table}"
        ),
    ]
    if own.status >= 400:
        return ColumnRights(unreadable=secured, unwritable=secured)
    profiles, masked = _profiles(own, teams), secured & _masked_columns(masks)
    if _ADMINISTRATOR_PROFILE in profiles:
        return ColumnRights(unreadable=masked)
    granted = document(permissions, _Rows[_Permission]).value if permissions.status < 400 else []
    held = [each for each in granted if (each.profile or "").lower() in profiles]
    readable = {each.attributelogicalname for each in held if each.canread == _ALLOWED}
    creatable = {each.attributelogicalname for each in held if each.cancreate == _ALLOWED}
    updatable = {each.attributelogicalname for each in held if each.canupdate == _ALLOWED}
    return ColumnRights(unreadable=(secured - readable) | masked, unwritable=secured - (creatable & updatable))


def _profiles(own: Response, teams: Response) -> frozenset[str]:
    """The column security profiles of the user and of its teams; those of teams that may not be read grant nothing."""
    held = list(document(own, _Rows[_Profile]).value)
    if teams.status < 400:
        held += [each for team in document(teams, _Rows[_Team]).value for each in team.profiles]
    return frozenset(profile.fieldsecurityprofileid.lower() for profile in held)


def _masked_columns(answer: Response) -> frozenset[str]:
    """Columns with a masking rule; a version of the service without the feature has no such table.

    The table `attributemaskingrule` is general knowledge, not met in a source.
    """
    if answer.status >= 400:
        return frozenset()
    return frozenset(rule.attributelogicalname for rule in document(answer, _Rows[_MaskingRule]).value)


def _privilege_names(api: str) -> Conversation[dict[str, str]]:
    """The names of all privileges by id; some thousands, so they come in pages."""
    names: dict[str, str] = {}
    link: str | None = f"{api}/privileges?$select=name,privilegeid"
    while link is not None:
        (answer,) = yield [Request(url=link)]
        page = document(expect(answer), _Rows[_Privilege])
        names |= {privilege.privilegeid.lower(): privilege.name for privilege in page.value}
        link = page.next_link
    return names
