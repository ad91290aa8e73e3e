"""What a newer account row does to its company and to the people of that company (rules A3, A4, P14).

Any newer version resets every mapped field, edited ones included: the company is Dynamics'. A change is written into
the history of each person of the company, but a company with tens of thousands of people must not flood it.

    the field | Dynamics          | people        | outcome
    ----------+-------------------+---------------+------------------------------------------------------------------
    unmapped  | -                 | -             | KEEP         what marketing put there stays (A3)
    mapped    | the same meaning  | -             | NOTHING      nothing is logged
    mapped    | another meaning   | 5,000 or less | LOG_EACH     the value changes; logged on every person (A4)
    mapped    | another meaning   | 5,001 or more | LOG_COMPANY  the value changes; logged on the company alone (A4)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.values import same

FANOUT_LIMIT = 5_000
"""Up to this many linked people, and including it, each gets an entry (A4)."""


def logs_per_person(people: int, *, limit: int = FANOUT_LIMIT) -> bool:
    """Does a changed company field go into each person's history? Exactly the limit still does (A4)."""
    return people <= limit


def company_changes(
    fields: Iterable[Field], *, held: Mapping[str, Any], row: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    """The mapped fields whose meaning changes, as (API name, old, new)."""
    return [
        (each.api_name, held.get(each.api_name), row.get(each.api_name))
        for each in fields
        if not same(each, held.get(each.api_name), row.get(each.api_name))
    ]


def reset_company(held: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """The company's values after a newer row: every mapped field as Dynamics says, the others kept (A3)."""
    return {**held, **row}
