"""Cycles, as acts of a walk: on a good line and a bad one, killed, stopped, disturbed, and rehearsed."""

from tandem.report.plan import rehearse as plan_of
from tandem.testing.lying import Lie
from tandem.testing.walk.dynamics import (
    close_there,
    delete_there,
    edit_both,
    edit_there,
    filter_there,
    merge_there,
    qualify_there,
    touch_there,
)
from tandem.testing.walk.marketing import (
    bulk_here,
    create_here,
    delete_here,
    edit_here,
    merge_here,
    rename_here,
    sync_person,
)
from tandem.testing.walk.scene import Scene

_LIES = {
    Lie.REPLAY: 0.1,
    Lie.REORDER: 0.3,
    Lie.DUPLICATE: 0.3,
    Lie.UNKNOWN_DELETION: 0.1,
    Lie.EXPIRE: 0.02,
    Lie.THROTTLE: 0.03,
    Lie.LOSE_REQUEST: 0.03,
    Lie.LOSE_REPLY: 0.05,
    Lie.BREAK_OFF: 0.2,
    Lie.MISMATCH: 0.2,
    Lie.FAULT: 0.2,
}
_ANYTHING = (edit_here, edit_both, edit_there, bulk_here, create_here, sync_person, rename_here)
_MEANWHILE = (
    *(edit_there, edit_here, edit_both, filter_there, delete_there, merge_there, qualify_there),
    *(close_there, delete_here, merge_here, touch_there),
)


def cycle(scene: Scene, _one: int, _two: int) -> None:
    scene.cycle()


def cycles(scene: Scene, _one: int, _two: int) -> None:
    for _ in range(3):
        scene.cycle()


def lied_to(scene: Scene, one: int, two: int) -> None:
    """An edit, and a cycle on a bad line."""
    scene.let(_ANYTHING[one % len(_ANYTHING)], two, one)
    scene.lying.rates = {lie: rate * (1 + one % 3) for lie, rate in _LIES.items()}
    try:
        scene.cycle()
    finally:
        scene.lying.rates = {}


def killed(scene: Scene, one: int, two: int) -> None:
    """An edit, and a cycle that the process does not survive, if it is long enough."""
    scene.let(_ANYTHING[two % len(_ANYTHING)], two, one)
    scene.fuse.left = 1 + one
    try:
        scene.cycle()
    finally:
        scene.fuse.left = None


def stopped(scene: Scene, one: int, _two: int) -> None:
    """A cycle somebody asks to stop."""
    scene.patience = one % 40
    try:
        scene.cycle()
    finally:
        scene.patience = None


def meanwhile(scene: Scene, one: int, two: int) -> None:
    """An edit, and a cycle in which something happens while that is on its way."""
    scene.let(edit_here, one, two)
    act = _MEANWHILE[two % len(_MEANWHILE)]
    happening = scene.line.before if one % 2 else scene.line.after
    happening.append(lambda: scene.let(act, one // 2, two // len(_MEANWHILE)))
    try:
        scene.cycle()
    finally:
        happening.clear()


def rehearse(scene: Scene, _one: int, _two: int) -> None:
    """What a plan says, and what the cycle then does."""
    scene.make_honest()
    engine, context = scene.at_work()
    plan = plan_of(context, engine.organization_id)
    written = len(scene.ledger.writes)
    with scene.observed():
        engine.cycle(backfill=False)
    scene.rehearsed = (plan, scene.ledger.writes[written:])
