"""Choosing fields: what a wish changes, and that a column Dynamics lost can still be given up."""

from typing import Any

import pytest

from tandem.mapping.fields import Direction
from tandem.mapping.selection import UnknownField
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Table
from tandem.state.state import FieldChoice
from tandem.sync.choosing import Selection, Wishes

COLUMNS = [
    Column(name="telephone1", type=ColumnType.TEXT),
    Column(name="fax", type=ColumnType.TEXT),
    Column(name="createdon", type=ColumnType.DATETIME, creatable=False, updatable=False),
]
CONTACTS = Table(
    name="contact",
    entity_set="contacts",
    primary_id="contactid",
    primary_name="fullname",
    change_tracking=True,
    columns={column.name: column for column in COLUMNS},
)


def choice(column: str, api_name: str, **values: Any) -> FieldChoice:
    """A choice of contacts, selected and both ways unless told otherwise."""
    return FieldChoice(
        **{
            "entity": Entity.CONTACT,
            "column": column,
            "api_name": api_name,
            "direction": Direction.BOTH,
            "selected": True,
            "type": ColumnType.TEXT,
        }
        | values
    )


PHONE = choice("telephone1", "phone")
LOST = choice("new_colour", "new_colour", broken="new_colour is no longer a column of contact")


def selection(*choices: FieldChoice, unreadable: frozenset[str] = frozenset()) -> Selection:
    """The contacts' fields under these choices."""
    return Selection(Entity.CONTACT, CONTACTS, {each.column: each for each in choices}, unreadable)


@pytest.mark.parametrize(
    ("wishes", "changed"),
    [
        pytest.param(Wishes(select=["fax"]), [choice("fax", "fax")], id="select a new field"),
        pytest.param(Wishes(select=["phone"]), [], id="select what is selected"),
        pytest.param(Wishes(deselect=["phone"]), [choice("telephone1", "phone", selected=False)], id="deselect"),
        pytest.param(
            Wishes(directions={"TELEPHONE1": Direction.FROM}),
            [choice("telephone1", "phone", direction=Direction.FROM)],
            id="a direction",
        ),
        pytest.param(
            Wishes(select=["fax"], directions={"fax": Direction.BLOCKED}),
            [choice("fax", "fax", direction=Direction.BLOCKED)],
            id="select and a direction at once",
        ),
        pytest.param(
            Wishes(deselect=["new_colour"]),
            [choice("new_colour", "new_colour", selected=False)],
            id="give up a lost column",
        ),
    ],
)
def test_D1_a_wish_changes_what_it_names(wishes: Wishes, changed: list[FieldChoice]) -> None:
    """Only choices that differ are stored."""
    assert changed == selection(PHONE, LOST).changed(wishes)


@pytest.mark.parametrize(
    "wishes",
    [
        pytest.param(Wishes(select=["fax", "nonsense"]), id="unknown"),
        pytest.param(Wishes(select=["new_colour"]), id="lost"),
        pytest.param(Wishes(directions={"createdon": Direction.BOTH}), id="written by nobody"),
        pytest.param(Wishes(select=["telephone1"], deselect=["phone"]), id="selected and given up at once"),
    ],
)
def test_D1_a_wish_that_cannot_be_granted_is_refused(wishes: Wishes) -> None:
    """The whole line, by an error that says where to look."""
    with pytest.raises(UnknownField) as refused:
        selection(PHONE, LOST).changed(wishes)

    assert refused.value.remedy


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(selection(LOST), "Dynamics has no such column any more", id="a column Dynamics lost"),
        pytest.param(
            selection(PHONE, unreadable=frozenset({"telephone1"})),
            "the sync user may not read it",
            id="a column the sync user may not read",
        ),
    ],
)
def test_D6_a_selected_field_that_is_not_synced_says_why(fields: Selection, reason: str) -> None:
    """It stays listed, last, until somebody gives it up."""
    last = fields.listed()[-1]

    assert (True, reason) == (last.selected, last.broken)
