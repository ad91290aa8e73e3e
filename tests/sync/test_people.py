"""Leads and contacts become people and stay in step (behaviour section 2)."""

from tandem.rules.presence import LinkState
from tandem.testing.world import World


def test_P1_a_new_contact_becomes_a_new_person(world: World) -> None:
    """A contact makes a person of type contact, with New Person as its first entry."""
    contact = world.create("contact", firstname="Ann", lastname="Ek", emailaddress1="ann@example.com")

    world.sync()

    person = world.person("contact", contact)
    assert ("contact", "ann@example.com", False) == (person.type, person.email, person.is_deleted)
    assert {"firstName": "Ann", "lastName": "Ek"}.items() <= world.fields("contact", contact).items()
    assert [("New Person", None, None, None)] == world.log(person)


def test_P1_two_records_with_one_email_are_two_people(world: World) -> None:
    """Nobody is de-duplicated by e-mail."""
    first = world.create("contact", lastname="Ek", emailaddress1="ann@example.com")
    second = world.create("lead", lastname="Ek", subject="x", emailaddress1="ann@example.com")

    world.sync()

    assert world.person("contact", first).id != world.person("lead", second).id


def test_P18_a_lead_and_a_contact_of_one_human_are_listed_and_not_joined(world: World) -> None:
    """Possible duplicates are shown by e-mail, in any case of letters."""
    contact = world.create("contact", lastname="Ek", emailaddress1="Ann@Example.com")
    lead = world.create("lead", lastname="Ek", subject="x", emailaddress1="ann@example.com")

    world.sync()

    ids = sorted([world.person("contact", contact).id, world.person("lead", lead).id])
    assert [("ann@example.com", ids)] == world.subscription.state.links.possible_duplicates()


def test_S3_a_change_reaches_the_person_and_is_logged(world: World) -> None:
    """A delta brings the new value; the log holds old and new."""
    contact = world.create("contact", firstname="Ann", lastname="Ek")
    world.sync()
    person = world.person("contact", contact)

    world.edit("contact", contact, lastname="Berg", jobtitle="CTO")
    report = world.cycle()

    assert {"lastName": "Berg", "title": "CTO"}.items() <= world.fields("contact", contact).items()
    changes = world.log(person)[1:]
    assert {("Change Data Value", "lastName", "Ek", "Berg"), ("Change Data Value", "title", None, "CTO")} <= set(
        changes
    )
    assert 1 == sum(counts.updated for counts in report.entities.values())


def test_S3_an_emptied_field_is_emptied(world: World) -> None:
    """Null in Dynamics is a value like any other."""
    contact = world.create("contact", lastname="Ek", telephone1="555")
    world.sync()

    world.edit("contact", contact, telephone1=None)
    world.cycle()

    assert "phone" not in world.fields("contact", contact)


def test_P8_a_deleted_contact_leaves_its_person_flagged(world: World) -> None:
    """The person stays; the flag is up, the type is gone, the link is severed."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    person = world.person("contact", contact)

    world.delete("contact", contact)
    world.cycle()

    after = world.person("contact", contact)
    assert (person.id, None, True) == (after.id, after.type, after.is_deleted)
    assert LinkState.SEVERED is world.link("contact", contact).state
    assert "Microsoft Is Deleted" in [entry[0] for entry in world.log(after)]


def test_P8_a_restored_contact_finds_its_person_again(world: World) -> None:
    """The same id coming back links the same person and takes the flag down."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    person = world.person("contact", contact)
    world.delete("contact", contact)
    world.cycle()

    world.create("contact", contactid=contact, lastname="Ek", firstname="Ann")
    world.cycle()

    after = world.person("contact", contact)
    assert (person.id, "contact", False) == (after.id, after.type, after.is_deleted)
    assert "Ann" == world.fields("contact", contact)["firstName"]


def test_P8_a_record_created_and_deleted_between_two_reads_is_ignored(world: World) -> None:
    """A deletion of an id nobody knows changes nothing."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    before = world.subscription.marketing.counts()

    contact = world.create("contact", lastname="Ek")
    world.delete("contact", contact)
    report = world.cycle()

    assert before == world.subscription.marketing.counts()
    assert 0 == sum(counts.deleted for counts in report.entities.values())


def test_P13_a_user_owner_becomes_the_sales_person(world: World) -> None:
    """The owner is pulled to the sales person; a change of owner is logged."""
    contact = world.create("contact", lastname="Ek")
    owner = world.create("systemuser", firstname="Sam", lastname="Sale", internalemailaddress="sam@example.com")
    world.sync()

    world.edit("contact", contact, ownerid__bind=f"/systemusers({owner})")
    world.cycle()

    person = world.person("contact", contact)
    assert (owner, None) == (person.external_sales_person_id, person.team_id)
    assert "externalSalesPersonId" in [entry[1] for entry in world.log(person)]


def test_P13_a_team_owner_empties_the_sales_person(world: World) -> None:
    """Team set, sales person empty."""
    team = world.create("team", name="North", teamtype=0)
    contact = world.create("contact", lastname="Ek", ownerid__bind=f"/teams({team})")

    world.sync()

    person = world.person("contact", contact)
    assert (None, team) == (person.external_sales_person_id, person.team_id)


def test_P14_a_contact_belongs_to_its_accounts_company(world: World) -> None:
    """The person shows the company's values, shared by all its people."""
    account = world.create("account", name="Contoso")
    first = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    second = world.create("contact", lastname="Ng", parentcustomerid_account__bind=f"/accounts({account})")

    world.sync()

    shown = {row["id"]: row["company"] for row in world.export("person")}
    assert {"Contoso"} == {shown[world.person("contact", each).id] for each in (first, second)}


def test_P14_moving_to_another_account_logs_the_changed_company_values(world: World) -> None:
    """The person moves; what differs between the two companies is logged on it."""
    old = world.create("account", name="Contoso", telephone1="1")
    new = world.create("account", name="Fabrikam", telephone1="1")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({old})")
    world.sync()

    world.edit("contact", contact, parentcustomerid_account__bind=f"/accounts({new})")
    world.cycle()

    person = world.person("contact", contact)
    assert new == person.external_company_id
    entries = {entry[1]: entry[2:] for entry in world.log(person)}
    assert ("Contoso", "Fabrikam") == entries["company"]
    assert "mainPhone" not in entries


def test_P14_a_cleared_account_leaves_a_private_company_with_the_last_values(world: World) -> None:
    """The values stay with the person alone."""
    account = world.create("account", name="Contoso", telephone1="1")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    world.sync()

    world.edit("contact", contact, parentcustomerid_account__bind=None)
    world.cycle()
    world.edit("account", account, name="Renamed")
    world.cycle()

    (row,) = [row for row in world.export("person") if row["id"] == world.person("contact", contact).id]
    assert (None, "Contoso", "1") == (row["externalCompanyId"], row["company"], row["mainPhone"])


def test_P14_an_account_that_is_not_here_yet_delays_nothing(make_world) -> None:
    """Only the reference waits; it is found when the account comes."""
    world = make_world()
    account = world.create("account", name="Contoso")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    world.connect()
    world.do(_lost_read("prvReadAccount"))
    world.sync()
    (row,) = [row for row in world.export("person") if row["id"] == world.person("contact", contact).id]
    assert ("Ek", None) == (row["lastName"], row.get("company"))

    world.do(_lost_read("prvReadAccount", depth="Global"))
    world.sync()

    (row,) = [row for row in world.export("person") if row["id"] == world.person("contact", contact).id]
    assert "Contoso" == row["company"]


def test_P14_a_parent_contact_gives_no_company(make_world) -> None:
    """Unless the setting says so: then that contact's account."""
    for setting, expected in (("false", None), ("true", "Contoso")):
        world = make_world(contact_parent_account=setting)
        account = world.create("account", name="Contoso")
        boss = world.create("contact", lastname="Boss", parentcustomerid_account__bind=f"/accounts({account})")
        world.connect()
        world.sync()
        contact = world.create("contact", lastname="Ek", parentcustomerid_contact__bind=f"/contacts({boss})")
        world.cycle()

        (row,) = [row for row in world.export("person") if row["id"] == world.person("contact", contact).id]
        assert expected == row.get("company")


def test_P14_the_account_of_a_lead_never_makes_it_part_of_a_company(world: World) -> None:
    """A lead's company is its own text."""
    account = world.create("account", name="Contoso")
    lead = world.create(
        "lead", lastname="Ek", subject="x", companyname="Ek & Co", parentaccountid__bind=f"/accounts({account})"
    )

    world.sync()

    (row,) = [row for row in world.export("person") if row["id"] == world.person("lead", lead).id]
    assert (None, "Ek & Co") == (row["externalCompanyId"], row["company"])


def test_P17_an_inactive_record_stays_and_keeps_syncing_in(world: World) -> None:
    """Inactive is a state like any other on the way in."""
    contact = world.create("contact", lastname="Ek")
    world.sync()

    world.edit("contact", contact, statecode=1, statuscode=2)
    world.cycle()

    assert {"leadStatus": 1, "microsoftStatusReason": 2}.items() <= world.fields("contact", contact).items()
    assert LinkState.LIVE is world.link("contact", contact).state


def test_S5_nothing_is_ever_written_to_dynamics(world: World) -> None:
    """A sync leaves every version of the organisation as it was."""
    world.create("account", name="Contoso")
    lead = world.create("lead", lastname="Ek", subject="x")
    version = world.organisation.version

    world.sync()
    world.cycle()

    assert version == world.organisation.version
    assert lead == world.link("lead", lead).crm_id


def _lost_read(privilege: str, depth: str | None = None):
    from tandem.sandbox.door.operations import Privilege

    return Privilege(privilege=privilege, depth=depth)
