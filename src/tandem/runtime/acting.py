"""Opens a subscription for an action, which works while `tandem run` is going (behaviour section 5, rule S10)."""

from collections.abc import Iterator
from contextlib import contextmanager

from tandem.runtime import instance
from tandem.runtime.subscription import Subscription
from tandem.runtime.syncing import context_of, dynamics_of, require_enabled
from tandem.sync.context import Context
from tandem.sync.cycle import Engine


@contextmanager
def acting(subscription: Subscription) -> Iterator[tuple[Engine, Context]]:
    """The subscription without the engine's lock. Raises NotEnabled, CopiedDatabase, NotConnected.

    Whoever writes holds `context.writing()`, and asks the engine for its tables first: they are of this organisation.
    """
    require_enabled(subscription)
    binding = subscription.connection()
    instance.check(subscription)
    with dynamics_of(subscription) as dynamics:
        context = context_of(subscription, dynamics)
        yield Engine(context, organization_id=binding.organization_id), context
