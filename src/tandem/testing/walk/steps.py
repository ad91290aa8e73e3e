"""All the acts there are, how often each is drawn, and steps as plain data.

The acts, their order and their weights are part of what a seed means: after a change every seed walks another way.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tandem.testing.walk import administration, cycles, dynamics, marketing, objects, reviews
from tandem.testing.walk.scene import Act

ACTS: dict[str, Act] = {
    act.__name__: act
    for act in (
        marketing.edit_here,
        marketing.empty_here,
        marketing.misfit_here,
        marketing.rename_here,
        marketing.empty_required_here,
        marketing.bulk_here,
        marketing.edit_company,
        marketing.create_here,
        marketing.sync_person,
        marketing.change_owner,
        marketing.create_task,
        marketing.delete_here,
        marketing.merge_here,
        marketing.restore_value,
        dynamics.create_there,
        dynamics.edit_there,
        dynamics.empty_there,
        dynamics.touch_there,
        dynamics.bulk_there,
        dynamics.move_there,
        dynamics.edit_account,
        dynamics.filter_there,
        dynamics.delete_there,
        dynamics.restore_there,
        dynamics.merge_there,
        dynamics.qualify_there,
        dynamics.close_there,
        dynamics.lock_there,
        dynamics.edit_both,
        objects.make_object,
        objects.move_object,
        objects.drop_object,
        administration.choose,
        administration.refresh,
        administration.take_column,
        administration.secure,
        administration.forbid,
        administration.arm,
        administration.act_later,
        administration.detect_duplicates,
        administration.decide_hold,
        administration.retry_errors,
        administration.restart,
        administration.pass_time,
        reviews.save_there,
        reviews.set_back_there,
        reviews.copy_there,
        reviews.save_here,
        reviews.set_back_here,
        cycles.cycle,
        cycles.cycles,
        cycles.lied_to,
        cycles.killed,
        cycles.stopped,
        cycles.meanwhile,
        cycles.rehearse,
    )
}
WEIGHTS: dict[str, int] = dict.fromkeys(ACTS, 2) | {
    "edit_here": 10,
    "edit_there": 10,
    "edit_both": 10,
    "create_there": 4,
    "filter_there": 4,
    "sync_person": 6,
    "choose": 4,
    "arm": 4,
    "decide_hold": 4,
    "cycle": 8,
    "lied_to": 10,
    "killed": 10,
    "meanwhile": 10,
    "delete_here": 1,
    "merge_here": 1,
    "merge_there": 1,
    "rehearse": 4,
    "copy_there": 1,
}
"""How often each act is drawn: rare ones are rare in life, and an ordinary edit finds every state they left."""


class Step(NamedTuple):
    """What happens, and two numbers that say to whom and how; any number is good."""

    act: str
    one: int
    two: int


def drawn(numbers: Iterator[int]) -> Iterator[Step]:
    """Steps without end, from numbers that may be any."""
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    while True:
        yield Step(names[next(numbers) % len(names)], next(numbers) % 60, next(numbers) % 60)
