"""What the demo does on both sides, and where to look afterwards.

A demo that tells what should have happened proves nothing: every sentence about the outcome is made from what both
databases hold after the sync.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.mapping.projection import decode_fields
from tandem.model.ids import PersonId
from tandem.report.people import full_name
from tandem.rules.companies import FANOUT_LIMIT
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.edits import Edits
from tandem.testing.world import World

_OPEN = 0
"""`statecode` of an open lead and of an active contact (reference 8.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something that was done, and `look`, which tells what both databases show of it."""

    done: str
    look: Callable[[], str]


class Tour:
    """Edits a copied organisation and its marketing database once over; every scene has people of its own."""

    def __init__(self, world: World, engine: Engine, context: Context) -> None:
        self._world = world
        self._engine = engine
        self._context = context
        subscription = world.subscription
        self._edits = Edits(subscription.database, subscription.marketing, subscription.state)
        everybody = world.export("person")
        people = [each for each in everybody if each.get("firstName") and each.get("lastName")]
        self._leads, self._contacts = _active(people, "lead"), _active(people, "contact")
        self._crowds = Counter(each["externalCompanyId"] for each in everybody if each["externalCompanyId"])

    def scenes(self) -> list[Scene]:
        """Do everything, in order."""
        return [
            self._edit_in_marketing(),
            self._edit_in_dynamics(),
            self._edit_different_fields(),
            self._collide("lead", next(self._leads)),
            self._collide("contact", next(self._contacts)),
            self._sign_up(),
            self._rename_account(),
            self._enter_lead(),
            self._qualify_lead(),
            self._merge_contacts(),
            self._delete_contact(),
        ]

    def _edit_in_marketing(self) -> Scene:
        person = next(self._contacts)
        self._edit(person, phone="+1 555 0100")
        return Scene(
            done=f"Marketing: {full_name(person)} gets a phone number",
            look=lambda: self._shown("contact", self._record(person), "phone", "telephone1"),
        )

    def _edit_in_dynamics(self) -> Scene:
        person = next(self._contacts)
        self._world.edit("contact", self._record(person), lastname=f"{person['lastName']}-Rivera")
        return Scene(
            done=f"Dynamics: {full_name(person)} is renamed",
            look=lambda: self._shown("contact", self._record(person), "lastName", "lastname"),
        )

    def _edit_different_fields(self) -> Scene:
        person = next(self._contacts)
        self._edit(person, phone="+1 555 0101")
        self._world.edit("contact", self._record(person), jobtitle="Director of Demonstrations")

        def look() -> str:
            columns = {"phone": "telephone1", "title": "jobtitle"}
            return ", ".join(self._shown("contact", self._record(person), *each) for each in columns.items())

        return Scene(
            done=f"Marketing: {full_name(person)} gets a phone number; Dynamics: a job title meanwhile", look=look
        )

    def _collide(self, table: str, person: dict[str, Any]) -> Scene:
        self._edit(person, title="Fan of the Brand")
        self._world.edit(table, self._record(person), jobtitle="Buyer of Everything")

        def look() -> str:
            logged = [entry[0] for entry in self._world.log(person["id"])].count("Conflict")
            return f"{self._shown(table, self._record(person), 'title', 'jobtitle')}, conflicts in the log: {logged}"

        return Scene(
            done=f"Marketing: the {table} {full_name(person)} becomes Fan of the Brand; Dynamics: Buyer of Everything",
            look=look,
        )

    def _sign_up(self) -> Scene:
        at = self._world.subscription.now()
        topic, email = "Asked for the brochure", "amira@adeyemi.example"
        typed = [("firstName", "Amira"), ("lastName", "Adeyemi"), ("email", email), ("microsoftTopic", topic)]
        person = self._edits.create(typed, at=at)
        perform(self._engine, self._context, Action.SYNC_PERSON, person, {})

        def look() -> str:
            link = self._world.subscription.state.links.of_people([person])[person]
            row = self._world.row(link.entity, link.crm_id)
            return (
                f"Dynamics has the {link.entity} {row['firstname']} {row['lastname']}, {row['emailaddress1']}; "
                f"activity log: {self._log_of(link.entity, link.crm_id)}"
            )

        return Scene(done="Marketing: Amira Adeyemi signs up, and a campaign sends her to Dynamics at once", look=look)

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

    def _edit(self, person: dict[str, Any], **values: str) -> None:
        self._edits.edit(person["id"], list(values.items()), at=self._world.subscription.now())

    def _shown(self, table: str, record: str, name: str, column: str) -> str:
        """What a field of the person and its column of the record hold."""
        here, there = self._world.fields(table, record).get(name), self._world.row(table, record)[column]
        return f"both have {here}" if here == there else f"marketing has {here}, Dynamics has {there}"

    def _record(self, person: dict[str, Any]) -> str:
        return self._world.subscription.state.links.of_people([person["id"]])[person["id"]].crm_id

    def _fields(self, person_id: int) -> dict[str, Any]:
        return decode_fields(self._world.subscription.marketing.people.get([person_id])[PersonId(person_id)].fields)

    def _log_of(self, table: str, record: str) -> str:
        """The kinds of entries in the person's activity log, in the order of their first appearance."""
        return ", ".join(dict.fromkeys(entry[0] for entry in self._world.log(self._world.person(table, record))))


def _active(people: Iterable[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    return (each for each in people if each["microsoftType"] == kind and each.get("leadStatus") == _OPEN)
