"""Rows of an intersect table are made and removed by associating two rows, seldom by writing the table.

Team membership is one of them: a client that posts to `teammemberships` must fail here as it fails in a tenant
(reference 5.6, 13). The members of a list can be written either way and keep the list's rules (reference 8.7).
"""

from uuid import uuid4

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Right
from tandem.sandbox.tables import AssociationEnd, Message
from tandem.sandbox.writing.particular import refuse_item
from tandem.sandbox.writing.records import Records


def associate(records: Records, end: AssociationEnd, row_id: str, target_id: str) -> str:
    """Link the two rows and return the id of the intersect row.

    Linking twice is refused (412, 0x80040237) [k]; who is on a list already stays so silently (reference 8.7).
    """
    _demand(records, end, row_id, target_id)
    table = records.organisation.tables[end.intersect]
    created = Message.CREATE in table.messages
    pair = _pair(records.organisation, end, row_id, target_id)
    if pair is not None and not created:
        raise Refused(412, "0x80040237", "Cannot insert duplicate key: the two records are already associated.")
    if pair is not None:
        return pair
    values = end.pair(row_id, target_id)
    if created:
        return records.create(table, values)
    if table.name == "campaignitem":
        refuse_item(records.organisation, end.association.entity2, str(values[end.association.column2]))
    pair = str(uuid4())
    records.organisation.insert(table.name, pair, values, actor=records.actor)
    return pair


def dissociate(records: Records, end: AssociationEnd, row_id: str, target_id: str) -> None:
    """Remove the link. Raises Refused where there is none: 404 0x80040217, of a list 0x80048458 (reference 8.7)."""
    _demand(records, end, row_id, target_id)
    table = records.organisation.tables[end.intersect]
    pair = _pair(records.organisation, end, row_id, target_id)
    if pair is None and table.name == "listmember":
        raise Refused(400, "0x80048458", "Cannot remove a member that is not on the list.")
    if pair is None:
        raise Refused(404, "0x80040217", f"{table.name} with {end.other_column} = {target_id} Does Not Exist")
    if Message.DELETE in table.messages:
        records.delete(table, pair)
    else:
        records.organisation.delete(table.name, pair, actor=records.actor)


def _demand(records: Records, end: AssociationEnd, row_id: str, target_id: str) -> None:
    own, other = records.organisation.tables[end.own_table], records.organisation.tables[end.other_table]
    records.demand(own, Right.APPEND, records.existing(own, row_id))
    records.demand(other, Right.APPEND_TO, records.existing(other, target_id))


def _pair(organisation: Organisation, end: AssociationEnd, row_id: str, target_id: str) -> str | None:
    primary = organisation.tables[end.intersect].primary_id
    found = organisation.connection.execute(
        f"SELECT {primary} FROM {end.association.pairs} WHERE {end.own_column} = ? AND {end.other_column} = ?",  # noqa: S608
        (row_id.lower(), target_id.lower()),
    ).fetchone()
    return None if found is None else str(found[0])
