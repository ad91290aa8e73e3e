"""What the organisation fills in when a row is saved: defaults of a new row, and columns that follow from others."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from tandem.sandbox.tables import TableDefinition

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation

Values = Mapping[str, object]

NOTHING: Values = {}


def rounded(value: object, digits: int | None) -> Decimal:
    """A number with so many decimals; None leaves it as it is."""
    number = Decimal(str(value))
    return number if digits is None else number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


class Completion:
    """Fills rows in. Within one use it remembers owners' units and currencies' terms, so make a new one for each."""

    def __init__(self, organisation: "Organisation") -> None:
        self._organisation = organisation
        self._units: dict[object, str] = {}
        self._currencies: dict[object, str] = {}
        self._terms: dict[object, tuple[object, int | None]] = {}

    def defaults(self, table: TableDefinition, values: Values, *, owner: str) -> dict[str, object]:
        """What a new row has when `values` does not say: an owner, a state with its status, a business unit."""
        row: dict[str, object] = dict(table.defaults)
        if "accessmode" in table.columns:
            row["accessmode"] = 0
        if "statecode" in table.columns:
            state = table.columns["statecode"].option(int(str(values.get("statecode") or 0)))
            row.update(statecode=0, statuscode=state.default_status if state else None)
        if "ownerid" in table.columns:
            row.update(ownerid=owner, ownerid_type="systemuser")
        if "businessunitid" in table.columns and table.primary_id != "businessunitid":
            row["businessunitid"] = self._organisation.business_unit_id
        if (
            "parentbusinessunitid" in table.columns
            and values.get("businessunitid") != self._organisation.business_unit_id
        ):
            row["parentbusinessunitid"] = self._organisation.business_unit_id
        return row

    @staticmethod
    def basis(table: TableDefinition) -> tuple[str, ...]:
        """The columns of a kept row that `dependents` looks at."""
        owner = ("ownerid", "ownerid_type") if "ownerid" in table.columns else ()
        return (*owner, *table.money, "transactioncurrencyid") if table.money else owner

    def dependents(self, table: TableDefinition, row: Values, written: Values = NOTHING) -> dict[str, object]:
        """What follows from the rest of a row that is saved, of which `written` is new.

        The owner's unit; the currency, once there is money, with its rate of now; money rounded as its column wants
        (reference 9.4).
        """
        dependents: dict[str, object] = {}
        if "ownerid" in table.columns:
            dependents["owningbusinessunit"] = self._unit_of(str(row["ownerid_type"]), row["ownerid"])
        if not table.money:
            return dependents
        currency = row.get("transactioncurrencyid")
        if currency is None and any(row.get(name) is not None for name in table.money):
            currency = self._currency_of(row.get("modifiedby"))
        rate, precision = (None, None) if currency is None else self._terms_of(currency)
        for name in table.money:
            if written.get(name) is not None:
                decimals = {0: table.columns[name].precision, 2: precision}
                digits = decimals.get(table.columns[name].precision_source, self._organisation_precision)
                dependents[name] = rounded(written[name], digits)
        return {**dependents, "transactioncurrencyid": currency, "exchangerate": rate}

    def _unit_of(self, owner_type: str, owner: object) -> str:
        if owner not in self._units:
            primary = self._organisation.tables[owner_type].primary_id
            sql = f"SELECT businessunitid FROM {owner_type} WHERE {primary} = ?"  # noqa: S608
            unit = self._organisation.connection.execute(sql, (str(owner).lower(),)).get
            self._units[owner] = str(unit or self._organisation.business_unit_id)
        return self._units[owner]

    def _currency_of(self, user: object) -> str:
        """The currency of who saves the row, else the organisation's."""
        if user not in self._currencies:
            sql = "SELECT transactioncurrencyid FROM systemuser WHERE systemuserid = ?"
            found = self._organisation.connection.execute(sql, (str(user).lower(),)).get
            self._currencies[user] = str(found or self._organisation.currency_id)
        return self._currencies[user]

    def _terms_of(self, currency: object) -> tuple[object, int | None]:
        """A currency's rate and its precision."""
        if currency not in self._terms:
            sql = "SELECT exchangerate, currencyprecision FROM transactioncurrency WHERE transactioncurrencyid = ?"
            found = self._organisation.connection.execute(sql, (str(currency).lower(),)).fetchone()
            rate, precision = found or (None, None)
            self._terms[currency] = rate, None if precision is None else int(str(precision))
        return self._terms[currency]

    @cached_property
    def _organisation_precision(self) -> int:
        return int(str(self._organisation.connection.execute("SELECT currencydecimalprecision FROM organization").get))
