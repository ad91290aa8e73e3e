"""The few people that every FetchXML query of these tests is asked about."""

from datetime import UTC, datetime

import pytest

from tandem.sandbox.store.organisation import Organisation

PARENT = "aaaaaaaa-0000-4000-8000-000000000001"
CHILD = "aaaaaaaa-0000-4000-8000-000000000002"
GRANDCHILD = "aaaaaaaa-0000-4000-8000-000000000003"


def contact_id(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number:012}"


@pytest.fixture
def people(organisation: Organisation) -> Organisation:
    """Three accounts, one above the other, and six contacts; it is noon of a Sunday in June."""
    organisation.clock = lambda: datetime(2025, 6, 15, 12, tzinfo=UTC)
    organisation.load(
        "account",
        [
            {"accountid": PARENT, "name": "Contoso", "industrycode": 2, "customertypecode": 5},
            {"accountid": CHILD, "name": "Fabrikam", "customertypecode": 6, "parentaccountid": PARENT},
            {"accountid": GRANDCHILD, "name": "Adventure", "parentaccountid": CHILD},
        ],
    )
    moments = ("2025-06-15T11:30:00Z", "2025-06-14T23:00:00Z", "2025-06-16T01:00:00Z", "2024-06-15T12:00:00Z", None)
    organisation.load(
        "contact",
        [
            {
                "contactid": contact_id(number),
                "firstname": ("Ann", "Bo", "Åke", "Ann", None, "Dee")[number],
                "lastname": ("Ek", "Ek", "ÅKE", "100%", "Ann_x", "Dee")[number],
                "annualincome": (10, 20, None, 40, None, 60)[number],
                "donotemail": number == 1,
                "lastusedincampaign": (*moments, None)[number],
                "birthdate": "1980-02-29" if number == 3 else None,
                "parentcustomerid": {0: PARENT, 1: PARENT, 2: CHILD, 3: contact_id(0)}.get(number),
                "parentcustomerid_type": {0: "account", 1: "account", 2: "account", 3: "contact"}.get(number),
            }
            for number in range(6)
        ],
    )
    return organisation
