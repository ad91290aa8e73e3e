"""What a check of a connection says (rule N2): its name, how it ended, why, and what to do.

Programs go by the names and verdicts, so both are closed sets that stay as they are.
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem.model.entities import Entity


class CheckName(StrEnum):
    """What is looked at; those of a table come once for each."""

    ADDRESS = "address"
    CREDENTIALS = "credentials"
    CREDENTIALS_END = "credentials end"
    SYNC_USER = "sync user"
    ORGANISATION = "organisation"
    DATABASE = "database"
    ROLES = "roles"
    FIELDS = "fields"
    CHANGE_TRACKING = "change tracking"
    READ = "read"
    WRITE = "write"
    APPEND_TO = "append to"
    ASSIGN = "assign"
    TASK = "task"
    CAMPAIGN_LISTS = "campaign lists"


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what was looked at (and of which table), how it ended, why, and what to do."""

    name: CheckName
    verdict: Verdict
    reason: str
    remedy: str = ""
    table: str | None = None


def passed(name: CheckName, reason: str, table: Entity | None = None) -> Check:
    """Nothing is wrong."""
    return Check(name=name, verdict=Verdict.PASS, reason=reason, table=table.value if table else None)


def warned(name: CheckName, reason: str, remedy: str, table: Entity | None = None) -> Check:
    """The sync works; something else does not, or not for long."""
    return Check(name=name, verdict=Verdict.WARN, reason=reason, remedy=remedy, table=table.value if table else None)


def failed(name: CheckName, reason: str, remedy: str, table: Entity | None = None) -> Check:
    """The sync, or the table, does not work like this."""
    return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy=remedy, table=table.value if table else None)
