"""The way back of many edits: by Tandem, and as the bare batches of the same writes by the same client.

The floor knows beforehand what to write, keeps nothing and forgets the answers. What Tandem does beside it is finding
out what to write, remembering that it is about to, and learning from the answer.
"""

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from benchmarks.edits import COLUMN, FIELD, VALUE, PersonEdits
from benchmarks.measurement import Clock, Done, Line, new_place, open_place
from benchmarks.server import page_path
from benchmarks.work import at_work, client, reader
from tandem.dynamics.errors import DynamicsError
from tandem.dynamics.writes import LARGEST_WRITE_BATCH, RowWrite
from tandem.model.entities import Entity
from tandem.state.state import FieldChoice
from tandem.sync.context import Context, Counts
from tandem.sync.defined import definition
from tandem.sync.edits import Edits
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.push import Pusher


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A push of edits to the organisation at `root`, from a new database; `url` is set for PostgreSQL."""

    line: Line
    edits: PersonEdits
    root: str
    url: str | None

    def run(self, clock: Clock) -> Done:
        """Write under the clock; the rows that were written, and that nobody believes to differ any more."""
        return _push_barely(self, clock) if self.line is Line.FLOOR else _push_with_tandem(self, clock)


def _push_barely(job: Push, clock: Clock) -> Done:
    selection = job.edits.pages.sample.selection
    table, decoder, written = selection.table, selection.plan().decoder, 0
    writes = iter(
        [
            RowWrite(table=table, id=row[table.primary_id], values={COLUMN: VALUE}, version=row["versionnumber"])
            for row in job.edits.rows()
        ]
    )
    with client(job.root) as dynamics:
        # Signed in and connected, as Tandem is after its copy.
        dynamics.read_page(job.root + page_path(0), decoder)
        before = dynamics.requests
        with clock:
            while chunk := list(islice(writes, LARGEST_WRITE_BATCH)):
                answers = dynamics.write(chunk, decoder)
                written += sum(not isinstance(answer, DynamicsError) for answer in answers)
        return Done(rows=written, requests=dynamics.requests - before)


def _push_with_tandem(job: Push, clock: Clock) -> Done:
    plan = job.edits.pages.sample.selection.plan()
    with (
        new_place(job.url) as place,
        closing(open_place(job.url, place)) as database,
        at_work(job.root, database) as context,
    ):
        reader(context, plan).copy(until=lambda: False)
        _edit(context, plan, job.edits)
        appliers = {plan.entity: PeopleApplier(context, plan, {plan.entity: plan})}
        counts = defaultdict[Entity, Counts](Counts)
        pusher = Pusher(context, {plan.entity: plan}, appliers, counts.__getitem__)
        before = context.dynamics.requests
        with clock:
            pusher.push(until=lambda: False)
        differ = context.state.links.count_unsent().get(plan.entity, 0)
        return Done(rows=counts[plan.entity].pushed - differ, requests=context.dynamics.requests - before)


def _edit(context: Context, plan: TablePlan, edits: PersonEdits) -> None:
    """Make the edits as a person at the keyboard does, but in one transaction."""
    key, at = plan.table.primary_id, context.now()
    by_hand = Edits(context.database, context.marketing, context.state)
    with context.database.transaction():
        context.marketing.define_fields([definition(field) for field in plan.fields])
        context.state.put_choices(
            [
                FieldChoice(
                    entity=plan.entity,
                    column=field.column,
                    api_name=field.api_name,
                    direction=field.direction,
                    selected=True,
                )
                for field in plan.fields
            ]
        )
        links = context.state.links.of(plan.entity, [row[key] for row in edits.rows()])
        for link in links.values():
            by_hand.put(link.person_id or 0, {FIELD: VALUE}, at=at)
