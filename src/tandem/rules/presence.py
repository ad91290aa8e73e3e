"""What a pulled lead or contact row means for the person it belongs to (rules P1, P8, P12, D7, D8).

A row only nominates; the decision is made from what the link remembers. Treating "left the filter" as a delete, or a
merge loser as a vanished record, loses people; taking a record that came back for a new one doubles them.

    link       | newer | merged | filter | revives | outcome
    -----------+-------+--------+--------+---------+-----------------------------------------------------------------
    any        | no    | -      | -      | -       | KNOWN           at this version or a later one already: nothing
    none       | yes   | no     | Yes    | -       | CREATE          a new person (P1)
    none       | yes   | no     | No     | -       | EXCLUDE         id, version and filter value are kept only (D8)
    excluded   | yes   | no     | Yes    | -       | START           a new person, logged Create [StartSync] (D8)
    excluded   | yes   | no     | No     | -       | NOTE            only the version is new
    live       | yes   | no     | Yes    | -       | UPDATE          field by field (P3, P4)
    live       | yes   | no     | No     | -       | PARK            nothing moves any more, the base is frozen (D8)
    parked     | yes   | no     | Yes    | -       | RESUME          a three-way merge on the frozen base (D8)
    parked     | yes   | no     | No     | -       | NOTE            only the version is new
    severed    | yes   | no     | Yes    | -       | RESTORE         the same person, linked again, flag cleared (P8)
    severed    | yes   | no     | No     | -       | RESTORE_PARKED  the same person, linked and parked (P8, D8)
    removed    | yes   | no     | Yes    | yes     | RETURN          a new person in place of the deleted one (P9)
    removed    | yes   | no     | Yes    | no      | NOTE            a read from the start revives nobody (P9)
    removed    | yes   | no     | No     | -       | NOTE            only the version is new
    removed    | yes   | yes    | -      | -       | NOTE            nobody is left to be merged
    superseded | yes   | -      | -      | -       | NOTE            qualified or merged away: its successor speaks
    any other  | yes   | yes    | -      | -       | MERGE           into the record it names; its filter decides (P12)

"Newer" compares the row's version with the link's; a row without a link is always newer. A filter column that is
missing or empty says Yes; only an explicit No excludes (D7). "Revives": a delta brought the row, and nobody chose that
people who were deleted in marketing never return.
"""

from enum import StrEnum


class LinkState(StrEnum):
    """What a link remembers of a CRM record; `NONE` is the absence of a row."""

    NONE = "none"
    LIVE = "live"
    PARKED = "parked"
    SEVERED = "severed"
    SUPERSEDED = "superseded"
    EXCLUDED = "excluded"
    REMOVED = "removed"


class Presence(StrEnum):
    """What to do about one pulled row."""

    CREATE = "create"
    EXCLUDE = "exclude"
    START = "start"
    UPDATE = "update"
    PARK = "park"
    RESUME = "resume"
    RESTORE = "restore"
    RESTORE_PARKED = "restore-parked"
    RETURN = "return"
    MERGE = "merge"
    NOTE = "note"
    KNOWN = "known"


_BY_STATE: dict[LinkState, tuple[Presence, Presence]] = {
    # state: (filter says Yes, filter says No)
    LinkState.NONE: (Presence.CREATE, Presence.EXCLUDE),
    LinkState.EXCLUDED: (Presence.START, Presence.NOTE),
    LinkState.LIVE: (Presence.UPDATE, Presence.PARK),
    LinkState.PARKED: (Presence.RESUME, Presence.NOTE),
    LinkState.SEVERED: (Presence.RESTORE, Presence.RESTORE_PARKED),
    LinkState.REMOVED: (Presence.RETURN, Presence.NOTE),
    LinkState.SUPERSEDED: (Presence.NOTE, Presence.NOTE),
}
_NOBODYS = (LinkState.SUPERSEDED, LinkState.REMOVED)


def passes(filter_value: bool | None) -> bool:
    """Does the sync filter let the record in? Only an explicit No keeps it out (D7)."""
    return filter_value is not False


def decide_presence(state: LinkState, *, newer: bool, merged: bool, wanted: bool, revives: bool) -> Presence:
    """One row of the table above."""
    if not newer:
        return Presence.KNOWN
    if merged:
        return Presence.NOTE if state in _NOBODYS else Presence.MERGE
    yes, no = _BY_STATE[state]
    outcome = yes if wanted else no
    return Presence.NOTE if outcome is Presence.RETURN and not revives else outcome
