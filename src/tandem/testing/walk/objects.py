"""What somebody does with orders and their lines in Dynamics, as acts of a walk."""

from tandem.testing.fake import Reference
from tandem.testing.walk.scene import Scene
from tandem.testing.walk.tables import LINE, OF_CONTACT, OF_ORDER, ORDER


def make_object(scene: Scene, one: int, two: int) -> None:
    """An order of somebody or of nobody, and a line of it or of another one."""
    _, contact = scene.record(one, ["contact"])
    organisation = scene.world.organisation
    organisation.create(ORDER, {OF_CONTACT.column: Reference("contact", contact) if two % 4 else None})
    _, order = scene.record(two, [ORDER])
    organisation.create(LINE, {"new_name": f"Line {one}", OF_ORDER.column: Reference(ORDER, order)})


def move_object(scene: Scene, one: int, two: int) -> None:
    """A line to another order, or an order with its lines to another contact; or to none."""
    lookup = (OF_ORDER, OF_CONTACT)[one % 2]
    (_, record), (_, target) = scene.record(one // 2, [lookup.table]), scene.record(two, [lookup.target])
    reference = Reference(lookup.target, target) if two % 4 else None
    scene.world.organisation.edit(lookup.table, record, {lookup.column: reference})


def drop_object(scene: Scene, one: int, two: int) -> None:
    """A line or an order is deleted, unless it is the last: an empty table is a matter of its own (R6)."""
    table, record = scene.record(one, [(LINE, ORDER)[two % 2]])
    if len(scene.world.organisation.rows(table)) > 1:
        scene.world.delete(table, record)
