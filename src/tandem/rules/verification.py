"""Whether what is kept of a record is what Dynamics holds, told by looking at both (rules R1, S3).

A sync that only follows changes never learns of the one it missed: both sides look quiet and are not equal. So every
record is looked at once in a while, and what is found is not taken for an error before anything else may explain it.

    the record | its version | the filter        | a value   | a difference     | outcome
    -----------+-------------+-------------------+-----------+------------------+---------------------------------------
    gone       | -           | -                 | -         | -                | DOUBT      its deletion may be coming
    there      | newer       | -                 | -         | -                | DOUBT      its change may be coming
    there      | older       | -                 | -         | -                | RESTORED   no row goes back (S9)
    there      | the same    | otherwise         | -         | -                | MISFILED   it is applied again
    there      | the same    | as kept, says No  | -         | -                | AGREES     its base is frozen (D8)
    there      | the same    | as kept, says Yes | otherwise | -                | DRIFTED    somebody must decide
    there      | the same    | as kept, says Yes | as kept   | without a reason | FORGOTTEN  it is sent
    there      | the same    | as kept, says Yes | as kept   | explained, none  | AGREES

A doubt is looked at again when the table was read to its end once more, by a read begun afterwards. That read would
have brought what was on its way, so what is still not here was never told. What is kept no more is not looked at.

    at first | the record | the version kept     | outcome
    ---------+------------+----------------------+--------------------------------------------------------------------
    -        | gone       | -                    | GONE     it is deleted here too, behind the brakes (R6)
    gone     | back       | -                    | SETTLED  whatever it brings is on its way
    newer    | there      | as doubted, or newer | SETTLED
    newer    | there      | older than doubted   | MISSED   it is applied as news
"""

import math
from collections.abc import Mapping
from enum import StrEnum

BATCH = 100
"""Records looked at with one request: one batch of reads by id."""
MOST_BATCHES = 50
"""The most requests one cycle spends on looking, however far behind it is."""
ALARM = 0.0001
"""Above this share of records whose change was never told, the stream itself is in doubt: 0.01 %."""


class Verdict(StrEnum):
    """What a first or a second look at one record says."""

    AGREES = "agrees"
    DOUBT = "doubt"
    RESTORED = "restored"
    SETTLED = "settled"
    MISSED = "missed"
    GONE = "gone"
    MISFILED = "misfiled"
    DRIFTED = "drifted"
    FORGOTTEN = "forgotten"


UNEXPLAINED = (Verdict.MISSED, Verdict.GONE, Verdict.MISFILED, Verdict.DRIFTED, Verdict.FORGOTTEN)
"""What nothing explains: each of these is a difference somebody should have known of."""
REMEDIES: Mapping[Verdict, str] = {
    Verdict.MISSED: "its change was never told; it is applied now",
    Verdict.GONE: "its deletion was never told; it is deleted here as any other",
    Verdict.MISFILED: "the filter says otherwise than was kept; that is obeyed now",
    Verdict.DRIFTED: "neither side changed it, yet they differ; neither is overwritten until somebody decides",
    Verdict.FORGOTTEN: "it waited to be sent and nobody was going to; it is sent now",
}


def decide_record(
    version: int | None, known: int, *, wanted: bool, kept: bool, drifted: bool, forgotten: bool
) -> Verdict:
    """One row of the first table.

    `version` is the record's, None where there is none; `known` the one kept; `wanted` what its filter says, `kept`
    what was kept of that; `drifted`: a value is kept as it never was; `forgotten`: a difference has no reason.
    """
    if version is None or version > known:
        return Verdict.DOUBT
    if version < known:
        return Verdict.RESTORED
    if wanted is not kept:
        return Verdict.MISFILED
    if wanted and drifted:
        return Verdict.DRIFTED
    return Verdict.FORGOTTEN if wanted and forgotten else Verdict.AGREES


def decide_doubt(doubted: int | None, version: int | None, known: int) -> Verdict:
    """One row of the second table: the record's versions then and now, None where there was none, and the one kept."""
    if version is None:
        return Verdict.GONE
    return Verdict.MISSED if doubted is not None and known < doubted else Verdict.SETTLED


def batches_due(records: int, *, looked_at: int, elapsed: float, days: int) -> int:
    """How many batches of a table's `records` are due `elapsed` days after its circle began, to close it in `days`.

    A batch is due once the circle is behind by a whole one, and at the end whatever is left.
    """
    if elapsed >= days:
        due = math.ceil(max(1, records - looked_at) / BATCH)
    else:
        due = int(records * elapsed / days - looked_at) // BATCH
    return max(0, min(due, MOST_BATCHES))
