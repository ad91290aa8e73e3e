"""`tandem fields`: what can be chosen, what is chosen, and that a choice is whole or not made."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.dynamics.client import Dynamics
from tandem.mapping.fields import default_fields
from tandem.model.entities import Entity
from tandem.sandbox.door.operations import Secure
from tandem.testing.world import World

Command = Callable[..., Any]
TABLES = ("systemuser", "team", "teammembership", "account", "lead", "contact", "opportunity", "connection")


def listed(ended: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The fields a command printed as JSON, by table and column."""
    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    return {(each["entity"], each["column"]): each for each in json.loads(ended.out)["fields"]}


@pytest.fixture
def world(copied: World) -> World:
    """The copied world; tests here put back what they choose."""
    return copied


def test_D1_all_fields_are_listed_with_both_names_type_and_direction(world: World, tandem: Command) -> None:
    """The default map is selected, other columns are offered."""
    fields = listed(tandem("fields", "--json", world=world))

    assert (
        {*TABLES, "customeropportunityrole"} - {"teammembership"}
        >= {entity for entity, _ in fields}
        >= {"lead", "contact", "account"}
    )
    assert {
        "entity": "lead",
        "column": "telephone1",
        "api_name": "phone",
        "label": "Phone Number",
        "type": "text",
        "direction": "both",
        "on_collision": None,
        "selected": True,
        "broken": None,
    } == fields["lead", "telephone1"]
    selected = {column for (entity, column), each in fields.items() if entity == "contact" and each["selected"]}
    assert selected <= {row.column for row in default_fields(Entity.CONTACT)}
    assert not fields["lead", "address1_county"]["selected"]


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        pytest.param("account", {"account"}, id="Dynamics' name"),
        pytest.param("Company", {"account"}, id="marketing's name"),
        pytest.param("person", {"lead", "contact"}, id="one name for two tables"),
    ],
)
def test_fields_takes_both_names_of_an_entity(world: World, tandem: Command, name: str, tables: set[str]) -> None:
    """Only the tables asked for are listed."""
    assert tables == {entity for entity, _ in listed(tandem("fields", name, "--json", world=world))}


def test_fields_says_how_many_are_selected(world: World, tandem: Command) -> None:
    """The heading names the table, once where both sides call it the same."""
    chosen = world.subscription.state.choices()[Entity.TEAM]

    assert f"team: {len(chosen)} of" in tandem("fields", "team", world=world).out


def test_D1_a_selected_field_is_read_for_all_records_by_the_next_sync(world: World, tandem: Command) -> None:
    """Another selection is another read of that table, and of no other."""
    account = world.export("company")[0]["externalCompanyId"]
    world.edit("account", account, fax="+47 1")
    world.cycle()

    chosen = listed(tandem("fields", "account", "--select", "fax", "--json", world=world))
    reports = world.sync()

    assert chosen["account", "fax"]["selected"]
    assert "+47 1" == world.company(account)["fax"]
    companies = world.subscription.marketing.counts()["company"][0]
    reread = {entity.value for entity, counts in reports[0].entities.items() if counts.read >= companies}
    assert {"account"} == reread

    again = listed(tandem("fields", "account", "--deselect", "fax", "--json", world=world))
    world.sync()
    assert not again["account", "fax"]["selected"]
    assert "+47 1" == world.company(account)["fax"]


def test_D1_a_running_engine_sees_a_new_selection(world: World, tandem: Command) -> None:
    """`tandem run` need not be started again: its next cycle reads by the new selection."""
    lead = world.create("lead", subject="x", lastname="Ek", sic="1234")
    with world.engine() as (engine, _):
        engine.cycle()
        tandem("fields", "lead", "--select", "sic", world=world)
        engine.cycle()

    assert "1234" == world.fields("lead", lead)["sic"]
    tandem("fields", "lead", "--deselect", "sic", world=world)
    world.sync()


def test_P4_a_direction_is_changed_by_either_name(world: World, tandem: Command) -> None:
    """A blocked field stays as it is on both sides, and catches up when it is opened again."""
    contact = world.create("contact", lastname="Ek", fax="1")
    world.sync()

    blocked = listed(tandem("fields", "contact", "--direction", "address1_city=blocked", "--json", world=world))
    world.edit("contact", contact, address1_city="Oslo")
    world.sync()
    while_blocked = world.fields("contact", contact).get("city")
    tandem("fields", "contact", "--direction", "city=both", world=world)
    world.sync()

    assert "blocked" == blocked["contact", "address1_city"]["direction"]
    assert (None, "Oslo") == (while_blocked, world.fields("contact", contact)["city"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["lead", "--select", "fax,nonsense"], "'nonsense'", id="an unknown field to select"),
        pytest.param(["lead", "--deselect", "phone,nonsense"], "'nonsense'", id="an unknown field to deselect"),
        pytest.param(["lead", "--select", "fax", "--direction", "nonsense=from"], "'nonsense'", id="in a direction"),
        pytest.param(["lead", "--select", "leadid"], "'leadid'", id="a column that is not offered"),
        pytest.param(["lead", "--direction", "phone=sideways"], "'phone=sideways'", id="an unknown direction"),
        pytest.param(["lead", "--direction", "createdon=both"], "createdon of lead", id="a column nobody may write"),
        pytest.param(["account", "--direction", "name=both"], "account", id="a table that goes one way"),
        pytest.param(["invoice"], "'invoice'", id="an unknown table"),
        pytest.param(["person", "--select", "fax"], "'person' is more than one table", id="two tables at once"),
    ],
)
def test_D1_an_unknown_name_is_one_sentence_and_changes_nothing(
    world: World, tandem: Command, arguments: list[str], said: str
) -> None:
    """Nothing of the line is done, not even what was right in it."""
    before = world.subscription.state.choices()

    ended = tandem("fields", *arguments, world=world)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert said in ended.err
    assert 3 == len(ended.err.splitlines())
    assert before == world.subscription.state.choices()


def test_a_table_the_organisation_lacks_is_named(
    world: World, tandem: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An organisation without the app that brings leads: nothing is chosen, and that is said."""
    monkeypatch.setattr(Dynamics, "tables", lambda self, names, language: {})

    ended = tandem("fields", "lead", "--select", "fax", world=world)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "The organisation has no table lead." in ended.err


def test_a_choice_without_a_table_exits_2(world: World, tandem: Command) -> None:
    """Which table's fax?"""
    assert ExitCode.USAGE == tandem("fields", "--select", "fax", world=world).code


def test_D4_a_column_the_sync_user_may_not_read_is_shown_as_broken_and_can_be_deselected(
    world: World, tandem: Command
) -> None:
    """It was selected, is not offered any more, and says why."""
    world.do(Secure(table="contact", column="telephone1"))
    shown = listed(tandem("fields", "contact", "--json", world=world))["contact", "telephone1"]
    after = listed(tandem("fields", "contact", "--deselect", "telephone1", "--json", world=world))
    world.do(Secure(table="contact", column="telephone1", secured=False))
    tandem("fields", "contact", "--select", "telephone1", world=world)

    assert (True, "the sync user may not read it") == (shown["selected"], shown["broken"])
    assert ("contact", "telephone1") not in after


# Quick syncs --------------------------------------------------------------------------------------------------------


def test_D5_a_quick_sync_is_told_in_fields_and_status_and_can_be_given_up(world: World, tandem: Command) -> None:
    """With its number, its fields, its records, and how far it is."""
    world.sync()
    chosen = json.loads(
        tandem("fields", "contact", "--select", "pager", "--created", "2020-01-01..", "--json", world=world).out
    )
    status = json.loads(tandem("status", "--json", world=world).out)
    (asked,) = chosen["quick_syncs"]

    assert [asked] == status["quick_syncs"]
    assert ("contact", ["pager"], "created from 2020-01-01T00:00:00Z", "waiting", "person", 0, None, None) == tuple(
        asked[name]
        for name in ("entity", "fields", "records", "state", "asked_by", "rows_done", "total", "seconds_left")
    )
    assert "created from 2020-01-01T00:00:00Z" in tandem("status", world=world).out

    given_up = json.loads(tandem("fields", "--cancel", str(asked["id"]), "--json", world=world).out)
    assert ["cancelled"] == [each["state"] for each in given_up["quick_syncs"]]
    tandem("fields", "contact", "--deselect", "pager", world=world)
    assert [] == json.loads(tandem("fields", "contact", "--json", world=world).out)["quick_syncs"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["contact", "--created", "2024-01-01.."], "no-dates", "no field is named", id="no field"),
        pytest.param(["contact", "--select", "phone", "--created", "x.."], "bad-range", "'x' is no date", id="no date"),
        pytest.param(
            ["contact", "--select", "phone", "--updated", "2024-02-01..2024-01-01"],
            "bad-range",
            "ends before it begins",
            id="the wrong way round",
        ),
        pytest.param(
            ["contact", "--select", "phone", "--created", "2999-01-01.."], "bad-range", "in the future", id="ahead"
        ),
        pytest.param(["--cancel", "99"], "unknown-quick-sync", "No quick sync 99 waits or runs", id="none to give up"),
    ],
)
def test_D5_what_cannot_be_is_refused_by_code(
    world: World, tandem: Command, arguments: list[str], code: str, said: str
) -> None:
    """In a sentence with what to do, and nothing is chosen."""
    before = world.subscription.state.choices(), world.subscription.state.quick_syncs.newest()

    ended = tandem("fields", *arguments, world=world)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert said in ended.err
    assert f"[{code}]" in ended.err
    assert before == (world.subscription.state.choices(), world.subscription.state.quick_syncs.newest())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["contact", "--select", "phone", "--created", "2024..", "--updated", "2024.."], id="two dates"),
        pytest.param(["--created", "2024-01-01.."], id="a range without a table"),
        pytest.param(["contact", "--preview"], id="a preview of nothing"),
        pytest.param(["contact", "--cancel", "1"], id="giving up and a table"),
        pytest.param(["--cancel", "one"], id="no number"),
    ],
)
def test_D5_a_line_that_contradicts_itself_exits_2(world: World, tandem: Command, arguments: list[str]) -> None:
    """Before anything is asked."""
    assert ExitCode.USAGE == tandem("fields", *arguments, world=world).code


def test_D5_a_preview_tells_cost_and_effect_and_chooses_nothing(world: World, tandem: Command) -> None:
    """By the code that would do it: of the records looked at, who would take which value."""
    contacts = [world.create("contact", lastname=f"Ek {number}", pager=str(number)) for number in range(3)]
    world.sync()
    world.put_marketing_only("contact", contacts[0], pager="mine")
    plain = world.create("contact", lastname="Ng")
    world.sync()
    world.put_marketing_only("contact", plain, pager="only mine")
    people = world.subscription.state.links.count_known(Entity.CONTACT)
    before = world.subscription.state.choices(), world.subscription.state.quick_syncs.newest()

    found = json.loads(tandem("fields", "contact", "--select", "pager", "--preview", "--json", world=world).out)
    told = tandem("fields", "contact", "--select", "pager", "--preview", world=world).out
    known = json.loads(tandem("fields", "contact", "--select", "phone", "--preview", "--json", world=world).out)
    dropped = tandem("fields", "contact", "--deselect", "phone", "--preview", world=world).out

    assert (True, 3, 1, 1) == tuple(found[name] for name in ("rereads", "to_marketing", "overwritten", "to_dynamics"))
    assert found["rows"] >= people <= found["sample"] == known["sample"]
    assert (
        f"Of {found['sample']} records looked at, 3 would take a value from Dynamics, 1 of them over another value"
        in told
    )
    assert (False, 0) == (known["rereads"], known["to_marketing"])
    assert dropped.startswith("Nothing would be read")
    assert before == (world.subscription.state.choices(), world.subscription.state.quick_syncs.newest())
    assert {} == world.subscription.state.streams.successors()
    assert "mine" == world.fields("contact", contacts[0])["pager"]
