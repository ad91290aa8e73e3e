"""Every statement of the SQL files runs on both databases, is used by the code, and finds its rows by an index.

A statement that only one database takes fails in front of a user; one planned as a scan makes a page look-up a
hundred times slower, in a database of millions and nowhere else.
"""

import ast
import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from tandem.database.migrations import migrate
from tandem.database.port import Database, Dialect, StatementRefused
from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase
from tandem.database.statements import Statement, load_statements, parse_statements
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.embedded.marketing import marketing_migrations
from tandem.model.entities import STANDARD, Entity
from tandem.state import state_migrations

_PACKAGES = ("tandem.state", "tandem.marketing.embedded")
_STATEMENTS = {each.name: each for package in _PACKAGES for each in load_statements(package).values()}

_AT = "2025-01-01T00:00:00Z"
_ROWS = 2_000
_LEADING = parse_statements("""
-- leading_columns
select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid, 1, true)
from pg_index as i join pg_class as c on c.oid = i.indexrelid
where c.relnamespace = current_schema()::regnamespace;
""")["leading_columns"]

# Parameters -------------------------------------------------------------------------------------------------------

_NUMBERED = ("people", "people_made_at", "links_of_people", "every_link_of_people", "set_error_states")
"""Statements whose `ids` are numbers."""
_SAMPLES: dict[str, Any] = {
    "since": _AT,
    "last": _AT,
    "before": _ROWS,
    "records": 1,
    **dict.fromkeys(["after", "is_deleted", "is_disabled", "is_excluded", "is_closed", "is_won", "is_primary"], 0),
    **dict.fromkeys(["is_active", "seen"], 0),
    **dict.fromkeys(["after_read", "count", "hold_id", "selected", "weak", "requests", "rows_read"], 1),
    **dict.fromkeys(["successor", "rides", "rows", "changed", "length"], 1),
    **dict.fromkeys(["begun", "lane", "marks", "notice_id", "until"], 1),
    **dict.fromkeys(["checked", "explained", "number"], 1),
    "found": "{}",
    "verdict": "missed",
    "loser": _ROWS,
    "step": 2,
    **dict.fromkeys(["reads_begun", "reads_finished", "total", "version", "known", "brake"], 1),
    **dict.fromkeys(["customer_person_id", "finished", "limit", "max_length", "person_id", "precision"], 2),
    **dict.fromkeys(["arguments", "base", "counts", "crm", "detail", "details", "edited", "fields", "marketing"], "{}"),
    **dict.fromkeys(["new", "old", "options", "owner", "payload", "sent", "value"], "[]"),
    "direction": "pull",
    "kind": "mass-delete",
    "level": "job",
    "state": "live",
    "winner": _ROWS + 1,
}
_OTHERWISE: dict[tuple[str, str], Any] = {
    **{
        (name, "winner"): "crm"
        for name in ("add_conflicts", "conflicts", "conflicts_of_person", "restorable_conflicts")
    },
    ("add_conflicts", "state"): "settled",
    ("add_custom_entity", "belongs_to"): "contact",
    ("add_custom_entity", "path"): "[]",
    ("begin_review", "kind"): "relink",
    ("conflict", "id"): 1,
    ("put_campaign_list", "entity"): "lead",
    ("put_campaign_list", "stage"): "made",
    ("attempted_delivery", "state"): "delivered",
    ("take_delivery", "attempts"): 1,
    ("give_up_deliveries", "before"): _AT,
    ("end_cycle", "id"): 1,
    ("set_cycle_counts", "id"): 1,
    ("set_notice_text", "id"): 1,
    ("heal_error", "id"): 1,
    ("set_conflict_state", "id"): 1,
    ("set_conflict_state", "state"): "restored",
    ("settle_action", "state"): "done",
    ("person_id_of_alias", "id"): 1,
    ("put_field_mapping", "direction"): "both",
    ("put_stream", "state"): "copying",
    ("ask_quick_sync", "dated_by"): "created",
    ("ask_quick_sync", "asked_by"): "person",
    ("end_quick_sync", "state"): "done",
    ("count_longer_values", "entity"): "lead",
    **{(name, "id"): 1 for name in ("begin_quick_sync", "advance_quick_sync", "count_changed", "end_quick_sync")},
    ("set_error_states", "state"): "ignored",
    ("set_hold_counts", "id"): 1,
    ("settle_hold", "id"): 1,
    ("settle_hold", "state"): "approved",
    ("update_person", "id"): 1,
    ("update_person", "type"): "lead",
}


def _parameters(database: Database, statement: Statement) -> dict[str, Any]:
    """A value for each parameter of the statement, of the type the code gives it."""
    found: dict[str, Any] = {}
    for name in re.findall(r"%\((\w+)\)s", statement.postgresql):
        found[name] = _OTHERWISE.get((statement.name, name), _SAMPLES.get(name, "text"))
        if f"any(%({name})s)" in statement.postgresql:
            found[name] = database.array(
                [1, 2] if statement.name in _NUMBERED or name in ("people", "but", "notices") else ["one", "two"]
            )
    return found


def _run(database: Database, statement: Statement, parameters: dict[str, Any]) -> None:
    """Run the statement the way the code does, and take it back."""
    with contextlib.suppress(KeyboardInterrupt), database.transaction():
        if re.search(r"^select\b|\breturning\b", statement.sqlite):
            database.all(statement, **parameters)
        elif parameters:
            database.run_many(statement, [parameters])
        else:
            database.run(statement)
        raise KeyboardInterrupt


# A database of some size ------------------------------------------------------------------------------------------


# A process may be given some of this module's tests twice, with others in between.
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=[each.value for each in Dialect])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with rows in every large table, the indexes of a finished copy, and the planner's figures."""
    database: Database
    if request.param == Dialect.SQLITE:
        database = SqliteDatabase(tmp_path_factory.mktemp("filled") / "subscription.db")
    else:
        database = PostgresqlDatabase(request.getfixturevalue("postgresql_url"), f"tandem_filled_{next(_NUMBERS)}")
    with contextlib.closing(database):
        migrate(database, marketing_migrations() + state_migrations(), at=_AT)
        with database.transaction():
            _fill(database)
            for entity in (*STANDARD, Entity("new_order")):
                EmbeddedMarketing(database).build_indexes(entity)
        yield database


def _fill(database: Database) -> None:
    ids = [f"{number:036}" for number in range(_ROWS)]
    people = range(1, _ROWS + 1)
    for table, columns, rows in (
        ("person", "id external_company_id email created_at updated_at fields",
            [(number, each, f"{each}@example.com", _AT, _AT, "{}") for number, each in zip(people, ids, strict=True)]),
        ("person_alias", "id person_id", [(_ROWS + number, number) for number in people]),
        ("activity", "person_id type at", [(number, "New Person", _AT) for number in people]),
        ("company_activity", "external_company_id type at", [(each, "Change Data Value", _AT) for each in ids]),
        ("change_feed", "person_id at fields", [(number, _AT, "{}") for number in people]),
        ("company", "external_company_id version updated_at fields", [(each, 1, _AT, "{}") for each in ids]),
        ("sales_person", "external_sales_person_id version updated_at fields", [(each, 1, _AT, "{}") for each in ids]),
        ("team", "team_id version updated_at fields", [(each, 1, _AT, "{}") for each in ids]),
        ("team_member", "team_membership_id version team_id external_sales_person_id",
            [(each, 1, each, each) for each in ids]),
        ("opportunity", "external_opportunity_id version customer_person_id is_closed is_won updated_at fields",
            [(each, 1, number, 0, 0, _AT, "{}") for number, each in zip(people, ids, strict=True)]),
        ("opportunity_role", "external_opportunity_id person_id role source",
            [(each, number, "Buyer", f"connection:{each}") for number, each in zip(people, ids, strict=True)]),
        ("link", "crm_id entity person_id state version",
            [(each, "contact", number, "live", 1) for number, each in zip(people, ids, strict=True)]),
        ("custom_entity", "entity label path belongs_to via since",
            [("new_order", "Order", "[]", "contact", None, _AT),
             ("new_line", "Line", "[]", "contact", "via:new_order", _AT)]),
        ("custom_object", "entity id version reference updated_at fields",
            [(entity, each, 1, each, _AT, "{}") for entity in ("new_order", "new_line") for each in ids]),
        ("path_record", "entity crm_id version reference", [("via:new_order", each, 1, each) for each in ids]),
        ("waiting", "entity crm_id target_entity target_id kind reason since",
            [("contact", each, "lead", each, "lead", "", _AT) for each in ids]),
        ("excluded", "entity crm_id version", [("account", each, 1) for each in ids]),
        ("deletion", "entity crm_id", [("contact", each) for each in ids]),
        ("seen", "entity crm_id", [("contact", each) for each in ids]),
        ("nomination", "person_id lane first_at", [(number, 0, _AT) for number in people]),
        ("intent", "crm_id entity person_id kind sent begun at",
            [(each, "contact", number, "update", "{}", 1, _AT) for number, each in zip(people, ids, strict=True)]),
        ("held_field", "person_id field hold_id", [(number, "phone", number) for number in people]),
        ("campaign", "campaign_id version is_active updated_at fields", [(each, 1, 1, _AT, "{}") for each in ids]),
        ("campaign_list", "campaign_id entity list_id stage", [(each, "lead", each, "made") for each in ids]),
        ("campaign_member", "record_id list_id seen", [(each, each, 1) for each in ids]),
        ("notice", "id uid kind about message advice at settled_at",
            [(number, "", "digest", "", "", "", _AT, _AT) for number in people]),
        ("delivery", "notice_id channel state due_at", [(number, "email", "delivered", _AT) for number in people]),
        ("action", "id kind person_id state at", [(each, "sync-person", 1, "done", _AT) for each in ids]),
        ("conflict", "person_id field winner rule at", [(number, "phone", "crm", "P4", _AT) for number in people]),
        ("sync_error", "cause entity person_id operation direction level code message advice first_at last_at",
            [("cause", "contact", number, "update", "push", "record", "code", "", "", _AT, _AT) for number in people]),
    ):  # fmt: skip
        database.insert(table, columns.split(), rows)


# They run ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", _STATEMENTS)
def test_every_statement_runs(filled: Database, name: str) -> None:
    """With values of the types the code gives; a refusal fails the test with the database's reason."""
    before = filled.all(_STATEMENTS["count_records"])
    _run(filled, _STATEMENTS[name], _parameters(filled, _STATEMENTS[name]))

    assert before == filled.all(_STATEMENTS["count_records"])


@pytest.mark.parametrize("name", [name for name, each in _STATEMENTS.items() if ":" in each.sqlite])
def test_a_parameter_without_a_value_has_its_columns_type(filled: Database, name: str) -> None:
    """Null is taken, or refused by the column's own rule; never for want of a type."""
    statement = _STATEMENTS[name]
    nulls = {key: 1 if key == "limit" else None for key in _parameters(filled, statement)}
    try:
        _run(filled, statement, nulls)
        reason = None
    except StatementRefused as problem:
        reason = problem.message

    assert reason is None or re.search("NotNullViolation|NOT NULL", reason), reason


# They are used ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", _PACKAGES)
def test_no_statement_lies_unused(package: str) -> None:
    """Each is named by the code of its room, in one piece or as a beginning and an end."""
    constants, beginnings = set[str](), set[str]()
    for module in files(package).iterdir():
        if module.name.endswith(".py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    constants.add(node.value)
                elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                    beginnings.add(str(node.values[0].value))
    named = constants | {beginning + end for beginning in beginnings for end in constants}

    assert set() == set(load_statements(package)) - named


# They use an index ------------------------------------------------------------------------------------------------

_SMALL = {
    "quick_sync",
    "circle",
    "closed",
    "custom",
    "custom_entity",
    "hold",
    "stream",
    "field_mapping",
    "field_definition",
    "deleted_count",
    "review",
}
"""Tables of a few rows, where a plan does not matter."""
_WHOLE = {
    # What speaks of every row, and is run once per command or per finished read, never per page.
    *(
        "count_parked",
        "count_records",
        "count_links",
        "count_unsent",
        "count_waiting",
        "excluded_counts",
        "known_people",
    ),
    "unseen_links",
    *(name for name in _STATEMENTS if name.startswith(("export_", "ids_of_"))),
    # Once, when a column of people was shortened.
    "count_longer_values",
    # What a person asks for and reads.
    *(
        "find_people",
        "find_owners",
        "campaigns",
        "find_campaigns",
        "campaign_lists",
        "count_campaign_members",
        "possible_duplicates",
        "set_aside_links",
        "waiting_of_kind",
    ),
    *("errors", "count_errors", "conflicts", "findings", "list_waiting"),
    "unplaced_objects",
    # Once a day.
    "failed_since",
    # Once where another organisation, or an older database, takes the place of the one before.
    *(name for name in _STATEMENTS if name.startswith("forget_") and name.endswith("_versions")),
    *("link_sample", "newest_links", "undone_links"),
    # Once per hold; what waits for a person's approval is a large part of the table anyway.
    *("held_deletions", "clear_held_deletions"),
    # From one end of the table, and no further than the page or the first row that fits.
    *("last_cycle", "last_finished_cycle", "last_good_cycle", "failing_since", "nominated", "notices", "read_feed"),
    # Once for each person that is erased.
    *("count_errors_about", "erase_errors"),
    # What is empty or short but after a crash, and counts that are shown.
    *("any_doubt", "begun_actions_of_kind", "begun_intents", "count_begun_actions", "wanted_intents"),
    *("anything_begun", "anything_held", "count_nominations"),
}
"""The statements that read a whole table on purpose."""


_JOINED = {"count_without_company"}
"""What speaks of every row of a table and is run once per command; PostgreSQL joins whole tables for it."""

_PLANNED = [name for name, each in _STATEMENTS.items() if not each.sqlite.startswith(("create", "analyze"))]


@pytest.mark.parametrize("name", _PLANNED)
def test_every_look_up_uses_an_index(filled: Database, name: str) -> None:
    """Only the statements meant to read a table from end to end do; on PostgreSQL some of these find an index too."""
    statement = _STATEMENTS[name]
    scanned = _scanned_sqlite if filled.dialect is Dialect.SQLITE else _scanned_postgresql
    tables = scanned(filled, statement, _parameters(filled, statement)) - _SMALL

    joined = name in _JOINED and filled.dialect is Dialect.POSTGRESQL
    assert not tables or joined or name in _WHOLE, f"{name} reads the whole of {tables}"
    assert tables or name not in _WHOLE or filled.dialect is Dialect.POSTGRESQL, f"{name} is listed for nothing"


def _scanned_sqlite(database: Database, statement: Statement, parameters: dict[str, Any]) -> set[str]:
    """The tables the plan reads from end to end, by their name in the statement."""
    plan = database.all(replace(statement, sqlite=f"explain query plan {statement.sqlite}"), **parameters)
    scans = {detail.split()[1] for *_, detail in plan if detail.startswith("SCAN ")}
    return scans - {"json_each", "CONSTANT"}


def _scanned_postgresql(database: Database, statement: Statement, parameters: dict[str, Any]) -> set[str]:
    """The tables the plan reads from end to end although it may not, in a table too small to matter otherwise."""
    with database.transaction():
        database.script("set local enable_seqscan = off")
        text = f"explain (format json) {statement.postgresql}"
        plan = database.one(replace(statement, postgresql=text), **parameters)
        leading = dict(database.all(_LEADING))
    assert plan
    return set(_whole_reads(json.loads(plan[0])[0]["Plan"], leading))


def _whole_reads(node: dict[str, Any], leading: dict[str, str]) -> Iterator[str]:
    for child in node.get("Plans", ()):
        yield from _whole_reads(child, leading)
    index = node.get("Index Name")
    # An index entered by its second column only is read from end to end as well.
    if node["Node Type"] == "Seq Scan" or (index and leading[index] not in node.get("Index Cond", "")):
        yield node.get("Alias") or index
