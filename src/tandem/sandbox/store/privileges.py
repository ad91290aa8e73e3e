"""What the caller may do: table privileges with their depth, and the rights on secured columns.

A stand-in that lets everybody read everything hides the two ways a real organisation withholds data: a refusal, which
is loud, and null instead of a value, which is not (reference 1.7 and 1.8).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from uuid import NAMESPACE_URL, uuid5

import apsw

from tandem.sandbox.messages import Refused
from tandem.sandbox.tables import ColumnDefinition, TableDefinition

SYSTEM_ADMINISTRATOR_PROFILE = "572329c1-a042-4e22-be47-367c6374ea45"
"""The built-in column security profile whose members may do everything with every column (reference 1.7)."""

NO_ROLES = "*"
"""The privilege name under which `privilege_grant` says that a user has no role at all."""

ALLOWED = 4


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


class ColumnRight(StrEnum):
    """What a column permission allows; the value is its column in `fieldpermission`."""

    READ = "canread"
    CREATE = "cancreate"
    UPDATE = "canupdate"


def privilege_name(table: TableDefinition, right: Right) -> str:
    """`prvReadLead`."""
    return f"prv{right}{table.schema_name}"


def privilege_id(name: str) -> str:
    """The id of a privilege: made from its name, so it is the same in every sandbox."""
    return str(uuid5(NAMESPACE_URL, name))


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
            "SELECT fieldsecurityprofileid FROM systemuserprofiles WHERE systemuserid = ?", (user_id,)
        )
    }
    return Caller(
        user_id=user_id,
        business_unit_id=str(business_unit),
        exceptions=exceptions,
        permissions=frozenset(_permissions(connection, user_id)) if profiles else frozenset(),
        is_administrator=SYSTEM_ADMINISTRATOR_PROFILE in profiles,
    )


def _permissions(connection: apsw.Connection, user_id: str) -> set[tuple[str, str, ColumnRight]]:
    granted: set[tuple[str, str, ColumnRight]] = set()
    for table, column, *rights in connection.execute(
        "SELECT entityname, attributelogicalname, canread, cancreate, canupdate FROM fieldpermission"
        " JOIN systemuserprofiles USING (fieldsecurityprofileid) WHERE systemuserid = ?",
        (user_id,),
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
