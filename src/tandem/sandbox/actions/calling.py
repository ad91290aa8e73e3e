"""Actions write many rows at once, and their side effects are what a sync must survive.

This module finds the action a POST names and reads its parameters; an unknown action or parameter is refused, never
ignored (reference 3.7, 8.4, 8.11, 8.13, 13).
"""

from collections.abc import Callable, Mapping
from datetime import UTC

from tandem.sandbox.actions.bulk_delete import bulk_delete
from tandem.sandbox.actions.membership import (
    Answer,
    add_item,
    add_member,
    add_members,
    change_team,
    remove_item,
    remove_member,
)
from tandem.sandbox.actions.merge import merge
from tandem.sandbox.actions.parameters import Parameters
from tandem.sandbox.actions.qualify import qualify_lead
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.paths import NAMESPACE, unknown_segment
from tandem.sandbox.query.reading import json_response
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.associations import associate, dissociate
from tandem.sandbox.writing.payload import find_row, payload_error, read_values
from tandem.sandbox.writing.records import Records
from tandem.sandbox.writing.states import check_state_pair

_OPEN, _WON, _LOST = 0, 1, 2
_CLOSE_PROPERTIES = frozenset(
    {"subject", "description", "actualrevenue", "actualstart", "actualend", "opportunityid@odata.bind"}
)


def is_action(name: str) -> bool:
    """Whether an unbound action has that name."""
    return name in ACTIONS


def call_action(records: Records, request: Request, name: str) -> Response:
    """Call an unbound action."""
    return _called(request, name, ACTIONS[name](records, Parameters.read(records.organisation, request.body)))


def call_bound_action(records: Records, request: Request, table: TableDefinition, row_id: str, name: str) -> Response:
    """Call an action bound to one row. Raises Refused (404, 0x8006088a) for a name that the table does not have."""
    action = BOUND_ACTIONS.get((table.name, name))
    if action is None:
        raise unknown_segment(f"{NAMESPACE}{name}")
    parameters = Parameters.read(records.organisation, request.body)
    return _called(request, name, action(records, row_id, parameters))


def _called(request: Request, name: str, answer: Answer) -> Response:
    if answer is None:
        return Response(status=204, headers={"OData-Version": "4.0"})
    context = "Collection(crmbaseentity)" if "value" in answer else f"{NAMESPACE}{name}Response"
    return json_response({"@odata.context": f"{request.base}/$metadata#{context}", **answer})


def _qualify(records: Records, row_id: str, parameters: Parameters) -> Answer:
    created = qualify_lead(records, row_id, parameters)
    primary = {table: records.organisation.tables[table].primary_id for table in created}
    return {
        "value": [
            {"@odata.type": f"#{NAMESPACE}{table}", primary[table]: created_id} for table, created_id in created.items()
        ]
    }


def _merge(records: Records, parameters: Parameters) -> Answer:
    merge(records, parameters)
    return None


def _win(records: Records, parameters: Parameters) -> Answer:
    return _close_opportunity(records, parameters, state=_WON)


def _lose(records: Records, parameters: Parameters) -> Answer:
    return _close_opportunity(records, parameters, state=_LOST)


def _close_opportunity(records: Records, parameters: Parameters, *, state: int) -> Answer:
    """Close with the revenue and the day that the close activity tells; the activity itself is not kept here."""
    table = records.organisation.tables["opportunity"]
    status = parameters.integer("Status")
    close = parameters.content("OpportunityClose")
    parameters.done()
    for name in close.keys() - _CLOSE_PROPERTIES:
        raise payload_error(f"An undeclared property '{name}' was found in 'OpportunityClose'.")
    _, row_id = find_row(records.organisation, str(close.get("opportunityid@odata.bind")))
    if records.existing(table, row_id)["statecode"] != _OPEN:
        raise Refused(400, "0x80040233", "The opportunity is already closed.")
    outcome = check_state_pair(table, state, status)
    today = records.organisation.clock().astimezone(UTC).date().isoformat()
    told: dict[str, object] = {"actualclosedate": str(close.get("actualend") or today)[:10]}
    if close.get("actualrevenue") is not None:
        told["actualvalue"] = close["actualrevenue"]
    records.update(table, row_id, read_values(records.organisation, table, told) | outcome)
    return None


ACTIONS: Mapping[str, Callable[[Records, Parameters], Answer]] = {
    "Merge": _merge,
    "WinOpportunity": _win,
    "LoseOpportunity": _lose,
    "AddListMembersList": add_members,
    "BulkDelete": bulk_delete,
}
"""The unbound actions, by name."""

BOUND_ACTIONS: Mapping[tuple[str, str], Callable[[Records, str, Parameters], Answer]] = {
    ("lead", "QualifyLead"): _qualify,
    ("list", "AddMemberList"): add_member,
    ("list", "RemoveMemberList"): remove_member,
    ("list", "AddItemCampaign"): add_item("list"),
    ("campaign", "AddItemCampaign"): add_item("campaign"),
    ("campaign", "RemoveItemCampaign"): remove_item,
    ("team", "AddMembersTeam"): change_team(associate),
    ("team", "RemoveMembersTeam"): change_team(dissociate),
}
"""The actions bound to a row, by table and name."""
