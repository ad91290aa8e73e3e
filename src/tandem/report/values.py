"""Stored values as a person reads them, wherever they are shown.

A code where the reader expects a label is taken for the value itself. Which labels count depends on the table: status 0
is Open for a lead and Active for a contact.
"""

from dataclasses import dataclass
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.values import shown
from tandem.model.entities import Entity
from tandem.runtime.subscription import Subscription
from tandem.sync.defined import defined_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownValue:
    """One value: as it is stored, and as a person reads it."""

    value: Any
    shown: str


class KnownFields:
    """The fields as the last sync defined them."""

    def __init__(self, subscription: Subscription) -> None:
        self._known = defined_fields(subscription.marketing, subscription.state)
        self._choices = subscription.state.choices()

    def of_people(self, kind: str | None) -> list[Field]:
        """The fields of people, those of the table `kind` first."""
        order = sorted((Entity.LEAD, Entity.CONTACT), key=lambda each: each.value != kind)
        return [field for table in order for field in self._known.get(table, [])]

    def of_companies(self) -> list[Field]:
        """The fields of companies."""
        return self._known.get(Entity.ACCOUNT, [])

    def selected(self, entity: Entity) -> list[Field]:
        """The fields of one table that are synced."""
        choices = self._choices.get(entity, {})
        return [field for field in self._known.get(entity, []) if choices[field.column].selected]


def label_of(field: Field | None, name: str) -> str:
    """What a person calls the field `name`; the name itself where nothing is known of it."""
    return field.label if field else name


def shown_value(field: Field | None, value: Any) -> ShownValue:
    """A stored value of a field; as it is, where nothing is known of the field."""
    text = shown(field, value) if field else "" if value is None else str(value)
    return ShownValue(value=value, shown=text)
