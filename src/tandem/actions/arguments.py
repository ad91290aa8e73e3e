"""What each action is asked with: checked before anything is stored or sent, and described here once.

The command line, Python and whoever asks over HTTP give the same arguments under the same names, and a misspelt one
must not be taken for one that was left out. A docstring is the action's help, its first line what the action is.
Nothing but the descriptions is imported here, so that a command line can show its help at once.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta


class Action(StrEnum):
    """What can be asked for."""

    SYNC_PERSON = "sync-person"
    CHANGE_OWNER = "change-owner"
    CREATE_TASK = "create-task"
    ADD_TO_CAMPAIGN = "add-to-campaign"
    REMOVE_FROM_CAMPAIGN = "remove-from-campaign"
    DELETE_PERSON = "delete-person"
    CHANGE_DATA_VALUE = "change-data-value"
    MERGE_PEOPLE = "merge-people"


class Record(StrEnum):
    """What a person can be in Dynamics."""

    LEAD = "lead"
    CONTACT = "contact"


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The arguments of one action, besides the person it is carried out for."""


_MADE_AS = "What a person without a record is made in Dynamics first. Left out: a lead."
_Owner = Annotated[
    str | None,
    Meta(description="Who is to own a new record: a user or team by id, e-mail or name."),
]


class SyncPerson(Arguments, frozen=True, kw_only=True):
    """Sync Person to Microsoft: make a person a lead or a contact in Dynamics.

    A person that is one already stays what it is, except that a lead is qualified when it is asked for as a contact.
    """

    wanted: Annotated[
        Record | None, Meta(description="What the person is to be. Left out: what it is already, else a lead.")
    ] = msgspec.field(default=None, name="as")
    owner: _Owner = None


class ChangeOwner(Arguments, frozen=True, kw_only=True):
    """Change Owner in Microsoft: give the person's record to a user or a team.

    A person without a record gets one first. A disabled user and an access team cannot own records.
    """

    owner: Annotated[str, Meta(description="The new owner: a user or team by id, e-mail or name.")]
    made_as: Annotated[Record | None, Meta(description=_MADE_AS)] = msgspec.field(default=None, name="as")


class CreateTask(Arguments, frozen=True, kw_only=True):
    """Create Task in Microsoft: a task about the person's record.

    A person without a record gets one first. Subject and description may hold tokens such as {{lead.First Name}},
    {{company.Company Name}}, {{campaign.name}} and {{system.date}}, with a default as in {{lead.City:default=here}}.
    """

    subject: Annotated[str, Meta(description="The task's subject; may hold tokens.")]
    description: Annotated[str, Meta(description="What is to be done; may hold tokens.")] = ""
    owner: Annotated[
        str | None,
        Meta(description="Who is to do it: a user or team by id, e-mail or name. Left out: who owns the record."),
    ] = None
    priority: Annotated[str | None, Meta(description="Its label or code. Left out: what Dynamics gives new tasks.")] = (
        None
    )
    status: Annotated[
        str | None, Meta(description="The Status Reason, by label or code. Left out: what Dynamics gives new tasks.")
    ] = None
    due: Annotated[
        str, Meta(description="A date such as 2026-03-31, a date and time, or a number of days from now such as +10.")
    ] = "+5"
    campaign: Annotated[str, Meta(description="The name that {{campaign.name}} stands for.")] = ""
    made_as: Annotated[Record | None, Meta(description=_MADE_AS)] = msgspec.field(default=None, name="as")


class AddToCampaign(Arguments, frozen=True, kw_only=True):
    """Add to Microsoft Campaign: put the person on the campaign's static list of leads or contacts in Dynamics.

    A person without a record gets one first. Campaign sync must be on (`tandem campaigns --enable`), the campaign
    active.
    """

    campaign: Annotated[str, Meta(description="The campaign, by id or name.")]
    made_as: Annotated[Record | None, Meta(description=_MADE_AS)] = msgspec.field(default=None, name="as")


class RemoveFromCampaign(Arguments, frozen=True, kw_only=True):
    """Remove from Microsoft Campaign: take the person off the campaign's lists in Dynamics, if the action added it.

    Who was put into the campaign by hand stays in it.
    """

    campaign: Annotated[str, Meta(description="The campaign, by id or name.")]


class DeletePerson(Arguments, frozen=True, kw_only=True):
    """Delete Person: delete a person and its history, in marketing only.

    It comes back, as a new person, when its record changes in Dynamics.
    """

    never_return: Annotated[bool, Meta(description="Not even when the record changes in Dynamics.")] = False


class ChangeDataValue(Arguments, frozen=True, kw_only=True):
    """Change Data Value: set one field of a person, or with company.FIELD of its company, in marketing.

    The next cycle sends what belongs to the person's record.
    """

    field: Annotated[str, Meta(description="The field, by either name; company.FIELD for the company.")]
    value: Annotated[
        str,
        Meta(
            description="The value; labels are understood, an empty text empties the field. What begins with a minus "
            "sign goes behind --."
        ),
    ]


class MergePeople(Arguments, frozen=True, kw_only=True):
    """Merge People: make the person a part of another one, in marketing only: values, history, roles, record."""

    winner: Annotated[int, Meta(description="The id of the person that goes on.")]


ARGUMENTS: dict[Action, type[Arguments]] = {
    Action.SYNC_PERSON: SyncPerson,
    Action.CHANGE_OWNER: ChangeOwner,
    Action.CREATE_TASK: CreateTask,
    Action.ADD_TO_CAMPAIGN: AddToCampaign,
    Action.REMOVE_FROM_CAMPAIGN: RemoveFromCampaign,
    Action.DELETE_PERSON: DeletePerson,
    Action.CHANGE_DATA_VALUE: ChangeDataValue,
    Action.MERGE_PEOPLE: MergePeople,
}
"""What each action is asked with."""
