"""Links a subscription again to its organisation, when that is another one now, or an older state of it (rule S9).

A refreshed sandbox answers under the old address with another id; one that was restored in place counts its versions
back. Both look, to whoever does not ask, like thousands of edits and deletions. So nothing goes on by itself: a sample
is compared, somebody sees what going on would do, and then everything is read once more before anything is written.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.identity import Organization
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.rules.relinking import SHARE, Verdict, decide_verdict
from tandem.runtime import connecting, instance
from tandem.runtime.connecting import Found
from tandem.runtime.subscription import Binding, NotConnected, Subscription
from tandem.state.reviews import ReviewKind
from tandem.sync.applier import OrganisationRestored
from tandem.sync.comparing import Compared, Comparing
from tandem.sync.plan import TablePlan, chosen_fields
from tandem.sync.review import begin_review

SAMPLES = 200
"""Records of each table that are compared unless more are asked for."""
_COMPARED = (Entity.ACCOUNT, Entity.LEAD, Entity.CONTACT)


class NothingToRelink(NeedsPerson):
    """The organisation is the one that is linked, and nothing in the sample is older than what was seen of it."""

    code = "nothing-to-relink"
    advice = (
        "Nothing was changed, and nothing has to be: `tandem sync` goes on. If you know that the organisation was "
        "restored: `tandem relink --force`. For a new address of the same organisation: `tandem disconnect`, then "
        "`tandem connect`."
    )


class AnotherOrganisation(NeedsPerson):
    """Too few of the linked records are in the organisation that answers."""

    code = "another-organisation"
    advice = (
        "Nothing was changed. For an organisation of its own, connect a subscription of its own: "
        "`tandem connect URL --name NAME`. `tandem relink --force` links this one all the same: the people whose "
        "records are not there are then held as a mass deletion, and everybody there becomes a new person."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a subscription is linked to, what answers, and what the sample shows. `share` is the part of the sample that
    was found, None where nothing is known here."""

    before: Binding
    url: str
    organization: Organization
    verdict: Verdict
    share: float | None
    tables: Sequence[Compared]


class Relinking:
    """A subscription that may be linked again to what answers now. Made by `relinking`."""

    def __init__(
        self,
        subscription: Subscription,
        dynamics: Dynamics,
        found: Found,
        credentials: Credentials,
        ca_bundle: Path | None,
    ) -> None:
        self._subscription = subscription
        self._dynamics = dynamics
        self._found = found
        self._credentials = credentials
        self._ca_bundle = ca_bundle

    def compare(self, *, samples: int = SAMPLES) -> Comparison:
        """Compare up to `samples` records of each table. Changes nothing. Raises FilterUnreadable."""
        subscription, found = self._subscription, self._found
        before = subscription.binding
        if before is None:
            raise NotConnected(f"Subscription {subscription.name!r} was never connected.")
        comparing = Comparing(self._dynamics, subscription.marketing, subscription.state, self._plans(), size=samples)
        tables = comparing.compare()
        last = subscription.state.journal.last_cycle(finished=True)
        stopped_by = (last["counts"].get("stopped_by") or {}) if last else {}
        set_back = stopped_by.get("code") == OrganisationRestored.code
        sampled = sum(each.sampled for each in tables)
        share = sum(each.found for each in tables) / sampled if sampled else None
        verdict = decide_verdict(
            share,
            same=before.organization_id == found.organization.id,
            older=set_back or any(each.older for each in tables),
        )
        return Comparison(
            before=before,
            url=found.url,
            organization=found.organization,
            verdict=verdict,
            share=share,
            tables=tables,
        )

    def carry_out(self, comparison: Comparison, *, force: bool = False) -> None:
        """Link the subscription to what was compared; the next cycles read everything once more.

        Raises NothingToRelink and AnotherOrganisation unless `force` is said.
        """
        require_reason(comparison, force=force)
        subscription = self._subscription
        with subscription.writing(), subscription.database.transaction():
            connecting.store(subscription, self._found, self._credentials, self._ca_bundle)
            begin_review(
                subscription.state,
                subscription.marketing,
                ReviewKind.RELINK,
                _reason(comparison),
                by=instance.account(),
                at=subscription.now(),
            )

    def _plans(self) -> dict[Entity, TablePlan]:
        found, settings = self._found, self._subscription.settings
        choices, streams = self._subscription.state.choices(), self._subscription.state.streams.all()
        plans = {}
        for entity in _COMPARED:
            table = found.tables.get(entity.value)
            if table is not None:
                unreadable, stream = found.unreadable[entity], streams.get(entity)
                chosen = chosen_fields(entity, table, choices.get(entity, {}), unreadable)
                if stream is not None and stream.columns is not None:
                    # Of a field that was not read yet there is nothing to compare.
                    chosen = [each for each in chosen if each.column in stream.columns]
                plans[entity] = TablePlan(
                    entity,
                    table,
                    chosen,
                    organization_id=found.organization.id,
                    unreadable=unreadable,
                    address_block=settings.address_block,
                    consent=settings.consent_wins,
                )
        return plans


@contextlib.contextmanager
def relinking(
    subscription: Subscription,
    *,
    url: str | None = None,
    credentials: Credentials | None = None,
    ca_bundle: Path | None = None,
) -> Iterator[Relinking]:
    """The subscription, alone at work, with what answers at `url`; by default the address and the credentials it has.

    Raises NotConnected, InUse, CopiedDatabase, and whatever is wrong with address, credentials or rights.
    """
    with subscription.exclusive(), contextlib.ExitStack() as resources:
        binding = subscription.binding if credentials else subscription.connection()
        if binding is None:
            raise NotConnected(f"Subscription {subscription.name!r} was never connected.")
        instance.check(subscription)
        used = credentials or subscription.credentials()
        if ca_bundle is None and binding.ca_bundle:
            ca_bundle = Path(binding.ca_bundle)
        found = connecting.look(subscription.settings, url or binding.url, used, ca_bundle)
        trusted = ca_bundle or subscription.settings.ca_bundle
        dynamics = resources.enter_context(Dynamics(found.url, used, ca_bundle=trusted))
        yield Relinking(subscription, dynamics, found, used, ca_bundle)


def require_reason(comparison: Comparison, *, force: bool) -> None:
    """Raise NothingToRelink or AnotherOrganisation where linking again takes `force`."""
    if force:
        return
    before, now = comparison.before, comparison.organization
    if comparison.verdict is Verdict.UNCHANGED:
        raise NothingToRelink(f"{comparison.url} answers as {now.friendly_name} ({now.id}), as it always did.")
    if comparison.verdict is Verdict.STRANGE:
        raise AnotherOrganisation(
            f"Of the sampled records of {before.organization_name} {comparison.share or 0:.0%} are in "
            f"{now.friendly_name} ({now.id}); {SHARE:.0%} are the least that it takes."
        )


def _reason(comparison: Comparison) -> str:
    before, now = comparison.before, comparison.organization
    if before.organization_id == now.id:
        return f"{now.friendly_name} was linked again after it had been set back."
    former = f"{before.organization_name} ({before.organization_id})"
    return f"{now.friendly_name} ({now.id}) was linked in place of {former}."
