"""`tandem filter`: what the sync filter says, and what it would do (rules D7, D8)."""

from pathlib import Path
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def contacts(office: Any) -> list[str]:
    """Three contacts: synced, parked, kept out; and an account whose table has no filter column."""
    world = office.world.filter_column("contact", "lead")
    made = [world.create("contact", firstname="Ann", lastname=name) for name in ("Live", "Parked")]
    made.append(world.create("contact", lastname="Out", new_synctomkto=False))
    world.create("account", name="Contoso")
    world.sync()
    world.edit("contact", made[1], new_synctomkto=False)
    world.cycle()
    return made


def test_D7_each_table_is_told_with_what_dynamics_says_and_what_is_here(office: Any, contacts: list[str]) -> None:
    """And what the next cycle would do with what it has not read."""
    office.world.create("contact", lastname="New", new_synctomkto=True)
    office.world.edit("contact", contacts[0], new_synctomkto=False)

    found = {each["entity"]: each for each in office.facts("filter")["tables"]}

    assert ["account", "lead", "contact", "opportunity"] == list(found)
    assert {"yes": 1, "no": 3, "empty": 0} == found["contact"]["dynamics"]
    here = ("column", "live", "parked", "excluded", "created", "excluding", "copying")
    assert ("readable", 1, 1, 1, 1, 1, False) == tuple(found["contact"][each] for each in here)
    assert ("missing", None, 1) == tuple(found["account"][each] for each in ("column", "dynamics", "live"))
    assert found["contact"] == office.facts("filter", "contact")["tables"][0]
    assert "readable" in office.run("filter", "person").out


def test_D7_a_filter_that_cannot_be_read_is_told_with_the_reason(office: Any, contacts: list[str]) -> None:
    """What is here is told all the same."""
    office.world.secure("contact", "new_synctomkto")

    ended = office.run("filter", "contact")

    assert ExitCode.DONE == ended.code
    assert "The sync user cannot read the sync filter new_synctomkto of contact." in ended.out


def test_D8_what_no_would_do_is_told_and_not_done(office: Any, contacts: list[str]) -> None:
    """By a condition, with a name and with the edits that would stay behind."""
    office.edit("contact", contacts[0], title="CTO")
    supposed = office.facts("filter", "contact", "--if-no", "lastname ne 'Z'")

    assert {"parked": 1, "unchanged": 2} == {fate: count for fate, count in supposed["fates"].items() if count}
    assert (3, 1, 0, False) == tuple(supposed[each] for each in ("records", "unsent", "contested", "wanted"))
    assert {"parked": [f"Ann Live ({contacts[0]})"]} == supposed["samples"]
    told = office.run("filter", "contact", "--if-no", "lastname ne 'Z'").out
    assert "1 would be parked" in told
    assert "1 of them have edits that Dynamics does not have." in told
    assert office.row("contact", contacts[0])["new_synctomkto"] is None


def test_D8_the_filter_is_told_and_tried_while_another_tandem_syncs(office: Any, contacts: list[str]) -> None:
    """All day somebody does; only what the next cycle would do is that one's to find out."""
    with office.world.subscription.exclusive():
        (found,) = office.facts("filter", "contact")["tables"]
        told = office.run("filter", "contact")
        supposed = office.facts("filter", "contact", "--if-no", "lastname eq 'Live'")

    assert (1, 1, 1, None, None) == tuple(
        found[each] for each in ("live", "parked", "excluded", "created", "excluding")
    )
    assert (ExitCode.DONE, True) == (told.code, "Another Tandem is at work" in told.out)
    assert 1 == supposed["fates"]["parked"]


def test_D8_records_are_named_in_a_file(office: Any, contacts: list[str], tmp_path: Path) -> None:
    """One id on each line; upper case, empty lines and a byte-order mark are what spreadsheets write."""
    file = tmp_path / "ids.txt"
    file.write_text("\ufeff" + "\n\n".join([*(each.upper() for each in contacts), NOBODY]), encoding="utf-8")

    supposed = office.facts("filter", "contact", "--if-yes", f"@{file}")

    fates = {fate: count for fate, count in supposed["fates"].items() if count}
    assert ({"resumed": 1, "created": 1, "unchanged": 1}, 1) == (fates, supposed["missing"])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["contact", "--if-no", "colour is blue"], 1, "colour is blue", id="a condition that is none"),
        pytest.param(["contact", "--if-no", "nothing eq 1"], 1, "nothing eq 1", id="a column that is not there"),
        pytest.param(["systemuser", "--if-no", "x eq 1"], 1, "cannot have a sync filter", id="a table without filter"),
        pytest.param(["contact", "--if-no", "@absent.txt"], 1, "absent.txt cannot be read", id="a file that is absent"),
        pytest.param(["contact", "--if-no", "@{file}"], 1, "'not an id'", id="a file with something else"),
        pytest.param(["--if-no", "x eq 1"], 2, "Name the table", id="no table"),
        pytest.param(["contact", "--if-no", "a", "--if-yes", "b"], 2, "at once", id="both at once"),
        pytest.param(["nobody"], 1, "There is no entity 'nobody'", id="a table that is none"),
    ],
)
def test_D8_bad_input_is_told_in_words(
    office: Any, contacts: list[str], tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    """Nothing is done then."""
    (tmp_path / "wrong.txt").write_text(f"{contacts[0]}\nnot an id\n", encoding="utf-8")

    ended = office.run("filter", *(each.replace("{file}", str(tmp_path / "wrong.txt")) for each in arguments))

    assert code == ended.code
    assert told in ended.told
