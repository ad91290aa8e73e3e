"""Which custom entities are enabled, and where the records between them and people lead (rule C1).

A custom object names a record, and who that is the links say. So nobody has to be told when a person returns, is
merged, is deleted or goes on as a contact, and where the record between is re-pointed one row changes, however many
objects hang on it. The view `placed_custom_object` puts it together.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.model.entities import Entity
from tandem.rules.paths import CustomEntity, Path, Step
from tandem.rules.presence import LinkState

_SQL = load_statements("tandem.state")
_STEPS = msgspec.json.Decoder(list[tuple[str, str, str]])
_PATH_RECORD = ("entity", "crm_id", "version", "reference")


class PathRecord(NamedTuple):
    """A record between, and the record its lookup names; None where it names none that the path goes by."""

    crm_id: str
    version: int
    reference: str | None


class Unplaced(NamedTuple):
    """Custom objects that name a record which nobody is here for, for one reason.

    What is not here is the record of `via`, a path, or where that is None the lead, contact or account `belongs_to`:
    `link` is what is known of it, of a lead or contact, and `kept_out` says of an account that the filter does.
    """

    entity: Entity
    via: Entity | None
    belongs_to: Entity
    link: LinkState
    kept_out: bool
    objects: int
    since: str
    oldest: list[tuple[str, str, str]]
    """(id, CRM id of what is not here, since when)."""


class Customs:
    """The enabled custom entities."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[Entity, CustomEntity]:
        """What is enabled, in the order in which it was."""
        found = {}
        for name, label, steps in self._database.all(_SQL["custom_entities"]):
            path = Path(
                steps=tuple(
                    Step(table=table, column=column, target=target) for table, column, target in _STEPS.decode(steps)
                )
            )
            found[Entity(name)] = CustomEntity(entity=Entity(name), label=label, path=path)
        return found

    def add(self, custom: CustomEntity, *, at: str) -> None:
        """Enable a custom entity that is not enabled."""
        path = custom.path
        steps = [(step.table, step.column, step.target) for step in path.steps]
        self._database.run(
            _SQL["add_custom_entity"],
            entity=custom.entity.value,
            label=custom.label,
            path=msgspec.json.encode(steps).decode(),
            belongs_to=path.end.value,
            via=path.via.value if path.via else None,
            since=at,
        )

    def remove(self, entity: Entity) -> None:
        """Disable a custom entity."""
        self._database.run(_SQL["drop_custom_entity"], entity=entity.value)

    def of_person(self, person_id: int) -> dict[Entity, list[str]]:
        """The custom objects of one person."""
        return _by_entity(self._database.all(_SQL["objects_of_person"], person_id=person_id))

    def of_nobody(self, entity: Entity, ids: Sequence[str]) -> list[str]:
        """Those of these custom objects whose person never returns (P9)."""
        array = self._database.array(ids)
        return _by_entity(self._database.all(_SQL["objects_of_nobody"], entity=entity.value, ids=array)).get(entity, [])

    def returned(self, entity: Entity, *, limit: int) -> list[str]:
        """Custom objects that are kept without a value although nothing says any more that their person never returns:
        they were given to somebody else, or somebody else's record took that person's place."""
        return [row[0] for row in self._database.all(_SQL["returned_objects"], entity=entity.value, limit=limit)]

    def behind_of_nobody(self, path: Entity, ids: Sequence[str]) -> dict[Entity, list[str]]:
        """The custom objects behind these records between whose person never returns."""
        array = self._database.array(ids)
        return _by_entity(self._database.all(_SQL["objects_behind_of_nobody"], entity=path.value, ids=array))

    def unplaced(self, *, limit: int = 1) -> list[Unplaced]:
        """The custom objects that wait for somebody, by reason, with the `limit` oldest of each; at least one."""
        found: dict[tuple[Any, ...], Unplaced] = {}
        for *group, record, wanted, at in self._database.all(_SQL["unplaced_objects"], limit=limit):
            entity, via, belongs_to, link, kept_out, objects, since = group
            each = Unplaced(
                entity=Entity(entity),
                via=Entity(via) if via else None,
                belongs_to=Entity(belongs_to),
                link=LinkState(link or LinkState.NONE),
                kept_out=bool(kept_out),
                objects=objects,
                since=since,
                oldest=[],
            )
            found.setdefault(tuple(group), each).oldest.append((record, wanted, at))
        return list(found.values())


def _by_entity(rows: Iterable[tuple[str, str]]) -> dict[Entity, list[str]]:
    found = dict[Entity, list[str]]()
    for entity, crm_id in rows:
        found.setdefault(Entity(entity), []).append(crm_id)
    return found


class PathRecords:
    """Where the records of intermediate tables lead. `entity` is a path: see `Entity.via`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, entity: Entity, ids: Sequence[str]) -> dict[str, int]:
        """The versions held, by id."""
        array = self._database.array(ids)
        return dict(self._database.all(_SQL["path_versions"], entity=entity.value, ids=array))

    def put(self, entity: Entity, page: Sequence[PathRecord], *, new: bool) -> None:
        """Write records; `new`: none of them is there yet. An older version changes nothing."""
        if new:
            self._database.insert("path_record", _PATH_RECORD, [(entity.value, *row) for row in page])
        else:
            rows = [{**row._asdict(), "entity": entity.value} for row in page]
            self._database.run_many(_SQL["put_path_record"], rows)

    def delete(self, entity: Entity, ids: Sequence[str]) -> None:
        """Remove records."""
        self._database.run(_SQL["delete_path_records"], entity=entity.value, ids=self._database.array(ids))

    def count(self, entity: Entity) -> int:
        """How many there are."""
        row = self._database.one(_SQL["count_path_records"], entity=entity.value)
        return int(row[0]) if row else 0

    def ids(self, entity: Entity) -> Iterator[str]:
        """Every id held, a few at a time."""
        for row in self._database.stream(_SQL["path_record_ids"], entity=entity.value):
            yield row[0]

    def forget(self, entity: Entity, *, limit: int) -> int:
        """Remove at most `limit` records of a path that is not followed any more; returns how many there were."""
        return self._database.run(_SQL["forget_path_records"], entity=entity.value, limit=limit)
