"""The store: versions, defaults, deletions, and what survives a restart."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
import pytest

from tandem.sandbox.store.organisation import Organisation

ACCOUNT = "11111111-1111-4111-8111-111111111111"
CONTACT = "22222222-2222-4222-8222-222222222222"


def test_every_write_takes_the_next_version(organisation: Organisation) -> None:
    """One counter grows by one for insert, update and delete, whatever the table."""
    start = organisation.version
    actor = organisation.user_id
    given = [
        organisation.insert("account", ACCOUNT, {"name": "Contoso"}, actor=actor),
        organisation.insert("contact", CONTACT, {"lastname": "Ek"}, actor=actor),
        organisation.update("account", ACCOUNT, {"name": "Contoso AB"}, actor=actor),
        organisation.delete("contact", CONTACT, actor=actor),
    ]

    assert [start + 1, start + 2, start + 3, start + 4] == given
    assert organisation.version == start + 4


def test_a_new_row_gets_the_defaults_it_does_not_name(organisation: Organisation) -> None:
    """Owner, unit, state, status and stamps come from the organisation."""
    organisation.insert("account", ACCOUNT, {"name": "Contoso"}, actor=organisation.user_id)
    row = organisation.get("account", ACCOUNT) or {}

    assert (organisation.user_id, "systemuser") == (row["ownerid"], row["ownerid_type"])
    assert organisation.business_unit_id == row["owningbusinessunit"]
    assert (0, 1) == (row["statecode"], row["statuscode"])
    assert row["createdon"] == row["modifiedon"]


def test_money_is_exact_and_has_its_base(organisation: Organisation) -> None:
    """A hundred million million with four decimals comes back to the last digit, and the base follows the rate."""
    currency = str(uuid4())
    organisation.insert(
        "transactioncurrency",
        currency,
        {"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€", "exchangerate": Decimal("0.5")},
        actor=organisation.user_id,
    )
    value = Decimal("99999999999999.1234")
    organisation.insert(
        "account",
        ACCOUNT,
        {"name": "Contoso", "revenue": value, "marketcap": 10, "transactioncurrencyid": currency},
        actor=organisation.user_id,
    )
    row = organisation.get("account", ACCOUNT) or {}

    assert value == row["revenue"]
    assert Decimal("20.0000") == row["marketcap_base"]
    assert Decimal("0.5") == row["exchangerate"]


def test_a_failed_transaction_leaves_nothing(organisation: Organisation) -> None:
    """Rows and version numbers of a transaction that raises are as if never given out."""
    before = organisation.version

    def fail() -> None:
        with organisation.transaction():
            organisation.insert("account", ACCOUNT, {"name": "Contoso"}, actor=organisation.user_id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (None, before) == (organisation.get("account", ACCOUNT), organisation.version)


def test_a_load_with_a_taken_id_keeps_nothing(organisation: Organisation) -> None:
    """A bulk load is all or nothing."""
    rows = [{"accountid": ACCOUNT, "name": "one"}, {"accountid": ACCOUNT, "name": "two"}]
    with pytest.raises(apsw.ConstraintError):
        organisation.load("account", rows)

    assert organisation.get("account", ACCOUNT) is None


def test_a_load_refuses_an_unknown_column(organisation: Organisation) -> None:
    """A misspelled column is an error, not a value lost."""
    with pytest.raises(KeyError, match="nmae"):
        organisation.load("account", [{"accountid": ACCOUNT, "nmae": "Contoso"}])


def test_a_custom_column_is_a_column_like_any_other(organisation: Organisation) -> None:
    """It can be written and read, and adding it again changes nothing."""
    organisation.add_column("account", "new_sector", "text", label="Sector")
    version = organisation.metadata_version
    organisation.add_column("account", "new_sector", "text")
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso", "new_sector": "retail"}])

    assert "retail" == (organisation.get("account", ACCOUNT) or {})["new_sector"]
    assert version == organisation.metadata_version


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Ids, versions, rows and customisations are the same when the file is opened again."""

    def facts(organisation: Organisation) -> tuple[object, ...]:
        return (
            organisation.organization_id,
            organisation.user_id,
            organisation.version,
            organisation.get("account", ACCOUNT),
            sorted(organisation.tables["account"].columns),
            organisation.tables["account"].change_tracking,
            organisation.tables["account"].columns["name"].secured,
        )

    organisation = Organisation(tmp_path / "organisation.db")
    organisation.add_column("account", "new_year", "integer")
    organisation.set_change_tracking("account", enabled=False)
    organisation.secure_column("account", "name")
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso", "new_year": 1999}])
    before = facts(organisation)
    organisation.close()
    reopened = Organisation(tmp_path / "organisation.db")
    after = facts(reopened)
    reopened.close()

    assert before == after


def test_the_clock_is_the_callers(tmp_path: Path) -> None:
    """Stamps are the injected clock's, in UTC, to the second."""
    organisation = Organisation(clock=lambda: datetime(2025, 3, 4, 5, 6, 7, 999, tzinfo=UTC))
    organisation.insert("account", ACCOUNT, {"name": "Contoso"}, actor=organisation.user_id)
    row = organisation.get("account", ACCOUNT) or {}
    organisation.close()

    assert "2025-03-04T05:06:07Z" == row["createdon"]


def test_a_snapshot_that_fails_leaves_the_one_before(
    organisation: Organisation, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it has come."""
    kept = writer.create("lead", lastname="Ek")
    organisation.back_up()
    writer.send("DELETE", f"leads({kept})")
    with monkeypatch.context() as patched:
        patched.setattr("tandem.sandbox.store.database._copy", lambda source, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            organisation.back_up()
    organisation.restore()

    assert "Ek" == writer.row("lead", kept)["lastname"]
