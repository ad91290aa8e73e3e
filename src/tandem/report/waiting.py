"""What waits, why, since when, and what would end it (rules P1, P11, P14, O2, C1).

A record that is not where it was expected looks lost. Mostly it is here, and waits for another one; some wait for a
person, and would wait for ever if nobody told that person.

    what waits                             | because                          | ends with
    ---------------------------------------+----------------------------------+-------------------------------------
    a contact that was a lead              | its lead is not read yet         | a later reading of the leads
    a lead that became a contact           | its contact is not synced        | that contact
    a new record                           | several people have its e-mail   | a decision
    a role, a custom object                | its person is not read yet       | that person's record
                                           | its person is excluded           | Yes in the filter column
                                           | its person was deleted here      | the next change of that record; by the
                                           |                                  | setting `never_return` with nothing
    a custom object                        | the record between is not read   | that record
    a custom object, a person              | its company is not read yet      | the account
                                           | its company is excluded          | Yes in the filter column
    a request for an action                | Dynamics could not take it yet   | the next cycle that can carry it out
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tandem.mapping.fields import FILTER_COLUMN
from tandem.model.entities import Entity
from tandem.runtime.subscription import Subscription
from tandem.sync.waiting import (
    AMBIGUOUS,
    COMPANY_EXCLUDED,
    COMPANY_NOT_READ,
    CONTACT_OF_LEAD,
    LEAD_OF_CONTACT,
    PERSON_DELETED,
    PERSON_EXCLUDED,
    objects_waiting,
)

OBJECT = "custom-object"
"""Kind of waiting: a custom object names somebody who is not here."""
COMPANY = "company"
"""Kind of waiting: a person names a company that is not here."""
REQUEST = "request"
"""Kind of waiting: an action that somebody asked for is not carried out yet."""
LISTED = 100
"""References of each group that are listed unless asked for otherwise."""

_NOTHING = "Nothing to do: that record, when it is read."
_FILTER = f"Set {FILTER_COLUMN} of that record to Yes in Dynamics, if it is to be synced."
_NOT_YET = "it could not take them when they were asked for, or did not answer"
_GOES_ON = (
    "Nothing to do: every cycle goes on with them. Where they stay, `tandem errors` and `tandem holds` say what keeps "
    "them."
)
_BY_KIND = {
    LEAD_OF_CONTACT: "Nothing to do: the next reading of the leads brings the lead, or shows that there is none.",
    CONTACT_OF_LEAD: f"The contact, when it is read. If the filter excludes it: {_FILTER.lower()}",
    AMBIGUOUS: "Merge or delete people until one has the e-mail (`tandem links` lists them); the record's next change "
    "in Dynamics then settles it.",
}
_BY_REASON = {
    PERSON_EXCLUDED: _FILTER,
    COMPANY_EXCLUDED: _FILTER,
    PERSON_DELETED: "The next change of the person's record in Dynamics, which brings a new person.",
}
_NEVER = "Nothing: by the setting never_return, who is deleted here does not come back."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The record that waits, and the one it waits for; of an ambiguous record that is the e-mail.

    Of an action `record` is the id of the request, and `target` the person it is for.
    """

    record: str
    target: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGroup:
    """References that wait for one reason. `since`: the oldest; None where that is not known.

    `references`: the oldest of them; people of companies that are not here are counted only.
    """

    kind: str
    entity: str
    target: str
    reason: str
    ends: str
    count: int
    since: str | None
    references: list[Reference] = field(default_factory=list)


def read_waiting(subscription: Subscription, *, limit: int = LISTED) -> list[WaitingGroup]:
    """Everything that waits, by reason, with at most `limit` references of each group."""
    groups = [
        *_references(subscription, limit),
        *_objects(subscription, limit),
        *_companies(subscription),
        *_requests(subscription, limit),
    ]
    return sorted(groups, key=lambda each: (each.kind, each.entity, each.target, each.reason))


def _references(subscription: Subscription, limit: int) -> Iterator[WaitingGroup]:
    waiting = subscription.state.waiting
    listed = waiting.listed(limit=limit)
    for entity, target, kind, reason, count, since in waiting.counts():
        yield WaitingGroup(
            kind=kind,
            entity=entity,
            target=target,
            reason=reason,
            ends=_BY_KIND.get(kind) or _ends(subscription, reason),
            count=count,
            since=since,
            references=[
                Reference(record=record, target=wanted, since=at)
                for record, wanted, at in listed.get((entity, target, kind, reason), ())
            ],
        )


def _objects(subscription: Subscription, limit: int) -> Iterator[WaitingGroup]:
    for each in objects_waiting(subscription.state, limit=max(limit, 1)):
        yield WaitingGroup(
            kind=OBJECT,
            entity=each.entity.value,
            target=each.target,
            reason=each.reason,
            ends=_ends(subscription, each.reason),
            count=each.objects,
            since=each.since,
            references=[Reference(record=record, target=wanted, since=at) for record, wanted, at in each.oldest][
                :limit
            ],
        )


def _companies(subscription: Subscription) -> Iterator[WaitingGroup]:
    for excluded, people in subscription.state.waiting.companies().items():
        reason = COMPANY_EXCLUDED if excluded else COMPANY_NOT_READ
        yield WaitingGroup(
            kind=COMPANY,
            entity=Entity.CONTACT.value,
            target=Entity.ACCOUNT.value,
            reason=reason,
            ends=_ends(subscription, reason),
            count=people,
            since=None,
        )


def _requests(subscription: Subscription, limit: int) -> Iterator[WaitingGroup]:
    actions = subscription.state.actions
    for action, count, since in actions.count_begun():
        yield WaitingGroup(
            kind=REQUEST,
            entity=action,
            target="Dynamics",
            reason=_NOT_YET,
            ends=_GOES_ON,
            count=count,
            since=since,
            references=[
                Reference(record=request, target=f"person {person}", since=at)
                for request, person, at in actions.begun_of_kind(action, limit=limit)
            ],
        )


def _ends(subscription: Subscription, reason: str) -> str:
    if reason == PERSON_DELETED and subscription.settings.never_return:
        return _NEVER
    return _BY_REASON.get(reason, _NOTHING)
