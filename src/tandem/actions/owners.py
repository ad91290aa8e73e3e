"""Finds the user or team that is to own a record (rules F1, U1).

Dynamics refuses an owner in words that name neither the record nor the reason, after everything else was prepared; and
a name that fits two users must not give a customer to the wrong one.
"""

from tandem.mapping.projection import decode_fields
from tandem.marketing.port import Mirrors
from tandem.marketing.records import Owner, Person
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson

_ACCESS_TEAM = 1
"""The type of a team that cannot own records (reference 8.5)."""


class UnknownOwner(NeedsPerson):
    """No user or team is known under this name, or more than one."""

    code = "unknown-owner"
    advice = "Give the id, the e-mail address or the whole name of a user, or the id or the name of a team."


class NotAnOwner(NeedsPerson):
    """The user or team cannot own records."""

    code = "not-an-owner"
    advice = "Choose an enabled user or a team that may own records."


def find_owner(mirrors: Mirrors, text: str) -> tuple[str, str]:
    """The table and the id of the owner that `text` names; of several with one name, the only one that can own.

    Raises UnknownOwner or NotAnOwner.
    """
    found = mirrors.find_owners(text.strip())
    if not found:
        raise UnknownOwner(
            f"There is no user or team {text!r}.",
            advice=f"{UnknownOwner.advice} Users and teams come with the sync; `tandem export salesperson` lists them.",
        )
    reasons = {owner.id: reason for owner in found if (reason := _cannot_own(owner))}
    able = [owner for owner in found if owner.id not in reasons]
    if not able:
        raise NotAnOwner(f"{text!r} cannot own records: {'; '.join(sorted(set(reasons.values())))}.")
    if len(able) > 1:
        raise UnknownOwner(
            f"{len(able)} users and teams are called {text!r}.",
            advice=f"Give the id of one of them: {', '.join(owner.id for owner in able)}.",
        )
    (owner,) = able
    return (Entity.TEAM if owner.is_team else Entity.USER).value, owner.id


def owner_of(mirrors: Mirrors, person: Person) -> tuple[str, str] | None:
    """The table and the id of who owns the person's record. Raises NotAnOwner where they can own nothing any more."""
    owner_id = person.external_sales_person_id or person.team_id
    if owner_id is None:
        return None
    for owner in mirrors.find_owners(owner_id):
        if owner.id == owner_id and (reason := _cannot_own(owner)):
            raise NotAnOwner(
                f"Who owns the record cannot own anything new: {reason}.",
                advice="Name another owner (--owner), or give the record to one first (`tandem action change-owner`).",
            )
    return (Entity.USER if person.external_sales_person_id else Entity.TEAM).value, owner_id


def _cannot_own(owner: Owner) -> str | None:
    if owner.is_team and owner.is_gone:
        return "the team was deleted in Dynamics"
    if owner.is_gone:
        return "the user is disabled"
    if owner.is_team and decode_fields(owner.fields).get("microsoftTeamType") == _ACCESS_TEAM:
        return "it is an access team"
    return None
