"""Settings, field choices and what the filter keeps out, on both databases."""

from typing import Any

import msgspec
import pytest

from tandem.database.port import Database, StatementRefused
from tandem.mapping.fields import Direction
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.rules.fields import Collision, Winner
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.links import Link
from tandem.state.queues import Lane
from tandem.state.state import FieldChoice

AT = "2025-01-02T03:04:05Z"


def choice(column: str, *, entity: Entity = Entity.LEAD, **values: Any) -> FieldChoice:
    """A selected column, both ways."""
    chosen = FieldChoice(entity=entity, column=column, api_name=column, direction=Direction.BOTH, selected=True)
    return msgspec.structs.replace(chosen, **values)


def test_P9_nothing_noted_about_a_person_stays_when_it_is_forgotten(database: Database, state: SyncState) -> None:
    """And everything that was noted about another one does."""
    with database.transaction():
        _note_all(state, 1)
        _note_all(state, 2)
        state.forget_person(1)

    assert [[2]] * 5 == _noted(state)


def test_P16_what_a_merged_person_lost_is_the_winners(database: Database, state: SyncState) -> None:
    """So are its links; what failed, waits or is held for it is not: its values are the winner's to settle."""
    with database.transaction():
        _note_all(state, 1)
        state.links.add([Link("a", Entity.LEAD, 1, LinkState.LIVE, 1)])
        state.join_person(1, 2)

    assert [[2], [], [], [], []] == _noted(state)
    assert ["settled"] == [each["state"] for each in state.journal.collisions()]
    assert ["a"] == [each.crm_id for each in state.links.of_person(2)]


def _note_all(state: SyncState, person: int) -> None:
    """Everything that can be noted about a person."""
    held = Collision(field="phone", base=None, marketing="1", crm="2", winner=Winner.NOBODY, rule="P4")
    state.journal.add_collisions([(person, None, held)], at=AT)
    state.journal.add_error(
        NeedsPerson("refused"), entity=Entity.LEAD, operation="update", direction="push", person_id=person, at=AT
    )
    hold = state.journal.add_hold(
        "conflict", Entity.LEAD, count=1, known=1, brake=0, at=AT, person_id=person, field="phone"
    )
    state.held_fields.hold([(person, "phone")], hold)
    state.nominations.add([person], Lane.FRESH, at=AT)


def _noted(state: SyncState) -> list[list[int | None]]:
    """Whom something is noted about: conflicts, errors, holds, held fields, nominations."""
    return [
        [each["person_id"] for each in state.journal.collisions()],
        [each["person_id"] for each in state.journal.errors()],
        [each.person_id for each in state.journal.holds()],
        list(state.held_fields.of_people([1, 2])),
        [each.person_id for each in state.nominations.next(limit=9)],
    ]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("text with 100% of :everything 'quoted'", id="text"),
        pytest.param("", id="empty text"),
        pytest.param(0, id="zero"),
        pytest.param(False, id="no"),
        pytest.param([1, "two", None], id="a list"),
        pytest.param({"a": {"b": None}, "Łódź": 2**53}, id="an object"),
    ],
)
def test_a_setting_comes_back_as_it_was_stored(database: Database, state: SyncState, value: Any) -> None:
    """Over whatever was there; another name is another setting."""
    with database.transaction():
        state.put_setting("one", "before")
        state.put_setting("one", value)
        state.put_setting("two", "other")

    assert (value, "other") == (state.setting("one"), state.setting("two"))


def test_a_setting_can_be_forgotten(database: Database, state: SyncState) -> None:
    """It is None then, as one never stored; forgetting twice is harmless."""
    with database.transaction():
        state.put_setting("one", 1)
        state.put_setting("one", None)
        state.put_setting("one", None)

    assert (None, None) == (state.setting("one"), state.setting("never"))


def test_field_choices_are_kept_by_table_and_column(database: Database, state: SyncState) -> None:
    """A later choice replaces the earlier one in every part."""
    with database.transaction():
        state.put_choices([choice("city"), choice("city", entity=Entity.CONTACT), choice("title")])
        changed = choice("city", api_name="town", direction=Direction.FROM, selected=False, broken="it is gone")
        state.put_choices([changed])
        state.put_choices([])

    assert {
        Entity.LEAD: {"city": changed, "title": choice("title")},
        Entity.CONTACT: {"city": choice("city", entity=Entity.CONTACT)},
    } == state.choices()


def test_a_repaired_field_is_broken_no_more(database: Database, state: SyncState) -> None:
    """The reason is emptied."""
    with database.transaction():
        state.put_choices([choice("city", broken="it is gone")])
        state.put_choices([choice("city")])

    assert {Entity.LEAD: {"city": choice("city")}} == state.choices()


@pytest.mark.parametrize("direction", Direction)
def test_every_direction_can_be_stored(database: Database, state: SyncState, direction: Direction) -> None:
    """The database's closed set is the code's."""
    with database.transaction():
        state.put_choices([choice("city", direction=direction)])

    assert direction is state.choices()[Entity.LEAD]["city"].direction


def test_a_direction_that_is_none_is_refused(database: Database, state: SyncState) -> None:
    """Whoever writes it."""
    with database.transaction():
        state.put_choices([choice("city")])
    with pytest.raises(StatementRefused), database.transaction():
        database.script("update field_mapping set direction = 'sideways'")

    assert {Entity.LEAD: {"city": choice("city")}} == state.choices()


def test_D8_of_an_excluded_record_only_id_and_version_are_kept(database: Database, state: SyncState) -> None:
    """A newer version replaces the older; one let in again is forgotten; tables do not meet."""
    with database.transaction():
        state.exclude(Entity.ACCOUNT, {"a": 1, "b": 2**40})
        state.exclude(Entity.ACCOUNT, {"a": 7})
        state.exclude(Entity.OPPORTUNITY, {"a": 3, "c": 4})
        state.include(Entity.OPPORTUNITY, ["c", "unknown"])
        state.exclude(Entity.ACCOUNT, {})

    assert {"a": 7, "b": 2**40} == state.excluded_versions(Entity.ACCOUNT, ["a", "b", "c"])
    assert {"a": 3} == state.excluded_versions(Entity.OPPORTUNITY, ["a", "b", "c"])
    assert {"account": 2, "opportunity": 1} == state.excluded_counts()
