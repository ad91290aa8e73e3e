"""The engine's own parts on a real connection and a real database, put together for one table."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tandem.database.migrations import migrate
from tandem.database.port import Database
from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.embedded.marketing import marketing_migrations
from tandem.runtime.subscription import now
from tandem.state import SyncState, state_migrations
from tandem.state.streams import Stream
from tandem.sync.applier import Applier
from tandem.sync.context import Context
from tandem.sync.oneway.companies import CompanyApplier
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import TablePlan
from tandem.sync.reading import TableReader


def client(root: str) -> Dynamics:
    """Tandem's client of the organisation at `root`."""
    return Dynamics(
        root, Credentials("benchmark", client_secret="benchmark", tenant="benchmark", authority=f"{root}/token")
    )


@contextmanager
def at_work(root: str, database: Database) -> Iterator[Context]:
    """A subscription in a new database."""
    migrate(database, marketing_migrations() + state_migrations(), at=now())
    with client(root) as dynamics:
        yield Context(
            database=database,
            dynamics=dynamics,
            marketing=EmbeddedMarketing(database),
            state=SyncState(database),
            now=now,
            monotonic=time.monotonic,
        )


def reader(context: Context, plan: TablePlan) -> TableReader:
    """What reads the table."""
    stream = Stream(entity=plan.entity, fingerprint=plan.fingerprint, columns=tuple(plan.columns))
    with context.database.transaction():
        context.state.streams.put(stream)
    return TableReader(context, plan, _applier(context, plan), stream)


def _applier(context: Context, plan: TablePlan) -> Applier:
    if plan.entity.is_person:
        return PeopleApplier(context, plan, {plan.entity: plan})
    return CompanyApplier(context, plan)
