"""What the contract of the database port is tested with: a table of its own and the statements on it."""

import socket
from collections.abc import Callable, Iterator

import pytest

from tandem.database.port import Database
from tandem.database.statements import Statement, parse_statements

_SCHEMA = """
create table note (
    id integer primary key,
    name text not null unique,
    size integer,
    weight real,
    detail json
) strict;
"""

_STATEMENTS = """
-- add
insert into note (name, size, weight, detail) values (:name, :size, :weight, :detail);

-- add_returning
insert into note (name) values (:name) returning id;

-- all_notes
select name, size, weight, detail from note order by name;

-- names
select name from note order by name;

-- named
select name from note where name in_list(:names) order by name;

-- sized
select name from note where size in_list(:sizes) order by name;

-- name_of_size
select name from note where size = :size order by name;

-- resize
update note set size = :size where name = :name;

-- resize_all
update note set size = :size;

-- with_percent
select name from note where name like '100%' and name like :pattern order by name;

-- with_literal
select 'at :name, 50%', :name;

-- with_literal (postgresql)
select 'at :name, 50%', :name ::text;

-- numbers (sqlite)
with recursive number (n) as (select 1 union all select n + 1 from number where n < :last) select n from number;

-- numbers (postgresql)
select n from generate_series(1, :last) as n;

-- broken
select nothing from nowhere;
"""


@pytest.fixture
def sql() -> dict[str, Statement]:
    """The statements of the contract tests, by name."""
    return dict(parse_statements(_STATEMENTS))


@pytest.fixture
def notes(open_database: Callable[[], Database]) -> Database:
    """A database with one table."""
    database = open_database()
    with database.transaction():
        database.script(_SCHEMA)
    return database


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine on which nobody listens: it is bound, so nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
