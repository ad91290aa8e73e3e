"""A walk through everything that can happen to a subscription, one step at a time (behaviour section 9, AS section 6).

No list of cases names the one in which two rules meet at the wrong instant. So both sides, the administrator, the line
between them and the process itself act in any order, and after each step what must always hold is looked at. A step is
plain data: whoever drew it, the same steps are the same walk.
"""

from tandem.testing.walk.scene import MERGED, PEOPLE
from tandem.testing.walk.steps import ACTS, WEIGHTS, Step, drawn
from tandem.testing.walk.walk import NeverAtRest, Walk

__all__ = ["ACTS", "MERGED", "PEOPLE", "WEIGHTS", "NeverAtRest", "Step", "Walk", "drawn"]
