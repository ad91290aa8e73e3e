"""Looks in Dynamics for what qualifying a lead has made (rules P11, F1).

QualifyLead takes no id of our choice, so a lost answer can only be settled by looking for its effect: the contact that
names the lead, else the contact the qualified lead names.
"""

from collections.abc import Mapping
from typing import Any

from tandem.dynamics.queries import PageQuery
from tandem.model.entities import Entity
from tandem.rules.qualify import QUALIFIED
from tandem.sync.context import Context
from tandem.sync.plan import TablePlan


def contacts_of(
    context: Context, plans: Mapping[Entity, TablePlan], lead: str, *, told: str | None = None
) -> tuple[list[Any], list[Any]]:
    """The lead's row and the rows of contacts it was qualified into; no more than one page of either."""
    leads, contacts = plans[Entity.LEAD], plans[Entity.CONTACT]
    found, _ = context.dynamics.fetch(leads.table, [lead], leads.decoder)
    if told is not None:
        rows, _ = context.dynamics.fetch(contacts.table, [told], contacts.decoder)
        return found, rows
    query = PageQuery(table=contacts.table, columns=contacts.columns, filter=f"_originatingleadid_value eq {lead}")
    rows = context.dynamics.read_page(query, contacts.decoder).rows
    if rows:
        return found, rows
    state, into = leads.get("statecode"), leads.get("parentcontactid")
    named = [into(row) for row in found if state(row) == QUALIFIED and into(row)]
    rows, _ = context.dynamics.fetch(contacts.table, named, contacts.decoder) if named else ([], [])
    return found, rows
