"""What the control door can do, one class each.

The docstring of a class is its line in the table that `GET /control` prints, its fields are the JSON it takes, and
`run` is all of it: so the table cannot tell of something that is not there.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import uuid4

import msgspec

from tandem.sandbox.automation.settling import settle
from tandem.sandbox.door.automation import (
    ArmPlugIn,
    DetectDuplicates,
    Lock,
    PublishRule,
    PutRule,
    Settle,
    Unplug,
)
from tandem.sandbox.door.definitions import (
    ChangeColumn,
    MakeColumn,
    MakeLookup,
    MakeTable,
    RemoveColumn,
    RemoveOption,
    RemoveTable,
)
from tandem.sandbox.door.levers import Levers, Operation
from tandem.sandbox.paths import as_guid
from tandem.sandbox.service.assertions import register_certificate
from tandem.sandbox.service.faults import Armed
from tandem.sandbox.service.protection import Limits
from tandem.sandbox.store.privileges import NO_ROLES, Depth, every_privilege, grant


class Create(Operation):
    """create a row as another user (`user`: a systemuserid); `values` as in a Web API body"""

    table: str
    values: dict[str, object]
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """The id of the new row."""
        row = levers.write("POST", levers.entity_set(self.table), self.values, user=self.user)
        return {"id": row[row.rindex("(") + 1 : -1]}


class Update(Operation):
    """change a row as another user"""

    table: str
    id: str
    values: dict[str, object]
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """The version after the change."""
        levers.write("PATCH", f"{levers.entity_set(self.table)}({self.id})", self.values, user=self.user)
        row = levers.organisation.get(self.table, self.id) or {}
        return {"version": row.get("versionnumber")}


class Delete(Operation):
    """delete a row, with what cascades, as another user"""

    table: str
    id: str
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.write("DELETE", f"{levers.entity_set(self.table)}({self.id})", {}, user=self.user)
        return {}


class Qualify(Operation):
    """qualify a lead as another user; the three flags tell what is made"""

    id: str
    account: bool = True
    contact: bool = True
    opportunity: bool = False
    status: int = 3
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """The ids that the lead now points at, by table; null where there is none."""
        content = {
            "CreateAccount": self.account,
            "CreateContact": self.contact,
            "CreateOpportunity": self.opportunity,
            "Status": self.status,
        }
        levers.write("POST", f"leads({self.id})/Microsoft.Dynamics.CRM.QualifyLead", content, user=self.user)
        lead = levers.organisation.get("lead", self.id) or {}
        return {
            "account": lead.get("parentaccountid"),
            "contact": lead.get("parentcontactid"),
            "opportunity": lead.get("qualifyingopportunityid"),
        }


class Merge(Operation):
    """merge the row `loser` into the row `winner` as another user; `values` go to the winner"""

    table: str
    winner: str
    loser: str
    values: dict[str, object] = msgspec.field(default_factory=dict)
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.entity_set(self.table)
        table = levers.organisation.tables[self.table]
        kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.name}"}
        content = {
            "Target": {**kind, table.primary_id: self.winner},
            "Subordinate": {**kind, table.primary_id: self.loser},
            "UpdateContent": {**kind, **self.values},
            "PerformParentingChecks": False,
        }
        levers.write("POST", "Merge", content, user=self.user)
        return {}


class Fault(Armed, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """arm a fault switch (second table); the third table tells what the members mean"""

    def run(self, levers: Levers) -> object:
        """The switches that are on."""
        levers.faults.arm(Armed(**msgspec.structs.asdict(self)))
        return levers.faults.armed()


class FaultScript(Operation):
    """turn off every fault switch, and arm those of a `script`: a list of what `fault` takes"""

    script: list[Armed]

    def run(self, levers: Levers) -> object:
        """The switches that are on."""
        levers.faults.replace(self.script)
        return levers.faults.armed()


class Clear(Operation):
    """turn one fault switch off, or all"""

    switch: str | None = None

    def run(self, levers: Levers) -> object:
        """The switches that are still on."""
        levers.faults.clear(self.switch)
        return levers.faults.armed()


class Protect(Limits, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """set what a user may do on each web server: `requests` and `seconds` of execution within the last `window`
    seconds, and requests `concurrent` (null: no limit); how many `servers` there are and which `hint` they give; what
    is not named is as it is at Microsoft, on one server, and what was used so far is forgotten"""

    def run(self, levers: Levers) -> object:
        """The limits."""
        levers.protection.limits = Limits(**msgspec.structs.asdict(self))
        return levers.protection.limits


class RegisterCertificate(Operation):
    """let the sync application sign in with the key of a certificate, given as PEM text, in place of its secret"""

    certificate: str

    def run(self, levers: Levers) -> object:
        """The certificate's thumbprint."""
        return {"thumbprint": register_certificate(levers.organisation, self.certificate)}


class Privilege(Operation):
    """let a privilege of the sync user reach only so far: `prvReadLead`, depth Basic, Local, Deep, Global or null"""

    privilege: str
    depth: str | None = None
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        if self.privilege not in every_privilege(levers.organisation.tables):
            raise ValueError(f"there is no privilege '{self.privilege}'")
        depth = None if self.depth is None else Depth[self.depth.upper()]
        _grant(levers, self.user, self.privilege, depth)
        return {}


class Roles(Operation):
    """take all roles from the sync user, or give them back"""

    assigned: bool
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        _grant(levers, self.user, NO_ROLES, Depth.GLOBAL if self.assigned else None)
        return {}


class Disable(Operation):
    """disable the sync user, or enable it again"""

    disabled: bool = True
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        user = self.user or levers.organisation.user_id
        levers.organisation.update("systemuser", user, {"isdisabled": self.disabled}, actor=levers.other_user())
        return {}


class Secure(Operation):
    """put a column under column security: the sync user reads null and may not write it"""

    table: str
    column: str
    secured: bool = True

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.organisation.secure_column(self.table, self.column, secured=self.secured)
        return {}


class Tracking(Operation):
    """turn change tracking of a table on or off"""

    table: str
    enabled: bool

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.organisation.set_change_tracking(self.table, enabled=self.enabled)
        return {}


class ExpireTokens(Operation):
    """end every access token now; new ones can be had"""

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.expire_tokens()
        return {}


class Advance(Operation):
    """move the organisation's clock by so many seconds: delta tokens and access tokens age, the windows of service
    protection slide, and one round of what stand-ins left for later is carried out"""

    seconds: float

    def run(self, levers: Levers) -> object:
        """The time it is then."""
        organisation, clock, step = levers.organisation, levers.organisation.clock, timedelta(seconds=self.seconds)
        organisation.clock = lambda: clock() + step
        settle(organisation, levers.other_user)
        return {"now": organisation.clock().isoformat()}


class BecomeCopy(Operation):
    """answer with another organisation id and the same rows, as a copied environment does"""

    id: str | None = None

    def run(self, levers: Levers) -> object:
        """The id it has then."""
        wanted = as_guid(self.id or str(uuid4()))
        if wanted is None:
            raise ValueError(f"'{self.id}' is no id of an organisation")
        levers.organisation.change_organization(wanted)
        return {"id": levers.organisation.organization_id}


class Snapshot(Operation):
    """keep a backup of the whole organisation, for `restore`"""

    def run(self, levers: Levers) -> object:
        """The version at which it was taken."""
        levers.organisation.back_up()
        return {"version": levers.organisation.version}


class Restore(Operation):
    """restore the last `snapshot` in place: rows, deletions and versions fall back"""

    def run(self, levers: Levers) -> object:
        """The version it has then."""
        levers.organisation.restore()
        return {"version": levers.organisation.version}


def _grant(levers: Levers, user: str | None, privilege: str, depth: Depth | None) -> None:
    organisation = levers.organisation
    with organisation.transaction():
        grant(organisation.connection, user or organisation.user_id, privilege, depth)


AnyOperation = Operation | Fault | Protect | PutRule
OPERATIONS: Mapping[str, type[AnyOperation]] = {
    "create": Create,
    "update": Update,
    "delete": Delete,
    "qualify": Qualify,
    "merge": Merge,
    "plug-in": ArmPlugIn,
    "unplug": Unplug,
    "settle": Settle,
    "duplicate-rule": PutRule,
    "duplicate-detection": DetectDuplicates,
    "publish-rule": PublishRule,
    "lock": Lock,
    "fault": Fault,
    "faults": FaultScript,
    "clear": Clear,
    "protect": Protect,
    "privilege": Privilege,
    "roles": Roles,
    "disable": Disable,
    "make-table": MakeTable,
    "remove-table": RemoveTable,
    "make-column": MakeColumn,
    "make-lookup": MakeLookup,
    "change-column": ChangeColumn,
    "remove-column": RemoveColumn,
    "remove-option": RemoveOption,
    "secure": Secure,
    "tracking": Tracking,
    "register-certificate": RegisterCertificate,
    "expire-tokens": ExpireTokens,
    "advance": Advance,
    "become-copy": BecomeCopy,
    "snapshot": Snapshot,
    "restore": Restore,
}
"""Every operation by the last part of its path."""
