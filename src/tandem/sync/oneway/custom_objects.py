"""Applies pages of custom entities, and of the tables between them and people (rules C1, C4, D7, D8, O3).

A custom object belongs to whom its path leads to, and that may change without its row being touched: the person is
merged, deleted, or comes later; the record between is re-pointed. Following each of these would be a rule per event
and a row per object. So nothing follows: an object keeps the record it names, the record between keeps the record that
one names, and who that is stands in the links, where all these rules are kept already.

    what happens                                       | what changes                    | the object is then
    ---------------------------------------------------+---------------------------------+------------------------------
    the lookup is set, re-pointed, emptied             | the object's `reference`        | the other's, or nobody's
    the record between is re-pointed, or deleted       | its one row in `path_record`    | the other's, or nobody's
    the person, company or record between comes later  | a link, company or row appears  | theirs from then on
    the record is excluded, comes in later (D8)        | its link gets a person          | theirs from then on
    the record is parked (D8), is deleted (P8)         | the link's state                | the person's as before
    the person is deleted in marketing, returns (P9)   | the link loses and gets one     | nobody's, then the new one's
    the same, and it is never to return                | the link is set aside           | nobody's, without a value
    the lead is qualified (P11)                        | the lead's link is superseded   | the same person's
    two records or two people are merged (P12, P16)    | the loser's links are moved     | the winner's
    the account is deleted, excluded (A5, D7)          | the company is marked           | the company's as before

A lookup to several tables counts only where it names the table of the path.

Of what belongs to a person who is never to return no value is kept, however often it is read: whoever was erased would
come back in its orders. Should it become somebody's after all, its row is asked for once more.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tandem.marketing.records import PutCustomObject
from tandem.state.customs import PathRecord
from tandem.sync.applier import Applier, How, Kept, check_versions, kept_copies, latest
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan


class CustomObjectApplier(Applier):
    """The records of one custom entity, one way."""

    is_compared = True

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._plan = plan
        self._entity = plan.entity
        self._objects = context.marketing.custom_objects
        self._returned = list[Any]()

    def prepare(self, rows: Sequence[Any]) -> None:
        """Ask for what was kept without a value and is somebody's by now."""
        returned = self._context.state.customs.returned(self._entity, limit=self._context.settings.page_size)
        self._returned = self._context.dynamics.fetch(self._plan.table, returned, self._plan.decoder)[0]

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        rows, self._returned = [*rows, *self._returned], []
        plan, state, entity = self._plan, self._context.state, self._entity
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        held, excluded = self._objects.versions(entity, ids), state.excluded_versions(entity, ids)
        known = {**held, **excluded}
        if how.goes_forward:
            check_versions(entity.value, zip(ids, versions, strict=True), known)
        news = [row for row in rows if how.is_news(plan.version(row), known.get(plan.id(row), -1))]
        wanted = [row for row in news if plan.wanted(row)]
        unwanted = [row for row in news if not plan.wanted(row)]
        self._objects.park(entity, [plan.id(row) for row in unwanted if plan.id(row) in held])
        state.exclude(entity, {plan.id(row): plan.version(row) for row in unwanted})
        if excluded:
            state.include(entity, [plan.id(row) for row in wanted])
        created = self._put(wanted, held)
        return Counts(
            read=len(rows),
            created=created,
            updated=len(wanted) - created,
            unchanged=len(rows) - len(news),
            excluded=len(unwanted),
        )

    def delete(self, ids: Sequence[str]) -> int:
        """O3: removed."""
        known = self.known(ids)
        self._objects.delete(self._entity, known)
        self._context.state.include(self._entity, list(ids))
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        return list(self._objects.versions(self._entity, ids))

    def count_known(self) -> int:
        return self._objects.count(self._entity)

    def all_known(self) -> Iterable[str]:
        return self._objects.ids(self._entity)

    def known_after(self, place: str, *, limit: int) -> list[str]:
        return self._objects.ids_after(self._entity, place, limit=limit)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        emptied = set(self._context.state.customs.of_nobody(self._entity, ids))
        ids = [each for each in ids if each not in emptied]
        return kept_copies(
            self._objects.versions(self._entity, ids),
            self._objects.fields(self._entity, ids),
            parked=self._context.state.excluded_versions(self._entity, ids),
        )

    def _put(self, rows: Sequence[Any], held: dict[str, int]) -> int:
        plan, new, changed = self._plan, list[PutCustomObject](), list[PutCustomObject]()
        fields = self._objects.fields(self._entity, [each for each in map(plan.id, rows) if each in held])
        texts = plan.projection.encode_over(rows, [fields.get(plan.id(row)) for row in rows])
        for row, text in zip(rows, texts, strict=True):
            put = PutCustomObject(plan.id(row), plan.version(row), plan.reference(row), text)
            (changed if put.id in held else new).append(put)
        at = self._context.now()
        self._objects.put(self._entity, new, new=True, at=at)
        self._objects.put(self._entity, changed, new=False, at=at)
        if emptied := self._context.state.customs.of_nobody(self._entity, [*map(plan.id, rows)]):
            self._objects.empty(self._entity, emptied)
        return len(new)


class PathApplier(Applier):
    """The records of a table between: where one of its lookups leads."""

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._plan = plan
        self._entity = plan.entity
        self._records = context.state.path_records

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan, entity = self._plan, self._entity
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        held = self._records.versions(entity, ids)
        if how.goes_forward:
            check_versions(entity.table, zip(ids, versions, strict=True), held)
        news = [row for row in rows if how.is_news(plan.version(row), held.get(plan.id(row), -1))]
        page = [PathRecord(plan.id(row), plan.version(row), plan.reference(row)) for row in news]
        new, changed = (
            [each for each in page if each.crm_id not in held],
            [each for each in page if each.crm_id in held],
        )
        self._records.put(entity, new, new=True)
        self._records.put(entity, changed, new=False)
        for each, emptied in self._context.state.customs.behind_of_nobody(entity, [*map(plan.id, news)]).items():
            self._context.marketing.custom_objects.empty(each, emptied)
        return Counts(read=len(rows), created=len(new), updated=len(changed), unchanged=len(rows) - len(news))

    def delete(self, ids: Sequence[str]) -> int:
        known = self.known(ids)
        self._records.delete(self._entity, known)
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        return list(self._records.versions(self._entity, ids))

    def count_known(self) -> int:
        return self._records.count(self._entity)

    def all_known(self) -> Iterable[str]:
        return self._records.ids(self._entity)
