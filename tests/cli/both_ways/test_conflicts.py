"""`tandem conflicts`: both values of what both sides changed, and the way back (rules P4, N7, R2)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.rules.fields import Collision, Winner


@pytest.fixture
def lead(office: Any) -> str:
    """A lead whose job title both sides changed: marketing won."""
    record = str(office.world.create("lead", lastname="Ek", subject="Visit", jobtitle="Buyer"))
    office.world.sync()
    office.collide("lead", record, title=("jobtitle", "Chief", "Head"))
    return record


def test_P4_a_collision_is_listed_with_both_values_base_winner_rule_and_time(office: Any, lead: str) -> None:
    """On a lead marketing's value stays; labels stand for codes."""
    (found,) = office.facts("conflicts")["conflicts"]

    assert ("Buyer", "Chief", "Head") == tuple(found[side]["shown"] for side in ("base", "marketing", "dynamics"))
    assert ("title", "Job Title", "marketing", "P4", "settled") == tuple(
        found[name] for name in ("field", "label", "winner", "rule", "state")
    )
    assert office.world.person("lead", lead).id == found["person_id"]
    shown = office.run("conflicts").out
    assert all(each in shown for each in ("Job Title", "Buyer", "Chief", "Head", "marketing", found["at"]))


def test_D3_codes_are_shown_as_labels(office: Any, choose: Any) -> None:
    """The stored code stays in JSON beside the label."""
    record = office.world.create("contact", lastname="Ek", preferredcontactmethodcode=1)
    office.world.sync()
    choose("contact", "--select", "preferredcontactmethodcode")
    office.world.sync()
    office.collide("contact", record, preferredcontactmethodcode=("preferredcontactmethodcode", "Phone", 2))

    (found,) = office.facts("conflicts")["conflicts"]

    assert {"value": 2, "shown": "Email"} == found["dynamics"]
    assert "Phone" == found["marketing"]["shown"]


def test_N7_the_losing_value_is_given_back_as_an_edit_and_sent(office: Any, lead: str) -> None:
    """It is logged, the collision is restored, and Dynamics gets it in the next cycle; the winner is not lost."""
    (found,) = office.facts("conflicts")["conflicts"]

    ended = office.run("conflicts", "--restore", str(found["id"]))
    (after,) = office.facts("conflicts")["conflicts"]
    office.world.cycle()

    assert f"Collision {found['id']} is restored: title of person {found['person_id']} was given back." in ended.told
    assert "restored" == after["state"]
    assert ("Head", "Head") == (office.world.fields("lead", lead)["title"], office.row("lead", lead)["jobtitle"])
    assert ("Change Data Value", "title", "Chief", "Head") in office.world.log(found["person_id"])


def test_P4_on_a_contact_marketings_value_is_given_back(office: Any) -> None:
    """There Dynamics won; what marketing had reaches Dynamics then."""
    record = office.world.create("contact", lastname="Ek", jobtitle="Buyer")
    office.world.sync()
    person = office.collide("contact", record, title=("jobtitle", "Chief", "Head"))
    (found,) = office.facts("conflicts", "--person", str(person))["conflicts"]

    office.run("conflicts", "--restore", str(found["id"]))
    office.world.cycle()

    assert ("dynamics", "Chief") == (found["winner"], office.row("contact", record)["jobtitle"])


def test_N7_a_value_that_is_there_already_says_so(office: Any, lead: str) -> None:
    """Nothing is edited a second time."""
    (found,) = office.facts("conflicts")["conflicts"]
    office.run("conflicts", "--restore", str(found["id"]))
    before = office.world.log(found["person_id"])

    again = office.run("conflicts", "--restore", str(found["id"]))

    assert ExitCode.DONE == again.code
    assert f"Person {found['person_id']} has the value of collision {found['id']} already." in again.told
    assert before == office.world.log(found["person_id"])


def test_P4_a_held_collision_comes_first_and_is_decided_as_a_hold(office: Any, choose: Any, lead: str) -> None:
    """Restoring it is refused with the two ways out; approved, marketing's value is sent."""
    choose("lead", "--on-collision", "city=hold")
    office.collide("lead", lead, city=("address1_city", "Umeå", "Oslo"))
    held, settled = office.facts("conflicts")["conflicts"]
    (hold,) = office.facts("holds")["holds"]

    refused = office.run("conflicts", "--restore", str(held["id"]))

    assert [("held", None), ("settled", "marketing")] == [(each["state"], each["winner"]) for each in (held, settled)]
    assert (ExitCode.FAILED, True) == (refused.code, "[not-restorable]" in refused.told)
    assert f"tandem holds --approve {hold['id']}` sends marketing's value" in refused.told
    assert ExitCode.DONE == office.run("holds", "--approve", str(hold["id"])).code
    office.world.cycle()
    assert "Umeå" == office.row("lead", lead)["address1_city"]
    assert "settled" == office.facts("conflicts")["conflicts"][0]["state"]


def test_P4_a_held_collision_that_both_sides_end_by_themselves_has_no_loser(
    office: Any, choose: Any, lead: str
) -> None:
    """It is listed as settled, and there is nothing to give back."""
    choose("lead", "--on-collision", "city=hold")
    office.collide("lead", lead, city=("address1_city", "Umeå", "Oslo"))
    office.world.edit("lead", lead, address1_city="Umeå")
    office.world.cycle()

    (found, _) = sorted(office.facts("conflicts")["conflicts"], key=lambda each: each["field"] != "city")
    refused = office.run("conflicts", "--restore", str(found["id"]))

    assert ("settled", None) == (found["state"], found["winner"])
    assert f"Nobody lost in collision {found['id']}" in refused.told


def test_A3_a_companys_value_is_not_given_back(office: Any) -> None:
    """Dynamics' values of accounts always win."""
    account = office.world.create("account", name="Contoso")
    contact = office.world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    office.world.sync()
    office.edit("contact", contact, **{"company.company": "Fabrikam"})
    office.world.edit("account", account, name="Contoso Ltd")
    office.world.cycle()
    (found,) = office.facts("conflicts")["conflicts"]

    refused = office.run("conflicts", "--restore", str(found["id"]))

    assert (account, "Fabrikam", "Company Name") == (
        found["external_company_id"], found["marketing"]["shown"], found["label"]
    )  # fmt: skip
    assert (ExitCode.FAILED, True) == (refused.code, "Change the account in Dynamics." in refused.told)
    assert "Contoso Ltd" == office.world.company(account)["company"]


def test_P4_a_field_that_is_pull_only_by_now_is_not_given_back(office: Any, choose: Any, lead: str) -> None:
    """The edit is refused as any other would be, and the collision stays as it was."""
    (found,) = office.facts("conflicts")["conflicts"]
    choose("lead", "--direction", "title=from")
    choose("contact", "--direction", "title=from")

    refused = office.run("conflicts", "--restore", str(found["id"]))

    assert (ExitCode.FAILED, True) == (refused.code, "[not-editable]" in refused.told)
    assert "settled" == office.facts("conflicts")["conflicts"][0]["state"]


def test_P16_the_collisions_of_a_merged_person_are_its_survivors(office: Any, lead: str) -> None:
    """Asked for by the old id as well, and given back to the survivor."""
    (found,) = office.facts("conflicts")["conflicts"]
    winner = office.facts("people", "create", "lastName=Ek")["id"]
    loser = found["person_id"]
    assert ExitCode.DONE == office.run("people", "merge", str(winner), str(loser)).code

    (after,) = office.facts("conflicts", "--person", str(loser))["conflicts"]
    office.run("conflicts", "--restore", str(after["id"]))

    assert winner == after["person_id"]
    assert "Head" == office.world.fields("lead", lead)["title"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--restore", "77"], "no-such-collision", id="a collision that is not there"),
        pytest.param(["--person", "77"], "unknown-person", id="a person that is not there"),
    ],
)
def test_what_is_not_there_is_said(office: Any, arguments: list[str], code: str) -> None:
    """With the command that lists what is."""
    ended = office.run("conflicts", *arguments)

    assert (ExitCode.FAILED, True) == (ended.code, f"[{code}]" in ended.told)


def test_a_list_that_was_cut_says_so(office: Any, lead: str) -> None:
    """Nobody takes a part for the whole."""
    office.collide("lead", lead, city=("address1_city", "Umeå", "Oslo"))

    assert "The first 1; there may be more: --limit." in office.run("conflicts", "--limit", "1").out
    assert "there may be more" not in office.run("conflicts").out


@pytest.fixture
def leads(office: Any) -> list[str]:
    """Three leads whose job titles both sides changed, and of the first the city as well: marketing won."""
    records = [
        str(office.world.create("lead", lastname=name, subject="Visit", jobtitle="Buyer"))
        for name in ("Ek", "Bo", "Ax")
    ]
    office.world.sync()
    for record in records:
        office.edit("lead", record, title="Chief")
        office.world.edit("lead", record, jobtitle="Head")
    office.edit("lead", records[0], city="Oslo")
    office.world.edit("lead", records[0], address1_city="Bergen")
    office.world.cycle()
    return records


def test_N7_many_values_are_given_back_by_a_filter(office: Any, leads: list[str]) -> None:
    """What the filter does not name stays; each is an edit that reaches Dynamics."""
    done = office.facts("conflicts", "--restore", "all", "--field", "jobtitle", "--kept", "marketing")
    office.world.cycle()

    assert {"given_back": 3, "there_already": 0, "skipped": []} == done
    assert ["Head"] * 3 == [office.world.fields("lead", each)["title"] for each in leads]
    assert ["Head"] * 3 == [office.row("lead", each)["jobtitle"] for each in leads]
    assert "Oslo" == office.world.fields("lead", leads[0])["city"]


def test_N7_a_dry_run_counts_and_shows_what_would_be_given_back(office: Any, leads: list[str]) -> None:
    """Nothing is changed by it, and the real run does what it said."""
    told = office.facts("conflicts", "--restore", "all", "--rule", "p4", "--dry-run", "--limit", "2")
    before = [office.world.fields("lead", each)["title"] for each in leads]
    done = office.facts("conflicts", "--restore", "all", "--rule", "p4")

    assert (4, 2, ["Chief"] * 3) == (told["restorable"], len(told["conflicts"]), before)
    assert told["restorable"] == done["given_back"]


def test_N7_of_several_conflicts_of_one_field_the_last_is_given_back(office: Any, lead: str) -> None:
    """An older one would undo it; asked again, nothing is left to do."""
    office.collide("lead", lead, title=("jobtitle", "Third", "Fourth"))
    person = str(office.world.person("lead", lead).id)

    first = office.facts("conflicts", "--restore", "all", "--person", person)
    again = office.facts("conflicts", "--restore", "all", "--person", person)

    assert (1, 0) == (first["given_back"], again["given_back"])
    assert "Fourth" == office.world.fields("lead", lead)["title"]


@pytest.mark.parametrize(
    ("when", "count"),
    [pytest.param("..2001-01-01", 0, id="before it"), pytest.param("2001-01-01..", 4, id="since before it")],
)
def test_N7_conflicts_are_named_by_their_time(office: Any, leads: list[str], when: str, count: int) -> None:
    """Either end may be open."""
    assert count == len(office.facts("conflicts", "--when", when)["conflicts"])
    assert count == office.facts("conflicts", "--restore", "all", "--when", when, "--dry-run")["restorable"]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        pytest.param(("--restore", "all"), 2, "Say which", id="everything there is"),
        pytest.param(("--restore", "some"), 2, "or `all`", id="a word that is no id"),
        pytest.param(("--restore", "1", "--dry-run"), 2, "goes with", id="a dry run of one"),
        pytest.param(("--restore", "all", "--when", "2002..2001"), 1, "bad-range", id="no dates"),
        pytest.param(("--restore", "all", "--when", "2002-01-01..2001-01-01"), 1, "earlier", id="dates the wrong way"),
        pytest.param(("--restore", "all", "--field", "nothing"), 1, "unknown-field", id="an unknown field"),
        pytest.param(("--restore", "all", "--person", "999"), 1, "unknown-person", id="an unknown person"),
    ],
)
def test_N7_what_cannot_be_meant_changes_nothing(
    office: Any, lead: str, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    """A filter that was misspelt must not restore everything."""
    ended = office.run("conflicts", *arguments)

    assert (code, True) == (ended.code, reason in ended.told)
    assert "Chief" == office.world.fields("lead", lead)["title"]


def test_N7_a_value_that_cannot_be_given_back_stops_no_other(office: Any, leads: list[str]) -> None:
    """It is told with its reason, and the command says that not all was done."""
    gone = office.world.person("lead", leads[1]).id
    office.world.subscription.state.journal.add_collisions(
        [(gone, None, Collision(field="nosuch", base=None, marketing=1, crm=2, winner=Winner.MARKETING, rule="P4"))],
        at=office.world.subscription.now(),
    )

    ended = office.run("conflicts", "--restore", "all", "--kept", "marketing")

    assert ExitCode.RECORD_ERRORS == ended.code
    assert "Values given back: 4;" in ended.out
    assert "was skipped" in ended.told
