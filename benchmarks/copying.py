"""Tandem's first copy of one table: the engine's own reader on a real connection, into a real database."""

import time
from contextlib import AbstractContextManager

from benchmarks.selection import Selection
from tandem.database.migrations import migrate
from tandem.database.port import Database
from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.embedded.marketing import marketing_migrations
from tandem.runtime.subscription import now
from tandem.state import SyncState, state_migrations
from tandem.sync.applier import Applier
from tandem.sync.companies import CompanyApplier
from tandem.sync.context import Context
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import TablePlan
from tandem.sync.reading import TableReader
from tandem.sync.tables import ensure_stream


def copy_with_tandem(root: str, selection: Selection, database: Database, clock: AbstractContextManager[None]) -> int:
    """Copy the table, with everything a first copy does up to the live stream; the records the database then counts."""
    migrate(database, marketing_migrations() + state_migrations(), at=now())
    credentials = Credentials("benchmark", client_secret="benchmark", tenant="benchmark", authority=f"{root}/token")
    with Dynamics(root, credentials) as dynamics:
        context = Context(
            database=database,
            dynamics=dynamics,
            marketing=EmbeddedMarketing(database),
            state=SyncState(database),
            now=now,
            monotonic=time.monotonic,
        )
        plan = selection.plan()
        reader = TableReader(context, plan, _applier(context, plan), ensure_stream(context, plan, {}))
        with clock:
            reader.copy(until=lambda: False)
        records, _deleted = context.marketing.counts()[selection.entity.marketing_name]
        return records


def _applier(context: Context, plan: TablePlan) -> Applier:
    if plan.entity.is_person:
        return PeopleApplier(context, plan, {plan.entity: plan})
    return CompanyApplier(context, plan)
