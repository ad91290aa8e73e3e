"""What the tests of several rooms share: a real PostgreSQL, and fresh databases of both kinds."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tandem.database.migrations import migrate
from tandem.database.port import Database, Dialect
from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase
from tandem.marketing.embedded.marketing import marketing_migrations
from tandem.runtime.logs import redactor
from tandem.state import state_migrations
from tandem.testing.postgresql import postgresql_server

# A busy machine is no failure: examples take as long as they take. What fails is printed so that it can be made again.
settings.register_profile("tandem", deadline=None, print_blob=True)
settings.load_profile("tandem")

_SCHEMAS = itertools.count(1)


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test calls a secret, such as a single letter, would be hidden from what another one reads."""
    monkeypatch.setattr(redactor, "_secrets", set())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many cells of the crash matrix held: in each a process was killed, and another one went on."""
    properties = [each for report in terminalreporter.getreports("passed") for each in report.user_properties]
    cells = [count for name, count in properties if name == "crash cells"]
    if cells:
        terminalreporter.write_line(f"Crash matrix: {sum(cells)} cells in {len(cells)} scenarios, all as if not killed")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a real PostgreSQL, started by the first test of a process that asks; it fails where there is none."""
    with postgresql_server() as url:
        yield url


@pytest.fixture(params=[each.value for each in Dialect])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Opens connections to one new and empty database, on SQLite and on PostgreSQL; all are closed at the end."""
    opened = list[Database]()
    schema = f"tandem_test_{next(_SCHEMAS)}"

    def connect() -> Database:
        if request.param == Dialect.SQLITE:
            opened.append(SqliteDatabase(tmp_path / "subscription.db"))
        else:
            opened.append(PostgresqlDatabase(request.getfixturevalue("postgresql_url"), schema))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


@pytest.fixture
def database(open_database: Callable[[], Database]) -> Database:
    """A fresh database with the schema of this Tandem, on SQLite and on PostgreSQL."""
    database = open_database()
    migrate(database, marketing_migrations() + state_migrations(), at="2025-01-01T00:00:00Z")
    return database
