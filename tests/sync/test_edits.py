"""Edits made in the marketing database: what they write, what they remember, and what a later pull leaves alone."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tandem.mapping.fields import Direction
from tandem.mapping.selection import UnknownField
from tandem.mapping.values import BadValue
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.rules.presence import LinkState
from tandem.sync.choosing import Selection, Wishes
from tandem.sync.edits import Change, Edits, NotEditable, UnknownPerson
from tandem.testing.world import World

AT = "2026-03-04T05:06:07Z"


def edit(world: World, person: int, *typed: str, fanout_limit: int = 5_000) -> list[Change]:
    """Edit a person as `tandem people set` does."""
    pairs = [(name, value) for name, _, value in (each.partition("=") for each in typed)]
    return edits(world, fanout_limit=fanout_limit).edit(person, pairs, at=AT)


def edits(world: World, *, fanout_limit: int = 5_000) -> Edits:
    """The edits of the world's subscription."""
    subscription = world.subscription
    return Edits(subscription.database, subscription.marketing, subscription.state, fanout_limit=fanout_limit)


def base(world: World, table: str, record: str) -> Any:
    """The base of a record's link, decoded."""
    link = world.link(table, record)
    return json.loads(link.base) if link and link.base else None


def row(world: World, table: str, record: str) -> dict[str, Any]:
    """What Dynamics holds of a record."""
    return dict(world.organisation.get(table, record) or {})


def feed(world: World) -> list[tuple[int, dict[str, Any]]]:
    """The change feed as (person, fields)."""
    return [(person, fields) for _, person, fields in world.subscription.marketing.people.feed()]


def contact_of(world: World, account: str | None = None, **values: object) -> str:
    """A contact, of an account where one is given."""
    if account:
        values["parentcustomerid_account__bind"] = f"/accounts({account})"
    return world.create("contact", lastname="Ek", **values)


def everything(world: World) -> tuple[Sequence[object], ...]:
    """All that an edit could have changed."""
    marketing, state = world.subscription.marketing, world.subscription.state
    people = marketing.people.get(range(1, 10))
    links = [state.links.of_person(each) for each in people]
    logs = [marketing.people.activities(each) for each in people]
    return list(people.values()), links, logs, feed(world), world.export("company")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A contact of an account, copied; for tests that change nothing."""
    with World(tmp_path_factory.mktemp("copied")) as world:
        contact_of(world, world.create("account", name="Contoso"))
        world.connect().sync()
        yield world


# The person's own fields ------------------------------------------------------------------------------------------


def test_S4_an_edit_is_written_logged_fed_and_remembered(world: World) -> None:
    """Value, history, change feed and before-image, by either side's name of the field."""
    contact = contact_of(world, telephone1="1")
    world.sync()
    person = world.person("contact", contact)

    changes = edit(world, person.id, "telephone1=2", "title=CTO")

    assert [Change("phone", "1", "2"), Change("title", None, "CTO")] == changes
    assert {"phone": "2", "title": "CTO"}.items() <= world.fields("contact", contact).items()
    assert {"phone": "1", "title": None} == base(world, "contact", contact)
    assert [(person.id, {"phone": "2", "title": "CTO"})] == feed(world)
    assert [
        ("Change Data Value", "phone", "1", "2"),
        ("Change Data Value", "title", None, "CTO"),
    ] == world.log(person)[1:]
    assert ["Tandem", "Tandem"] == [
        entry["source"] for entry in world.subscription.marketing.people.activities(person.id)[1:]
    ]


def test_P3_a_second_edit_keeps_the_first_before_image(world: World) -> None:
    """The base is what was agreed, not what was held a moment ago."""
    contact = contact_of(world, telephone1="1")
    world.sync()
    person = world.person("contact", contact).id

    edit(world, person, "phone=2")
    edit(world, person, "phone=3")

    assert {"phone": "1"} == base(world, "contact", contact)


@pytest.mark.parametrize(
    ("field", "agreed", "back"),
    [
        pytest.param("telephone1", "1", "phone=1", id="to the value"),
        pytest.param("telephone1", None, "phone=", id="to nothing"),
    ],
)
def test_P3_an_edit_taken_back_leaves_nothing_to_send(world: World, field: str, agreed: str | None, back: str) -> None:
    """Back at the agreed value the base no longer names the field."""
    contact = contact_of(world, **{field: agreed})
    world.sync()
    person = world.person("contact", contact).id

    edit(world, person, "phone=2")
    edit(world, person, back)

    assert base(world, "contact", contact) is None


def test_R1_the_same_value_typed_again_is_no_edit(world: World) -> None:
    """Equal by meaning: nothing is written, logged or fed."""
    lead = world.create("lead", subject="x", lastname="Ek", revenue=100)
    world.sync()
    before = everything(world)

    assert [] == edit(world, world.person("lead", lead).id, "annualRevenue=100.000", "title=")
    assert before == everything(world)


def test_P3_an_unsent_edit_survives_a_later_pull(world: World) -> None:
    """A row that changed elsewhere does not bring the edited field back; the edit goes to Dynamics."""
    contact = contact_of(world, telephone1="1")
    world.sync()
    edit(world, world.person("contact", contact).id, "phone=2", "email=ann@example.com")

    world.edit("contact", contact, jobtitle="CTO")
    world.cycle()

    assert {"phone": "2", "title": "CTO", "email": "ann@example.com"}.items() <= world.fields(
        "contact", contact
    ).items()
    assert {"telephone1": "2", "jobtitle": "CTO", "emailaddress1": "ann@example.com"}.items() <= row(
        world, "contact", contact
    ).items()
    assert base(world, "contact", contact) is None


def test_D8_an_edit_of_a_parked_person_waits_in_the_frozen_base(world: World) -> None:
    """Parked people can be edited; the three-way merge comes when the filter says Yes again, and the edit is sent."""
    world.filter_column("contact")
    contact = contact_of(world, telephone1="1")
    world.sync()
    world.edit("contact", contact, new_synctomkto=False)
    world.cycle()

    edit(world, world.person("contact", contact).id, "phone=2")
    world.cycle()
    assert ({"phone": "1"}, "1") == (base(world, "contact", contact), row(world, "contact", contact)["telephone1"])

    world.edit("contact", contact, new_synctomkto=True, jobtitle="CTO")
    world.cycle()

    assert {"phone": "2", "title": "CTO"}.items() <= world.fields("contact", contact).items()
    assert {"telephone1": "2", "jobtitle": "CTO"}.items() <= row(world, "contact", contact).items()


def test_P8_an_edit_of_a_deleted_person_is_remembered_in_the_severed_link(world: World) -> None:
    """Were the record restored, the edit would be told from Dynamics' value."""
    contact = contact_of(world, telephone1="1")
    world.sync()
    person = world.person("contact", contact).id
    world.delete("contact", contact)
    world.cycle()

    edit(world, person, "phone=2")

    link = world.link("contact", contact)
    assert link is not None
    assert (LinkState.SEVERED, {"phone": "1"}) == (link.state, base(world, "contact", contact))


def test_P11_a_field_only_leads_have_is_marketings_on_a_contact(world: World) -> None:
    """It can be edited, and nothing is remembered: no contact column could ever be sent."""
    contact = contact_of(world)
    world.sync()
    person = world.person("contact", contact).id

    edit(world, person, "rating=Hot")

    assert 1 == world.fields("contact", contact)["rating"]
    assert base(world, "contact", contact) is None


def test_D3_labels_are_understood_and_codes_are_kept(world: World) -> None:
    """`Web` is stored as its code."""
    lead = world.create("lead", subject="x", lastname="Ek")
    world.sync()

    edit(world, world.person("lead", lead).id, "leadSource=web", "doNotCall=yes", "annualRevenue=1234.5")

    assert {"leadSource": 8, "doNotCall": True, "annualRevenue": 1234.5}.items() <= world.fields("lead", lead).items()


# The company ------------------------------------------------------------------------------------------------------


def test_A2_a_company_edit_changes_it_for_all_its_people(world: World) -> None:
    """One row is changed, everybody's history tells it, and nothing waits to be sent."""
    account = world.create("account", name="Contoso", address1_city="Oslo")
    first, second = contact_of(world, account), contact_of(world, account)
    other = contact_of(world)
    world.sync()

    changes = edit(world, world.person("contact", first).id, "company.name=Fabrikam", "company.billingCity=Bergen")

    assert ["company.company", "company.billingCity"] == [change.name for change in changes]
    companies = {each["id"]: each.get("company") for each in world.export("person")}
    assert ["Fabrikam", "Fabrikam", None] == [
        companies[world.person("contact", each).id] for each in (first, second, other)
    ]
    logged = [
        ("Change Data Value", "company", "Contoso", "Fabrikam"),
        ("Change Data Value", "billingCity", "Oslo", "Bergen"),
    ]
    assert logged == world.log(world.person("contact", first))[1:]
    assert logged == world.log(world.person("contact", second))[1:]
    assert [] == world.log(world.person("contact", other))[1:]
    assert [] == feed(world)
    assert base(world, "contact", first) is None


def test_A3_a_newer_account_row_resets_an_edited_company_and_keeps_the_loser(world: World) -> None:
    """Any newer version resets; the value edited here is journalled (R2)."""
    account = world.create("account", name="Contoso")
    contact = contact_of(world, account)
    world.sync()
    edit(world, world.person("contact", contact).id, "company.company=Fabrikam")

    world.edit("account", account, telephone1="1")
    world.cycle()

    assert "Contoso" == world.company(account)["company"]
    (lost,) = world.subscription.state.journal.collisions()
    assert (account, "company", '"Fabrikam"', "A3") == (
        lost["external_company_id"],
        lost["field"],
        lost["marketing"],
        lost["rule"],
    )


@pytest.mark.parametrize(("limit", "logged"), [pytest.param(2, 1, id="at it"), pytest.param(1, 0, id="above it")])
def test_A4_a_company_edit_is_logged_per_person_up_to_the_limit(world: World, limit: int, logged: int) -> None:
    """Two people: a limit of two still logs, a limit of one only changes the values."""
    account = world.create("account", name="Contoso")
    people = [contact_of(world, account), contact_of(world, account)]
    world.sync()

    edit(world, world.person("contact", people[0]).id, "company.company=Fabrikam", fanout_limit=limit)

    assert "Fabrikam" == world.company(account)["company"]
    assert [logged, logged] == [len(world.log(world.person("contact", each))[1:]) for each in people]


def test_A2_what_dynamics_holds_of_an_edited_company_is_kept_once(world: World) -> None:
    """The first edit keeps it, the second leaves it, taking the edit back ends it."""
    account = world.create("account", name="Contoso")
    person = contact_of(world, account)
    world.sync()
    number, companies = world.person("contact", person).id, world.subscription.marketing.companies
    kept = []

    for name in ("Fabrikam", "Litware", "Contoso"):
        edit(world, number, f"company.company={name}")
        kept.append(json.loads(companies.get([account])[account].edited or "{}"))

    assert [{"company": "Contoso"}, {"company": "Contoso"}, {}] == kept


def test_A2_a_leads_company_fields_are_its_own_two_way_columns(world: World) -> None:
    """company.name of a lead is its companyname: fed and remembered like any field of the person."""
    lead = world.create("lead", subject="x", lastname="Ek", companyname="Contoso")
    other = world.create("lead", subject="x", lastname="Berg", companyname="Contoso")
    world.sync()
    person = world.person("lead", lead).id

    edit(world, person, "company.name=Fabrikam", "revenue=5")

    assert {"company": "Fabrikam", "annualRevenue": 5}.items() <= world.fields("lead", lead).items()
    assert "Contoso" == world.fields("lead", other)["company"]
    assert {"company": "Contoso", "annualRevenue": None} == base(world, "lead", lead)
    assert [(person, {"company": "Fabrikam", "annualRevenue": 5})] == feed(world)


def test_A2_a_private_company_of_a_contact_is_its_own_and_never_sent(world: World) -> None:
    """The values lie with the person, and its link remembers nothing of them."""
    contact = contact_of(world)
    world.sync()

    edit(world, world.person("contact", contact).id, "company.name=Own Ltd", "company.billingCity=Oslo")

    assert {"company": "Own Ltd", "billingCity": "Oslo"}.items() <= world.fields("contact", contact).items()
    assert base(world, "contact", contact) is None


# Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        pytest.param("nonsense=1", UnknownField, id="an unknown field"),
        pytest.param("company.nonsense=1", UnknownField, id="an unknown company field"),
        pytest.param("leadStatus=Inactive", NotEditable, id="a pull-only field"),
        pytest.param("createdon=2020-01-01", NotEditable, id="a system field by its column"),
        pytest.param("microsoftType=lead", NotEditable, id="the type"),
        pytest.param("microsoftIsDeleted=yes", NotEditable, id="the deleted flag"),
        pytest.param("ownerid=5f0c0d5e-0000-4000-8000-000000000000", NotEditable, id="the owner"),
        pytest.param("externalCompanyId=x", NotEditable, id="which company it is in"),
        pytest.param("company.accountid=5f0c0d5e-0000-4000-8000-000000000000", NotEditable, id="which account it is"),
        pytest.param("company=Fabrikam", NotEditable, id="the shared company's field as the person's own"),
        pytest.param("telephone1=2", NotEditable, id="one field by both names"),
        pytest.param("doNotCall=perhaps", BadValue, id="a value of another type"),
        pytest.param("company.annualRevenue=much", BadValue, id="a company value of another type"),
    ],
)
def test_P3_a_refused_edit_changes_nothing(copied: World, typed: str, problem: type[TandemError]) -> None:
    """Not even the good fields that were given before it."""
    (person,) = copied.export("person")
    before = everything(copied)

    with pytest.raises(problem) as refused:
        edit(copied, person["id"], "phone=1", "company.website=x", typed)

    assert refused.value.remedy
    assert before == everything(copied)


def test_P12_a_person_merged_away_is_refused_with_the_id_it_lives_under(world: World) -> None:
    """Whoever edits an old id is told the new one."""
    winner, loser = contact_of(world), contact_of(world)
    world.sync()
    gone, stays = world.person("contact", loser).id, world.person("contact", winner).id
    world.merge("contact", winner, loser)
    world.cycle()

    with pytest.raises(UnknownPerson, match=f"Person {gone} was merged into person {stays}"):
        edit(world, gone, "phone=1")


def test_P3_nobody_is_refused(world: World) -> None:
    """An id nobody has."""
    world.sync()

    with pytest.raises(UnknownPerson, match="There is no person 77"):
        edit(world, 77, "phone=1")


def test_P14_a_company_that_is_not_here_cannot_be_edited(world: World) -> None:
    """The filter keeps the account out: nothing of the edit is done."""
    world.filter_column("account")
    contact = contact_of(world, world.create("account", name="Contoso", new_synctomkto=False))
    world.sync()
    before = everything(world)

    with pytest.raises(NotEditable, match="not in the marketing database"):
        edit(world, world.person("contact", contact).id, "phone=1", "company.company=Fabrikam")

    assert before == everything(world)


def test_D1_before_the_first_sync_no_field_is_known(world: World) -> None:
    """The sentence says where the fields come from."""
    with pytest.raises(UnknownField, match="not known yet"):
        edits(world).create([("email", "ann@example.com")], at=AT)


def test_P4_a_field_that_only_goes_from_dynamics_cannot_be_edited(world: World) -> None:
    """The direction somebody chose counts, not the default one."""
    contact = contact_of(world)
    world.sync()
    subscription = world.subscription
    choices = subscription.state.choices()[Entity.CONTACT]
    with world.engine() as (engine, _):
        table = engine.tables().plans[Entity.CONTACT].table
    wishes = Wishes(directions={"phone": Direction.FROM})
    with subscription.database.transaction():
        subscription.state.put_choices(Selection(Entity.CONTACT, table, choices, ()).changed(wishes))

    with pytest.raises(NotEditable, match="phone goes from Dynamics to marketing only"):
        edit(world, world.person("contact", contact).id, "phone=1")


# New people -------------------------------------------------------------------------------------------------------


def test_P2_a_created_person_is_only_in_marketing(world: World) -> None:
    """No type and no link; its history tells of it, and a sync leaves it alone."""
    world.sync()

    person = edits(world).create([("firstname", "Ann"), ("email", "ann@example.com"), ("company.name", "Own")], at=AT)
    world.cycle()

    (held,) = world.export("person")
    assert (person, None, "ann@example.com", "Ann", "Own") == (
        held["id"],
        held["microsoftType"],
        held["email"],
        held["firstName"],
        held["company"],
    )
    assert [] == world.subscription.state.links.of_person(person)
    assert [("New Person", None, None, None)] == world.log(person)
