"""The promises hold on every way that is drawn: by seed, in a fixed number, and by Hypothesis, which shortens the way.

`make soak` walks for hours; here is what fits into every run of the tests. A failure prints how to walk it again.
"""

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tandem.testing.invariants import ALWAYS, AT_REST, check
from tandem.testing.soak import steps_of, walk
from tandem.testing.walk import ACTS, Step, Walk

_STEPS = 120


@pytest.mark.parametrize("seed", range(1, 13))
def test_R1_R2_every_promise_holds_on_a_random_walk(seed: int) -> None:
    """Both sides, the administrator, the line and the process act in any order (AS-I1 to AS-I20)."""
    counts = walk(seed, itertools.islice(steps_of(seed), _STEPS))

    assert _STEPS == counts["steps"]
    assert counts["cycles"] > 10
    assert counts["writes"] > 0


def test_a_walk_is_the_same_again_with_its_seed() -> None:
    """Else a failure could not be looked into."""
    first, again = (walk(3, itertools.islice(steps_of(3), 80)) for _ in range(2))

    assert first == again


class Machine(RuleBasedStateMachine):
    """The same walk, drawn and shortened by Hypothesis."""

    @initialize(seed=st.integers(1, 60))
    def begin(self, seed: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._walk = Walk(Path(self._folder.name), seed=seed).__enter__()
        self._begun = True

    @rule(act=st.sampled_from(list(ACTS)), one=st.integers(0, 59), two=st.integers(0, 59))
    def act(self, act: str, one: int, two: int) -> None:
        self._walk.take(Step(act, one, two))

    @precondition(lambda self: hasattr(self, "_begun"))
    @invariant()
    def every_promise_holds(self) -> None:
        check(self._walk, ALWAYS)

    def teardown(self) -> None:
        if not hasattr(self, "_begun"):
            return
        try:
            self._walk.come_to_rest()
            check(self._walk, ALWAYS)
            check(self._walk, AT_REST)
        finally:
            self._walk.__exit__()
            self._folder.cleanup()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
