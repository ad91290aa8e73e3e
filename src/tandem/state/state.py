"""The sync state of one subscription, as one object over its database.

What is remembered in two databases, or two transactions, is remembered half after a crash. So all of it has one
database, and whoever changes several parts does it in one transaction.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from tandem.database.migrations import Migration, migrations_of
from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.fields import Direction, Policy
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.state.campaigns import Campaigns
from tandem.state.customs import Customs, PathRecords
from tandem.state.forgetting import Forgetting
from tandem.state.journal import Journal
from tandem.state.links import Links, Waiting
from tandem.state.notices import Notices
from tandem.state.queues import Actions, HeldFields, Intents, Nominations
from tandem.state.quick_syncs import QuickSyncs
from tandem.state.reviews import Reviews
from tandem.state.streams import Deletions, Seen, Streams
from tandem.state.verification import Verifications

_SQL = load_statements("tandem.state")


INSTANCE = "instance"
"""The setting that says which instance the database is."""
_FIELDS_READ = "fields_read"
_FIELDS_PARTLY_READ = "fields_partly_read"
_FIELDS_GIVEN_UP = "fields_given_up"
_OF_FIELDS = (_FIELDS_READ, _FIELDS_PARTLY_READ, _FIELDS_GIVEN_UP)
_OF_ENTITY = (
    "forget_stream",
    "forget_quick_syncs",
    "forget_excluded",
    "forget_deletions",
    "forget_seen",
    "forget_deleted_count",
    "forget_circles",
    "forget_doubts",
    "forget_all_findings",
)
_OF_PERSON = (
    "forget_conflicts",
    "forget_errors",
    "forget_holds",
    "forget_held_fields",
    "forget_nomination",
    "forget_arguments",
)


class FieldChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a column is selected, under which name and direction, and what settles its collisions.

    `broken` says why it cannot be read any more; `type` is the column's when it was chosen, None until it is read.
    """

    entity: Entity
    column: str
    api_name: str
    direction: Direction
    selected: bool
    broken: str | None = None
    policy: Policy | None = None
    type: ColumnType | None = None

    @property
    def is_pulled(self) -> bool:
        """Does what Dynamics holds of it reach marketing?"""
        return self.selected and self.broken is None and self.direction in (Direction.BOTH, Direction.FROM)


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
        self.forgetting = Forgetting(database)
        self.customs = Customs(database)
        self.path_records = PathRecords(database)
        self.deletions = Deletions(database)
        self.seen = Seen(database)
        self.journal = Journal(database)
        self.nominations = Nominations(database)
        self.intents = Intents(database)
        self.held_fields = HeldFields(database)
        self.actions = Actions(database)
        self.verifications = Verifications(database)
        self.campaigns = Campaigns(database)
        self.notices = Notices(database)
        self.quick_syncs = QuickSyncs(database)
        self.reviews = Reviews(database)

    def setting(self, name: str) -> Any:
        """A stored setting (JSON), or None."""
        row = self._database.one(_SQL["setting"], name=name)
        return msgspec.json.decode(row[0]) if row else None

    @property
    def mark(self) -> str:
        """What tells this database from every other: its instance's id (S10)."""
        return str((self.setting(INSTANCE) or {}).get("id", ""))

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

    def forget_entity(self, entity: Entity, *, at: str) -> None:
        """The table is not synced any more: nothing stays that is about its records; its field choices do."""
        for name in _OF_ENTITY:
            self._database.run(_SQL[name], entity=entity.value)
        self._database.run(_SQL["settle_holds_of"], entity=entity.value, at=at)
        self.journal.heal(entity)
        for setting in _OF_FIELDS:
            read = self.setting(setting) or {}
            self.put_setting(setting, {name: fields for name, fields in read.items() if name != entity.value})

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
        """These fields were brought: what both sides hold of them counts as agreed from now on."""
        self._put_names(_FIELDS_READ, entity, {*names, *(self.fields_read(entity) or ())})

    def note_fields_refreshed(self, entity: Entity, names: Collection[str], *, all_records: bool) -> None:
        """The same after a quick sync. Where it was not of `all_records`, nobody knows what Dynamics holds of the
        others, unless that was known before."""
        new, partly = set(names) - (self.fields_read(entity) or set()), self.fields_partly_agreed(entity)
        self._put_names(_FIELDS_PARTLY_READ, entity, partly - set(names) if all_records else partly | new)
        if all_records:
            self._put_names(_FIELDS_GIVEN_UP, entity, self.fields_given_up(entity) - set(names))
        self.note_fields_read(entity, names)

    def note_fields_given_up(self, entity: Entity, names: Collection[str]) -> None:
        """These fields are not pulled any more: until all records are read for them again, nobody knows what Dynamics
        makes of them; what was agreed on stays agreed."""
        agreed = set(names) & (self.fields_read(entity) or set())
        self._put_names(_FIELDS_GIVEN_UP, entity, self.fields_given_up(entity) | agreed)

    def fields_given_up(self, entity: Entity) -> set[str]:
        """The fields, by API name, that were given up once and not brought for all records since."""
        return self._names(_FIELDS_GIVEN_UP, entity)

    def forget_field_read(self, entity: Entity, name: str) -> None:
        """Nothing is agreed about this field any more; what is kept of it stays."""
        read = self.fields_read(entity)
        if read is not None:
            self._put_names(_FIELDS_READ, entity, read - {name})

    def fields_partly_agreed(self, entity: Entity) -> set[str]:
        """The fields, by API name, that were brought for some records only: of the others nothing was ever agreed."""
        return self._names(_FIELDS_PARTLY_READ, entity)

    def fields_partly_read(self, entity: Entity) -> set[str]:
        """Those, and the fields that were given up: a version that is known does not tell what the record holds."""
        return self.fields_partly_agreed(entity) | self.fields_given_up(entity)

    def fields_left_alone(self, entity: Entity) -> set[str]:
        """Those of them that no quick sync brings now: the other records keep what they hold until they change (D5)."""
        partly = self.fields_partly_read(entity)
        if not partly:
            return partly
        choices = self.choices().get(entity, {})
        asked = {column for each in self.quick_syncs.open() if each.entity is entity for column in each.columns}
        return partly - {choices[column].api_name for column in asked if column in choices}

    def _names(self, setting: str, entity: Entity) -> set[str]:
        return set((self.setting(setting) or {}).get(entity.value, ()))

    def _put_names(self, setting: str, entity: Entity, names: Collection[str]) -> None:
        held = self.setting(setting) or {}
        if sorted(names) != held.get(entity.value, []) or entity.value not in held:
            self.put_setting(setting, {**held, entity.value: sorted(names)})

    def choices(self) -> dict[Entity, dict[str, FieldChoice]]:
        """The field choices, by entity and column."""
        found: dict[Entity, dict[str, FieldChoice]] = {}
        rows = self._database.all(_SQL["field_mappings"])
        for entity, column, api_name, direction, selected, broken, policy, kind in rows:
            found.setdefault(Entity(entity), {})[column] = FieldChoice(
                entity=Entity(entity),
                column=column,
                api_name=api_name,
                direction=Direction(direction),
                selected=bool(selected),
                broken=broken,
                policy=Policy(policy) if policy else None,
                type=ColumnType(kind) if kind else None,
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
                "type": each.type.value if each.type else None,
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
