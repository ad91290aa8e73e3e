"""What somebody does in marketing, as acts of a walk: to one person, to all of them, or by asking for an action."""

import contextlib

from tandem.actions.sync_person import sync_person as sync_person_to_microsoft
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.sync.holds.restoring import restore
from tandem.sync.removing import Removing
from tandem.testing.ledger import Killed
from tandem.testing.walk.scene import Scene


def edit_here(scene: Scene, one: int, two: int) -> None:
    name, _ = scene.field(two)
    scene.put(scene.somebody(one), **{name: scene.value(name, two)})


def empty_here(scene: Scene, one: int, two: int) -> None:
    scene.put(scene.somebody(one), **{scene.field(two)[0]: None})


def misfit_here(scene: Scene, one: int, two: int) -> None:
    scene.put(scene.somebody(one), title=f"{scene.value('title', two)} " + "x" * 200)


def rename_here(scene: Scene, one: int, two: int) -> None:
    scene.put(scene.somebody(one), lastName=scene.value("lastName", two))


def empty_required_here(scene: Scene, one: int, _two: int) -> None:
    scene.put(scene.somebody(one), lastName=None)


def bulk_here(scene: Scene, one: int, two: int) -> None:
    name, _ = scene.field(one)
    for person in list(scene.picture().people):
        with contextlib.suppress(NeedsPerson):
            scene.put(person, **{name: scene.value(name, two)})


def edit_company(scene: Scene, one: int, two: int) -> None:
    scene.put(scene.somebody(one), **{"company.mainPhone": scene.value("mainPhone", two)})


def create_here(scene: Scene, _one: int, two: int) -> None:
    names = [("lastName", scene.value("lastName", two)), ("microsoftTopic", "Visit"), ("title", f"t{two}")]
    scene.edits().create(names[: 2 + two % 2], at=scene.now())


def sync_person(scene: Scene, one: int, two: int) -> None:
    person, wanted = scene.somebody(one), (Entity.LEAD, Entity.CONTACT, None)[two % 3]
    scene.ledger.forgive()
    scene.fuse.left = 1 + one % 30 if two % 4 == 0 else None
    try:
        sync_person_to_microsoft(*scene.at_work(), person, wanted=wanted, request=f"request {two % 20}")
    except Killed:
        scene.crash()
    finally:
        scene.fuse.left = None


def delete_here(scene: Scene, one: int, two: int) -> None:
    _removing(scene).delete(scene.somebody(one), at=scene.now(), never_return=two % 4 == 0)


def merge_here(scene: Scene, one: int, two: int) -> None:
    winner, loser = scene.somebody(one), scene.somebody(two)
    scene.ledger.forgive()
    _removing(scene).merge(winner, loser, at=scene.now())
    for name, values in scene.ledger.held.pop(loser, {}).items():
        scene.ledger.held[winner][name] |= values
    scene.merged.add(winner)


def restore_value(scene: Scene, one: int, _two: int) -> None:
    state = scene.world.subscription.state
    collisions = state.journal.collisions()
    if collisions:
        scene.ledger.forgive()
        with scene.world.subscription.database.transaction():
            restore(state, scene.edits(), collisions[one % len(collisions)]["id"], at=scene.now())


def _removing(scene: Scene) -> Removing:
    subscription = scene.world.subscription
    return Removing(subscription.database, subscription.marketing, subscription.state)
