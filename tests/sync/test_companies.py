"""Accounts become companies that their people share (behaviour section 3)."""

import pytest
from msgspec.structs import replace

from tandem.model.entities import Entity
from tandem.sync.cycle_report import CycleReport
from tandem.testing.world import World


def test_A1_an_account_is_copied_without_any_contact(world: World) -> None:
    """A company does not need people."""
    account = world.create("account", name="Contoso", telephone1="1")

    world.sync()

    assert {"company": "Contoso", "mainPhone": "1"}.items() <= world.company(account).items()


def test_A3_any_newer_version_resets_every_mapped_field(world: World) -> None:
    """Even a change of a column nobody selected; the edited value is kept in the journal (R2)."""
    account = world.create("account", name="Contoso", telephone1="1")
    world.sync()
    _edit_here(world, account, company="Edited here")

    world.edit("account", account, fax="99")
    world.cycle()

    assert "Contoso" == world.company(account)["company"]
    (lost,) = world.subscription.state.journal.collisions()
    assert ("company", '"Edited here"', '"Contoso"', "A3") == (
        lost["field"],
        lost["marketing"],
        lost["crm"],
        lost["rule"],
    )


def test_A3_unmapped_company_fields_stay(world: World) -> None:
    """What only marketing knows is not Dynamics' to reset."""
    account = world.create("account", name="Contoso")
    world.sync()
    _edit_here(world, account, marketingNote="ours")

    world.edit("account", account, name="Renamed")
    world.cycle()

    assert {"company": "Renamed", "marketingNote": "ours"}.items() <= world.company(account).items()


@pytest.mark.parametrize(
    ("limit", "logged"),
    [pytest.param(3, True, id="exactly the limit still logs"), pytest.param(2, False, id="one more logs nobody")],
)
def test_A4_a_changed_company_field_is_logged_on_its_people_up_to_the_limit(
    make_world, limit: int, logged: bool
) -> None:
    """Three people, a limit of three and of two."""
    world = make_world(fanout_limit=str(limit))
    account = world.create("account", name="Contoso")
    contacts = [
        world.create("contact", lastname=name, parentcustomerid_account__bind=f"/accounts({account})") for name in "ABC"
    ]
    world.connect()
    world.sync()

    world.edit("account", account, name="Fabrikam")
    world.cycle()

    entry = ("Change Data Value", "company", "Contoso", "Fabrikam")
    assert [logged] * 3 == [entry in world.log(world.person("contact", each)) for each in contacts]
    assert "Fabrikam" == world.company(account)["company"]


def test_A4_the_first_copy_logs_nothing_on_people(world: World) -> None:
    """New Person is all there is."""
    account = world.create("account", name="Contoso")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")

    world.sync()

    assert [("New Person", None, None, None)] == world.log(world.person("contact", contact))


def test_A3_a_read_for_other_columns_keeps_what_an_edit_replaced(make_world) -> None:
    """So the row that resets the edit later still finds what it overwrites, for the journal (R2)."""
    world = make_world().connect()
    account = world.create("account", name="Contoso", telephone1="1")
    world.sync()
    _edit_here(world, account, company="Edited here")
    _deselect(world, "telephone1")
    world.sync()
    assert "Edited here" == world.company(account)["company"]

    world.edit("account", account, name="Renamed")
    world.cycle()

    assert "Renamed" == world.company(account)["company"]
    assert [("company", '"Edited here"')] == [
        (lost["field"], lost["marketing"]) for lost in world.subscription.state.journal.collisions()
    ]


def test_A4_a_read_for_other_columns_logs_nothing_on_people(make_world) -> None:
    """A field that is selected anew did not change in Dynamics."""
    world = make_world().connect()
    account = world.create("account", name="Contoso", telephone1="1")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    _deselect(world, "telephone1")
    world.sync()
    assert "mainPhone" not in world.company(account)

    _deselect(world, "telephone1", again=True)
    world.sync()

    assert "1" == world.company(account)["mainPhone"]
    assert [("New Person", None, None, None)] == world.log(world.person("contact", contact))


def test_A5_a_deleted_account_leaves_its_company_marked(world: World) -> None:
    """Values kept; people follow their own rows, which Dynamics deletes along with the account."""
    account = world.create("account", name="Contoso")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    world.sync()

    world.delete("account", account)
    report = world.cycle()

    (company,) = world.export("company")
    assert (True, "Contoso") == (company["isDeleted"], company["company"])
    person = world.person("contact", contact)
    assert (account, True) == (person.external_company_id, person.is_deleted)
    assert 2 == _deleted(report)


def _deselect(world: World, column: str, *, again: bool = False) -> None:
    """Take one of the account's columns out of the selection, or select it `again`."""
    state = world.subscription.state
    choice = state.choices()[Entity.ACCOUNT][column]
    with world.subscription.database.transaction():
        state.put_choices([replace(choice, selected=again)])


def _deleted(report: CycleReport) -> int:
    return sum(counts.deleted for counts in report.entities.values())


def _edit_here(world: World, account: str, **values: str) -> None:
    """Edit the company's own row, as an edit of one of its people does."""
    import json

    companies = world.subscription.marketing.companies
    held = companies.get([account])[account]
    fields = json.loads(held.fields)
    before = {name: fields.get(name) for name in values}
    with world.subscription.database.transaction():
        companies.edit(account, json.dumps({**fields, **values}), json.dumps(before), at=world.subscription.now())
