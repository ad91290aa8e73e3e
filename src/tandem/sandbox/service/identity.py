"""Who is calling and which organisation answers: the unbound functions a client asks first (reference 1.5-1.7, 3.3)."""

from collections.abc import Callable, Mapping
from uuid import NAMESPACE_URL, uuid5

import msgspec

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.paths import NAMESPACE, Segment, parse_arguments
from tandem.sandbox.query.options import refuse_others
from tandem.sandbox.query.reading import Reading, json_response, missing
from tandem.sandbox.store.privileges import Right, privilege_id, privilege_name, read_caller

VERSION = "9.2.25063.00145"
"""What RetrieveVersion says."""


def who_am_i(reading: Reading, arguments: Mapping[str, str]) -> Response:
    """The caller, its business unit and the organisation."""
    return _answer(
        reading,
        "WhoAmI",
        {
            "BusinessUnitId": reading.caller.business_unit_id,
            "UserId": reading.caller.user_id,
            "OrganizationId": reading.organisation.organization_id,
        },
    )


def retrieve_version(reading: Reading, arguments: Mapping[str, str]) -> Response:
    """The version of the platform."""
    return _answer(reading, "RetrieveVersion", {"Version": VERSION})


def retrieve_current_organization(reading: Reading, arguments: Mapping[str, str]) -> Response:
    """Ids, names and addresses of the organisation."""
    access = reading.options.resolve(arguments.get("AccessType", ""))
    if access not in {f"{NAMESPACE}EndpointAccessType'{kind}'" for kind in ("Default", "Internet", "Intranet")}:
        raise Refused(400, "0x80060888", "The parameter 'AccessType' is missing or not a valid EndpointAccessType.")
    organisation = reading.organisation
    identity = organisation.organization_id
    root = reading.request.base.partition("/api/")[0]
    name = organisation.connection.execute("SELECT name FROM organization").get
    endpoints = {
        "WebApplication": f"{root}/",
        "OrganizationService": f"{root}/XRMServices/2011/Organization.svc",
        "OrganizationDataService": f"{root}/XRMServices/2011/OrganizationData.svc",
    }
    detail = {
        "OrganizationId": identity,
        "FriendlyName": name,
        "OrganizationVersion": VERSION,
        # A copied environment has other ids, so they follow from the organisation's. [k]
        "EnvironmentId": str(uuid5(NAMESPACE_URL, f"environment:{identity}")),
        "DatacenterId": str(uuid5(NAMESPACE_URL, "datacenter")),
        "Geo": "NA",
        "TenantId": organisation.setting("tenant"),
        "UrlName": "sandbox",
        "UniqueName": f"unq{identity.replace('-', '')[:26]}",
        "Endpoints": _dictionary(endpoints),
        "State": "Enabled",
    }
    return _answer(reading, "RetrieveCurrentOrganization", {"Detail": detail})


def retrieve_total_record_count(reading: Reading, arguments: Mapping[str, str]) -> Response:
    """How many rows the tables named have; without the cap of `$count`."""
    try:
        names = msgspec.json.decode(reading.options.resolve(arguments.get("EntityNames", "")), type=list[str])
    except msgspec.MsgspecError:
        raise Refused(400, "0x80060888", "The parameter 'EntityNames' is missing or not a list of names.") from None
    counts: dict[str, object] = {}
    for name in names:
        table = reading.organisation.tables.get(name)
        if table is None:
            raise Refused(404, "0x80060888", f"The entity with a name = '{name}' was not found in the MetadataCache.")
        reading.caller.demand(table, Right.READ)
        sql = f"SELECT count(*) FROM {name}"  # noqa: S608
        counts[name] = reading.organisation.connection.execute(sql).get
    return _answer(reading, "RetrieveTotalRecordCount", {"EntityRecordCountCollection": _dictionary(counts)})


def retrieve_user_privileges(reading: Reading, user_id: str) -> Response:
    """Every privilege of a user and how far it reaches; bound to `systemusers(id)`."""
    refuse_others(reading.options, ())
    if not reading.organisation.exists("systemuser", user_id):
        raise missing(reading.organisation.tables["systemuser"], user_id)
    user = read_caller(reading.organisation.connection, user_id)
    held = []
    for table in reading.organisation.tables.values():
        for right in Right:
            name = privilege_name(table, right)
            depth = user.depth(name)
            if depth is not None:
                held.append(
                    {
                        "Depth": depth.wire_name,
                        "PrivilegeId": privilege_id(name),
                        "BusinessUnitId": user.business_unit_id,
                        "PrivilegeName": name,
                    }
                )
    return _answer(reading, "RetrieveUserPrivileges", {"RolePrivileges": held})


Function = Callable[[Reading, Mapping[str, str]], Response]

FUNCTIONS: Mapping[str, Function] = {
    "WhoAmI": who_am_i,
    "RetrieveVersion": retrieve_version,
    "RetrieveCurrentOrganization": retrieve_current_organization,
    "RetrieveTotalRecordCount": retrieve_total_record_count,
}
"""The unbound functions, by name."""


def call_function(reading: Reading, segment: Segment) -> Response:
    """Answer an unbound function; its parameters stand in parentheses, their values often in aliases."""
    refuse_others(reading.options, ())
    return FUNCTIONS[segment.name](reading, parse_arguments(segment.arguments or ""))


def _answer(reading: Reading, name: str, content: dict[str, object]) -> Response:
    return json_response({"@odata.context": f"{reading.request.base}/$metadata#{NAMESPACE}{name}Response", **content})


def _dictionary(items: Mapping[str, object]) -> dict[str, object]:
    """The .NET dictionary shape that several answers use (reference 1.6)."""
    return {
        "Count": len(items),
        "IsReadOnly": False,
        "Keys": list(items),
        "Values": list(items.values()),
    }
