"""What the organisation fills in when a row is saved: defaults of a new row, and columns that follow from others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tandem.sandbox.tables import TABLES, ColumnType, TableDefinition

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation

Values = Mapping[str, object]

_MONEY = {
    table.name: tuple(
        column.name for column in table.columns.values() if column.type is ColumnType.MONEY and column.derived is None
    )
    for table in TABLES.values()
}

_NO = {
    table.name: {
        column.name: False
        for column in table.columns.values()
        if column.type is ColumnType.BOOLEAN and column.derived is None
    }
    for table in TABLES.values()
}
"""Shipped yes/no columns say No where nobody said anything ([k]; custom ones stay empty)."""


class Completion:
    """Fills rows in. Within one use it remembers owners' units and currencies' rates, so make a new one for each."""

    def __init__(self, organisation: "Organisation") -> None:
        self._organisation = organisation
        self._units: dict[object, str] = {}
        self._rates: dict[object, object] = {}

    def defaults(self, table: TableDefinition, values: Values, *, owner: str) -> dict[str, object]:
        """What a new row has when `values` does not say: an owner, a state with its status, a business unit."""
        row: dict[str, object] = dict(_NO.get(table.name, {}))
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

    def dependents(self, table: TableDefinition, row: Values) -> dict[str, object]:
        """What follows from the rest of a row: the owner's unit; the currency, once there is money, and its rate."""
        dependents: dict[str, object] = {}
        if "ownerid" in table.columns:
            dependents["owningbusinessunit"] = self._unit_of(str(row["ownerid_type"]), row["ownerid"])
        money = _MONEY[table.name]
        if money:
            currency = row.get("transactioncurrencyid")
            if currency is None and any(row.get(name) is not None for name in money):
                currency = self._organisation.currency_id
            dependents["transactioncurrencyid"] = currency
            dependents["exchangerate"] = None if currency is None else self._rate_of(currency)
        return dependents

    def _unit_of(self, owner_type: str, owner: object) -> str:
        if owner not in self._units:
            primary = self._organisation.tables[owner_type].primary_id
            sql = f"SELECT businessunitid FROM {owner_type} WHERE {primary} = ?"  # noqa: S608
            unit = self._organisation.connection.execute(sql, (str(owner).lower(),)).get
            self._units[owner] = str(unit or self._organisation.business_unit_id)
        return self._units[owner]

    def _rate_of(self, currency: object) -> object:
        if currency not in self._rates:
            sql = "SELECT exchangerate FROM transactioncurrency WHERE transactioncurrencyid = ?"
            self._rates[currency] = self._organisation.connection.execute(sql, (str(currency).lower(),)).get
        return self._rates[currency]
