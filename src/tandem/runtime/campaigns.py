"""Switches campaign sync on and off, and has campaigns and their lists looked at anew (rule S6)."""

from tandem.runtime.subscription import Subscription
from tandem.sync.campaigns import switch_campaign_sync


def enable_campaigns(subscription: Subscription, enabled: bool) -> None:
    """Set the switch of campaign sync.

    Set to on, also where it is on, it lets the next cycle read every campaign and every list of a campaign once more:
    that is the reset of the reference product, which switches off and on. Set to off, campaigns are read no more and
    nobody is added to any; what was copied, and who is on which list, stays. Raises NotConnected.
    """
    subscription.connection()
    with subscription.database.transaction():
        switch_campaign_sync(subscription.state, enabled)
