"""Proves that it makes no difference where a process is killed (rules S2, R2).

A scenario is a world at rest to which something happened, and what a process is to do about it. The process is let
through first: that tells which points it passes, and what the world is like afterwards. Then, from the same start, one
is killed at every single point, another goes on, and the world has to be the same: every person, link, log entry,
error and record. One scenario at one point is a cell.

    what may differ                         | because
    ----------------------------------------+--------------------------------------------------------------------
    row versions, and places in the changes | a write of which nothing is known is looked at, or made again
    the ids of records that were made       | they are chosen at random, as are those of notices
    sealed secrets                          | each sealing of one is another
    the history of cycles                   | there was one more
    how often an error occurred             | it was met once more
    the balance of changes and writes       | an answer that nobody read is not counted

Where two processes died and left the very same, the second is not followed.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from difflib import unified_diff
from functools import partial
from typing import Any, NamedTuple

import apsw
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tandem.model.entities import Entity
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import SCHEMA_PREFIX, Subscription, opened
from tandem.runtime.syncing import engine_of
from tandem.sandbox.store.storage import iso
from tandem.sync.cycle import Engine
from tandem.sync.cycle_report import CycleReport
from tandem.testing.killing import Processes, Task, Work
from tandem.testing.world import World

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""The time in every scenario: it stands still, so that times do not tell one run from another."""
PEOPLE = (Entity.LEAD, Entity.CONTACT)
"""The tables that are written. The others are only read; they double the points of a cycle."""
_CYCLES = 6
"""Within so many cycles everything comes to rest."""

_NOT_COMPARED = {"history", "stream", "counter"}
_VARYING = {"version", "versionnumber", "times", "uid"}
_COUNTS = {"instance", "push_balance"}
"""Settings that count runs and writes."""
_NUMBERED = {"activity", "company_activity", "conflict", "hold", "sync_error", "change_feed", "notice"}
"""Tables whose `id` is only an order."""
_SEALED = re.compile(r"tandem1:[\w+/=-]+")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_Rows = dict[str, list[dict[str, Any]]]
"""The rows of each table."""


def nothing(_subscription: Subscription) -> None:
    """Asks for nothing: the process only runs a cycle."""


class CrashMatrix:
    """The cells of one scenario. `world` is connected, and stands still at `MOMENT`."""

    def __init__(self, world: World, processes: Processes) -> None:
        self._world = world
        self._processes = processes

    def prove(
        self,
        ask: Work = nothing,
        *,
        arm: Callable[[], None] = lambda: None,
        tables: Collection[Entity] = PEOPLE,
        but: Collection[str] = (),
    ) -> int:
        """Kill a process that asks for something and then runs a cycle of `tables`, at every point; how many there are.

        `ask` is asked again after the crash, as whoever got no answer does. `arm` prepares what a start cannot keep,
        such as faults. `but` names database tables that may differ in this scenario. Leaves the world at rest. Raises
        AssertionError where a cell differs.
        """
        with self._world.closed():
            start, work = _Start(self._world), partial(_work, ask=ask, tables=tables)
            arm()
            through = self._processes.run(Task(settings=self._world.settings, work=work))
            assert through.failure is None, through.failure
            whole = self._rows_at_rest(ask, tables)
            followed = set[str]()
            for number, point in enumerate(through.points, start=1):
                start.bring_back()
                arm()
                ended = self._processes.run(Task(settings=self._world.settings, work=work, deadly=number))
                assert ended.killed, f"Point {number}, {point}, was not reached. {ended.failure}"
                left = _digest(self._world)
                if left not in followed or number == len(through.points):
                    followed.add(left)
                    rows = self._rows_at_rest(ask, tables)
                    differences = _differences(start.facts(whole, but), start.facts(rows, but))
                    assert not differences, f"Killed at point {number}, {point}:\n" + "\n".join(differences)
        return len(through.points)

    def _rows_at_rest(self, ask: Work, tables: Collection[Entity]) -> _Rows:
        """What is stored after somebody asked again, and as many cycles as are needed."""
        with opened(self._world.settings) as subscription:
            _stop_clock(subscription)
            ask(subscription)
            with engine_of(subscription) as (engine, _):
                self._come_to_rest(engine, tables)
        rows = _stored(self._world)
        _expect_sound(rows, self._world.organisation.user_id)
        return rows

    def _come_to_rest(self, engine: Engine, tables: Collection[Entity]) -> None:
        quiet = 0
        for _ in range(_CYCLES):
            before = self._world.organisation.version
            report = engine.cycle(tables)
            quiet = quiet + 1 if _idle(report) and before == self._world.organisation.version else 0
            if quiet == 2:
                return
        raise AssertionError(f"After {_CYCLES} cycles something is still being written.")


def _work(subscription: Subscription, *, ask: Work, tables: Collection[Entity]) -> None:
    _stop_clock(subscription)
    ask(subscription)
    with engine_of(subscription) as (engine, _):
        engine.cycle(tables)


def _stop_clock(subscription: Subscription) -> None:
    subscription.now = partial(iso, MOMENT)


def _idle(report: CycleReport) -> bool:
    counts = report.entities.values()
    return not any(each.pushed or each.failed or each.created or each.updated or each.deleted for each in counts)


class _Start:
    """A world as it is now, to be brought back again and again. Nobody has its subscription open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._home = world.settings.home
        self._kept = self._home.with_name("home-at-start")
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self._home, self._kept)
        world.back_up()
        self._on_server("drop database if exists {kept} with (force)", "create database {kept} template {name}")
        self._ids = frozenset(_GUID.findall(_as_text(_stored(world))))

    def facts(self, rows: _Rows, but: Collection[str]) -> list[str]:
        """Rows as lines that two runs from this start can be compared by."""
        return _facts({table: page for table, page in rows.items() if table not in but}, self._ids)

    def bring_back(self) -> None:
        """Be as it was."""
        shutil.rmtree(self._home)
        shutil.copytree(self._kept, self._home)
        self._world.restore()
        self._world.faults.clear()
        self._on_server("drop database {name} with (force)", "create database {name} template {kept}")

    def _on_server(self, *statements: str) -> None:
        """Run statements on the server of the subscription's database, where there is one."""
        url = self._world.settings.database
        if url is None:
            return
        with closing(psycopg.connect(url.url, dbname="template1", autocommit=True)) as server:
            name = psycopg.conninfo.conninfo_to_dict(url.url)["dbname"]
            names = {"name": sql.Identifier(str(name)), "kept": sql.Identifier(f"{name}_at_start")}
            for statement in statements:
                server.execute(sql.SQL(statement).format(**names))


# What is compared -----------------------------------------------------------------------------------------------------


def _stored(world: World) -> _Rows:
    """Every row of the subscription and of the organisation."""
    ours, theirs = _rows_of_subscription(world.settings), _rows_of_sqlite(world.organisation.connection)
    return ours | {f"dynamics {table}": rows for table, rows in theirs}


def _rows_of_subscription(settings: Settings) -> _Rows:
    if settings.database is None:
        with closing(apsw.Connection(str(settings.database_file))) as connection:
            return dict(_rows_of_sqlite(connection))
    schema = SCHEMA_PREFIX + settings.subscription
    with closing(psycopg.connect(settings.database.url, autocommit=True, row_factory=dict_row)) as server:
        tables = server.execute("select tablename from pg_tables where schemaname = %s", (schema,)).fetchall()
        names = [str(table["tablename"]) for table in tables]
        return {
            name: server.execute(sql.SQL("select * from {}").format(sql.Identifier(schema, name))).fetchall()
            for name in sorted(names)
        }


def _rows_of_sqlite(connection: apsw.Connection) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for (table,) in connection.execute(
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
    ).fetchall():
        cursor = connection.cursor()
        rows = cursor.execute(f"select * from {table}")  # noqa: S608
        yield str(table), [dict(zip((each[0] for each in cursor.get_description()), row, strict=True)) for row in rows]


def _digest(world: World) -> str:
    """What tells one remainder from another: all of it, and the home's own count of runs."""
    count = world.settings.home.joinpath(f"{world.settings.subscription}.instance").read_text(encoding="utf-8")
    rows = {table: rows for table, rows in _stored(world).items() if table != "history"}
    return hashlib.sha256((_as_text(rows) + count).encode()).hexdigest()


def _facts(rows: _Rows, known: frozenset[str]) -> list[str]:
    """Every row as a line of its own, without what may differ; logs and journals in their order, for each person."""
    lines = list[str]()
    for table, page in rows.items():
        if table.removeprefix("dynamics ") in _NOT_COMPARED:
            continue
        page = [row for row in page if row.get("name") not in _COUNTS]
        if table in _NUMBERED:
            page.sort(key=lambda row: (row.get("person_id") or 0, row["id"]))
        told = [_as_text(_lasting(table, row)) for row in page]
        told = [_GUID.sub(lambda found: found[0] if found[0] in known else "new", line) for line in told]
        told = [_SEALED.sub("sealed", line) for line in told]
        lines += [f"{table}: {line}" for line in (told if table in _NUMBERED else sorted(told))]
    return lines


def _lasting(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    aside = _VARYING | ({"id"} if table in _NUMBERED else set())
    return {name: _decoded(value) for name, value in row.items() if name not in aside and value is not None}


def _decoded(value: Any) -> Any:
    """JSON by its meaning: the order of the names in it is none."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def _differences(whole: list[str], facts: list[str]) -> list[str]:
    return list(unified_diff(whole, facts, "not killed", "killed", n=0, lineterm=""))


# What holds wherever it was killed ------------------------------------------------------------------------------------


class _Made(NamedTuple):
    person: int | None
    record: str


def _expect_sound(rows: _Rows, sync_user: str) -> None:
    """Nothing is under way, whoever differs or waits is listed with a reason, and nobody has two records of ours."""
    assert not [row for row in rows["intent"] if row["begun"]], rows["intent"]
    reasons = {row["person_id"] for row in rows["sync_error"] if row["state"] == "open"}
    reasons |= {row["person_id"] for row in rows["held_field"]}
    waiting = {row["person_id"] for table in ("nomination", "intent") for row in rows[table]}
    waiting |= {row["person_id"] for row in rows["link"] if row["state"] == "live" and row["base"] is not None}
    assert waiting <= reasons, f"People {sorted(waiting - reasons)} differ from their records without a reason."
    made = list(_made(rows, sync_user))
    people = [each.person for each in made if each.person is not None]
    assert len(people) == len(set(people)) == len(made), f"A person has two records, or a record nobody: {made}"


def _made(rows: _Rows, sync_user: str) -> Iterable[_Made]:
    """The records that Tandem made, and whose they are."""
    people = {row["crm_id"]: row["person_id"] for row in rows["link"]}
    for table in ("lead", "contact"):
        for row in rows[f"dynamics {table}"]:
            if row["createdby"] == sync_user:
                yield _Made(people.get(row[f"{table}id"]), row[f"{table}id"])
