"""The first copy of one table: by Tandem, by the fifteen lines, and by the fifteen lines with Tandem's own parts."""

from contextlib import closing
from dataclasses import dataclass

from benchmarks.floor import copy_pages, own_driver, own_parser, plain_parser, plain_postgresql, plain_sqlite
from benchmarks.measurement import Clock, Done, Line, new_place, open_place
from benchmarks.selection import Selection
from benchmarks.work import at_work, reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of the organisation at `root` into a new database; `url` is set for PostgreSQL."""

    line: Line
    selection: Selection
    root: str
    url: str | None

    def run(self, clock: Clock) -> Done:
        """Copy the table under the clock; the rows the database then counts."""
        with new_place(self.url) as place:
            return Done(rows=_LINES[self.line](self, place, clock))


def _copy_plainly(job: Copy, place: str, clock: Clock) -> int:
    width = len(job.selection.plan().decoder.select)
    new = plain_sqlite(place, width) if job.url is None else plain_postgresql(job.url, place, width)
    with new as flat:
        with clock:
            copy_pages(job.root, plain_parser(job.selection), flat.store)
        return flat.count()


def _copy_with_own_driver(job: Copy, place: str, clock: Clock) -> int:
    with closing(open_place(job.url, place)) as database:
        flat = own_driver(database, len(job.selection.plan().decoder.select))
        with clock:
            copy_pages(job.root, own_parser(job.selection), flat.store)
        return flat.count()


def _copy_with_tandem(job: Copy, place: str, clock: Clock) -> int:
    """Everything a first copy does, up to the live stream."""
    plan = job.selection.plan()
    with closing(open_place(job.url, place)) as database, at_work(job.root, database) as context:
        copying = reader(context, plan)
        with clock:
            copying.copy(until=lambda: False)
        records, _deleted = context.marketing.counts()[plan.entity.marketing_name]
        return records


_LINES = {Line.FLOOR: _copy_plainly, Line.DRIVER: _copy_with_own_driver, Line.TANDEM: _copy_with_tandem}
