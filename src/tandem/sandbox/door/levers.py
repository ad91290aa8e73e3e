"""What every operation of the control door has: something to act on, and the hand of somebody who is not the sync user.

An operation that wrote rows past the Web API's own code would make edits that no tenant can make.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import msgspec

from tandem.sandbox.messages import Refused, Request
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import SYSTEM_ADMINISTRATOR_PROFILE
from tandem.sandbox.writing.writes import answer_write


@dataclass(frozen=True, slots=True, kw_only=True)
class Levers:
    """What the operations act on. `expire_tokens` ends every access token."""

    organisation: Organisation
    faults: Faults
    protection: Protection
    expire_tokens: Callable[[], None]

    def other_user(self) -> str:
        """An enabled user who is not the sync user and may write secured columns; made if there is none."""
        organisation = self.organisation
        enabled = organisation.find("systemuser", "isdisabled", False)
        others = [user for user in enabled if user != organisation.user_id]
        with organisation.transaction():
            user = others[0] if others else self._hire()
            if not organisation.find("systemuserprofiles", "systemuserid", user):
                values = {"systemuserid": user, "fieldsecurityprofileid": SYSTEM_ADMINISTRATOR_PROFILE}
                organisation.insert("systemuserprofiles", str(uuid4()), values, actor=user)
        return user

    def write(self, method: str, path: str, content: Mapping[str, object], *, user: str | None) -> str:
        """Write through the Web API's own code as `user`, else as another user; the address of a created row."""
        request = Request(
            method=method,
            path=path,
            headers={"if-match": "*"} if method == "PATCH" else {},
            body=msgspec.json.encode(content),
            caller=user or self.other_user(),
        )
        return answer_write(self.organisation, request).row

    def entity_set(self, table: str) -> str:
        """The entity set of a table. Raises Refused (404)."""
        if table not in self.organisation.tables:
            raise Refused(404, "0x80060888", f"There is no table '{table}'.")
        return self.organisation.tables[table].entity_set

    def _hire(self) -> str:
        user = str(uuid4())
        values = {"firstname": "Olivia", "lastname": "Other", "fullname": "Olivia Other"}
        self.organisation.insert("systemuser", user, {**values, "accessmode": 0, "isdisabled": False}, actor=user)
        return user


class Operation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One thing the door does."""

    def run(self, levers: Levers) -> object:
        """Do it and return what the answer holds. Raises Refused."""
        raise NotImplementedError
