"""What becomes of a table's stream when other columns are wanted of it (rules D1, D5, D6, S12).

The links of a stream bring the same columns for ever (reference 4.4), so another selection needs another stream, and a
new one knows nothing of what was deleted before it began. Were the old one dropped at once, the table would be deaf to
deletions until it was read again, which takes hours where it is large. So the stream goes on while its successor reads
the table from the start, and gives way once it has been read to its end after the successor had begun: from then on the
successor knows all that it does. What nobody selects any more is still read and not looked at: giving up a field costs
nothing, and taking it up again needs no other stream.

    its columns    | all wanted | stream  | successor   | the stream was read | outcome
    ---------------+------------+---------+-------------+---------------------+------------------------------------------
    one is missing | -          | -       | -           | -                   | REPLACE    at once
    are there      | yes        | -       | -           | -                   | KEEP       a successor is given up
    are there      | no         | review  | -           | -                   | KEEP       until it is over
    are there      | no         | live    | lacking     | -                   | SUCCEED    another begins
    are there      | no         | other   | lacking     | -                   | KEEP       until it is live
    are there      | no         | live    | read        | since it began      | TAKE_OVER
    are there      | no         | live    | read        | not since           | GO_ON
    are there      | no         | other   | read        | -                   | GO_ON
    are there      | no         | live    | being-read  | -                   | GO_ON
    are there      | no         | other   | being-read  | -                   | GO_ON

A column is missing where Dynamics has it no more, or where a rule needs it by now. A successor is lacking where there
is none, or where it lacks a wanted column itself; a stream that is live or in review is none of the other ones.
"""

from enum import StrEnum


class Succession(StrEnum):
    """What becomes of a stream and its successor."""

    REPLACE = "replace"
    KEEP = "keep"
    SUCCEED = "succeed"
    GO_ON = "go-on"
    TAKE_OVER = "take-over"


class Successor(StrEnum):
    """How far the successor is; `LACKING` one without a column that is wanted by now is as good as none."""

    LACKING = "lacking"
    BEING_READ = "being-read"
    READ = "read"


class Standing(StrEnum):
    """How the stream itself stands."""

    LIVE = "live"
    REVIEW = "review"  # everything is looked at once more before anything is written (S9, S10)
    OTHER = "other"  # it is being read from the start, or halted


def decide_succession(
    *, usable: bool, complete: bool, standing: Standing, successor: Successor, read_since: bool
) -> Succession:
    """One row of the table above. `read_since`: the stream was read to its end after the successor had begun."""
    if not usable:
        return Succession.REPLACE
    if complete or standing is Standing.REVIEW:
        return Succession.KEEP
    if successor is Successor.LACKING:
        return Succession.SUCCEED if standing is Standing.LIVE else Succession.KEEP
    if successor is Successor.READ and standing is Standing.LIVE and read_since:
        return Succession.TAKE_OVER
    return Succession.GO_ON
