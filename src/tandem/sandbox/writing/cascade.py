"""Deleting or merging a row moves other rows too, and a sync that never met that loses them.

What a lookup does is told by its column (`on_delete`, `on_merge`); this module only carries it out (reference 8.13,
8.14). Every row touched is written on its own, so each shows in its table's delta.
"""

from collections.abc import Iterator

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import ASSOCIATIONS, Cascade, ColumnDefinition
from tandem.sandbox.writing.payload import reference


def referrers(organisation: Organisation, table: str, row_id: str) -> Iterator[tuple[str, ColumnDefinition, str]]:
    """The (table, lookup column, id) of every row that points at the given row."""
    for child in organisation.tables.values():
        for column in child.columns.values():
            if table in column.targets and column.derived is None:
                for child_id in organisation.find(child.name, column.name, row_id):
                    yield child.name, column, child_id


def delete_row(organisation: Organisation, table: str, row_id: str, *, actor: str) -> None:
    """Delete a row with everything that cascades, children first; the caller holds the transaction.

    Raises Refused (405, 0x80040227) where a relationship restricts it.
    """
    _delete(organisation, table, row_id, actor, set())


def repoint(organisation: Organisation, table: str, loser: str, winner: str, *, actor: str) -> None:
    """Let the rows whose lookup follows a merge point at `winner` in place of `loser` (reference 8.13).

    The winner never comes to point at itself: a lookup of its own to the loser is emptied.
    """
    for child, column, child_id in list(referrers(organisation, table, loser)):
        if column.on_merge is Cascade.CASCADE:
            target = None if (child, child_id) == (table, winner) else winner
            organisation.update(child, child_id, reference(column, table, target), actor=actor)


def _delete(organisation: Organisation, table: str, row_id: str, actor: str, going: set[tuple[str, str]]) -> None:
    if (table, row_id) in going:
        return
    going.add((table, row_id))
    for child, column, child_id in list(referrers(organisation, table, row_id)):
        if column.on_delete is Cascade.RESTRICT:
            raise Refused(
                405,
                "0x80040227",
                "The object you tried to delete is associated with another object and cannot be deleted.",
            )
        if column.on_delete is Cascade.CASCADE:
            _delete(organisation, child, child_id, actor, going)
        elif column.on_delete is Cascade.REMOVE_LINK and (child, child_id) not in going:
            organisation.update(child, child_id, reference(column, table, None), actor=actor)
    for intersect, pair_id in list(_pairs(organisation, table, row_id)):
        organisation.delete(intersect, pair_id, actor=actor)
    organisation.delete(table, row_id, actor=actor)


def _pairs(organisation: Organisation, table: str, row_id: str) -> Iterator[tuple[str, str]]:
    """The intersect rows of a row, which go with it."""
    for association in ASSOCIATIONS:
        for entity, column in (
            (association.entity1, association.column1),
            (association.entity2, association.column2),
        ):
            if entity == table:
                for pair_id in organisation.find(association.intersect, column, row_id):
                    yield association.intersect, pair_id
