"""What the caller may do: table privileges with their depth, and the rights on secured columns.

A stand-in that lets everybody read everything hides the two ways a real organisation withholds data: a refusal, which
is loud, and null instead of a value, which is not (reference 1.7 and 1.8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from functools import cache
from uuid import NAMESPACE_URL, uuid5

import apsw

from tandem.sandbox.messages import Refused
from tandem.sandbox.tables import ColumnDefinition, TableDefinition

SYSTEM_ADMINISTRATOR_PROFILE = "572329c1-a042-4e22-be47-367c6374ea45"
"""The built-in column security profile whose members may do everything with every column (reference 1.7)."""

NO_ROLES = "*"
"""The privilege name under which `privilege_grant` says that a user has no role at all."""

ALLOWED = 4

_GENERAL_PRIVILEGES = (
    "prvActOnBehalfOfAnotherUser",
    "prvBulkDelete",
    "prvBypassCustomBusinessLogic",
    "prvBypassCustomPlugins",
    "prvMerge",
    "prvOverrideCreatedOnCreatedBy",
    *(
        f"prv{right}{component}"
        for component in ("Entity", "Attribute", "Relationship", "EntityKey", "OptionSet")
        for right in ("Create", "Write", "Delete")
    ),
)
"""The privileges that belong to no table (reference 1.7); those over definitions are general knowledge. [k]"""


class Depth(IntEnum):
    """How far a privilege reaches, smallest first (reference 1.7)."""

    BASIC = 1
    LOCAL = 2
    DEEP = 4
    GLOBAL = 8

    @property
    def wire_name(self) -> str:
        """`Global` and its kin."""
        return self.name.title()


class Right(StrEnum):
    """What a privilege allows; the value is the middle of its name, `prv{Create}Lead`."""

    CREATE = "Create"
    READ = "Read"
    WRITE = "Write"
    DELETE = "Delete"
    APPEND = "Append"
    APPEND_TO = "AppendTo"
    ASSIGN = "Assign"
    SHARE = "Share"


ACCESS_RIGHTS = {
    Right.READ: 1,
    Right.WRITE: 2,
    Right.APPEND: 4,
    Right.APPEND_TO: 16,
    Right.CREATE: 32,
    Right.DELETE: 65_536,
    Right.SHARE: 262_144,
    Right.ASSIGN: 524_288,
}
"""The values of AccessRights, in the order in which it names them (reference 1.7). [k]"""


class ColumnRight(StrEnum):
    """What a column permission allows; the value is its column in `fieldpermission`."""

    READ = "canread"
    CREATE = "cancreate"
    UPDATE = "canupdate"


def privilege_name(table: TableDefinition, right: Right) -> str:
    """`prvReadLead`; `prvReadActivity` for activities of every kind."""
    return f"prv{right}{table.privileges or table.schema_name}"


@cache
def privilege_id(name: str) -> str:
    """The id of a privilege: made from its name, so it is the same in every sandbox."""
    return str(uuid5(NAMESPACE_URL, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """A privilege there is. `right` is what it allows with a table, None for one of no table.

    `scoped` is true where it may reach less far than the whole organisation.
    """

    name: str
    right: Right | None
    scoped: bool


def every_privilege(tables: Mapping[str, TableDefinition]) -> Mapping[str, Privilege]:
    """All privileges by name; kin tables share some, scoped where the rows of one of them have owners."""
    general = (Privilege(name=name, right=None, scoped=False) for name in _GENERAL_PRIVILEGES)
    of_tables = (
        Privilege(name=privilege_name(table, right), right=right, scoped="ownerid" in table.columns)
        for table in sorted(tables.values(), key=lambda table: "ownerid" in table.columns)
        for right in Right
    )
    return {privilege.name: privilege for privilege in (*general, *of_tables)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user of the organisation with roles.

    `exceptions` are the privileges that are not organisation-wide, None where one is missing; `permissions` are the
    column rights given by the user's profiles.
    """

    user_id: str
    business_unit_id: str
    exceptions: Mapping[str, Depth | None]
    permissions: frozenset[tuple[str, str, ColumnRight]]
    is_administrator: bool

    def depth(self, privilege: str) -> Depth | None:
        """How far the privilege reaches, or None if the user does not have it."""
        return self.exceptions.get(privilege, Depth.GLOBAL)

    def demand(self, table: TableDefinition, right: Right, *, depth: Depth = Depth.BASIC) -> None:
        """Raise Refused (403, 0x80040220) unless the user has the right on the table at least that deep."""
        name = privilege_name(table, right)
        held = self.depth(name)
        if held is None or held < depth:
            raise Refused(
                403,
                "0x80040220",
                f"Principal user (Id={self.user_id}, type=8, roleCount=1, privilegeCount=0, accessMode=4) is missing"
                f" {name} privilege (Id={privilege_id(name)}) on OTC={table.object_type_code}"
                f" for entity '{table.name}'. context.Caller={self.user_id}",
            )

    def demand_general(self, name: str) -> None:
        """Raise Refused (403, 0x80040220) unless the user has a privilege that belongs to no table."""
        if self.depth(name) is None:
            raise Refused(
                403,
                "0x80040220",
                f"Principal user (Id={self.user_id}, type=8) is missing {name} privilege (Id={privilege_id(name)}).",
            )

    def acted_by(self, real: "Caller") -> "Caller":
        """This user as `real` acts: with the rights that both have (reference 9.1).

        Where both have a privilege the smaller depth counts, measured from this user [infer].
        """
        names = self.exceptions.keys() | real.exceptions.keys()
        reached = {name: min(self.depth(name) or 0, real.depth(name) or 0) for name in names}
        both = self.permissions & real.permissions
        if self.is_administrator or real.is_administrator:
            both = real.permissions if self.is_administrator else self.permissions
        return replace(
            self,
            exceptions={name: Depth(depth) if depth else None for name, depth in reached.items()},
            permissions=both,
            is_administrator=self.is_administrator and real.is_administrator,
        )

    def may(self, table: TableDefinition, column: ColumnDefinition, right: ColumnRight) -> bool:
        """Whether column security lets the user do that with the column."""
        return not column.secured or self.is_administrator or (table.name, column.name, right) in self.permissions


def read_caller(connection: apsw.Connection, user_id: str) -> Caller:
    """The user with all rights. Raises Refused (403) for one unknown, disabled or without roles (reference 1.3)."""
    user = connection.execute(
        "SELECT isdisabled, businessunitid FROM systemuser WHERE systemuserid = ?", (user_id,)
    ).fetchone()
    if user is None:
        raise Refused(403, "0x80072560", "The user is not a member of the organization.")
    disabled, business_unit = user
    if disabled or business_unit is None:
        raise Refused(
            403,
            "0x80040225",
            f"The specified user(Id = {user_id}) is either disabled or does not belong to any business unit.",
        )
    exceptions = {
        str(name): None if depth is None else Depth[str(depth).upper()]
        for name, depth in connection.execute(
            "SELECT privilege, depth FROM privilege_grant WHERE user_id = ?", (user_id,)
        )
    }
    if NO_ROLES in exceptions:
        raise Refused(403, "0x80042F09", "The user has not been assigned any roles.")
    profiles = {
        str(profile)
        for (profile,) in connection.execute(
            _PROFILES,
            (user_id, user_id),
        )
    }
    return Caller(
        user_id=user_id,
        business_unit_id=str(business_unit),
        exceptions=exceptions,
        permissions=frozenset(_permissions(connection, user_id)) if profiles else frozenset(),
        is_administrator=SYSTEM_ADMINISTRATOR_PROFILE in profiles,
    )


_PROFILES = (
    "SELECT fieldsecurityprofileid FROM systemuserprofiles WHERE systemuserid = ? UNION ALL"
    " SELECT fieldsecurityprofileid FROM teamprofiles JOIN teammembership USING (teamid) WHERE systemuserid = ?"
)
"""The column security profiles of a user: the own ones and those of the user's teams (reference 13, [k])."""


def _permissions(connection: apsw.Connection, user_id: str) -> set[tuple[str, str, ColumnRight]]:
    granted: set[tuple[str, str, ColumnRight]] = set()
    for table, column, *rights in connection.execute(
        "SELECT entityname, attributelogicalname, canread, cancreate, canupdate FROM fieldpermission"  # noqa: S608
        f" WHERE fieldsecurityprofileid IN ({_PROFILES})",
        (user_id, user_id),
    ):
        granted.update(
            (str(table), str(column), right) for right, held in zip(ColumnRight, rights, strict=True) if held == ALLOWED
        )
    return granted


def grant(connection: apsw.Connection, user_id: str, privilege: str, depth: Depth | None) -> None:
    """Let a privilege of the user reach that far; None takes it away. `NO_ROLES` with None takes all roles away."""
    if depth is Depth.GLOBAL:
        connection.execute("DELETE FROM privilege_grant WHERE user_id = ? AND privilege = ?", (user_id, privilege))
        return
    connection.execute(
        "INSERT INTO privilege_grant (user_id, privilege, depth) VALUES (?, ?, ?)"
        " ON CONFLICT (user_id, privilege) DO UPDATE SET depth = excluded.depth",
        (user_id, privilege, None if depth is None else depth.wire_name),
    )
