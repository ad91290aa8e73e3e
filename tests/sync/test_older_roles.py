"""The older roles of opportunities, `customeropportunityrole`, where an organisation has them (rules O2, O3)."""

from typing import Any

import pytest

from tandem.dynamics.client import Dynamics
from tandem.model.entities import Entity
from tandem.report.status import read_status
from tandem.sandbox.door.operations import Privilege
from tandem.sync.removing import Removing
from tandem.testing.world import World

OLDER, CONTACT = Entity.OPPORTUNITY_ROLE, Entity.CONTACT


def role(world: World, opportunity: str, *, named: str | None = None, **customer: str) -> str:
    """A role for the contact or account, `contact=ID` or `account=ID`; its id."""
    ((table, record),) = customer.items()
    values = {
        "opportunityid__bind": f"/opportunities({opportunity})",
        f"customerid_{table}__bind": f"/{table}s({record})",
    }
    if named is not None:
        values["opportunityroleid__bind"] = f"/relationshiproles({named})"
    return world.create(OLDER, **values)


def roles(world: World) -> list[tuple[int, str]]:
    """Who has which part in an opportunity."""
    return sorted((row["personId"], row["role"]) for row in world.export("opportunityrole"))


@pytest.fixture
def deal(world: World) -> tuple[str, str, str]:
    """A contact, an opportunity and the role name Decision Maker."""
    return (
        world.create("contact", lastname="Ek"),
        world.create("opportunity", name="Deal"),
        world.create("relationshiprole", name="Decision Maker"),
    )


def test_O2_an_older_role_is_a_role_by_its_name(world: World, deal: tuple[str, str, str]) -> None:
    """One without a name is told as that of a connection without one."""
    contact, opportunity, maker = deal
    other = world.create("contact", lastname="Lund")
    role(world, opportunity, named=maker, contact=contact)
    role(world, opportunity, contact=other)

    world.sync()

    ek, lund = (world.person("contact", each).id for each in (contact, other))
    assert sorted([(ek, "Decision Maker"), (lund, "Stakeholder")]) == roles(world)


def test_O2_a_role_said_by_all_three_sources_counts_once(world: World, deal: tuple[str, str, str]) -> None:
    """A connection, its twin and the older role; it stays until none of them says so."""
    contact, opportunity, maker = deal
    world.track(OLDER, enabled=True)
    same = world.create("connectionrole", name="Decision Maker", category=1000)
    older = role(world, opportunity, named=maker, contact=contact)
    connection = world.create(
        "connection",
        record1id_opportunity__bind=f"/opportunities({opportunity})",
        record2id_contact__bind=f"/contacts({contact})",
        record2roleid__bind=f"/connectionroles({same})",
    )
    world.sync()
    both = roles(world)
    world.delete("connection", connection)
    world.cycle()
    one = roles(world)
    world.delete(OLDER, older)
    world.cycle()

    ek = world.person("contact", contact).id
    assert ([(ek, "Decision Maker")], [(ek, "Decision Maker")], []) == (both, one, roles(world))


def test_N3_the_status_counts_the_roles_of_each_table_apart(world: World, deal: tuple[str, str, str]) -> None:
    """The primary contact of an opportunity is told by neither; a connection and its twin say one role."""
    contact, opportunity, maker = deal
    lund, berg = (world.create("contact", lastname=name) for name in ("Lund", "Berg"))
    role(world, opportunity, named=maker, contact=contact)
    for person in (lund, berg):
        world.create(
            "connection",
            record1id_opportunity__bind=f"/opportunities({opportunity})",
            record2id_contact__bind=f"/contacts({person})",
        )
    world.create("opportunity", name="Other", parentcontactid__bind=f"/contacts({lund})")
    world.sync()

    entities = read_status(world.settings).entities
    assert (4, 2, 1) == (len(roles(world)), entities["connection"].records, entities[OLDER].records)


@pytest.mark.parametrize("tracked", [False, True], ids=["as it ships", "with change tracking"])
def test_O3_a_deleted_older_role_is_removed_and_counted(
    world: World, deal: tuple[str, str, str], tracked: bool
) -> None:
    """At once where its changes are tracked, else by the daily sweep."""
    contact, opportunity, maker = deal
    world.track(OLDER, enabled=tracked)
    gone = role(world, opportunity, named=maker, contact=contact)
    kept = world.create("contact", lastname="Lund")
    role(world, opportunity, named=maker, contact=kept)
    world.sync()
    world.delete(OLDER, gone)
    if not tracked:
        with world.subscription.database.transaction():
            stream = world.subscription.state.streams.all()[OLDER]
            stream.begin_again("a day is over")
            world.subscription.state.streams.put(stream)

    world.sync()

    assert [(world.person("contact", kept).id, "Decision Maker")] == roles(world)
    assert 1 == world.subscription.state.deletions.applied()[OLDER]


def test_O2_an_older_role_follows_its_row(world: World, deal: tuple[str, str, str]) -> None:
    """Another role, another contact; of an account there is no person."""
    contact, opportunity, maker = deal
    other, account = world.create("contact", lastname="Lund"), world.create("account", name="Contoso")
    buyer = world.create("relationshiprole", name="Buyer")
    row = role(world, opportunity, named=maker, contact=contact)
    world.sync()
    ek, lund = (world.person("contact", each).id for each in (contact, other))
    seen = [roles(world)]

    for change in (
        {"opportunityroleid__bind": f"/relationshiproles({buyer})"},
        {"customerid_contact__bind": f"/contacts({other})"},
        {"customerid_account__bind": f"/accounts({account})"},
    ):
        world.edit(OLDER, row, **change)
        world.cycle()
        seen.append(roles(world))

    assert [[(ek, "Decision Maker")], [(ek, "Buyer")], [(lund, "Buyer")], []] == seen


def test_O2_a_role_of_an_account_is_nobodys(world: World, deal: tuple[str, str, str]) -> None:
    """It neither waits nor fails."""
    _, opportunity, maker = deal
    role(world, opportunity, named=maker, account=world.create("account", name="Contoso"))

    first, *_ = world.sync()

    assert ([], {}) == (roles(world), first.problems)
    assert [] == [each for each in world.subscription.state.waiting.counts() if each[0] == OLDER]


def test_O2_an_older_role_whose_person_is_absent_waits_with_the_reason(make_world: Any) -> None:
    """It is given when the person comes, and shown until then."""
    world = make_world().filter_column("contact").connect()
    contact, opportunity = (
        world.create("contact", lastname="Ek", new_synctomkto=False),
        world.create("opportunity", name="D"),
    )
    role(world, opportunity, contact=contact)
    world.sync()
    (waiting,) = [each for each in world.subscription.state.waiting.counts() if each[0] == OLDER]
    before = roles(world)
    world.edit("contact", contact, new_synctomkto=True)

    world.cycle()

    assert ("the person is excluded by the filter", 1) == (waiting[3], waiting[4])
    assert ([], [(world.person("contact", contact).id, "Stakeholder")]) == (before, roles(world))


def test_P9_an_older_role_waits_for_the_return_of_a_deleted_person(world: World, deal: tuple[str, str, str]) -> None:
    """As every role does."""
    contact, opportunity, maker = deal
    role(world, opportunity, named=maker, contact=contact)
    world.sync()
    kept = world.subscription
    Removing(kept.database, kept.marketing, kept.state).delete(world.person("contact", contact).id, at=kept.now())
    before = roles(world)
    world.edit("contact", contact, jobtitle="CTO")

    world.cycle()

    assert ([], [(world.person("contact", contact).id, "Decision Maker")]) == (before, roles(world))


def test_O2_an_organisation_without_older_roles_is_read_without_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer ones say the same by connections."""
    tables = Dynamics.tables
    monkeypatch.setattr(
        Dynamics, "tables", lambda self, names, *rest: tables(self, [each for each in names if each != OLDER], *rest)
    )

    first, *_ = world.sync()

    assert {} == first.problems
    assert OLDER not in first.entities
    assert OLDER not in read_status(world.settings).entities


def test_O2_without_the_right_to_older_roles_nothing_fails_and_with_it_they_come(
    world: World, deal: tuple[str, str, str]
) -> None:
    """The next time the engine starts."""
    contact, opportunity, maker = deal
    role(world, opportunity, named=maker, contact=contact)
    world.do(Privilege(privilege="prvReadCustomerOpportunityRole"))
    first, *_ = world.sync()
    before = roles(world)
    world.do(Privilege(privilege="prvReadCustomerOpportunityRole", depth="Global"))

    world.sync()

    assert ({}, []) == (first.problems, before)
    assert [(world.person("contact", contact).id, "Decision Maker")] == roles(world)


def test_R3_an_engine_at_work_asks_once_whether_there_are_older_roles(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with every cycle."""
    asked, tables = list[int](), Dynamics.tables

    def counted(dynamics: Dynamics, *arguments: Any) -> Any:
        asked.append(dynamics.requests)
        return tables(dynamics, *arguments)

    monkeypatch.setattr(Dynamics, "tables", counted)
    with world.engine() as (engine, _):
        for _ in range(3):
            engine.cycle()

    assert 1 == len(asked)
