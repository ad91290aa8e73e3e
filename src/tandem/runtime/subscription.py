"""One subscription: its database, and what it is bound to.

A subscription is one SQLite file or one PostgreSQL schema and nothing else, so it is moved by copying; what a copy may
do is decided in `instance`.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from tandem.database.exclusive import PATIENCE, lock_file, lock_schema, wait_for_file, wait_for_schema
from tandem.database.migrations import migrate
from tandem.database.port import Database
from tandem.database.postgresql import PostgresqlDatabase, schemas_of
from tandem.database.sqlite import SqliteDatabase
from tandem.dynamics.credentials import Credentials
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.embedded.marketing import marketing_migrations
from tandem.model.errors import NeedsPerson
from tandem.runtime.logs import redactor
from tandem.runtime.secrets import Vault
from tandem.runtime.settings import Settings
from tandem.state import SyncState, state_migrations

SCHEMA_PREFIX = "tandem_"
"""What the PostgreSQL schema of a subscription begins with."""


class NotConnected(NeedsPerson):
    """The subscription has no organisation, or its credentials were forgotten."""

    code = "not-connected"
    advice = "Connect it first: tandem connect URL --client-id ID."


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation a subscription belongs to (S9), and the sealed credentials, None once forgotten."""

    url: str
    organization_id: str
    organization_name: str
    user_id: str
    user_name: str
    connected_at: str
    credentials: str | None = None
    ca_bundle: str | None = None


def now() -> str:
    """The time, UTC, to the second, as Tandem stores it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Subscription:
    """An open subscription. Close it when done."""

    def __init__(self, settings: Settings, database: Database, *, clock: Callable[[], str] = now) -> None:
        self.settings = settings
        self.name = settings.subscription
        self.database = database
        self.state = SyncState(database)
        self.marketing = EmbeddedMarketing(database)
        self.vault = Vault(settings.key_file)
        self.now = clock

    @property
    def binding(self) -> Binding | None:
        """What the subscription is bound to, or None before its first connect."""
        stored = self.state.setting("binding")
        return msgspec.convert(stored, Binding) if stored else None

    def bind(self, binding: Binding) -> None:
        """Store the binding, inside the caller's transaction."""
        self.state.put_setting("binding", msgspec.to_builtins(binding))

    @property
    def enabled(self) -> bool:
        """The sync switch."""
        return bool(self.state.setting("enabled"))

    def connection(self) -> Binding:
        """The binding, while there are credentials. Raises NotConnected."""
        binding = self.binding
        if binding is None or binding.credentials is None:
            raise NotConnected(f"Subscription {self.name!r} is not connected to an organisation.")
        return binding

    def credentials(self) -> Credentials:
        """The stored credentials; the log hides them from now on. Raises NotConnected, or what the vault raises."""
        sealed = self.connection().credentials or ""
        found = Credentials(**msgspec.json.decode(self.vault.unseal(sealed)))
        for secret in (found.client_secret, found.password, found.certificate):
            redactor.register(secret or "")
        return found

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Be the only Tandem that syncs this subscription. Raises InUse."""
        url = self.settings.database
        if url is None:
            lock = lock_file(self.settings.database_file.with_suffix(".lock"), subscription=self.name)
        else:
            lock = lock_schema(url.url, SCHEMA_PREFIX + self.name, subscription=self.name)
        with lock:
            yield

    @contextmanager
    def writing(self, *, patience: float = PATIENCE) -> Iterator[None]:
        """Be the only one who writes to the organisation, after whoever does now. Raises BeingWritten."""
        url, name = self.settings.database, self.name
        if url is None:
            turn = wait_for_file(
                self.settings.database_file.with_suffix(".writing"), subscription=name, patience=patience
            )
        else:
            turn = wait_for_schema(url.url, SCHEMA_PREFIX + name, subscription=name, patience=patience)
        with turn:
            yield


def subscriptions(settings: Settings) -> list[str]:
    """The names of the subscriptions in the home, or on the server, sorted. Raises DatabaseGone."""
    if settings.database is not None:
        return schemas_of(settings.database.url, SCHEMA_PREFIX)
    # Not every database there is a subscription: one may be a backup. What was at work here has its counter beside it.
    files = settings.home.glob(f"*{settings.database_file.suffix}")
    return sorted(file.stem for file in files if file.with_suffix(".instance").exists())


def exists(settings: Settings) -> bool:
    """Is there anything of this subscription yet? Raises DatabaseGone."""
    if settings.database is not None:
        return settings.subscription in schemas_of(settings.database.url, SCHEMA_PREFIX)
    return settings.database_file.exists()


@contextmanager
def opened(settings: Settings, *, create: bool = False) -> Iterator[Subscription]:
    """Open a subscription, bringing its schema up to date; `create` makes a new one.

    Raises NotConnected where there is none, DatabaseNewer, DatabaseGone or DatabaseFull.
    """
    if not create and not exists(settings):
        place, others = settings.database or settings.home, ", ".join(subscriptions(settings))
        raise NotConnected(
            f"There is no subscription {settings.subscription!r} in {place}.",
            advice=f"There are: {others}. Name one with --subscription, or connect this one." if others else None,
        )
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.closing(_database(settings)) as database:
        migrate(database, marketing_migrations() + state_migrations(), at=now())
        yield Subscription(settings, database)


def _database(settings: Settings) -> Database:
    if settings.database is not None:
        return PostgresqlDatabase(settings.database.url, SCHEMA_PREFIX + settings.subscription)
    return SqliteDatabase(settings.database_file)
