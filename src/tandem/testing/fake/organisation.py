"""An organisation in memory: who answers, what is defined, and its messages (reference 8.7, 8.11, 8.13).

It is as strict as the real one where a sync could go wrong, and simple elsewhere: everybody has every right, one
currency, no connection twins. Values are given by logical column name; a lookup takes a Reference, or the bare id
where it has one target.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tandem.dynamics.identity import Identity
from tandem.model.schema import Column, Table
from tandem.sandbox.messages import Refused
from tandem.testing.fake.rows import FakeRows
from tandem.testing.fake.store import Reference

_LOSING_STATE = {"account": (1, 2), "contact": (1, 2), "lead": (2, 7)}
"""State and status of the loser of a merge; the lead's pair is unconfirmed (reference 8.13)."""

_MEMBERS = {2: "contact", 4: "lead"}
"""The table of a list's members, by its `createdfromcode` (reference 8.7)."""

_TO_CONTACT = (
    *("salutation", "firstname", "middlename", "lastname", "jobtitle", "fax", "pager", "mobilephone", "websiteurl"),
    *("emailaddress1", "emailaddress2", "emailaddress3", "telephone1", "telephone2", "telephone3", "description"),
    *("donotemail", "donotbulkemail", "donotphone", "donotfax", "donotpostalmail", "donotsendmm"),
    *(f"address1_line{number}" for number in (1, 2, 3)),
    *("address1_city", "address1_stateorprovince", "address1_postalcode", "address1_country"),
    *("address1_county", "address1_name"),
)
"""What a qualified lead hands on (reference 8.11)."""


class FakeOrganisation(FakeRows):
    """Rows, what a customer has put around them, and the messages that act on several rows at once."""

    def __init__(self, *, seed: int = 1, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(seed=seed, clock=clock)
        self.retention = timedelta(days=7)
        self._backup = self._store
        self.organization_id = self._new_id()
        self.sync_user = self._hire("# Tandem")
        self.colleague = self._hire("Olivia Other")

    # What it is ----------------------------------------------------------------------------------------------------

    @property
    def identity(self) -> Identity:
        """Who the sync user is."""
        return Identity(
            user_id=self.sync_user, business_unit_id=self.organization_id, organization_id=self.organization_id
        )

    @property
    def version(self) -> int:
        """The number of the last write."""
        return self._store.version

    def add_table(self, table: Table) -> None:
        """Add a table, without rows."""
        with self.lock:
            self.tables[table.name] = table
            self.schema += 1

    def change_table(self, table: str, **changes: Any) -> None:
        """Change a table's definition, such as `change_tracking`."""
        with self.lock:
            self.tables[table] = replace(self.tables[table], **changes)
            self.schema += 1

    def add_column(self, table: str, column: Column) -> None:
        """Add a column, empty in every row."""
        self.change_table(table, columns={**self.tables[table].columns, column.name: column})

    def remove_column(self, table: str, column: str) -> None:
        """Delete a column with its values."""
        kept = {name: each for name, each in self.tables[table].columns.items() if name != column}
        self.change_table(table, columns=kept)

    def secure(self, table: str, column: str, *, secured: bool = True) -> None:
        """Take a column out of the sync user's sight, or give it back: it reads null and takes no write."""
        with self.lock:
            columns = self.tables[table].columns
            self.add_column(table, replace(columns[column], secured=secured))
            (self.unreadable.add if secured else self.unreadable.discard)((table, column))

    def lock_row(self, table: str, row_id: str, *, locked: bool = True) -> None:
        """Let a row refuse every change, or accept them again."""
        (self._locked.add if locked else self._locked.discard)((table, row_id))

    def back_up(self) -> None:
        """Keep the rows as they are, for `restore`."""
        self._backup = deepcopy(self._store)

    def restore(self) -> None:
        """Restore the last backup in place: rows, deletions and versions fall back."""
        self._store = deepcopy(self._backup)

    def become_copy(self) -> None:
        """From now on answer as another organisation with the same rows."""
        self.organization_id = self._new_id()

    # What is done to it --------------------------------------------------------------------------------------------

    def qualify(self, lead_id: str, *, by: str = "") -> str:
        """Qualify an open lead into a contact and return the contact's id (reference 8.11)."""
        with self.lock:
            lead = self._unlocked("lead", lead_id)
            if lead["statecode"] != 0:
                raise Refused(400, "0x80040519", "The lead is already closed.")
            values = {name: lead[name] for name in _TO_CONTACT if lead.get(name) is not None}
            if lead.get("parentaccountid"):
                values["parentcustomerid"] = lead["parentaccountid"]
            contact = self.create("contact", {**values, "originatingleadid": lead_id}, by=by)
            outcome = {"statecode": 1, "statuscode": 3, "parentcontactid": Reference("contact", contact)}
            self._put("lead", lead_id, {**lead, **outcome})
            return contact

    def merge(self, table: str, winner: str, loser: str, values: Mapping[str, Any]) -> None:
        """Merge the loser into the winner, which takes `values`; rows of the loser follow (reference 8.13)."""
        with self.lock:
            rows = [self._unlocked(table, winner), self._unlocked(table, loser)]
            if winner == loser:
                raise Refused(400, "0x80045305", "Merge cannot be performed on a record with itself.")
            if any(row["statecode"] != 0 for row in rows):
                raise Refused(400, "0x80045304", "Merge cannot be performed: one of the records is not active.")
            self.edit(table, winner, values)
            for child, column, child_id in list(self._referrers(Reference(table, loser))):
                if column != "masterid":
                    # The winner never comes to point at itself.
                    target = None if (child, child_id) == (table, winner) else Reference(table, winner)
                    self._put(child, child_id, {**self._existing(child, child_id), column: target})
            state, status = _LOSING_STATE[table]
            outcome = {"merged": True, "masterid": Reference(table, winner), "statecode": state, "statuscode": status}
            self._put(table, loser, {**self._existing(table, loser), **outcome})

    def add_member(self, list_id: str, member_id: str) -> None:
        """Put a record on a static list; one that is on it stays on it (reference 8.7, unconfirmed)."""
        with self.lock:
            member = self._member(list_id, member_id)
            self._existing(*member)
            if self._membership(list_id, member) is None:
                values = {"listid": Reference("list", list_id), "entityid": member}
                self._put_new("listmember", values)

    def remove_member(self, list_id: str, member_id: str) -> None:
        """Take a record off a static list."""
        with self.lock:
            membership = self._membership(list_id, self._member(list_id, member_id))
            if membership is None:
                raise Refused(400, "0x80048458", "Cannot remove a member that is not on the list.")
            self._store.remove("listmember", membership)

    def add_item(self, list_id: str, campaign_id: str) -> None:
        """Put a list into a campaign."""
        with self.lock:
            if self._existing("list", list_id)["statecode"] != 0:
                raise Refused(400, "0x80040304", "An inactive item cannot be associated with a campaign.")
            self._existing("campaign", campaign_id)
            values = {"campaignid": campaign_id, "entityid": list_id}
            if any(values.items() <= row.items() for row in self.rows("campaignitem").values()):
                raise Refused(412, "0x80040237", "The two records are already associated.")
            self._put_new("campaignitem", values)

    # How it does it ------------------------------------------------------------------------------------------------

    def _member(self, list_id: str, member_id: str) -> Reference:
        """A record as member of a list that may be changed. Raises Refused."""
        row = self._existing("list", list_id)
        if row["type"]:
            raise Refused(400, "0x8004F701", "This operation is not possible on a dynamic list.")
        if row["lockstatus"]:
            raise Refused(400, "0x80040302", "The list is locked: its members cannot be changed.")
        return Reference(_MEMBERS[row["createdfromcode"]], member_id)

    def _membership(self, list_id: str, member: Reference) -> str | None:
        wanted = {"listid": Reference("list", list_id), "entityid": member}
        return next((key for key, row in self.rows("listmember").items() if wanted.items() <= row.items()), None)

    def _hire(self, name: str) -> str:
        user = self._new_id()
        self._put("systemuser", user, {"systemuserid": user, "fullname": name, "isdisabled": False, "accessmode": 0})
        return user
