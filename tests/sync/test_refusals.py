"""What Dynamics does not take stays a reason on the record, and nothing else is disturbed (rules P7, P17)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tandem.mapping.fields import Direction
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.sandbox.door.automation import Unplug
from tandem.sandbox.door.operations import Privilege
from tandem.sandbox.store.customisation import ChangeColumn
from tandem.state.queues import Lane
from tandem.sync.edits import Edits
from tandem.testing.world import World

NEW = "5ca1ab1e-0000-4000-8000-000000000001"
"""The id chosen for a record that is to be made."""


def errors(world: World) -> list[tuple[str, str | None, str]]:
    """(code, field, state) of every error, oldest first."""
    return [(e["code"], e["field"], e["state"]) for e in reversed(world.subscription.state.journal.errors())]


def failures(world: World, table: str, record: str) -> list[dict[str, Any]]:
    """What the log of a record's person tells of writes that failed."""
    return failures_of(world, world.person(table, record).id)


def failures_of(world: World, person: int) -> list[dict[str, Any]]:
    """What a person's log tells of writes that failed."""
    entries = world.subscription.marketing.people.activities(PersonId(person))
    told = [json.loads(entry["detail"]) for entry in entries if entry["type"] == "Sync Person to Microsoft"]
    return [detail for detail in told if detail["outcome"] == "failed"]


def retry(world: World) -> None:
    """Send again whatever failed."""
    with world.subscription.database.transaction():
        world.subscription.state.nominations.add_failed(Lane.RETRY, at=world.subscription.now())


# Found before sending -----------------------------------------------------------------------------------------------


MISFITS: list[dict[str, tuple[Any, str]]] = [
    {
        "rating": (77, "unknown-option"),
        "annualRevenue": (10**15, "out-of-range"),
        "mobilePhone": ("0" * 21, "too-long"),
        "phone": ("1\x01", "control-characters"),
        "unsubscribed": ("maybe", "wrong-type"),
        "new_seen": ("2025-02-30T00:00:00Z", "bad-date"),
        "microsoftTopic": (None, "required-empty"),
    },
    {"annualRevenue": ("much", "wrong-type"), "new_seen": ("1700-01-01T00:00:00Z", "bad-date")},
]


@pytest.mark.parametrize("misfits", MISFITS, ids=["one of each kind", "of another type, before all days"])
def test_P7_a_value_that_does_not_fit_holds_its_field_only(world: World, misfits: dict[str, tuple[Any, str]]) -> None:
    """The rest is sent; each reason stands in the errors, and once in the log without the value."""
    world.organisation.add_column("lead", "new_seen", "datetime")
    lead = world.create("lead", lastname="Ek", subject="Visit", telephone2="1")
    world.choose("lead", "new_seen")
    world.sync()

    world.put_values("lead", lead, microsoftHomePhone="2", **{name: value for name, (value, _) in misfits.items()})
    reports = [world.cycle() for _ in range(3)]

    assert ("2", "Visit") == tuple(world.row("lead", lead)[name] for name in ("telephone2", "subject"))
    assert {(code, name, "open") for name, (_, code) in misfits.items()} == {*errors(world)}
    told = [detail["reason"] for detail in failures(world, "lead", lead)]
    assert sorted(misfits) == sorted(reason.split()[0] for reason in told)
    assert not [value for value, _ in misfits.values() if value is not None and str(value) in " ".join(told)]
    assert [1, 0, 0] == [report.entities[Entity.LEAD].pushed for report in reports]
    assert [len(misfits), 0, 0] == [report.entities[Entity.LEAD].failed for report in reports]


def test_P7_the_length_that_counts_is_the_linked_tables(world: World) -> None:
    """A mobile phone number of 21 characters fits a contact and no lead."""
    lead, contact = world.create("lead", lastname="Ek"), world.create("contact", lastname="Ek")
    world.sync()

    for table, record in (("lead", lead), ("contact", contact)):
        world.edit_person(table, record, mobilePhone="0" * 21)
    world.cycle()

    assert (None, "0" * 21) == (world.row("lead", lead)["mobilephone"], world.row("contact", contact)["mobilephone"])
    assert [("too-long", "mobilePhone", "open")] == errors(world)


@pytest.mark.parametrize("corrected", ["in marketing", "in Dynamics"])
def test_P7_a_field_heals_when_it_is_corrected(world: World, corrected: str) -> None:
    """On either side."""
    lead = world.create("lead", lastname="Ek", mobilephone="1")
    world.sync()
    world.edit_person("lead", lead, mobilePhone="0" * 21)
    world.cycle()

    if corrected == "in marketing":
        world.edit_person("lead", lead, mobilePhone="2")
    else:
        world.choose("lead", "mobilephone", direction=Direction.FROM)
        world.edit("lead", lead, mobilephone="2")
    world.sync()
    world.cycle()

    assert ("2", "2") == (world.row("lead", lead)["mobilephone"], world.fields("lead", lead)["mobilePhone"])
    assert [("too-long", "mobilePhone", "healed")] == errors(world)


def test_P7_a_field_heals_when_its_column_becomes_longer(world: World) -> None:
    """Nobody has to touch the person: the definitions changed, so what failed is looked at again."""
    lead = world.create("lead", lastname="Ek")
    world.sync()
    world.edit_person("lead", lead, mobilePhone="0" * 21)
    world.cycle()

    lengthen(world, "lead", "mobilephone", 50)
    world.cycle()

    assert "0" * 21 == world.row("lead", lead)["mobilephone"]
    assert [("too-long", "mobilePhone", "healed")] == errors(world)


def lengthen(world: World, table: str, column: str, length: int) -> None:
    """Somebody makes a column longer, and publishes."""
    changed = replace(world.organisation.tables[table].columns[column], max_length=length)
    world.organisation.customise(ChangeColumn(table, changed))


# Refused by the server ----------------------------------------------------------------------------------------------


def test_P7_a_plug_ins_refusal_keeps_one_record_only(world: World) -> None:
    """Its words stand in the errors and once in the log; the others are written, and the record is pulled on."""
    refused, other = (world.create("contact", lastname="Ek", telephone1="1") for _ in range(2))
    world.sync()
    world.plug_in(Refuse(table="contact", column="telephone1", when={"telephone1": "3"}, message="No such phone."))
    world.edit_person("contact", refused, phone="3")
    world.edit_person("contact", other, phone="2")

    world.cycle()
    world.edit("contact", refused, jobtitle="CTO")
    world.cycle()
    world.cycle()

    assert ("1", "2") == tuple(world.row("contact", each)["telephone1"] for each in (refused, other))
    assert ("3", "CTO") == (world.fields("contact", refused)["phone"], world.fields("contact", refused)["title"])
    assert [("dynamics-refused", None, "open")] == errors(world)
    [told] = failures(world, "contact", refused)
    assert "No such phone" in told["reason"]


def test_P7_what_stays_refused_is_not_sent_in_every_cycle(world: World, writes) -> None:
    """Only when its cause may have gone."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.plug_in(Refuse(table="contact"))
    world.edit_person("contact", contact, phone="2")

    for _ in range(3):
        world.cycle()

    assert 1 == len(writes)


@pytest.mark.parametrize("cause", ["edited in marketing", "edited in Dynamics", "retried"])
def test_P7_a_refused_record_heals(world: World, cause: str) -> None:
    """By an edit on either side, or when somebody asks for it."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.plug_in(Refuse(table="contact", column="telephone1"))
    world.edit_person("contact", contact, phone="2")
    world.cycle()
    world.do(Unplug())

    match cause:
        case "edited in marketing":
            world.edit_person("contact", contact, title="CTO")
        case "edited in Dynamics":
            world.edit("contact", contact, jobtitle="CTO")
        case _:
            retry(world)
    world.cycle()

    assert "2" == world.row("contact", contact)["telephone1"]
    assert [("dynamics-refused", None, "healed")] == errors(world)


def test_P7_without_the_right_to_write_the_table_is_still_pulled(world: World) -> None:
    """Each record says why; contacts go on, and all of it heals by a retry."""
    leads = [world.create("lead", lastname="Ek") for _ in range(2)]
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.do(Privilege(privilege="prvWriteLead"))
    for each in leads:
        world.edit_person("lead", each, phone="2")
    world.edit_person("contact", contact, phone="2")
    world.edit("lead", leads[0], jobtitle="CTO")

    world.cycle()
    before = (world.row("lead", leads[0])["telephone1"], world.row("contact", contact)["telephone1"])
    title, told = world.fields("lead", leads[0])["title"], errors(world)
    world.do(Privilege(privilege="prvWriteLead", depth="Global"))
    retry(world)
    world.cycle()

    assert (None, "2", "CTO") == (*before, title)
    assert [("missing-privilege", None, "open")] * 2 == told
    assert ["2"] * 2 == [world.row("lead", each)["telephone1"] for each in leads]
    assert [("missing-privilege", None, "healed")] * 2 == errors(world)


@pytest.mark.parametrize("status", [412, 500])
def test_P7_a_duplicate_rule_keeps_a_record_from_being_made(world: World, status: int) -> None:
    """It is asked for on create only; when the duplicate is gone, a retry makes the record under the chosen id."""
    twin = world.create("lead", lastname="Ek", emailaddress1="ann@example.com")
    other = world.create("lead", lastname="Ng", emailaddress1="bo@example.com")
    world.sync()
    world.detect_duplicates("lead", status=status)
    person = world.want("lead", NEW, lastName="Ek", microsoftTopic="Visit", email="ann@example.com")
    world.edit_person("lead", other, email="ann@example.com")

    world.cycle()
    refused = errors(world)
    world.delete("lead", twin)
    world.delete("lead", other)
    retry(world)
    world.cycle()

    assert [("duplicate-rule", None, "open")] == refused
    assert ["duplicate-rule"] == [code for code, _, _ in errors(world)]
    assert ("Ek", person) == (world.row("lead", NEW)["lastname"], world.person("lead", NEW).id)
    assert 1 == len(failures_of(world, person))
    assert ["healed"] == [state for *_, state in errors(world)]


def test_P7_a_record_is_not_made_without_its_required_fields(world: World, writes) -> None:
    """The API would let ApplicationRequired pass; the person's next edit makes it."""
    world.sync()
    person = world.want("lead", NEW, lastName="Ek")

    world.cycle()
    before = (len(writes), errors(world))
    edits = Edits(world.subscription.database, world.subscription.marketing, world.subscription.state)
    edits.edit(person, [("microsoftTopic", "Visit")], at=world.subscription.now())
    world.cycle()

    assert (0, [("required-empty", "microsoftTopic", "open")]) == before
    assert "Visit" == world.row("lead", NEW)["subject"]
    assert [("required-empty", "microsoftTopic", "healed")] == errors(world)


def test_P7_a_reference_to_nothing_is_a_reason_too(world: World, writes) -> None:
    """On an update and on a create; neither is tried for ever."""
    world.choose("lead", "parentaccountid")
    lead = world.create("lead", lastname="Ek")
    world.sync()
    nowhere = "00000000-0000-4000-8000-00000000dead"
    world.edit_person("lead", lead, parentaccountid=nowhere)
    person = world.want("lead", NEW, lastName="Ny", microsoftTopic="Visit", parentaccountid=nowhere)

    world.cycle()
    world.cycle()

    assert [("dynamics-row-not-found", None, "open")] * 2 == errors(world)
    assert 1 == len(failures(world, "lead", lead)) == len(failures_of(world, person))
    assert 2 == sum(len(request) for request in writes)


# Inactive records ---------------------------------------------------------------------------------------------------


def test_P17_an_edit_of_a_closed_lead_waits_until_it_is_open_again(world: World, writes) -> None:
    """It keeps syncing in; what was refused is sent when Dynamics reopens it."""
    lead = world.create("lead", lastname="Ek", telephone1="1")
    world.sync()
    world.edit("lead", lead, statecode=2, statuscode=4)
    world.cycle()
    world.edit_person("lead", lead, phone="2")

    for _ in range(3):
        world.cycle()
    closed = (world.row("lead", lead)["telephone1"], len(writes), errors(world))
    world.edit("lead", lead, statecode=0, statuscode=1)
    world.cycle()

    assert ("1", 1, [("record-inactive", None, "open")]) == closed
    assert "2" == world.row("lead", lead)["telephone1"]
    assert [("record-inactive", None, "healed")] == errors(world)
    assert 1 == len(failures(world, "lead", lead))


def test_P17_an_inactive_contact_takes_edits(world: World) -> None:
    """Dynamics lets a deactivated contact be changed by its API."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.edit("contact", contact, statecode=1, statuscode=2, jobtitle="CTO")
    world.edit_person("contact", contact, phone="2")

    world.cycle()

    assert "CTO" == world.fields("contact", contact)["title"]
    assert "2" == world.row("contact", contact)["telephone1"]


def test_P17_a_locked_record_is_written_when_it_changes_again(world: World) -> None:
    """Unlocking raises its version."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.lock("contact", contact)
    world.edit_person("contact", contact, phone="2")
    world.cycle()
    before = world.row("contact", contact)["telephone1"]

    world.lock("contact", contact, locked=False)
    world.edit("contact", contact, jobtitle="CTO")
    world.cycle()

    assert ("1", "2") == (before, world.row("contact", contact)["telephone1"])
