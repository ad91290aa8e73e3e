"""Rows of an intersect table are made and removed by associating two rows, never by writing the table.

Team membership is one of them: a client that posts to `teammemberships` must fail here as it fails in a tenant
(reference 5.6, 13).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Right
from tandem.sandbox.tables import ASSOCIATIONS
from tandem.sandbox.writing.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationEnd:
    """A many-to-many relationship seen from one of its tables: what it stores of this row and of the other."""

    own_table: str
    own_column: str
    other_table: str
    other_column: str
    intersect: str


def _ends() -> Iterator[tuple[tuple[str, str], AssociationEnd]]:
    for item in ASSOCIATIONS:
        first = (item.entity1, item.column1)
        second = (item.entity2, item.column2)
        for navigation, own, other in ((item.navigation1, first, second), (item.navigation2, second, first)):
            end = AssociationEnd(
                own_table=own[0],
                own_column=own[1],
                other_table=other[0],
                other_column=other[1],
                intersect=item.intersect,
            )
            yield (end.own_table, navigation), end


ENDS: Mapping[tuple[str, str], AssociationEnd] = dict(_ends())
"""The ends by (table, collection-valued navigation property)."""


def associate(records: Records, end: AssociationEnd, row_id: str, target_id: str) -> None:
    """Link the two rows. Linking twice is refused (412, 0x80040237) [k]."""
    _demand(records, end, row_id, target_id)
    if _pair(records.organisation, end, row_id, target_id) is not None:
        raise Refused(412, "0x80040237", "Cannot insert duplicate key: the two records are already associated.")
    values = {end.own_column: row_id, end.other_column: target_id}
    records.organisation.insert(end.intersect, str(uuid4()), values, actor=records.actor)


def dissociate(records: Records, end: AssociationEnd, row_id: str, target_id: str) -> None:
    """Remove the link. Raises Refused (404, 0x80040217) where there is none."""
    _demand(records, end, row_id, target_id)
    pair = _pair(records.organisation, end, row_id, target_id)
    if pair is None:
        raise Refused(404, "0x80040217", f"{end.intersect} with {end.other_column} = {target_id} Does Not Exist")
    records.organisation.delete(end.intersect, pair, actor=records.actor)


def _demand(records: Records, end: AssociationEnd, row_id: str, target_id: str) -> None:
    own, other = records.organisation.tables[end.own_table], records.organisation.tables[end.other_table]
    records.demand(own, Right.APPEND, records.existing(own, row_id))
    records.demand(other, Right.APPEND_TO, records.existing(other, target_id))


def _pair(organisation: Organisation, end: AssociationEnd, row_id: str, target_id: str) -> str | None:
    own = organisation.find(end.intersect, end.own_column, row_id)
    both = set(own).intersection(organisation.find(end.intersect, end.other_column, target_id))
    return next(iter(both), None)
