"""`tandem campaigns`: the campaigns of Dynamics, and the switch that lets them be synced (rules S6, F4)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.campaigns import CampaignReport


def campaigns(
    context: typer.Context,
    enable: Annotated[bool, typer.Option("--enable", help="Sync campaigns, from the next sync on.")] = False,
    disable: Annotated[bool, typer.Option("--disable", help="Leave campaigns alone, as at the beginning.")] = False,
    reset: Annotated[
        bool,
        typer.Option("--reset", help="Read all campaigns and the lists made for them once more, in the next sync."),
    ] = False,
    json: output.Json = False,
) -> None:
    """List the campaigns of Dynamics, with the lists that `tandem action add-to-campaign` made for them.

    Campaigns come from Dynamics only and are not synced until they are enabled. While they are not, nobody is added to
    a campaign or removed from one.
    """
    from tandem.report.campaigns import read_campaigns
    from tandem.runtime.campaigns import enable_campaigns
    from tandem.runtime.subscription import opened
    from tandem.sync.campaigns import CampaignSyncOff, campaign_sync

    if disable and (enable or reset):
        raise typer.BadParameter("--disable switches off, --enable and --reset on: choose one.", ctx=context)
    with opened(context.obj.settings) as subscription:
        if reset and not enable and not campaign_sync(subscription.state):
            raise CampaignSyncOff("There is nothing to reset: campaign sync is off.")
        if enable or disable or reset:
            enable_campaigns(subscription, not disable)
            if not disable:
                output.note(_AGAIN if reset else _ON)
        found = read_campaigns(subscription)
    if json:
        output.json(found)
    else:
        _tell(found)


_ON = "Campaign sync is on: the next `tandem sync` reads the campaigns."
_AGAIN = "The next `tandem sync` reads all campaigns again and looks at their lists."
_OFF = "Campaign sync is off: campaigns stay here as they were read, and the lists in Dynamics as they are."


def _tell(found: "CampaignReport") -> None:
    if not found.enabled and not found.campaigns:
        output.line("Campaign sync is off: `tandem campaigns --enable` switches it on.")
        return
    if not found.campaigns:
        output.line("There are no campaigns." if found.copied else "The campaigns were not read yet.")
        return
    if not found.enabled:
        output.note(_OFF)
    output.table(
        ["id", "campaign", "type", "state", "status", "owner"],
        [(each.id, each.name, each.type, each.state, each.status, each.owner) for each in found.campaigns],
    )
    lists = [(each.name, one) for each in found.campaigns for one in each.lists]
    if lists:
        output.table(
            ["campaign", "list in Dynamics", "for", "members", "in the campaign"],
            [
                (name, one.name, f"{one.entity.value}s", one.members, "yes" if one.attached else "not yet")
                for name, one in lists
            ],
            title="Lists, and how many people the actions put on them",
        )
