"""What somebody does in marketing, as acts of a walk: to one person, to all of them, or by asking for an action."""

import contextlib

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
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
    wanted = ({"as": "lead"}, {"as": "contact"}, {})[two % 3]
    _ask(
        scene,
        Action.SYNC_PERSON,
        scene.somebody(one),
        wanted,
        f"request {two % 20}",
        at=1 + one % 30 if two % 4 == 0 else None,
    )


def change_owner(scene: Scene, one: int, two: int) -> None:
    organisation = scene.world.organisation
    owner = (organisation.sync_user, organisation.colleague)[two % 2]
    _ask(
        scene,
        Action.CHANGE_OWNER,
        scene.somebody(one),
        {"owner": owner},
        f"owner {two % 20}",
        at=1 + one % 30 if two % 4 == 0 else None,
    )


def create_task(scene: Scene, one: int, two: int) -> None:
    task = {"subject": "Call {{lead.Last Name:default=somebody}}", "status": ("Completed", "In Progress")[two % 2]}
    _ask(
        scene,
        Action.CREATE_TASK,
        scene.somebody(one),
        task,
        f"task {two % 20}",
        at=1 + one % 30 if two % 4 == 0 else None,
    )


def _ask(scene: Scene, action: Action, person: int, arguments: dict[str, str], request: str, *, at: int | None) -> None:
    """Ask for something in a process that may be killed over it, at a point of this number."""
    scene.ledger.forgive()
    scene.fuse.left = at
    try:
        perform(*scene.at_work(), action, person, arguments, request)
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
