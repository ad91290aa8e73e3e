"""A write made as somebody else shows both names, and a sync that looks for its own in one place misses it.

The headers name the user who is to be acted as; from there on that user is the caller, and the one whose token it is
the delegate (reference 9.1).
"""

from dataclasses import replace

from tandem.sandbox.messages import Refused, Request
from tandem.sandbox.paths import as_guid
from tandem.sandbox.store.organisation import Organisation

PRIVILEGE = "prvActOnBehalfOfAnotherUser"

_BY_COLUMN = {"callerobjectid": "azureactivedirectoryobjectid", "mscrmcallerid": "systemuserid"}
"""The headers, the preferred one first, and what they name the user by."""


def acting_as(organisation: Organisation, request: Request) -> Request:
    """The request as the user it asks to act as, or as it is. The parts of a batch act as the batch does, or as they
    ask themselves.

    Raises Refused: 403 0x8004A110 without the privilege, 403 0x80072560 for a user who is none [k], 400 for an id
    that is none [k].
    """
    header = next((name for name in _BY_COLUMN if name in request.headers), None)
    if header is None:
        return request
    real = request.delegate or request.caller
    wanted = as_guid(request.headers[header].strip())
    if wanted is None:
        raise Refused(400, "0x80060888", f"The header '{header}' must hold the id of a user.")
    if organisation.caller(real).depth(PRIVILEGE) is None:
        raise Refused(
            403,
            "0x8004A110",
            f"User {real} cannot act on behalf of another user: the {PRIVILEGE} privilege is missing.",
        )
    found = organisation.find("systemuser", _BY_COLUMN[header], wanted)
    if not found:
        raise Refused(403, "0x80072560", "The user is not a member of the organization.")
    return replace(request, caller=found[0], delegate=None if found[0] == real else real)
