"""A person is erased from everywhere, and values grow old (rules P9, R2).

What is searched is every text of every table the database has by its own catalogue, so that a table that is added
later is searched as well.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tandem.database.port import Database, Dialect
from tandem.database.statements import Statement
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.ids import PersonId
from tandem.rules.fields import Collision, Winner
from tandem.rules.presence import LinkState
from tandem.runtime.erasing import erase, preview
from tandem.state.notices import NoticeKind
from tandem.sync.edits import Edits, UnknownPerson
from tandem.sync.removing import Removing, WriteUnderWay
from tandem.testing.world import World

TABLES = Statement(
    "tables",
    sqlite="select name from sqlite_schema where type = 'table' and name not like 'sqlite%'",
    postgresql="select tablename from pg_tables where schemaname = current_schema()",
)
MARK = "Zyxwvut"
"""In every value of the person who is erased, and in nothing else."""


class Refused(NeedsPerson):
    """Dynamics refused, in words that quote the person."""

    code = "refused-in-a-test"
    advice = "None."


def texts(database: Database) -> Iterator[tuple[str, str]]:
    """(table, text) of every value that is stored anywhere."""
    for (table,) in database.all(TABLES):
        everything = Statement("everything", f"select * from {table}", f"select * from {table}")
        for row in database.all(everything):
            yield from ((table, value if isinstance(value, str) else json.dumps(value, default=str)) for value in row)


def tables_with(database: Database, mark: str) -> set[str]:
    """The tables in which a text holds the mark."""
    return {table for table, text in texts(database) if mark.lower() in text.lower()}


def edits(world: World) -> Edits:
    subscription = world.subscription
    return Edits(subscription.database, subscription.marketing, subscription.state)


@pytest.fixture
def lead(world: World) -> str:
    """A lead whose values are everywhere: edited, collided, merged, refused, held, asked for and told of."""
    state, at = world.subscription.state, world.subscription.now()
    record = str(
        world.create("lead", lastname=f"{MARK} One", subject=f"{MARK} topic", emailaddress1=f"{MARK}@x.example")
    )
    world.sync()
    person = world.person("lead", record).id
    edits(world).edit(person, [("phone", f"{MARK} 1"), ("city", f"{MARK} city")], at=at)
    world.edit("lead", record, telephone1=f"{MARK} 2")
    world.sync()
    loser = edits(world).create([("lastName", f"{MARK} Two"), ("title", f"{MARK} title")], at=at)
    Removing(world.subscription.database, world.subscription.marketing, state).merge(person, loser, at=at)
    edits(world).edit(person, [("city", f"{MARK} unsent")], at=at)
    with world.subscription.database.transaction():
        state.journal.add_error(
            Refused(f"The plug-in said: {MARK} is known."),
            entity=Entity.LEAD,
            operation="update",
            direction="push",
            level="record",
            at=at,
            crm_id=record,
            person_id=person,
        )
        state.journal.add_collisions(
            [
                (
                    person,
                    None,
                    Collision(
                        field="phone",
                        base=MARK,
                        marketing=f"{MARK} a",
                        crm=f"{MARK} b",
                        winner=Winner.MARKETING,
                        rule="P4",
                    ),
                )
            ],
            at=at,
        )
        state.notices.tell(NoticeKind.DIGEST, "day", f"1 record failed: {MARK} One is known.", at=at)
        state.notices.tell(NoticeKind.DIGEST, "another day", "2 records failed.", at=at)
    return record


def test_R2_every_value_of_an_erased_person_is_gone_from_every_table(world: World, lead: str) -> None:
    """By the database's own catalogue; before, there were values in many of them."""
    database = world.subscription.database
    before = tables_with(database, MARK)

    erase(world.subscription, world.person("lead", lead).id)

    assert {"person", "activity", "conflict", "sync_error", "notice", "change_feed", "link"} <= before
    assert set() == tables_with(database, MARK)


def test_R2_the_report_counts_and_holds_no_value(world: World, lead: str) -> None:
    """It may be filed: what it says are counts and ids. The preview says the same."""
    person = world.person("lead", lead).id

    told = preview(world.subscription, person)
    done = erase(world.subscription, person)

    assert told.erased == done.erased
    assert (1, 1, 1) == tuple(done.erased.removed[name] for name in ("people", "errors", "notices"))
    assert done.erased.removed["conflicts"] >= 1 < done.erased.removed["activities"]
    assert [(Entity.LEAD, lead)] == done.erased.records
    assert 1 == len(done.erased.merged)
    assert MARK not in repr(done)


def test_P9_an_erased_person_never_returns(world: World, lead: str) -> None:
    """Whatever happens to its record in Dynamics; the record itself is untouched there."""
    before = dict(world.organisation.get("lead", lead) or {})
    erase(world.subscription, world.person("lead", lead).id)
    untouched = dict(world.organisation.get("lead", lead) or {})

    world.edit("lead", lead, telephone1="3")
    world.sync()

    assert before == untouched
    assert [] == world.export("person")
    (link,) = world.subscription.state.links.of(Entity.LEAD, [lead]).values()
    assert (LinkState.SUPERSEDED, None, None) == (link.state, link.person_id, link.base)


def test_R2_what_is_not_about_the_person_stays(world: World, lead: str) -> None:
    """Others keep their values, and notices that do not quote it their text."""
    other = world.create("lead", lastname="Other", subject="x", telephone1="9")
    world.sync()
    erase(world.subscription, world.person("lead", lead).id)

    assert "9" == world.fields("lead", other)["phone"]
    messages = [each.message for each in world.subscription.state.notices.newest(limit=10)]
    assert "2 records failed." in messages
    assert "This notice spoke of a person who was erased." in messages


def test_R2_an_id_that_was_merged_away_is_told_with_the_survivors(world: World, lead: str) -> None:
    """Nobody is erased under another one's number; once the survivor is gone, the old id means nobody."""
    person = world.person("lead", lead).id
    (old,) = world.subscription.marketing.people.merged_into(PersonId(person))

    with pytest.raises(UnknownPerson, match=f"was merged into person {person}"):
        erase(world.subscription, old)
    erase(world.subscription, person)
    with pytest.raises(UnknownPerson, match=f"There is no person {old}"):
        preview(world.subscription, old)


def test_R2_while_its_record_is_being_written_nothing_is_erased(
    world: World, lead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer must find the person as it was sent; a moment later it can be erased."""
    person = world.person("lead", lead).id

    def under_way(*_: Any) -> None:
        raise WriteUnderWay(f"Person {person} is being written to Dynamics.", person=person)

    before = tables_with(world.subscription.database, MARK)
    monkeypatch.setattr(Removing, "_refuse_under_way", under_way)

    with pytest.raises(WriteUnderWay):
        erase(world.subscription, person)
    assert before == tables_with(world.subscription.database, MARK)


def test_R2_the_files_of_a_sqlite_database_hold_nothing_of_it_any_more(world: World, lead: str) -> None:
    """Deleted is overwritten: neither a free page nor the log has the bytes."""
    database = world.subscription.database
    if database.dialect is Dialect.POSTGRESQL:
        assert any("PostgreSQL" in each for each in erase(world.subscription, world.person("lead", lead).id).left)
        return
    path = Path(database.place)
    files = [path, path.with_name(f"{path.name}-wal")]
    found = b"".join(file.read_bytes() for file in files)

    erase(world.subscription, world.person("lead", lead).id)

    assert MARK.encode() in found
    assert [] == [file.name for file in files if MARK.encode() in file.read_bytes()]


# Values that grow old ---------------------------------------------------------------------------------------------


@pytest.fixture
def later(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a cycle so many days later."""

    def cycle(days: int) -> None:
        moment = datetime.now(UTC) + timedelta(days=days)
        monkeypatch.setattr(world.subscription, "now", lambda: moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
        world.cycle()

    return cycle


def test_R2_values_are_kept_for_ninety_days_and_counts_for_ever(world: World, lead: str, later: Any) -> None:
    """The entries stay, with what they were about; a day before nothing is emptied."""
    person, state = world.person("lead", lead).id, world.subscription.state
    log, lost = world.subscription.marketing.people.activities(PersonId(person)), state.journal.collisions()

    later(89)
    assert lost == state.journal.collisions()
    later(91)

    after = world.subscription.marketing.people.activities(PersonId(person))
    assert [each["type"] for each in log] == [each["type"] for each in after[: len(log)]]
    assert {(None, None, None)} == {(each["old"], each["new"], each["detail"]) for each in after[: len(log)]}
    emptied = state.journal.collisions()
    assert [(each["id"], each["field"], each["rule"]) for each in lost] == [
        (each["id"], each["field"], each["rule"]) for each in emptied
    ]
    assert {(None, None, None)} == {(each["base"], each["marketing"], each["crm"]) for each in emptied}


def test_R2_what_is_open_is_never_emptied(world: World, lead: str, later: Any) -> None:
    """A held collision waits for its decision, an error for its cause, however long."""
    person, state, at = world.person("lead", lead).id, world.subscription.state, world.subscription.now()
    with world.subscription.database.transaction():
        state.journal.add_collisions(
            [(person, None, Collision(field="fax", base="1", marketing="2", crm="3", winner=Winner.NOBODY, rule="P4"))],
            at=at,
        )

    later(400)

    (held,) = [each for each in state.journal.collisions() if each["state"] == "held"]
    assert ('"1"', '"2"', '"3"') == (held["base"], held["marketing"], held["crm"])
    assert [""] != [each["message"] for each in state.journal.errors() if each["state"] == "open"]
