"""A state and its status reason are one thing in two columns, and a closed row is closed to more than its state.

A client that sends half of the pair, or edits what it has closed, must be refused here as it is refused there
(reference 5.1, 5.7).
"""

from collections.abc import Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TableDefinition

STATE = frozenset({"statecode", "statuscode"})

_CLOSING = frozenset({"lead", "opportunity"})
"""Tables that close as activities do; the others accept changes while they are inactive [k]."""
_CUSTOMER = ("opportunity", "customerid")


def check_new(table: TableDefinition, values: Mapping[str, object]) -> None:
    """Raise Refused (400, 0x80048408) for a row to be made closed that must be made open (reference 5.1)."""
    if _closes(table) and values.get("statecode"):
        raise bad_state()


def check_open(table: TableDefinition, row: Mapping[str, object], values: Mapping[str, object]) -> None:
    """Raise Refused (400, 0x80040230) where a closed row is to change more than its state."""
    if _closes(table) and row["statecode"] != 0 and values.keys() - STATE:
        raise Refused(400, "0x80040230", f"The {table.name} is inactive and cannot be updated; reactivate it first.")


def check_customer(
    organisation: Organisation, table: TableDefinition, row: Mapping[str, object], values: Mapping[str, object]
) -> None:
    """Raise Refused (400, 0x80040517) where an open opportunity comes to an inactive customer.

    The reference has the code alone (7.2); that it is met when an opportunity is made, moved or reopened is
    unconfirmed.
    """
    name, column = _CUSTOMER
    if table.name != name or not values.keys() & {column, "statecode"}:
        return
    after = {**row, **values}
    customer_id, kind = after.get(column), after.get(f"{column}_type")
    if customer_id is None or after.get("statecode"):
        return
    customer = organisation.get(str(kind), str(customer_id))
    if customer is not None and customer["statecode"] != 0:
        raise Refused(400, "0x80040517", f"The customer {customer_id} of the {name} is inactive.")


def check_state_pair(table: TableDefinition, state: int | None, status: int) -> dict[str, object]:
    """The pair to store for a status reason; the state must be its own, or None for whichever that is.

    Raises Refused (400, 0x80048408).
    """
    option = table.columns["statuscode"].option(status)
    if option is None or state not in (None, option.state):
        raise bad_state()
    return {"statecode": option.state, "statuscode": status}


def state_pair(table: TableDefinition, values: Mapping[str, object]) -> dict[str, object]:
    """The pair to store for what was sent: a state alone takes its default reason, a reason alone is refused.

    Raises Refused (400, 0x80048408).
    """
    if values.get("statecode") is None:
        raise bad_state()
    state = int(str(values["statecode"]))
    option = table.columns["statecode"].option(state)
    status = values.get("statuscode", option.default_status if option else None)
    if status is None:
        raise bad_state()
    return check_state_pair(table, state, int(str(status)))


def bad_state() -> Refused:
    """400 0x80048408."""
    return Refused(
        400,
        "0x80048408",
        "State code is invalid or state code is valid but status code is invalid for a specified state code.",
    )


def _closes(table: TableDefinition) -> bool:
    """Whether rows of the table are made open and are read-only once closed."""
    return table.activity or table.name in _CLOSING
