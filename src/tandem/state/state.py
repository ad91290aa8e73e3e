"""The sync state of one subscription, as one object over its database."""

from collections.abc import Collection
from typing import Any

import msgspec

from tandem.database.migrations import Migration, migrations_of
from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.fields import Direction, Policy
from tandem.model.entities import Entity
from tandem.state.journal import Journal
from tandem.state.links import Links, Waiting
from tandem.state.queues import Actions, HeldFields, Intents, Nominations
from tandem.state.streams import Deletions, Seen, Streams

_SQL = load_statements("tandem.state")


_FIELDS_READ = "fields_read"
_OF_PERSON = ("forget_conflicts", "forget_errors", "forget_holds", "forget_held_fields", "forget_nomination")


class FieldChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a column is selected, under which name and direction, and what settles its collisions.

    `broken` says why it cannot be read any more.
    """

    entity: Entity
    column: str
    api_name: str
    direction: Direction
    selected: bool
    broken: str | None = None
    policy: Policy | None = None


def state_migrations() -> list[Migration]:
    """The schema steps of the sync state."""
    return migrations_of("state", "tandem.state")


class SyncState:
    """Everything the sync remembers. Writes belong inside `database.transaction()`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.links = Links(database)
        self.waiting = Waiting(database)
        self.streams = Streams(database)
        self.deletions = Deletions(database)
        self.seen = Seen(database)
        self.journal = Journal(database)
        self.nominations = Nominations(database)
        self.intents = Intents(database)
        self.held_fields = HeldFields(database)
        self.actions = Actions(database)

    def setting(self, name: str) -> Any:
        """A stored setting (JSON), or None."""
        row = self._database.one(_SQL["setting"], name=name)
        return msgspec.json.decode(row[0]) if row else None

    def put_setting(self, name: str, value: Any) -> None:
        """Store a setting; None forgets it."""
        if value is None:
            self._database.run(_SQL["delete_setting"], name=name)
        else:
            self._database.run(_SQL["put_setting"], name=name, value=msgspec.json.encode(value).decode())

    def forget_person(self, person_id: int) -> None:
        """What was noted about a person is gone: what it lost, what failed, what waits. Links are the caller's work."""
        for name in _OF_PERSON:
            self._database.run(_SQL[name], person_id=person_id)

    def join_person(self, loser: int, winner: int) -> None:
        """A person became another one: its links and the values it lost are the other's, the rest ends with it."""
        self.links.move(loser, winner)
        self._database.run(_SQL["move_conflicts"], person_id=loser, winner=winner)
        self.forget_person(loser)

    def fields_read(self, entity: Entity) -> set[str] | None:
        """The fields, by API name, that a whole read of the table has brought; None before its first."""
        names = (self.setting(_FIELDS_READ) or {}).get(entity.value)
        return None if names is None else set(names)

    def note_fields_read(self, entity: Entity, names: Collection[str]) -> None:
        """A whole read of the table has brought these fields: from now on both sides have agreed on them."""
        read = {**(self.setting(_FIELDS_READ) or {}), entity.value: sorted({*names, *(self.fields_read(entity) or ())})}
        self.put_setting(_FIELDS_READ, read)

    def choices(self) -> dict[Entity, dict[str, FieldChoice]]:
        """The field choices, by entity and column."""
        found: dict[Entity, dict[str, FieldChoice]] = {}
        rows = self._database.all(_SQL["field_mappings"])
        for entity, column, api_name, direction, selected, broken, policy in rows:
            found.setdefault(Entity(entity), {})[column] = FieldChoice(
                entity=Entity(entity),
                column=column,
                api_name=api_name,
                direction=Direction(direction),
                selected=bool(selected),
                broken=broken,
                policy=Policy(policy) if policy else None,
            )
        return found

    def put_choices(self, choices: list[FieldChoice]) -> None:
        """Store field choices."""
        rows = [
            {
                "entity": each.entity.value,
                "column_name": each.column,
                "api_name": each.api_name,
                "direction": each.direction.value,
                "selected": int(each.selected),
                "broken": each.broken,
                "policy": each.policy.value if each.policy else None,
            }
            for each in choices
        ]
        self._database.run_many(_SQL["put_field_mapping"], rows)

    def excluded_versions(self, entity: Entity, ids: list[str]) -> dict[str, int]:
        """One-way records the filter keeps out: their versions, by id."""
        array = self._database.array(ids)
        return dict(self._database.all(_SQL["excluded_versions"], entity=entity.value, ids=array))

    def excluded_counts(self) -> dict[str, int]:
        """How many one-way records the filter keeps out, by logical name."""
        return dict(self._database.all(_SQL["excluded_counts"]))

    def exclude(self, entity: Entity, versions: dict[str, int]) -> None:
        """The filter keeps these one-way records out: only id and version are kept (D8)."""
        rows = [{"entity": entity.value, "crm_id": crm_id, "version": version} for crm_id, version in versions.items()]
        self._database.run_many(_SQL["exclude"], rows)

    def include(self, entity: Entity, ids: list[str]) -> None:
        """These are kept out no more, or gone."""
        self._database.run(_SQL["include"], entity=entity.value, ids=self._database.array(ids))
