"""Takes values out of what is remembered: those that are old enough, and those of one person (rule R2).

A journal that is never emptied becomes a second copy of everybody's data. What is counted stays: that something
happened, when, and to which record.
"""

from collections.abc import Mapping, Sequence

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements

_SQL = load_statements("tandem.state")
_OF_JOURNAL = ("empty_conflicts", "empty_errors", "empty_actions")
_COUNTS = ("entities", "backlog", "requests", "seconds", "completed_copy")
"""What stays of a cycle's report; the rest tells of single tables in words."""


class Forgetting:
    """Every method belongs into a transaction; `before` is a time as it is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def journal(self, *, before: str, limit: int) -> int:
        """Empty collisions that are decided, errors that are healed and requests that are settled; how many had
        values. At most `limit` of each."""
        return sum(self._database.run(_SQL[name], older_than=before, limit=limit) for name in _OF_JOURNAL)

    def cycles(self, *, after: int, before: str, limit: int) -> tuple[int, int]:
        """Keep only the counts of the cycles behind `after`; how many these were, and the last one's number."""
        rows = self._database.all(_SQL["cycles_after"], after=after, older_than=before, limit=limit)
        kept = [{"id": number, "counts": _counts_alone(counts)} for number, counts in rows]
        self._database.run_many(_SQL["set_cycle_counts"], kept)
        return len(rows), rows[-1][0] if rows else after

    def count(self, people: Sequence[int], records: Sequence[str]) -> dict[str, int]:
        """What is remembered of people, by their ids, and of records in Dynamics, by theirs: rows by what they are."""
        database = self._database
        numbers, ids = database.array(list(people)), database.array(list(records))
        found = dict(database.all(_SQL["count_of_people"], people=numbers))
        (errors,) = database.one(_SQL["count_errors_about"], people=numbers, records=ids) or (0,)
        (waiting,) = database.one(_SQL["count_waiting_about"], records=ids) or (0,)
        return {**found, "errors": errors, "waiting references": waiting}

    def erase(self, people: Sequence[int], records: Sequence[str], *, outcome: str) -> None:
        """Errors and waiting references go; of requests the ids stay, so that none acts twice, with `outcome`."""
        database = self._database
        numbers, ids = database.array(list(people)), database.array(list(records))
        database.run(_SQL["erase_errors"], people=numbers, records=ids)
        database.run(_SQL["erase_waiting"], records=ids)
        database.run(_SQL["erase_actions"], people=numbers, outcome=outcome)

    def rewrite_notices(self, texts: Mapping[int, tuple[str, str]]) -> None:
        """Give notices, by id, another message and advice."""
        rows = [{"id": each, "message": message, "advice": advice} for each, (message, advice) in texts.items()]
        self._database.run_many(_SQL["set_notice_text"], rows)


def _counts_alone(counts: str) -> str:
    report = msgspec.json.decode(counts)
    return msgspec.json.encode({name: report[name] for name in _COUNTS if name in report}).decode()
