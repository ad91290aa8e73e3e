"""Money, its currency and its base amount (reference 9.4)."""

from dataclasses import replace
from typing import Any

import pytest

from tandem.sandbox.store.customisation import ChangeColumn
from tandem.sandbox.store.organisation import Organisation


@pytest.fixture
def euro(writer: Any) -> str:
    """A currency of half a dollar's rate and three decimals."""
    return str(
        writer.create(
            "transactioncurrency",
            currencyname="Euro",
            isocurrencycode="EUR",
            currencysymbol="€",
            currencyprecision=3,
            exchangerate=0.5,
        )
    )


def bound(currency: str) -> dict[str, str]:
    """The bind of a currency."""
    return {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})"}


def amounts(row: Any) -> tuple[str, str, str]:
    """The amount, the base amount and the rate."""
    return str(row["revenue"]), str(row["revenue_base"]), str(row["exchangerate"].normalize())


def test_the_base_amount_is_the_amount_by_the_rate(writer: Any, euro: str) -> None:
    """In the organisation's currency."""
    row_id = writer.create("account", revenue=10.25, transactioncurrencyid__bind=f"/transactioncurrencies({euro})")

    assert ("10.2500", "20.5000", "0.5") == amounts(writer.row("account", row_id))


def test_a_new_rate_counts_when_the_row_is_saved_again(writer: Any, euro: str) -> None:
    """Whatever is saved; until then the stored base amount stays."""
    row_id = writer.create("account", revenue=10, transactioncurrencyid__bind=f"/transactioncurrencies({euro})")
    writer.send("PATCH", f"transactioncurrencies({euro})", {"exchangerate": 0.25})
    before = amounts(writer.row("account", row_id))
    writer.send("PATCH", f"accounts({row_id})", {"fax": "1"})

    assert ("10.0000", "20.0000", "0.5") == before
    assert ("10.0000", "40.0000", "0.25") == amounts(writer.row("account", row_id))


def test_another_currency_changes_the_base_amount_and_not_the_amount(writer: Any, euro: str) -> None:
    """The number stays as it was typed."""
    row_id = writer.create("account", revenue=10)
    writer.send("PATCH", f"accounts({row_id})", bound(euro))

    assert ("10.0000", "20.0000", "0.5") == amounts(writer.row("account", row_id))


def test_the_currency_is_the_users_else_the_organisations(writer: Any, euro: str) -> None:
    """A row without money may have none."""
    poor = writer.create("account", name="No money")
    dollars = writer.create("account", revenue=1)
    writer.send("PATCH", f"systemusers({writer.user})", bound(euro))
    euros = writer.create("account", revenue=1)

    assert [None, writer.organisation.currency_id, euro] == [
        writer.row("account", row_id)["transactioncurrencyid"] for row_id in (poor, dollars, euros)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [(0, "0.1000"), (1, "0.1200"), (2, "0.1240")],
    ids=["by the column", "by the organisation", "by the currency"],
)
def test_money_is_rounded_as_its_column_says(
    organisation: Organisation, writer: Any, euro: str, source: int, expected: str
) -> None:
    """PrecisionSource: the column has one decimal, the organisation two, the currency three."""
    column = organisation.tables["account"].columns["revenue"]
    organisation.customise(ChangeColumn("account", replace(column, precision=1, precision_source=source)))
    row_id = writer.create("account", revenue=0.1235, transactioncurrencyid__bind=f"/transactioncurrencies({euro})")
    created = str(writer.row("account", row_id)["revenue"])
    writer.send("PATCH", f"accounts({row_id})", {"revenue": 0.1235})

    assert [expected] * 2 == [created, str(writer.row("account", row_id)["revenue"])]


def test_large_amounts_are_exact(writer: Any) -> None:
    """No double holds 1e13 with four decimals; the base amount of the base currency's is the same."""
    row_id = writer.create("account", revenue=9_999_999_999_999.99)
    writer.send("PATCH", f"accounts({row_id})", {"fax": "1"})

    assert ("9999999999999.9900", "9999999999999.9900", "1") == amounts(writer.row("account", row_id))


def test_the_currency_may_go_with_the_money(writer: Any) -> None:
    """0x80048CFB while an amount is left; both at once is fine."""
    row_id = writer.create("account", revenue=1)

    assert (400, "0x80048CFB") == writer.refusal("PATCH", f"accounts({row_id})", {"transactioncurrencyid": None})
    writer.send("PATCH", f"accounts({row_id})", {"transactioncurrencyid": None, "revenue": None})
    row = writer.row("account", row_id)

    assert [None] * 4 == [row[name] for name in ("transactioncurrencyid", "exchangerate", "revenue", "revenue_base")]


@pytest.mark.parametrize("name", ["revenue_base", "exchangerate"])
def test_what_is_computed_is_not_written(writer: Any, name: str) -> None:
    """0x8004022E."""
    assert (400, "0x8004022E") == writer.refusal("POST", "accounts", {name: 1})
