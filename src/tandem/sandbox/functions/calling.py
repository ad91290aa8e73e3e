"""Which function a GET names; one that does not exist is an unknown segment (reference 3.7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tandem.sandbox.functions.answering import Arguments
from tandem.sandbox.functions.duplicates import retrieve_duplicates
from tandem.sandbox.functions.identity import (
    retrieve_current_organization,
    retrieve_total_record_count,
    retrieve_version,
    who_am_i,
)
from tandem.sandbox.functions.rights import (
    retrieve_principal_access,
    retrieve_principal_attribute_privileges,
    retrieve_user_privilege_by_name,
    retrieve_user_privileges,
)
from tandem.sandbox.messages import Response
from tandem.sandbox.metadata.changes import retrieve_metadata_changes
from tandem.sandbox.paths import Segment
from tandem.sandbox.query.options import refuse_others
from tandem.sandbox.query.reading import Reading


@dataclass(frozen=True, slots=True)
class Function:
    """An unbound function and the names of its parameters."""

    answer: Callable[[Reading, Arguments], Response]
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoundFunction:
    """A function of one row, and the names of its other parameters."""

    answer: Callable[[Reading, str, Arguments], Response]
    parameters: tuple[str, ...] = ()


FUNCTIONS: Mapping[str, Function] = {
    "WhoAmI": Function(who_am_i),
    "RetrieveVersion": Function(retrieve_version),
    "RetrieveCurrentOrganization": Function(retrieve_current_organization, ("AccessType",)),
    "RetrieveMetadataChanges": Function(
        retrieve_metadata_changes, ("Query", "DeletedMetadataFilters", "ClientVersionStamp")
    ),
    "RetrieveDuplicates": Function(retrieve_duplicates, ("BusinessEntity", "MatchingEntityName", "PagingInfo")),
    "RetrieveTotalRecordCount": Function(retrieve_total_record_count, ("EntityNames",)),
}
"""The unbound functions, by name."""

BOUND_FUNCTIONS: Mapping[tuple[str, str], BoundFunction] = {
    ("systemuser", "RetrieveUserPrivileges"): BoundFunction(retrieve_user_privileges),
    ("systemuser", "RetrieveUserPrivilegeByPrivilegeName"): BoundFunction(
        retrieve_user_privilege_by_name, ("PrivilegeName",)
    ),
    ("systemuser", "RetrievePrincipalAccess"): BoundFunction(retrieve_principal_access, ("Target",)),
    ("systemuser", "RetrievePrincipalAttributePrivileges"): BoundFunction(retrieve_principal_attribute_privileges),
}
"""The functions bound to a row, by table and name."""


def call_function(reading: Reading, segment: Segment) -> Response:
    """Answer an unbound function that is one of FUNCTIONS."""
    function = FUNCTIONS[segment.name]
    refuse_others(reading.options, ())
    return function.answer(reading, Arguments.read(segment.arguments, reading.options, *function.parameters))


def call_bound_function(reading: Reading, table: str, row_id: str, segment: Segment) -> Response:
    """Answer a function of a row that is one of BOUND_FUNCTIONS."""
    function = BOUND_FUNCTIONS[table, segment.operation]
    refuse_others(reading.options, ())
    return function.answer(reading, row_id, Arguments.read(segment.arguments, reading.options, *function.parameters))
