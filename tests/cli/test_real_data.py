"""The totals of data that Tandem did not make up: CSV files, loaded, connected, copied, counted.

The miniature beside the tests has every oddity of the real data set (custom columns with typos, deals without an
account, a date or a value) and is always run; the real one is run as well where it lies beside the repository.
"""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from tandem.cli.invocation import ExitCode
from tandem.sandbox.data.load import load_folder
from tandem.testing.world import World

HERE = Path(__file__).resolve()
MINIATURE = HERE.parents[1] / "data" / "crm-miniature"
REAL = HERE.parents[3] / "shared" / "data" / "crm-sales-opportunities"


class Totals(NamedTuple):
    """What a correct copy shows. `users` with the sandbox's own sync user."""

    accounts: int
    with_parent: int
    users: int
    teams: int
    memberships: int
    won: int
    lost: int
    open: int
    value: str
    without_customer: int


IN_MINIATURE = Totals(3, 1, 3, 1, 2, won=2, lost=1, open=2, value="5568.50", without_customer=1)
IN_REAL = Totals(85, 15, 42, 3, 35, won=4238, lost=2473, open=2089, value="10005534", without_customer=1425)


@pytest.mark.parametrize(
    ("folder", "totals"),
    [
        pytest.param(MINIATURE, IN_MINIATURE, id="the miniature"),
        *([pytest.param(REAL, IN_REAL, id="the real data")] if REAL.is_dir() else []),
    ],
)
def test_S2_O1_the_totals_of_loaded_data_are_right(
    tmp_path: Path, make_terminal: Any, folder: Path, totals: Totals
) -> None:
    """Records in `status`; won, lost and value in `export` and in SQL, to the cent."""
    with World(tmp_path) as world:
        load_folder(world.organisation, folder)
        terminal = make_terminal(world).synced()
        entities = terminal.status()["entities"]
        quiet = terminal.run("sync", "--json").json["entities"]
        deals = exported(terminal, "opportunity")
        companies = exported(terminal, "account")

    deal_count = totals.won + totals.lost + totals.open
    assert {
        "account": totals.accounts,
        "systemuser": totals.users,
        "team": totals.teams,
        "teammembership": totals.memberships,
        "opportunity": deal_count,
        "lead": 0,
        "contact": 0,
        "connection": 0,
        "customeropportunityrole": 0,
    } == {name: entity["records"] for name, entity in entities.items()}
    assert {0} == {entity[name] for entity in entities.values() for name in ("deleted", "errors", "backlog_inserts")}
    assert 0 == sum(counts["created"] + counts["updated"] for counts in quiet.values())
    assert {"won": totals.won, "lost": totals.lost, "open": totals.open} == Counter(map(outcome, deals))
    assert Decimal(totals.value) == sum(deal.get("amount", Decimal(0)) for deal in deals if deal["isWon"])
    assert totals.without_customer == sum("externalCompanyId" not in deal for deal in deals)
    assert totals.with_parent == sum("microsoftParentCompany" in company for company in companies)
    assert "technolgy" in {company.get("new_sector") for company in companies}
    assert (totals.won, totals.lost, totals.open, Decimal(totals.value)) == in_sql(terminal.home / "default.db")


def exported(terminal: Any, entity: str) -> list[dict[str, Any]]:
    """Every record of `tandem export`, numbers exact."""
    ended = terminal.run("export", entity)
    assert ExitCode.DONE == ended.code, ended.told
    return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in ended.out.splitlines()]


def outcome(deal: dict[str, Any]) -> str:
    """Won, lost or open."""
    if not deal["isClosed"]:
        return "open"
    return "won" if deal["isWon"] else "lost"


def in_sql(database: Path) -> tuple[int, int, int, Decimal]:
    """Won, lost, open and the value of the won, as anybody finds them in the database."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    won, lost, still_open = connection.execute(
        "select sum(is_won), sum(is_closed and not is_won), sum(not is_closed) from opportunity"
    ).fetchone()
    amounts = connection.execute("select amount from opportunity where is_won = 1").fetchall()
    connection.close()
    return won, lost, still_open, sum((Decimal(amount) for (amount,) in amounts), Decimal(0))
