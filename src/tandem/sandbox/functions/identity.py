"""Who is calling and which organisation answers: what a client asks first (reference 1.5, 1.6, 3.3)."""

from uuid import NAMESPACE_URL, uuid5

from tandem.sandbox.functions.answering import Arguments, answer, dictionary, invalid_argument
from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.store.privileges import Right

VERSION = "9.2.25063.00145"
"""What RetrieveVersion says."""


def who_am_i(reading: Reading, arguments: Arguments) -> Response:
    """The caller, its business unit and the organisation."""
    return answer(
        reading,
        "WhoAmI",
        {
            "BusinessUnitId": reading.caller.business_unit_id,
            "UserId": reading.caller.user_id,
            "OrganizationId": reading.organisation.organization_id,
        },
    )


def retrieve_version(reading: Reading, arguments: Arguments) -> Response:
    """The version of the platform."""
    return answer(reading, "RetrieveVersion", {"Version": VERSION})


def retrieve_current_organization(reading: Reading, arguments: Arguments) -> Response:
    """Ids, names and addresses of the organisation."""
    if arguments.member("AccessType", "EndpointAccessType") not in ("Default", "Internet", "Intranet"):
        raise invalid_argument("The parameter 'AccessType' is missing or not a valid EndpointAccessType.")
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
        "Endpoints": dictionary(endpoints),
        "State": "Enabled",
    }
    return answer(reading, "RetrieveCurrentOrganization", {"Detail": detail})


def retrieve_total_record_count(reading: Reading, arguments: Arguments) -> Response:
    """How many rows the tables named have; without the cap of `$count`."""
    names = arguments.json("EntityNames")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid_argument("The parameter 'EntityNames' is missing or not a list of names.")
    counts: dict[str, object] = {}
    for name in names:
        table = reading.organisation.tables.get(name)
        if table is None:
            raise Refused(404, "0x80060888", f"The entity with a name = '{name}' was not found in the MetadataCache.")
        reading.caller.demand(table, Right.READ)
        sql = f"SELECT count(*) FROM {name}"  # noqa: S608
        counts[name] = reading.organisation.connection.execute(sql).get
    return answer(reading, "RetrieveTotalRecordCount", {"EntityRecordCountCollection": dictionary(counts)})
