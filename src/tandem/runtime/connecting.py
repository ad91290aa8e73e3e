"""Connects a subscription to an organisation, renews its credentials, forgets them (rules S7, S9, N1).

Everything is tried before anything is stored: a wrong address or secret leaves no trace, and new credentials replace
the old ones only after they have worked.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.identity import Identity, Organization, User
from tandem.model.entities import STANDARD
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Table
from tandem.runtime import instance
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Binding, NotConnected, Subscription, exists, opened
from tandem.state.state import FieldChoice
from tandem.sync.known_tables import OrganisationChanged
from tandem.sync.plan import default_choices
from tandem.sync.review import read_from_the_start
from tandem.sync.telling import EXPIRE_AT


class AlreadyConnected(NeedsPerson):
    """The subscription has credentials that work."""

    code = "already-connected"
    advice = (
        "For new credentials use `tandem connect --rotate`, for a second organisation `tandem connect URL --name NAME`."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What a connect found: who answers, as whom, and how many fields were selected per table."""

    organization: Organization
    user: User
    fields: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Who answers at an address, as whom, and its tables as the sync user may write them, with the columns that it
    cannot read; both by logical name."""

    url: str
    identity: Identity
    organization: Organization
    user: User
    tables: dict[str, Table]
    unreadable: dict[str, frozenset[str]]


def connect(settings: Settings, url: str, credentials: Credentials, *, ca_bundle: Path | None = None) -> Connected:
    """Bind the subscription to the organisation at `url` and select the default fields. Copies nothing.

    Raises AlreadyConnected, OrganisationChanged, and whatever is wrong with address, credentials or rights.
    """
    with _held(settings) as subscription:
        binding = subscription.binding if subscription else None
        if binding is not None and binding.credentials is not None:
            raise AlreadyConnected(
                f"Subscription {settings.subscription!r} is connected to {binding.organization_name} ({binding.url})."
            )
        found = look(settings, url, credentials, ca_bundle)
        _expect_organization(binding, found.organization, found.url)
    with opened(settings, create=True) as subscription:
        return store(subscription, found, credentials, ca_bundle)


def rotate(settings: Settings, credentials: Credentials, *, ca_bundle: Path | None = None) -> Connected:
    """Replace the credentials by ones that were just proven on the same organisation.

    Raises NotConnected and what `connect` raises; the old credentials stay then.
    """
    with opened(settings) as subscription:
        binding = subscription.binding
        if binding is None:
            raise NotConnected(f"Subscription {settings.subscription!r} was never connected.")
        if ca_bundle is None and binding.ca_bundle:
            ca_bundle = Path(binding.ca_bundle)
        found = look(settings, binding.url, credentials, ca_bundle)
        _expect_organization(binding, found.organization, found.url)
        return store(subscription, found, credentials, ca_bundle)


def disconnect(settings: Settings) -> Binding:
    """Forget the credentials. The data, the binding and the place in every table stay. Raises NotConnected."""
    with opened(settings) as subscription, subscription.exclusive():
        binding = subscription.connection()
        with subscription.database.transaction():
            subscription.bind(msgspec.structs.replace(binding, credentials=None))
            subscription.state.put_setting(EXPIRE_AT, None)
        return binding


@contextlib.contextmanager
def _held(settings: Settings) -> Iterator[Subscription | None]:
    """The subscription where there is one; nothing is made."""
    if not exists(settings):
        yield None
        return
    with opened(settings) as subscription:
        yield subscription


def look(settings: Settings, url: str, credentials: Credentials, ca_bundle: Path | None) -> Found:
    """Sign in and find out who answers, as whom, and with which tables. Stores nothing.

    Raises whatever is wrong with address, credentials or rights.
    """
    with Dynamics(url, credentials, ca_bundle=ca_bundle or settings.ca_bundle) as dynamics:
        identity = dynamics.who_am_i()
        organization = dynamics.organization()
        user = dynamics.user(identity.user_id)
        tables = dynamics.tables([entity.value for entity in STANDARD], settings.language)
        rights = {name: dynamics.column_rights(identity.user_id, table) for name, table in tables.items()}
        return Found(
            url=dynamics.root,
            identity=identity,
            organization=organization,
            user=user,
            tables={name: rights[name].narrow(table) for name, table in tables.items()},
            unreadable={name: each.unreadable for name, each in rights.items()},
        )


def _expect_organization(binding: Binding | None, organization: Organization, url: str) -> None:
    if binding is not None and binding.organization_id != organization.id:
        raise OrganisationChanged(
            f"{url} answers as organisation {organization.id} ({organization.friendly_name}); this subscription "
            f"belongs to {binding.organization_name} ({binding.organization_id})."
        )


def store(subscription: Subscription, found: Found, credentials: Credentials, ca_bundle: Path | None) -> Connected:
    """Bind the subscription to what was found, with these credentials sealed; choices that were made stay."""
    sealed = subscription.vault.seal(msgspec.json.encode(asdict(credentials)))
    with subscription.database.transaction():
        choices = subscription.state.choices()
        for entity in STANDARD:
            table = found.tables.get(entity.value)
            if table is not None and entity not in choices:
                subscription.state.put_choices(default_choices(entity, table, found.unreadable[entity.value]))
        before = subscription.binding
        if before is not None and before.url != found.url:
            # Its links lead to the former address, where no token of this one must go.
            read_from_the_start(subscription.state, "the organisation has another address")
        subscription.bind(
            Binding(
                url=found.url,
                organization_id=found.organization.id,
                organization_name=found.organization.friendly_name,
                user_id=found.identity.user_id,
                user_name=found.user.fullname or found.identity.user_id,
                connected_at=subscription.now(),
                credentials=sealed,
                ca_bundle=str(ca_bundle.absolute()) if ca_bundle else None,
            )
        )
        subscription.state.put_setting(EXPIRE_AT, credentials.expire_at)
        instance.begin(subscription)
        chosen = subscription.state.choices()
    fields: dict[str, int] = {
        entity.value: _selected(chosen.get(entity, {})) for entity in STANDARD if entity.value in found.tables
    }
    return Connected(organization=found.organization, user=found.user, fields=fields)


def _selected(choices: dict[str, FieldChoice]) -> int:
    return sum(choice.selected for choice in choices.values())
