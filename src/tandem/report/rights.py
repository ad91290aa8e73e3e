"""Which rights writing takes, and which of them the sync user lacks (rule N2; reference 1.7).

Each missing one shows itself only when somebody's edit or action is refused, weeks after the set-up and in front of
somebody who cannot give it. None of them stops the copying, so what is missing is a warning.
"""

from collections.abc import Iterable, Iterator, Mapping

from tandem.dynamics.errors import MissingPrivilege
from tandem.dynamics.identity import Depth
from tandem.mapping.fields import Field
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.report.checks import Check, CheckName, passed, warned

_WRITING = ("Create", "Write", "Append", "AppendTo")
"""Rights on a table of people: to make and change its rows, and to set lookups from and to them."""
_TASKS = ("prvCreateActivity", "prvReadActivity", "prvWriteActivity", "prvAppendActivity")
_LISTS = (
    "prvAppendToCampaign",
    "prvCreateList",
    "prvReadList",
    "prvWriteList",
    "prvAppendList",
    "prvAppendToList",
)
_NAMES = {"systemuser": "User"}
"""Tables whose privileges are not named after them (general knowledge)."""


def check_writing(entity: Entity, fields: Iterable[Field], privileges: Mapping[str, Depth]) -> Iterator[Check]:
    """The rights on one table of people; `privileges` by their name in small letters, with how far they reach."""
    name = entity.value.title()
    yield _check(
        CheckName.WRITE,
        [f"prv{right}{name}" for right in _WRITING],
        privileges,
        "What marketing changes is refused there.",
        entity,
    )
    targets = sorted(
        {target for field in fields if field.pushed and field.type is ColumnType.LOOKUP for target in field.targets}
    )
    if targets:
        yield _check(
            CheckName.APPEND_TO,
            [f"prvAppendTo{_NAMES.get(target, target)}" for target in targets],
            privileges,
            "Fields that point to such a record are refused.",
            entity,
        )
    yield _check(CheckName.ASSIGN, [f"prvAssign{name}"], privileges, "The action Change Owner is refused.", entity)


def check_actions(privileges: Mapping[str, Depth], *, campaigns: bool) -> Iterator[Check]:
    """The rights of the actions that write other tables than people's."""
    yield _check(CheckName.TASK, _TASKS, privileges, "The action Create Task is refused.")
    if campaigns:
        yield _check(CheckName.CAMPAIGN_LISTS, _LISTS, privileges, "Adding people to campaigns is refused.")


def _check(
    name: CheckName,
    wanted: Iterable[str],
    privileges: Mapping[str, Depth],
    consequence: str,
    entity: Entity | None = None,
) -> Check:
    missing = [each for each in wanted if privileges.get(each.lower(), Depth.BASIC) < Depth.GLOBAL]
    if not missing:
        return passed(name, "Every record of the organisation.", entity)
    reason = f"Not for the whole organisation: {', '.join(missing)}. {consequence}"
    return warned(name, reason, MissingPrivilege.advice, entity)
