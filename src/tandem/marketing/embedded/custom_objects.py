"""The custom objects of the embedded marketing database.

Whose an object is, is not kept with it: that would be wrong after a merge or a moved lookup. The links say it.
"""

from collections.abc import Iterator, Sequence

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.marketing.records import PutCustomObject
from tandem.model.entities import Entity

_SQL = load_statements("tandem.marketing.embedded")
_CUSTOM_OBJECT = ("entity", *PutCustomObject._fields, "updated_at")


class EmbeddedCustomObjects:
    """See `tandem.marketing.port.CustomObjects`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, entity: Entity, ids: Sequence[str]) -> dict[str, int]:
        array = self._database.array(ids)
        return dict(self._database.all(_SQL["custom_object_versions"], entity=entity.value, ids=array))

    def put(self, entity: Entity, page: Sequence[PutCustomObject], *, new: bool, at: str) -> None:
        name = entity.value
        if new:
            self._database.insert("custom_object", _CUSTOM_OBJECT, [(name, *row, at) for row in page])
        else:
            rows = [{**row._asdict(), "entity": name, "at": at} for row in page]
            self._database.run_many(_SQL["put_custom_object"], rows)

    def park(self, entity: Entity, ids: Sequence[str]) -> None:
        self._database.run(_SQL["park_custom_objects"], entity=entity.value, ids=self._database.array(ids))

    def empty(self, entity: Entity, ids: Sequence[str]) -> None:
        self._database.run(_SQL["empty_custom_objects"], entity=entity.value, ids=self._database.array(ids))

    def delete(self, entity: Entity, ids: Sequence[str]) -> None:
        self._database.run(_SQL["delete_custom_objects"], entity=entity.value, ids=self._database.array(ids))

    def count(self, entity: Entity) -> int:
        row = self._database.one(_SQL["count_custom_objects"], entity=entity.value)
        return int(row[0]) if row else 0

    def ids(self, entity: Entity) -> Iterator[str]:
        for row in self._database.stream(_SQL["custom_object_ids"], entity=entity.value):
            yield row[0]

    def ids_after(self, entity: Entity, place: str, *, limit: int) -> list[str]:
        rows = self._database.all(_SQL["custom_object_ids_after"], entity=entity.value, place=place, limit=limit)
        return [row[0] for row in rows]

    def fields(self, entity: Entity, ids: Sequence[str]) -> dict[str, str]:
        array = self._database.array(ids)
        return dict(self._database.all(_SQL["fields_of_custom_objects"], entity=entity.value, ids=array))

    def forget(self, entity: Entity, *, limit: int) -> int:
        return self._database.run(_SQL["forget_custom_objects"], entity=entity.value, limit=limit)
