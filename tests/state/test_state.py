"""Settings, field choices and what the filter keeps out, on both databases."""

from typing import Any

import msgspec
import pytest

from tandem.database.port import Database, StatementRefused
from tandem.mapping.fields import Direction
from tandem.model.entities import Entity
from tandem.state import SyncState
from tandem.state.state import FieldChoice


def choice(column: str, *, entity: Entity = Entity.LEAD, **values: Any) -> FieldChoice:
    """A selected column, both ways."""
    chosen = FieldChoice(entity=entity, column=column, api_name=column, direction=Direction.BOTH, selected=True)
    return msgspec.structs.replace(chosen, **values)


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
