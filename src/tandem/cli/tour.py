"""What the demo does on both sides, and where to look afterwards.

A demo that tells what should have happened proves nothing: every sentence about the outcome is made from what the
marketing database holds after the sync.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tandem.mapping.projection import decode_fields
from tandem.model.ids import PersonId
from tandem.report.people import full_name
from tandem.rules.companies import FANOUT_LIMIT
from tandem.sync.edits import Edits
from tandem.testing.world import World

_OPEN = 0
"""`statecode` of an open lead and of an active contact (reference 8.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something that was done, and `look`, which tells what the marketing database shows of it."""

    done: str
    look: Callable[[], str]


class Tour:
    """Edits a copied organisation and its marketing database once over; every scene has people of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        everybody = world.export("person")
        people = [each for each in everybody if each.get("firstName") and each.get("lastName")]
        self._leads, self._contacts = _active(people, "lead"), _active(people, "contact")
        self._crowds = Counter(each["externalCompanyId"] for each in everybody if each["externalCompanyId"])

    def scenes(self) -> list[Scene]:
        """Do everything, in order."""
        return [
            self._rename_person(),
            self._rename_account(),
            self._enter_lead(),
            self._qualify_lead(),
            self._merge_contacts(),
            self._delete_contact(),
            self._edit_both_sides(),
        ]

    def _rename_person(self) -> Scene:
        person = next(self._contacts)
        self._world.edit("contact", self._record(person), lastname=f"{person['lastName']}-Rivera")
        return Scene(
            done=f"Dynamics: {full_name(person)} is renamed",
            look=lambda: f"person {person['id']} is {full_name(self._fields(person['id']))}",
        )

    def _rename_account(self) -> Scene:
        account = max(self._crowds, key=lambda each: (self._crowds[each] <= FANOUT_LIMIT, self._crowds[each]))
        before = self._world.company(account).get("company")
        self._world.edit("account", account, name=f"{before} International")

        def look() -> str:
            after = self._world.company(account)["company"]
            people = [each["id"] for each in self._world.export("person") if each["externalCompanyId"] == account]
            logged = sum(any(entry[1] == "company" for entry in self._world.log(each)) for each in people)
            return f"{len(people):,} people work for {after}; {logged:,} have it in their activity log"

        return Scene(done=f"Dynamics: the account {before} is renamed", look=look)

    def _enter_lead(self) -> Scene:
        lead = self._world.create("lead", firstname="Nadia", lastname="Novak", emailaddress1="nadia@novak.example")
        return Scene(
            done="Dynamics: a new lead, Nadia Novak, is entered",
            look=lambda: f"person {self._world.person('lead', lead).id}, activity log: {self._log_of('lead', lead)}",
        )

    def _qualify_lead(self) -> Scene:
        person = next(self._leads)
        contact = self._world.qualify(self._record(person))

        def look() -> str:
            after = self._world.person("contact", contact)
            same = "the same person" if after.id == person["id"] else "another person"
            return f"{same} ({after.id}) is a {after.type} now, activity log: {self._log_of('contact', contact)}"

        return Scene(done=f"Dynamics: the lead {full_name(person)} is qualified", look=look)

    def _merge_contacts(self) -> Scene:
        winner, loser = next(self._contacts), next(self._contacts)
        self._world.merge("contact", self._record(winner), self._record(loser))

        def look() -> str:
            now = self._world.subscription.marketing.people.resolve(loser["id"])
            return f"whoever asks for person {loser['id']} finds person {now}, {full_name(self._fields(winner['id']))}"

        return Scene(done=f"Dynamics: {full_name(loser)} is merged into {full_name(winner)}", look=look)

    def _delete_contact(self) -> Scene:
        person = next(self._contacts)
        self._world.delete("contact", self._record(person))

        def look() -> str:
            after = self._world.subscription.marketing.people.get([person["id"]])[PersonId(person["id"])]
            flag = "marked as deleted in Dynamics" if after.is_deleted else "not marked"
            return f"person {after.id} stays, {flag}, type {after.type or 'empty'}"

        return Scene(done=f"Dynamics: the contact {full_name(person)} is deleted", look=look)

    def _edit_both_sides(self) -> Scene:
        person, subscription = next(self._contacts), self._world.subscription
        edits = Edits(subscription.database, subscription.marketing, subscription.state)
        edits.edit(person["id"], [("phone", "+1 555 0100")], at=subscription.now())
        self._world.edit("contact", self._record(person), jobtitle="Director of Demonstrations")

        def look() -> str:
            fields = self._fields(person["id"])
            return f"both stand: {fields.get('phone')}, {fields.get('title')}; the phone waits to be sent"

        return Scene(
            done=f"Marketing: {full_name(person)} gets a phone number; Dynamics: a job title meanwhile", look=look
        )

    def _record(self, person: dict[str, Any]) -> str:
        return self._world.subscription.state.links.of_people([person["id"]])[person["id"]].crm_id

    def _fields(self, person_id: int) -> dict[str, Any]:
        return decode_fields(self._world.subscription.marketing.people.get([person_id])[PersonId(person_id)].fields)

    def _log_of(self, table: str, record: str) -> str:
        """The kinds of entries in the person's activity log, in the order of their first appearance."""
        return ", ".join(dict.fromkeys(entry[0] for entry in self._world.log(self._world.person(table, record))))


def _active(people: Iterable[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    return (each for each in people if each["microsoftType"] == kind and each.get("leadStatus") == _OPEN)
