"""Users, teams and opportunities come one way (behaviour section 4)."""

from decimal import Decimal
from typing import Any

from tandem.dynamics.client import Dynamics
from tandem.testing.world import World


def test_U1_every_user_is_copied_and_a_disabled_one_stays_marked(world: World) -> None:
    """Nobody leaves the list."""
    user = world.create("systemuser", firstname="Sam", lastname="Sale", internalemailaddress="sam@example.com")
    world.sync()

    world.edit("systemuser", user, isdisabled=True)
    world.cycle()

    people = {row["externalSalesPersonId"]: row for row in world.export("salesperson")}
    assert (True, "sam@example.com") == (people[user]["isDisabled"], people[user]["email"])


def test_U1_a_deleted_team_stays_marked(world: World) -> None:
    """Its people keep their reference."""
    team = world.create("team", name="North", teamtype=0)
    world.sync()

    world.delete("team", team)
    world.cycle()

    (row,) = [row for row in world.export("team") if row["microsoftTeamId"] == team]
    assert (True, "North") == (row["isDeleted"], row["name"])


def test_U1_memberships_come_and_go(world: World) -> None:
    """A member that leaves is not listed any more, although the table's changes are not tracked."""
    team = world.create("team", name="North", teamtype=0)
    stays, leaves = (world.create("systemuser", firstname=name, lastname="Sale") for name in ("Sam", "Kim"))
    base = f"teams({team})/teammembership_association"
    for user in (stays, leaves):
        world.levers.write("POST", f"{base}/$ref", {"@odata.id": f"/systemusers({user})"}, user=None)
    world.sync()
    assert {(team, stays), (team, leaves)} == _members(world)

    world.levers.write("DELETE", f"{base}({leaves})/$ref", {}, user=None)
    world.cycle()

    assert {(team, stays)} == _members(world)


def test_O1_an_open_opportunity_shows_the_estimate_and_a_won_one_what_was_won(world: World) -> None:
    """Amount, closed and won follow the state."""
    account = world.create("account", name="Contoso")
    open_one = world.create(
        "opportunity", name="Open", estimatedvalue=100, customerid_account__bind=f"/accounts({account})"
    )
    won = world.create("opportunity", name="Won", estimatedvalue=100)
    world.sync()

    world.edit("opportunity", won, statecode=1, statuscode=3, actualvalue=90)
    world.cycle()

    shown = {row["externalOpportunityId"]: row for row in world.export("opportunity")}
    assert (False, False, Decimal(100)) == _outcome(shown[open_one])
    assert (True, True, Decimal(90)) == _outcome(shown[won])
    assert (account, None) == (shown[open_one]["externalCompanyId"], shown[won]["externalCompanyId"])


def test_O1_a_contact_as_customer_brings_its_company_and_gets_the_role_customer(world: World) -> None:
    """And when the contact moves, the opportunity follows."""
    first, second = world.create("account", name="Contoso"), world.create("account", name="Fabrikam")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({first})")
    world.create("opportunity", name="Deal", customerid_contact__bind=f"/contacts({contact})")
    world.sync()
    person = world.person("contact", contact).id
    assert [first] == [row["externalCompanyId"] for row in world.export("opportunity")]
    assert [(person, "Customer")] == _roles(world)

    world.edit("contact", contact, parentcustomerid_account__bind=f"/accounts({second})")
    world.cycle()

    assert [second] == [row["externalCompanyId"] for row in world.export("opportunity")]


def test_O2_a_stakeholder_connection_is_one_role_although_dynamics_keeps_it_twice(world: World) -> None:
    """The twin rows say the same."""
    contact, opportunity = world.create("contact", lastname="Ek"), world.create("opportunity", name="Deal")
    role = world.create("connectionrole", name="Decision Maker", category=1000)
    world.create(
        "connection",
        record1id_opportunity__bind=f"/opportunities({opportunity})",
        record2id_contact__bind=f"/contacts({contact})",
        record2roleid__bind=f"/connectionroles({role})",
    )

    world.sync()

    assert [(world.person("contact", contact).id, "Decision Maker")] == _roles(world)


def test_O2_the_primary_contact_has_a_role_and_changes_with_the_row(world: World) -> None:
    """The old one goes when another is named."""
    first, second = world.create("contact", lastname="A"), world.create("contact", lastname="B")
    opportunity = world.create("opportunity", name="Deal", parentcontactid__bind=f"/contacts({first})")
    world.sync()
    assert [(world.person("contact", first).id, "Primary Contact")] == _roles(world)

    world.edit("opportunity", opportunity, parentcontactid__bind=f"/contacts({second})")
    world.cycle()

    assert [(world.person("contact", second).id, "Primary Contact")] == _roles(world)


def test_O2_a_role_whose_person_is_excluded_waits_with_the_reason(make_world) -> None:
    """And is given when the filter lets the person in."""
    world = make_world().filter_column("contact").connect()
    contact = world.create("contact", lastname="Ek", new_synctomkto=False)
    world.create("opportunity", name="Deal", parentcontactid__bind=f"/contacts({contact})")
    world.sync()
    assert [] == _roles(world)
    assert ["the person is excluded by the filter"] == [row[3] for row in world.subscription.state.waiting.counts()]

    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()

    assert [(world.person("contact", contact).id, "Primary Contact")] == _roles(world)
    assert [] == world.subscription.state.waiting.counts()


def test_O3_a_deleted_opportunity_is_removed_with_its_roles(world: World) -> None:
    """Nothing of it is left."""
    contact = world.create("contact", lastname="Ek")
    opportunity = world.create("opportunity", name="Deal", parentcontactid__bind=f"/contacts({contact})")
    world.sync()

    world.delete("opportunity", opportunity)
    world.cycle()

    assert ([], []) == (world.export("opportunity"), _roles(world))


def test_O3_a_deleted_connection_takes_its_role(world: World) -> None:
    """Both twins go, and the role with them."""
    contact, opportunity = world.create("contact", lastname="Ek"), world.create("opportunity", name="Deal")
    connection = world.create(
        "connection",
        record1id_opportunity__bind=f"/opportunities({opportunity})",
        record2id_contact__bind=f"/contacts({contact})",
    )
    world.sync()
    assert [(world.person("contact", contact).id, "Stakeholder")] == _roles(world)

    world.delete("connection", connection)
    world.cycle()

    assert [] == _roles(world)


def _roles(world: World) -> list[tuple[int, str]]:
    return [(row["personId"], row["role"]) for row in world.export("opportunityrole")]


def _members(world: World) -> set[tuple[str, str]]:
    return {(row["microsoftTeamId"], row["externalSalesPersonId"]) for row in world.export("teammember")}


def _outcome(row: dict) -> tuple[bool, bool, Decimal]:
    return row["isClosed"], row["isWon"], row["amount"]


def test_O1_a_customer_who_comes_later_brings_the_company_and_the_role(make_world) -> None:
    """Nothing of the opportunity waits but its reference."""
    world = make_world().filter_column("contact").connect()
    account = world.create("account", name="Contoso")
    contact = world.create(
        "contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})", new_synctomkto=False
    )
    opportunity = world.create("opportunity", name="Deal", customerid_contact__bind=f"/contacts({contact})")
    world.sync()
    (before,) = world.export("opportunity")
    assert (opportunity, None) == (before["externalOpportunityId"], before["externalCompanyId"])

    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()

    (after,) = world.export("opportunity")
    assert account == after["externalCompanyId"]
    assert [(world.person("contact", contact).id, "Customer")] == [
        (role["personId"], role["role"]) for role in world.export("opportunityrole")
    ]


def test_O2_role_names_are_asked_for_before_the_page_is_stored(make_world, monkeypatch) -> None:
    """A slow answer must not keep the database to itself."""
    world = make_world().connect()
    role = world.create("connectionrole", name="Champion", category=1000)
    contact, opportunity = world.create("contact", lastname="Ek"), world.create("opportunity", name="Deal")
    world.create(
        "connection",
        record1id_opportunity__bind=f"/opportunities({opportunity})",
        record2id_contact__bind=f"/contacts({contact})",
        record2roleid__bind=f"/connectionroles({role})",
    )
    inside: list[bool] = []
    fetch_names = Dynamics.fetch_names

    def spied(dynamics: Dynamics, *args: Any) -> dict[str, str | None]:
        inside.append(world.subscription.database._connection.in_transaction)
        return fetch_names(dynamics, *args)

    monkeypatch.setattr(Dynamics, "fetch_names", spied)
    world.sync()

    assert inside
    assert not any(inside)
    assert ["Champion"] == [each["role"] for each in world.export("opportunityrole")]
