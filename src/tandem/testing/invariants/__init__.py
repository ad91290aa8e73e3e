"""What must hold whatever happened, told from both sides' data and the ledger (behaviour section 9, AS section 6).

Each function is one promise under its number and says how it is broken, if it is. `ALWAYS` holds after every step,
`AT_REST` when everybody told the truth for a while and nobody did anything, `AFTER_ALL` once what stood in the way is
gone as well. AS-I17 (purity) is proven where the rules are.
"""

from tandem.testing.invariants.always import ALWAYS
from tandem.testing.invariants.at_rest import AFTER_ALL, AT_REST
from tandem.testing.invariants.promise import Promise
from tandem.testing.walk import Walk

__all__ = ["AFTER_ALL", "ALWAYS", "AT_REST", "Broken", "check"]


class Broken(AssertionError):
    """A promise that does not hold."""


def check(walk: Walk, promises: tuple[Promise, ...]) -> None:
    """Raises Broken for the first promise that does not hold."""
    for promise in promises:
        for how in promise(walk):
            raise Broken(f"{promise.__name__}: {how}")
