"""Walks at random for as long as is asked, and says how to walk the same way again when a promise breaks.

    python -m tandem.testing.soak --seed 1 --steps 50000

A long soak is many walks, each in a world of its own: what breaks is found within a few hundred steps, and the seed of
that walk alone brings it back.
"""

import argparse
import itertools
import logging
import random
import sys
import tempfile
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from tandem.testing.invariants import AFTER_ALL, ALWAYS, AT_REST, check
from tandem.testing.walk import Step, Walk, drawn

STEPS_OF_A_WALK = 250
STEPS_TO_REST = 50
"""After so many steps everybody rests, and what must hold at rest is looked at."""
_TOLD = 50
_MEMORY = Path("/dev/shm")


class Astray(Exception):
    """A walk broke a promise. `taken` are its steps up to there."""

    def __init__(self, seed: int, taken: list[Step], problem: BaseException) -> None:
        super().__init__(f"the walk with seed {seed} broke a promise at step {len(taken)}")
        self.seed = seed
        self.taken = taken
        self.problem = problem


def steps_of(seed: int) -> Iterator[Step]:
    """The steps that this seed draws, without end."""
    chance = random.Random(seed)
    return drawn(chance.randrange(2**16) for _ in itertools.count())


def walk(seed: int, steps: Iterable[Step]) -> Counter[str]:
    """Take steps from the world that `seed` makes, and come to rest now and then and at the end; what was counted.

    Raises Astray.
    """
    taken = list[Step]()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        try:
            with Walk(Path(folder), seed=seed) as one:
                for step in steps:
                    taken.append(step)
                    one.take(step)
                    check(one, ALWAYS)
                    if len(taken) % STEPS_TO_REST == 0:
                        _rest(one)
                _rest(one)
                one.clear_the_way()
                _rest(one)
                check(one, AFTER_ALL)
                one.counts["lies"] = one.lying.told.total()
                one.counts["writes"] += len(one.ledger.writes)
                return one.counts
        except Exception as problem:
            raise Astray(seed, taken, problem) from problem


def _rest(one: Walk) -> None:
    one.come_to_rest()
    check(one, ALWAYS)
    check(one, AT_REST)


def soak(seed: int, steps: int) -> Counter[str]:
    """Walks until `steps` steps were taken; the first has the seed `seed`. Raises Astray."""
    counts = Counter[str]()
    for number in itertools.count():
        left = steps - counts["steps"]
        if left <= 0:
            return counts
        counts += walk(seed + number, itertools.islice(steps_of(seed + number), min(left, STEPS_OF_A_WALK)))
    return counts


def main() -> int:
    """The command. Ends with 1 where a promise broke."""
    parser = argparse.ArgumentParser(prog="python -m tandem.testing.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first walk")
    parser.add_argument("--steps", type=int, default=5_000)
    asked = parser.parse_args()
    logging.getLogger("tandem").addHandler(logging.NullHandler())
    _say(f"Soaking from seed {asked.seed}: {asked.steps} steps, {STEPS_OF_A_WALK} in each walk.")
    begun = time.monotonic()
    try:
        counts = soak(asked.seed, asked.steps)
    except Astray as astray:
        traceback.print_exception(astray.problem)
        _say(f"\n{astray}: {astray.problem}\nThe last of the way there:")
        for step in deque(astray.taken, maxlen=_TOLD):
            _say(f"    {step.act}({step.one}, {step.two})")
        _say(f"Again: python -m tandem.testing.soak --seed {astray.seed} --steps {len(astray.taken)}")
        return 1
    seconds = time.monotonic() - begun
    told = ", ".join(f"{counts[name]:,} {name}" for name in ("steps", "edits", "cycles", "writes", "lies", "crashes"))
    _say(f"Clean: {told}; {counts['steps'] / seconds:,.0f} steps a second, {seconds:,.0f} s.")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
