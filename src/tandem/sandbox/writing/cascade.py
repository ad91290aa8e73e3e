"""Deleting, merging or assigning a row moves other rows too, and a sync that never met that loses them.

What a lookup does is told by its column (`on_delete`, `on_merge`, `on_assign`); this module only carries it out
(reference 8.13, 8.14). Every row touched is written on its own, so each shows in its table's delta.
"""

from collections.abc import Iterator, Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import AssociationEnd, Cascade, ColumnDefinition
from tandem.sandbox.writing.parties import keep_parties
from tandem.sandbox.writing.payload import reference

Row = Mapping[str, object]


def referrers(organisation: Organisation, table: str, row_id: str) -> Iterator[tuple[str, ColumnDefinition, str]]:
    """The (table, lookup column, id) of every row that points at the given row. A view's rows are other tables' own."""
    for child in organisation.tables.values():
        if child.united:
            continue
        for column in child.columns.values():
            if table not in column.targets or column.derived is not None:
                continue
            kind = f" AND {column.name}_type = '{table}'" if column.polymorphic else ""
            found = organisation.connection.execute(
                f"SELECT {child.primary_id} FROM {child.name} WHERE {column.name} = ?{kind} ORDER BY 1",  # noqa: S608
                (row_id.lower(),),
            ).fetchall()
            for (child_id,) in found:
                yield child.name, column, str(child_id)


def delete_row(organisation: Organisation, table: str, row_id: str, *, actor: str) -> None:
    """Delete a row with everything that cascades, children first; the caller holds the transaction.

    Raises Refused (405, 0x80040227) where a relationship restricts it.
    """
    _delete(organisation, table, row_id, actor, set())


def repoint(organisation: Organisation, table: str, loser: str, winner: str, *, actor: str) -> None:
    """Let the rows whose lookup follows a merge point at `winner` in place of `loser` (reference 8.13).

    The winner never comes to point at itself: a lookup of its own to the loser is emptied. Nor is it a member of
    anything twice: a membership that both had goes.
    """
    for end in _ends(organisation, table):
        for pair_id, other_id in _pairs(organisation, end, loser):
            if any(known == other_id for _, known in _pairs(organisation, end, winner)):
                organisation.delete(end.intersect, pair_id, actor=actor)
            else:
                organisation.update(end.intersect, pair_id, {end.own_column: winner}, actor=actor)
    for child, column, child_id in list(referrers(organisation, table, loser)):
        if column.on_merge is Cascade.CASCADE:
            target = None if (child, child_id) == (table, winner) else winner
            organisation.update(child, child_id, reference(column, table, target), actor=actor)


def assign_children(organisation: Organisation, table: str, row_id: str, before: Row, *, actor: str) -> None:
    """Give what goes with a row, which has just been assigned, the same owner; `before` is the row as it was.

    Each lookup tells which rows go along: all, the active ones, or those of the former owner. Whether the user may
    assign them is not asked [k].
    """
    owner = organisation.get(table, row_id) or {}
    _assign(organisation, (table, row_id), before, owner, actor, set())


def _assign(
    organisation: Organisation, parent: tuple[str, str], before: Row, owner: Row, actor: str, seen: set[tuple[str, str]]
) -> None:
    seen.add(parent)
    for child, column, child_id in list(referrers(organisation, *parent)):
        definition = organisation.tables[child]
        if (child, child_id) in seen or "ownerid" not in definition.columns:
            continue
        row = organisation.get(child, child_id) or {}
        goes_along = {
            Cascade.CASCADE: True,
            Cascade.ACTIVE: row.get("statecode") == 0,
            Cascade.USER_OWNED: row["ownerid"] == before["ownerid"],
        }
        if not goes_along.get(column.on_assign, False):
            continue
        if row["ownerid"] != owner["ownerid"]:
            values = {name: owner[name] for name in ("ownerid", "ownerid_type")}
            organisation.update(child, child_id, values, actor=actor)
            if definition.activity:
                keep_parties(organisation, definition, child_id, actor=actor)
        _assign(organisation, (child, child_id), row, owner, actor, seen)


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
    for end in _ends(organisation, table):
        for pair_id, _ in _pairs(organisation, end, row_id):
            organisation.delete(end.intersect, pair_id, actor=actor)
    organisation.delete(table, row_id, actor=actor)


def _ends(organisation: Organisation, table: str) -> list[AssociationEnd]:
    """The many-to-many relationships of a table, seen from it."""
    return [end for (own, _), end in organisation.definitions.ends.items() if own == table]


def _pairs(organisation: Organisation, end: AssociationEnd, row_id: str) -> list[tuple[str, str]]:
    """The (id, other end) of every intersect row of a row."""
    primary = organisation.tables[end.intersect].primary_id
    found = organisation.connection.execute(
        f"SELECT {primary}, {end.other_column} FROM {end.association.pairs}"  # noqa: S608
        f" WHERE {end.own_column} = ? ORDER BY 1",
        (row_id.lower(),),
    )
    return [(str(pair_id), str(other_id)) for pair_id, other_id in found.fetchall()]
