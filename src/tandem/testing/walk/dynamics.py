"""What somebody does in Dynamics, as acts of a walk, and what both sides do at once."""

import contextlib
from typing import Any

from tandem.mapping.fields import FILTER_COLUMN
from tandem.sandbox.messages import Refused
from tandem.testing.fake import Reference
from tandem.testing.walk.scene import FIELDS, PEOPLE, Scene


def create_there(scene: Scene, one: int, two: int) -> None:
    scene.create_record((*PEOPLE, "account")[one % 3], two)


def edit_there(scene: Scene, one: int, two: int) -> None:
    name, column = scene.field(two)
    scene.change(*scene.record(one), **{column: scene.value(name, two)})


def empty_there(scene: Scene, one: int, two: int) -> None:
    emptied: dict[str, Any] = {scene.field(two)[1]: None}
    scene.change(*scene.record(one), **emptied)


def touch_there(scene: Scene, one: int, _two: int) -> None:
    scene.change(*scene.record(one))


def bulk_there(scene: Scene, one: int, two: int) -> None:
    table, (name, column) = PEOPLE[one % 2], scene.field(one // 2)
    emptied = two % 3 == 0
    for record in list(scene.world.organisation.rows(table)):
        with contextlib.suppress(Refused):
            scene.change(table, record, **{column: None if emptied else scene.value(name, two)})


def move_there(scene: Scene, one: int, two: int) -> None:
    _, contact = scene.record(one, ["contact"])
    _, account = scene.record(two, ["account"])
    scene.change("contact", contact, parentcustomerid_account__bind=f"/accounts({account})" if two % 4 else None)


def edit_account(scene: Scene, one: int, two: int) -> None:
    scene.change(*scene.record(one, ["account"]), telephone1=scene.value("phone", two))


def filter_there(scene: Scene, one: int, two: int) -> None:
    if scene.seed % 4:
        says: dict[str, Any] = {FILTER_COLUMN: two % 2 == 0}
        scene.change(*scene.record(one), **says)


def delete_there(scene: Scene, one: int, _two: int) -> None:
    table, record = scene.record(one)
    if len(scene.world.organisation.rows(table)) > 1:  # an empty table is a matter of its own (R6)
        row = dict(scene.world.organisation.rows(table)[record])
        scene.world.delete(table, record)
        scene.graves[record] = (table, row)


def restore_there(scene: Scene, one: int, _two: int) -> None:
    if not scene.graves:
        return
    record = sorted(scene.graves)[one % len(scene.graves)]
    table, row = scene.graves.pop(record)
    kept = {column: row.get(column) for column in ("subject", "lastname", *FIELDS.values()) if row.get(column)}
    scene.world.organisation.create(table, {f"{table}id": record, **kept})
    scene.restored.add(record)
    scene.ledger.forgive([record])


def merge_there(scene: Scene, one: int, two: int) -> None:
    table, winner = scene.record(one)
    records = list(scene.world.organisation.rows(table))
    scene.ledger.forgive()
    scene.world.merge(table, winner, records[two % len(records)])


def qualify_there(scene: Scene, one: int, two: int) -> None:
    _, lead = scene.record(one, ["lead"])
    scene.ledger.forgive()
    if two % 3:
        scene.world.qualify(lead)
    else:
        _, contact = scene.record(two // 3, ["contact"])
        scene.world.organisation.edit("lead", lead, {"parentcontactid": Reference("contact", contact)})
        scene.world.edit("lead", lead, statecode=1, statuscode=3)


def close_there(scene: Scene, one: int, two: int) -> None:
    table, record = scene.record(one)
    closed = two % 2
    scene.change(table, record, statecode=closed and (2 if table == "lead" else 1))


def lock_there(scene: Scene, one: int, two: int) -> None:
    table, record = scene.record(one)
    scene.refused.add(record)
    scene.world.lock(table, record, locked=two % 2 == 0)


def edit_both(scene: Scene, one: int, two: int) -> None:
    """The same field, to the same value or to another."""
    table, record = scene.record(one)
    name, column = scene.field(two)
    value = scene.value(name, two)
    scene.change(table, record, **{column: value})
    link = scene.world.link(table, record)
    if link is not None and link.person_id is not None:
        scene.put(link.person_id, **{name: value if two % 3 == 0 else scene.value(name, two + 1)})
