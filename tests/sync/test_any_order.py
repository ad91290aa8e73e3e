"""Whatever happens in Dynamics, in any order, between any two pages: the marketing database ends as the rows say.

A seeded walk edits a small organisation while cycles run, stop and begin again. The end is compared with a plain
reading of the organisation's rows that knows nothing of streams, versions or links. The seed is part of the test's
name; `_walk` prints each step, so a failure shows the way it came about.
"""

import dataclasses
import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import apsw
import pytest

from tandem.dynamics.rows import Page
from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.sandbox.door.operations import Tracking
from tandem.sandbox.messages import Refused
from tandem.sandbox.writing import records
from tandem.state.links import Link
from tandem.state.streams import StreamState
from tandem.sync import reading
from tandem.sync.choosing import FieldInQuickSync
from tandem.sync.cycle_report import CycleReport
from tandem.sync.edits import Edits
from tandem.sync.waiting import LEAD_OF_CONTACT
from tandem.testing.world import World

_PEOPLE = ("lead", "contact")
_STEPS = 60
_TABLES = ("person", "person_alias", "company", "opportunity", "opportunity_role", "activity", "link", "waiting")


@pytest.mark.parametrize("seed", range(12))
def test_R1_any_order_of_events_ends_as_the_rows_say(
    make_world: Callable[..., World], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then a quiet cycle changes nothing, nor do pages that come again, doubled and in another order."""
    ids = random.Random(seed)
    monkeypatch.setattr(records, "uuid4", lambda: UUID(int=ids.getrandbits(128), version=4))  # they decide the order
    world = make_world(page_size="3").filter_column("lead", "contact", "account").connect()
    walk = Walk(world, random.Random(seed))

    walk.run()
    _settle(world)
    _check(walk)

    before = _dump(world)
    assert _nothing_happened(world.cycle())
    assert before == _dump(world)
    _replay(world, walk.deltas, random.Random(seed), monkeypatch)
    assert before == _dump(world)


class Walk:
    """Random events in one world, and what the check at the end must know of them."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.records: dict[str, list[str]] = {table: [] for table in (*_PEOPLE, "account", "opportunity")}
        self.flipped: set[str] = set()
        """Records the filter kept out at some time: D9 makes the outcome of a qualification depend on the moment."""
        self.stale: dict[str, set[str]] = {}
        """Last names given while the filter said No."""
        self.closed: set[str] = set()
        """Qualified leads and losers of merges: a restore brings them back as they were, which nobody here does."""
        self.edited: dict[int, str] = {}
        """Phone numbers typed in marketing, by person; nobody edits them in Dynamics."""
        self.phones: dict[str, str | None] = {}
        """The phone number a record had when it was deleted: a restore brings it back (a blank would be an edit)."""
        self._disturbances = [self._expire_tokens, self._select, self._switch_tracking]
        self.deltas: dict[Entity, str] = {}
        """The first delta link of each table under its present selection."""
        self._chance = chance
        self._number = 0
        self._events: list[Callable[[], object]] = [
            *[self._create] * 3,
            *[self._rename] * 3,
            self._move,
            self._delete,
            self._restore,
            *[self._qualify] * 2,
            self._qualify_into_existing,
            *[self._merge] * 2,
            *[self._flip] * 2,
            self._open_opportunity,
            self._edit_here,
        ]

    def run(self) -> None:
        """Start with a few records, then walk."""
        for table in ("account", "lead", "contact", "account", "contact", "lead"):
            self._create_in(table)
        contact, account = self.records["contact"][0], self.records["account"][0]
        binds = {"customerid_account__bind": f"/accounts({account})", "parentcontactid__bind": f"/contacts({contact})"}
        self.records["opportunity"].append(self.world.create("opportunity", name="first", **binds))
        for _ in range(_STEPS):
            if self._chance.random() < 0.2:
                self._cycle()
            elif self._chance.random() < 0.06:
                self._told(f"{self._chance.choice(self._disturbances)()}")
            else:
                self._event()
        self._select(selected=True)
        self.world.do(Tracking(table="contact", enabled=True))

    def _event(self) -> None:
        event = self._chance.choice(self._events)
        try:
            self._told(f"{event.__name__} {event() or ''}")
        except Refused as refusal:
            self._told(f"{event.__name__} was refused: {refusal}")

    def _cycle(self) -> None:
        """A cycle with events between its pages, which may be told to stop at any of them."""

        def stopping() -> bool:
            if self._chance.random() < 0.3:
                self._event()
            return self._chance.random() < 0.15

        self._told("a cycle begins")
        with self.world.engine(stopping=stopping) as (engine, _):
            engine.cycle()
        self._told("a cycle ended")
        for entity, stream in self.world.subscription.state.streams.all().items():
            if stream.state is StreamState.LIVE and not stream.weak and stream.delta_link:
                self.deltas.setdefault(entity, stream.delta_link)

    def _expire_tokens(self) -> str:
        self.world.advance(days=8)
        return "the delta tokens expired"

    def _select(self, *, selected: bool | None = None) -> str:
        chosen = self.world.subscription.state.choices()[Entity.CONTACT]["jobtitle"].selected
        wanted = not chosen if selected is None else selected
        try:
            self.world.choose("contact", "jobtitle", selected=wanted)
        except FieldInQuickSync as problem:
            return problem.message
        self.deltas.pop(Entity.CONTACT, None)
        return f"contact.jobtitle is selected: {wanted}"

    def _switch_tracking(self) -> str:
        enabled = not self.world.organisation.tables["contact"].change_tracking
        self.world.do(Tracking(table="contact", enabled=enabled))
        self.deltas.pop(Entity.CONTACT, None)
        return f"the contacts' changes are tracked: {enabled}"

    # Somebody in Dynamics -------------------------------------------------------------------------------------------

    def _create(self) -> str:
        return self._create_in(self._chance.choice([*_PEOPLE, *_PEOPLE, "account"]))

    def _create_in(self, table: str) -> str:
        name, values = self._name(), dict[str, object]()
        if table == "account":
            values = {"name": name}
        else:
            values = {"lastname": name, "jobtitle": name, "emailaddress1": f"{name}@example.com"}
            if table == "lead":
                values["subject"] = "x"
            elif account := self._some("account"):
                values["parentcustomerid_account__bind"] = f"/accounts({account})"
        record = self.world.create(table, **values)
        self.records[table].append(record)
        return f"{table} {record} {name}"

    def _rename(self) -> str | None:
        table = self._chance.choice([*_PEOPLE, "account"])
        record = self._some(table)
        if record is None:
            return None
        name = self._name()
        values = {"name": name} if table == "account" else {"lastname": name, "jobtitle": name}
        self.world.edit(table, record, **values)
        if _row(self.world, table, record)["new_synctomkto"] is False:
            self.stale.setdefault(record, set()).add(name)
        return f"{table} {record} {name}"

    def _move(self) -> str | None:
        contact, account = self._some("contact"), self._some("account")
        if contact is None or account is None:
            return None
        target = None if self._chance.random() < 0.3 else f"/accounts({account})"
        self.world.edit("contact", contact, parentcustomerid_account__bind=target)
        return f"{contact} to {target}"

    def _delete(self) -> str | None:
        table = self._chance.choice([*_PEOPLE, "account", "opportunity"])
        # The first record of each table stays, for an empty table is a matter of its own (R6).
        record = self._some(table, self.records[table][1:])
        if record is None:
            return None
        for each in (*self.records["lead"], *self.records["contact"]):  # an account takes its contacts along
            if (row := _row(self.world, "contact" if each in self.records["contact"] else "lead", each)) is not None:
                self.phones[each] = row["mobilephone"]
        self.world.delete(table, record)
        return f"{table} {record}"

    def _restore(self) -> str | None:
        table = self._chance.choice(_PEOPLE)
        there = {each for each in self.records[table] if _row(self.world, table, each) is not None}
        gone = [each for each in self.records[table] if each not in there | self.closed]
        if not gone:
            return None
        record, name = self._chance.choice(gone), self._name()
        self.stale.pop(record, None)
        values = {"lastname": name, "emailaddress1": f"{name}@example.com", "mobilephone": self.phones.get(record)}
        self.world.create(table, **{f"{table}id": record, **values})
        return f"{table} {record} {name}"

    def _qualify(self) -> str | None:
        lead = self._some("lead", self.records["lead"][1:])
        if lead is None:
            return None
        contact = self.world.qualify(lead)
        self.closed.add(lead)
        if contact not in self.records["contact"]:
            self.records["contact"].append(contact)
        return f"{lead} into {contact}"

    def _qualify_into_existing(self) -> str | None:
        lead, contact = self._some("lead", self.records["lead"][1:]), self._some("contact")
        if lead is None or contact is None or _row(self.world, "lead", lead)["statecode"] != 0:
            return None
        self.world.edit("lead", lead, parentcontactid__bind=f"/contacts({contact})", statecode=1, statuscode=3)
        self.closed.add(lead)
        return f"{lead} into {contact}"

    def _merge(self) -> str | None:
        table = self._chance.choice([*_PEOPLE, "account"])
        winner, loser = self._some(table), self._some(table, self.records[table][1:])
        if winner is None or loser is None:
            return None
        self.world.merge(table, winner, loser)
        self.closed.add(loser)
        return f"{table} {loser} into {winner}"

    def _flip(self) -> str | None:
        table = self._chance.choice([*_PEOPLE, "account"])
        record = self._some(table)
        if record is None:
            return None
        wanted = _row(self.world, table, record)["new_synctomkto"] is False
        self.world.edit(table, record, new_synctomkto=wanted)
        self.flipped.add(record)
        if wanted:
            self.stale.pop(record, None)
        return f"{table} {record} {wanted}"

    def _open_opportunity(self) -> str | None:
        table = self._chance.choice(["account", "contact"])
        customer, contact = self._some(table), self._some("contact")
        if customer is None or contact is None:
            return None
        binds = {f"customerid_{table}__bind": f"/{table}s({customer})"}
        binds["parentcontactid__bind"] = f"/contacts({contact})"
        record = self.world.create("opportunity", name=self._name(), **binds)
        self.records["opportunity"].append(record)
        return f"{record} of {table} {customer} with {contact}"

    # Somebody in marketing ------------------------------------------------------------------------------------------

    def _edit_here(self) -> str | None:
        subscription = self.world.subscription
        people = [
            link.person_id
            for table in _PEOPLE
            for link in subscription.state.links.of(Entity(table), self.records[table]).values()
            if link.state in (LinkState.LIVE, LinkState.PARKED) and link.person_id is not None
        ]
        if not people:
            return None
        person, value = self._chance.choice(people), f"+1 {self._next()}"
        edits = Edits(subscription.database, subscription.marketing, subscription.state)
        edits.edit(person, [("mobilePhone", value)], at=subscription.now())
        self.edited[person] = value
        return f"person {person} {value}"

    def _some(self, table: str, among: list[str] | None = None) -> str | None:
        records = self.records[table] if among is None else among
        there = [each for each in records if _row(self.world, table, each) is not None]
        return self._chance.choice(there) if there else None

    def _name(self) -> str:
        return f"n{self._next()}"

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _told(self, text: str) -> None:
        print(text)  # noqa: T201  shown by pytest when the walk fails


def _settle(world: World) -> None:
    """Quiet cycles: what was copied on, what came meanwhile, who waited for a later read of the leads."""
    for _ in range(4):
        world.sync()


def _nothing_happened(report: CycleReport) -> bool:
    return not any(each.created + each.updated + each.deleted + each.waiting for each in report.entities.values())


# The plain reading --------------------------------------------------------------------------------------------------


def _check(walk: Walk) -> None:
    world, state = walk.world, walk.world.subscription.state
    links = {table: state.links.of(Entity(table), walk.records[table]) for table in _PEOPLE}
    people = {row["id"]: row for row in world.export("person")}
    for table in _PEOPLE:
        for record in walk.records[table]:
            _check_record(walk, table, record, links, people)
    current = [
        link.person_id
        for of_table in links.values()
        for link in of_table.values()
        if link.state in (LinkState.LIVE, LinkState.PARKED)
    ]
    assert sorted(set(current)) == sorted(current), "two records share a person"
    assert set(current) == {number for number, row in people.items() if row["microsoftType"]}
    assert [] == state.waiting.of_kind(LEAD_OF_CONTACT)
    assert [] == state.journal.holds()
    _check_what_differs(walk)
    _check_edits(walk, people)
    _check_companies(walk)
    _check_opportunities(walk, links["contact"], people)


def _check_record(
    walk: Walk, table: str, record: str, links: dict[str, dict[str, Link]], people: dict[int, dict[str, Any]]
) -> None:
    row, link = _row(walk.world, table, record), links[table].get(record)
    label = f"{table} {record} {link}"
    if row is None:
        # Records that came and went between two reads were never seen.
        assert link is None or link.state in (LinkState.SEVERED, LinkState.SUPERSEDED), label
        if link is not None and link.state is LinkState.SEVERED:
            person = people[link.person_id]
            assert (True, None) == (person["microsoftIsDeleted"], person["microsoftType"]), label
        return
    assert link is not None, label
    if row["merged"] and row["masterid"] is None:
        return  # the winner was deleted: nothing says any more whose this record is
    if row["merged"]:
        assert link.state is LinkState.SUPERSEDED, label
        winner = links[table].get(_end_of_chain(walk.world, table, record))
        if link.person_id is not None and winner is not None and winner.state is not LinkState.EXCLUDED:
            assert link.person_id == winner.person_id, f"{label} {winner}"
    elif link.state is LinkState.SUPERSEDED:
        assert (table, 1) == ("lead", row["statecode"]), label
    elif row["new_synctomkto"] is False:
        assert link.state in (LinkState.PARKED, LinkState.EXCLUDED), label
        if link.state is LinkState.PARKED:
            assert people[link.person_id]["lastName"] not in walk.stale.get(record, ()), label
    else:
        assert link.state is LinkState.LIVE, label
        _check_person(walk, table, row, people[link.person_id], label)
    if table == "lead" and row["statecode"] == 1 and not row["merged"]:
        _check_qualified(walk, record, row, links, label)


def _check_person(walk: Walk, table: str, row: dict[str, Any], person: dict[str, Any], label: str) -> None:
    account = row.get("parentcustomerid") if row.get("parentcustomerid_type") == "account" else None
    expected = {
        "microsoftType": table,
        "microsoftIsDeleted": False,
        "lastName": row["lastname"],
        "title": row["jobtitle"],
        "email": row["emailaddress1"],
        "externalCompanyId": account,
        "externalSalesPersonId": row["ownerid"],
    }
    assert expected == {name: person.get(name) for name in expected}, label


def _check_qualified(walk: Walk, lead: str, row: dict[str, Any], links: dict[str, dict[str, Link]], label: str) -> None:
    """The person goes on as the contact's (P11); a filter that said No at any time lets D9 decide otherwise."""
    contact = _end_of_chain(walk.world, "contact", str(row["parentcontactid"])) if row["parentcontactid"] else None
    if contact is None or walk.flipped & {lead, contact, str(row["parentcontactid"])}:
        return
    at_the_end = _row(walk.world, "contact", contact)
    if at_the_end is None or at_the_end["merged"]:
        return
    link, into = links["lead"][lead], links["contact"][contact]
    if link.successor and _row(walk.world, "contact", link.successor) is None:
        return  # its contact was merged and deleted between two reads: only the deletion was seen
    assert (LinkState.SUPERSEDED, into.person_id) == (links["lead"][lead].state, links["lead"][lead].person_id), (
        f"{label} into {into}"
    )


def _check_what_differs(walk: Walk) -> None:
    """An edit reached Dynamics, unless its record is closed: then the reason stands with the person (R1, P17)."""
    state = walk.world.subscription.state
    open_errors = [each for each in state.journal.errors() if each["state"] == "open"]
    assert {"record-inactive"} >= {each["code"] for each in open_errors}
    differing = {
        link.person_id
        for table in _PEOPLE
        for link in state.links.of(Entity(table), walk.records[table]).values()
        if link.state is LinkState.LIVE and link.base is not None
    }
    assert differing <= {each["person_id"] for each in open_errors}


def _check_edits(walk: Walk, people: dict[int, dict[str, Any]]) -> None:
    """An edit stays with its person, unless a merge gave the person another record's values (P3, P12).

    Then it had reached Dynamics, where the merged record keeps it, or stands in the journal.
    """
    rows = [_row(walk.world, table, record) for table in _PEOPLE for record in walk.records[table]]
    kept = {row["mobilephone"] for row in rows if row is not None and row["merged"]}
    kept |= {walk.phones[record] for record in walk.closed & walk.phones.keys()}
    kept |= {json.loads(each["marketing"]) for each in walk.world.subscription.state.journal.collisions(limit=1_000)}
    for number, value in walk.edited.items():
        if number in people and value not in kept:
            assert value == people[number].get("mobilePhone"), f"person {number}"


def _check_companies(walk: Walk) -> None:
    companies = {row["externalCompanyId"]: row for row in walk.world.export("company")}
    for record in walk.records["account"]:
        row, company = _row(walk.world, "account", record), companies.get(record)
        if row is None:
            assert company is None or company["isDeleted"], f"account {record}"
        elif row["new_synctomkto"] is False:
            assert company is None or company["isExcluded"], f"account {record}"
        else:
            assert company is not None, f"account {record}"
            facts = (company["company"], company["isDeleted"], company["isExcluded"], company["mergedInto"])
            assert (row["name"], False, False, row["masterid"]) == facts, f"account {record}"


def _check_opportunities(walk: Walk, contacts: dict[str, Link], people: dict[int, dict[str, Any]]) -> None:
    opportunities = {row["externalOpportunityId"]: row for row in walk.world.export("opportunity")}
    roles: dict[str, set[tuple[int, str]]] = {}
    for role in walk.world.export("opportunityrole"):
        roles.setdefault(role["externalOpportunityId"], set()).add((role["personId"], role["role"]))
    there = [each for each in walk.records["opportunity"] if _row(walk.world, "opportunity", each) is not None]
    assert set(there) == set(opportunities)
    assert set(roles) <= set(there)
    for record in there:
        row = _row(walk.world, "opportunity", record)
        expected, company = set(), row["customerid"]
        for contact, name in ((row["parentcontactid"], "Primary Contact"), (row["customerid"], "Customer")):
            link = contacts.get(str(contact))
            if link is not None and link.person_id is not None:
                expected.add((link.person_id, name))
        if row["customerid_type"] == "contact":
            customer = contacts.get(str(row["customerid"]))
            company = people[customer.person_id]["externalCompanyId"] if customer and customer.person_id else None
        assert expected == roles.get(record, set()), f"opportunity {record}"
        assert company == opportunities[record]["externalCompanyId"], f"opportunity {record}"


def _end_of_chain(world: World, table: str, record: str) -> str:
    while (row := _row(world, table, record)) is not None and row["masterid"]:
        record = str(row["masterid"])
    return record


def _row(world: World, table: str, record: str) -> dict[str, Any]:
    return world.organisation.get(table, record)  # type: ignore[return-value]


# Reading again ------------------------------------------------------------------------------------------------------


def _dump(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the sync could have changed."""
    connection = apsw.Connection(str(world.settings.database_file))
    try:
        return {table: sorted(connection.execute(f"select * from {table}"), key=str) for table in _TABLES}
    finally:
        connection.close()


def _replay(world: World, deltas: dict[Entity, str], chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read everything again that changed since the first delta, rows doubled and shuffled inside their pages."""
    original = reading.pages

    def disordered(*args: Any, **options: Any) -> Iterator[Page]:
        for page in original(*args, **options):
            rows = page.rows + chance.sample(page.rows, len(page.rows) // 2)
            chance.shuffle(rows)
            yield dataclasses.replace(page, rows=rows, deleted=page.deleted * 2)

    monkeypatch.setattr(reading, "pages", disordered)
    streams = world.subscription.state.streams
    held = streams.all()
    with world.subscription.database.transaction():
        for entity, link in deltas.items():
            held[entity].delta_link = link
            streams.put(held[entity])
    world.cycle()
