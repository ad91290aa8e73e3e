"""What every database does for Tandem: the same on SQLite and on PostgreSQL."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tandem.database.port import Database, DatabaseGone, Dialect, StatementRefused
from tandem.database.statements import Statement

Sql = dict[str, Statement]


def add(database: Database, *names: str) -> None:
    """Put notes with nothing but a name."""
    with database.transaction():
        database.insert("note", ["name"], [(name,) for name in names])


def names(database: Database, sql: Sql) -> list[str]:
    """The names of the notes."""
    return [row[0] for row in database.all(sql["names"])]


# Transactions -----------------------------------------------------------------------------------------------------


def test_a_transaction_commits_on_a_clean_exit(
    notes: Database, open_database: Callable[[], Database], sql: Sql
) -> None:
    """Another connection sees the rows afterwards, and not before."""
    other = open_database()
    with notes.transaction():
        add(notes, "first")
        before = names(other, sql)

    assert [] == before
    assert ["first"] == names(other, sql)


def test_a_transaction_rolls_back_on_an_exception(notes: Database, sql: Sql) -> None:
    """Nothing of it stays, and the database goes on."""
    with contextlib.suppress(KeyboardInterrupt), notes.transaction():
        add(notes, "lost")
        raise KeyboardInterrupt
    with notes.transaction():
        add(notes, "kept")

    assert ["kept"] == names(notes, sql)


def test_a_nested_transaction_joins(notes: Database, sql: Sql) -> None:
    """The inner end commits nothing: the outer failure takes all of it back."""
    with contextlib.suppress(ValueError), notes.transaction():
        with notes.transaction():
            add(notes, "inner")
        raise ValueError

    assert [] == names(notes, sql)


def test_a_refused_statement_undoes_the_transaction(notes: Database, sql: Sql) -> None:
    """The rule is named, the values are not, and nothing of a driver comes out."""
    with pytest.raises(StatementRefused) as caught, notes.transaction():
        add(notes, "before", "secret name", "secret name")

    assert [] == names(notes, sql)
    assert "note" in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_refused_page_of_a_statement_undoes_the_transaction(notes: Database, sql: Sql) -> None:
    """Also where the page was half stored."""
    rows = [{"name": name, "size": 1, "weight": None, "detail": None} for name in ("one", "two", "one")]
    with pytest.raises(StatementRefused), notes.transaction():
        notes.run_many(sql["add"], rows)

    assert [] == names(notes, sql)


@pytest.mark.parametrize("method", ["run", "all", "one", "stream"])
def test_a_broken_statement_is_refused(notes: Database, sql: Sql, method: str) -> None:
    """Whichever way it is run."""
    with pytest.raises(StatementRefused):
        list(getattr(notes, method)(sql["broken"]) or ())


# Statements -------------------------------------------------------------------------------------------------------


def test_run_tells_how_many_rows_it_changed(notes: Database, sql: Sql) -> None:
    """None, one or all of them."""
    add(notes, "a", "b", "c")

    assert 3 == notes.run(sql["resize_all"], size=1)
    assert 1 == notes.run(sql["resize"], name="b", size=2)
    assert 0 == notes.run(sql["resize"], name="nobody", size=2)


def test_one_gives_the_first_row_or_none(notes: Database, sql: Sql) -> None:
    """Several rows are no error."""
    before = notes.one(sql["names"])
    add(notes, "a", "b")

    assert before is None
    assert ("a",) == notes.one(sql["names"])


def test_a_returning_statement_gives_its_row_and_is_done(notes: Database, sql: Sql) -> None:
    """Ids are given in order, from 1."""
    with notes.transaction():
        ids = [notes.one(sql["add_returning"], name=name) for name in ("a", "b")]

    assert [(1,), (2,)] == ids
    assert ["a", "b"] == names(notes, sql)


def test_run_many_takes_nulls_in_any_row(notes: Database, sql: Sql) -> None:
    """The type of a parameter is the column's, not that of the first row's value."""
    rows: list[dict[str, Any]] = [
        {"name": "a", "size": None, "weight": None, "detail": None},
        {"name": "b", "size": 2**40, "weight": 0.5, "detail": '{"k":1}'},
        {"name": "c", "size": 1, "weight": None, "detail": None},
    ]
    notes.run_many(sql["add"], rows)

    stored = [(*row[:3], row[3] and json.loads(row[3])) for row in notes.all(sql["all_notes"])]
    assert [("a", None, None, None), ("b", 2**40, 0.5, {"k": 1}), ("c", 1, None, None)] == stored


def test_an_enums_member_is_its_text(notes: Database, sql: Sql) -> None:
    """By a page, by a statement and in a list."""
    notes.insert("note", ["name"], [(Dialect.SQLITE,)])
    notes.run_many(sql["add"], [{"name": Dialect.POSTGRESQL, "size": 1, "weight": None, "detail": None}])

    assert [("postgresql",), ("sqlite",)] == notes.all(sql["named"], names=notes.array(list(Dialect)))
    assert ["postgresql", "sqlite"] == names(notes, sql)


def test_an_empty_page_is_nothing(notes: Database, sql: Sql) -> None:
    """Neither way of storing a page minds."""
    notes.insert("note", ["name"], [])
    notes.run_many(sql["add"], [])

    assert [] == names(notes, sql)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Zoë Ł 日本 \U0001f600", id="any script"),
        pytest.param("tab\tline\r\nend\\N\\.", id="what COPY escapes"),
        pytest.param('it\'s "quoted"; -- no comment', id="quotes"),
        pytest.param("100% of :name %(name)s ?", id="percent signs and colons"),
        pytest.param("", id="empty text is no null"),
    ],
)
def test_text_comes_back_as_it_was_given(notes: Database, sql: Sql, text: str) -> None:
    """By a page, by a statement and as a condition."""
    notes.insert("note", ["name", "size"], [(f"page {text}", 1)])
    notes.run(sql["add"], name=text, size=2, weight=None, detail=None)

    assert [(f"page {text}",)] == notes.all(sql["name_of_size"], size=1)
    assert [(text,)] == notes.all(sql["named"], names=notes.array([text]))


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)], ids=str)
def test_integers_have_64_bits(notes: Database, sql: Sql, number: int) -> None:
    """Row versions pass 2**53."""
    notes.insert("note", ["name", "size"], [("page", number)])
    notes.run(sql["add"], name="statement", size=number, weight=None, detail=None)

    assert [("page",), ("statement",)] == notes.all(sql["name_of_size"], size=number)
    assert [("page",), ("statement",)] == notes.all(sql["sized"], sizes=notes.array([number]))
    assert [number, number] == [row[1] for row in notes.all(sql["all_notes"])]


def test_json_comes_back_as_text_of_the_same_meaning(notes: Database, sql: Sql) -> None:
    """Decimals keep their digits and null stays null; only the spacing may differ."""
    text = '{"amount":12.50,"name":"Zoë \\"Z\\" %","gone":null,"list":[1,"a",true],"big":123456789012345678.123456789}'
    notes.insert("note", ["name", "detail"], [("page", text)])
    notes.run(sql["add"], name="statement", size=None, weight=None, detail=text)

    stored = [row[3] for row in notes.all(sql["all_notes"])]
    expected = json.loads(text, parse_float=str)
    assert [expected, expected] == [json.loads(each, parse_float=str) for each in stored]


@pytest.mark.parametrize("count", [0, 1, 3, 5_000])
def test_in_list_takes_a_list_of_any_length(notes: Database, sql: Sql, count: int) -> None:
    """One plan for an empty list and for a page."""
    add(notes, *(f"{number:05}" for number in range(0, 10_000, 2)))

    wanted = [f"{number:05}" for number in range(count)]
    found = [row[0] for row in notes.all(sql["named"], names=notes.array(wanted))]
    assert wanted[::2] == found


def test_a_percent_sign_in_a_statement_is_only_that(notes: Database, sql: Sql) -> None:
    """In its own text as in a value."""
    add(notes, "100% sure", "100% new", "1000")

    assert [("100% sure",)] == notes.all(sql["with_percent"], pattern="%sure")


def test_a_literal_in_a_statement_holds_no_parameters(notes: Database, sql: Sql) -> None:
    """A colon or a percent sign within quotes is text."""
    assert ("at :name, 50%", "x") == notes.one(sql["with_literal"], name="x")


def test_a_missing_parameter_is_an_error(notes: Database, sql: Sql) -> None:
    """A typing error must not become a null."""
    with pytest.raises((KeyError, StatementRefused)):
        notes.run(sql["resize"], name="a")


def test_a_script_runs_several_statements_as_they_stand(notes: Database, sql: Sql) -> None:
    """A percent sign in it is not doubled."""
    with notes.transaction():
        notes.script("insert into note (name) values ('50% :a'); insert into note (name) values ('b');")

    assert ["50% :a", "b"] == names(notes, sql)


# Streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", [False, True], ids=["on its own", "inside a transaction"])
def test_a_stream_gives_every_row_in_order(notes: Database, sql: Sql, inside: bool) -> None:
    """More rows than the database sends at once."""
    if inside:
        with notes.transaction():
            found = [row[0] for row in notes.stream(sql["numbers"], last=5_000)]
    else:
        found = [row[0] for row in notes.stream(sql["numbers"], last=5_000)]

    assert list(range(1, 5_001)) == found


def test_a_stream_left_early_undoes_nothing(notes: Database, sql: Sql) -> None:
    """What the transaction wrote before and after stays, and the next statement works."""
    with notes.transaction():
        add(notes, "before")
        assert (1,) == next(iter(notes.stream(sql["numbers"], last=5_000)))
        add(notes, "after")

    assert ["after", "before"] == names(notes, sql)


def test_two_streams_can_be_read_side_by_side(notes: Database, sql: Sql) -> None:
    """Neither takes the other's rows."""
    pairs = zip(notes.stream(sql["numbers"], last=3), notes.stream(sql["numbers"], last=3), strict=True)

    assert [((1,), (1,)), ((2,), (2,)), ((3,), (3,))] == list(pairs)


def test_other_statements_run_while_a_stream_is_read(notes: Database, sql: Sql) -> None:
    """Also writes, inside one transaction."""
    with notes.transaction():
        for (number,) in notes.stream(sql["numbers"], last=2_500):
            if number % 1_000 == 0:
                add(notes, str(number))

    assert ["1000", "2000"] == names(notes, sql)


# The place --------------------------------------------------------------------------------------------------------


def test_each_database_says_which_it_is(notes: Database) -> None:
    """The dialect chooses the statement's text; the place is for people."""
    expected = {Dialect.SQLITE: "subscription.db", Dialect.POSTGRESQL: " schema tandem_test_"}

    assert expected[notes.dialect] in notes.place


def test_S10_the_fingerprint_tells_the_place_and_stays(notes: Database, open_database: Callable[[], Database]) -> None:
    """The same through another connection, and never empty."""
    assert notes.fingerprint()
    assert notes.fingerprint() == open_database().fingerprint()


def test_closing_twice_is_harmless(open_database: Callable[[], Database]) -> None:
    """A caller need not know whether somebody did it before."""
    database = open_database()
    database.close()
    database.close()

    with pytest.raises(DatabaseGone):
        database.script("select 1")
