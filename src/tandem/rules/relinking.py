"""What a sample of linked records says of the organisation that answers (rule S9).

Everything that follows rests on it: to go on with a copy is right, to go on with a stranger makes everybody one more
time, and what was set back is neither.

    organisation | of the sample, there     | some are older | outcome
    -------------+--------------------------+----------------+---------------------------------------------------------
    another      | nothing to look for      | -              | EMPTY      nothing is known here that could be lost
    another      | less than half           | -              | STRANGE    refused: another organisation altogether
    another      | half or more             | no             | COPIED     the same data in another organisation
    another      | half or more             | yes            | OLDER      an older state of the same data
    the same     | less than half           | -              | OLDER      what was made since is not there
    the same     | half or more, or nothing | yes            | OLDER      it was set back
    the same     | half or more, or nothing | no             | UNCHANGED  refused: nothing happened to it
"""

from enum import StrEnum

SHARE = 0.5
"""The part of the sample that another organisation must have at least."""


class Verdict(StrEnum):
    """What the organisation is that answers."""

    UNCHANGED = "unchanged"
    COPIED = "copied"
    OLDER = "older"
    STRANGE = "strange"
    EMPTY = "empty"


def decide_verdict(share: float | None, *, same: bool, older: bool) -> Verdict:
    """One row of the table above; `share` of the sample is there, None where there was nothing to look for."""
    if share is None and not same:
        return Verdict.EMPTY
    few = share is not None and share < SHARE
    if few and not same:
        return Verdict.STRANGE
    if few or older:
        return Verdict.OLDER
    return Verdict.UNCHANGED if same else Verdict.COPIED
