"""A subscription at work, as its tests look at it: people, their logs, what is remembered of their records.

What a test says of the marketing side must not depend on which organisation stands on the other.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from tandem.mapping.fields import Direction
from tandem.mapping.projection import decode_fields, encode_all, encode_fields
from tandem.marketing.records import Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.runtime import syncing
from tandem.runtime.subscription import Subscription
from tandem.state.journal import Hold
from tandem.state.links import Link
from tandem.state.queues import Intent, IntentKind, Lane
from tandem.state.state import FieldChoice
from tandem.sync.choosing import store_choices
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.cycle_report import CycleReport
from tandem.sync.edits import Edits
from tandem.sync.holds.settling import Settling


class Subscribed:
    """One subscription that is connected to an organisation; whoever derives from it says to which."""

    subscription: Subscription

    def engine(self) -> AbstractContextManager[tuple[Engine, Context]]:
        """The engine, under the lock."""
        raise NotImplementedError

    def cycle(self) -> CycleReport:
        """One cycle, in an engine that was just started."""
        with self.engine() as (engine, _):
            return engine.cycle()

    def sync(self) -> list[CycleReport]:
        """Cycles until nothing is left to copy."""
        with self.engine() as (engine, _):
            return list(syncing.cycles(engine, lambda: False))

    # Somebody in marketing ------------------------------------------------------------------------------------------

    def edit_person(self, table: str, record: str, **values: str) -> None:
        """Edit the person of a lead or contact as somebody types it, by API name."""
        subscription = self.subscription
        edits = Edits(subscription.database, subscription.marketing, subscription.state)
        edits.edit(self.person(table, record).id, list(values.items()), at=subscription.now())

    def put_values(self, table: str, record: str, **values: Any) -> None:
        """Edit the person of a lead or contact as a program that checks nothing does, by API name."""
        subscription, person, link = self.subscription, self.person(table, record), self.link(table, record)
        before = decode_fields(person.fields)
        base = {name: before.get(name) for name in values} | decode_fields(link.base if link else None)
        people, at = subscription.marketing.people, subscription.now()
        with subscription.database.transaction():
            people.update([person._replace(fields=encode_fields(before | values))], at=at)
            subscription.state.links.set_base(Entity(table), record, encode_all(base))
            people.note_edit(person.id, values, at=at)

    def put_marketing_only(self, table: str, record: str, **values: Any) -> None:
        """Give the person of a lead or contact values of fields that are not synced."""
        subscription, person = self.subscription, self.person(table, record)
        after = person._replace(fields=encode_fields(decode_fields(person.fields) | values))
        with subscription.database.transaction():
            subscription.marketing.people.update([after], at=subscription.now())

    def want(self, table: str, record: str, **values: str) -> int:
        """Make a person that is to become a lead or contact under the id `record`, by API name; the person's id."""
        kept, at = self.subscription, self.subscription.now()
        person = Edits(kept.database, kept.marketing, kept.state).create(list(values.items()), at=at)
        with kept.database.transaction():
            kept.state.intents.want(Intent(record, Entity(table), person, IntentKind.CREATE, {}), at=at)
            kept.state.nominations.add([person], Lane.FRESH, at=at)
        return person

    def choose(self, table: str, column: str, **changes: Any) -> None:
        """Choose a field: its `direction`, `policy` or `api_name`; one that was not selected is selected by it."""
        state, entity = self.subscription.state, Entity(table)
        before = state.choices().get(entity, {})
        new = FieldChoice(entity=entity, column=column, api_name=column, direction=Direction.BOTH, selected=True)
        chosen = msgspec.structs.replace(before.get(column, new), **changes)
        with self.subscription.database.transaction():
            store_choices(state, before, [chosen], now=self.subscription.now)

    def open_holds(self) -> list[Hold]:
        """What waits for a person, oldest first."""
        return [hold for hold in self.subscription.state.journal.holds() if hold.state == "open"]

    def approve(self, hold: Hold) -> None:
        """Let happen what a hold keeps back."""
        self._settling(hold, Settling.approve)

    def cancel(self, hold: Hold) -> None:
        """Do not let happen what a hold keeps back."""
        self._settling(hold, Settling.cancel)

    def _settling(self, hold: Hold, settle: Callable[..., None]) -> None:
        subscription = self.subscription
        with subscription.database.transaction():
            settle(Settling(subscription.marketing, subscription.state), hold.id, at=subscription.now())

    # What is looked at ----------------------------------------------------------------------------------------------

    def link(self, table: str, record: str) -> Link | None:
        """What is remembered of a lead or contact."""
        return self.subscription.state.links.of(Entity(table), [record]).get(record)

    def person(self, table: str, record: str) -> Person:
        """The person of a lead or contact. Raises KeyError where there is none."""
        link = self.link(table, record)
        if link is None or link.person_id is None:
            raise KeyError(record)
        people = self.subscription.marketing.people.get([link.person_id])
        return people[PersonId(link.person_id)]

    def base(self, table: str, record: str) -> dict[str, Any] | None:
        """What Dynamics holds where the person of a lead or contact differs; None where both are equal."""
        link = self.link(table, record)
        return dict(json.loads(link.base)) if link and link.base else None

    def fields(self, table: str, record: str) -> dict[str, Any]:
        """That person's own values by API name."""
        return dict(json.loads(self.person(table, record).fields))

    def log(self, person: Person | int) -> list[tuple[str, str | None, Any, Any]]:
        """A person's activity log as (type, field, old, new)."""
        number = person if isinstance(person, int) else person.id
        return [
            (entry["type"], entry["field"], _value(entry["old"]), _value(entry["new"]))
            for entry in self.subscription.marketing.people.activities(PersonId(number))
        ]

    def export(self, entity: str) -> list[dict[str, Any]]:
        """Every record of a marketing entity."""
        return list(self.subscription.marketing.export(entity))

    def company(self, account: str) -> dict[str, Any]:
        """The values of an account's company. Raises KeyError where there is none."""
        return dict(json.loads(self.subscription.marketing.companies.get([account])[account].fields))


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
