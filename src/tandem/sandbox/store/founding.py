"""What every organisation has from its first day."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import uuid4

from tandem.sandbox.store.privileges import SYSTEM_ADMINISTRATOR_PROFILE
from tandem.sandbox.store.views import shipped_views

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation

FIRST_VERSION = 1_000_000
"""Where the version counter begins; a real environment's is never near zero."""


def found(organisation: "Organisation", name: str) -> None:
    """Make the organisation itself, its root business unit, its base currency, its sync user and its views.

    The sync user is an application user (reference 1.4) whose `domainname` also signs in by password.
    """
    organisation.connection.execute("INSERT INTO counter (version) VALUES (?)", (FIRST_VERSION,))
    for setting in ("user_id", "business_unit_id", "currency_id"):
        organisation.set_setting(setting, str(uuid4()))
    for table, row in _rows(organisation, name).items():
        organisation.load(table, [row])
    organisation.load("savedquery", shipped_views(organisation.tables))


def _rows(organisation: "Organisation", name: str) -> Mapping[str, Mapping[str, object]]:
    return {
        "transactioncurrency": {
            "transactioncurrencyid": organisation.currency_id,
            "currencyname": "US Dollar",
            "isocurrencycode": "USD",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 1,
        },
        "businessunit": {
            "businessunitid": organisation.business_unit_id,
            "name": name,
            "isdisabled": False,
        },
        "systemuser": {
            "systemuserid": organisation.user_id,
            "firstname": "Sync",
            "lastname": "User",
            "fullname": "Sync User",
            "internalemailaddress": "sync@sandbox.example",
            "domainname": "sync@sandbox.example",
            "applicationid": str(uuid4()),
            "azureactivedirectoryobjectid": str(uuid4()),
            "accessmode": 4,
            "isdisabled": False,
            "islicensed": False,
            "isintegrationuser": True,
        },
        "organization": {
            "organizationid": str(uuid4()),
            "name": name,
            "expirechangetrackingindays": 7,
            "expiresubscriptionsindays": 90,
            "currencydecimalprecision": 2,
            "maxuploadfilesize": 5_242_880,
            "isduplicatedetectionenabled": True,
            "basecurrencyid": organisation.currency_id,
        },
        "fieldsecurityprofile": {
            "fieldsecurityprofileid": SYSTEM_ADMINISTRATOR_PROFILE,
            "name": "System Administrator",
        },
    }
