"""The settings of an installation: one table, checked before anything starts.

A misspelt key or a wrong value found only when it is used stops a sync in the middle of the night, or changes nothing
and is believed. So the file is read whole at the start, and what is not understood is refused by name.

`Settings` below is the table: name, type, limits, default and meaning stand in one place; `docs/settings.md` shows
the same rows and a test compares the two. Precedence: command line, environment, file, default.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from tandem.dynamics.address import is_loopback
from tandem.model.errors import NeedsPerson
from tandem.runtime.setting_words import allowed, meta
from tandem.runtime.values import MailAddress, PostgresqlUrl, Secret, SigningSecret, WebAddress

_PREFIX = "TANDEM_"
_DEFAULT_HOME = Path("~/.tandem")
_FILE_NAME = "tandem.toml"
_HOST = r"^(?=.{1,253}\Z)(?:(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\Z"
"""A name whose labels can be looked up, or an IP address."""


class SettingsWrong(NeedsPerson):
    """A setting cannot be understood."""

    code = "settings-wrong"
    advice = "Correct it and run the command again; docs/settings.md lists every setting."


class LogLevel(StrEnum):
    """How much the log file holds."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class MailSecurity(StrEnum):
    """How the way to the mail server is kept from others' eyes."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting. Paths are absolute once it is built: a relative one starts in the home."""

    home: Annotated[
        Path, Meta(description="Folder of the settings file, the key file, the embedded database and the log.")
    ] = _DEFAULT_HOME
    subscription: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z",
            extra={"allowed": "up to 40 of a-z, 0-9, _ and -, beginning with a letter or digit"},
            description="The subscription commands work on; names its SQLite file or PostgreSQL schema.",
        ),
    ] = "default"
    database: Annotated[
        PostgresqlUrl | None,
        Meta(
            extra={
                "allowed": "postgresql://user:password@host:port/database",
                "default": "a SQLite file in the home, named after the subscription",
            },
            description="A PostgreSQL server instead of the embedded SQLite file.",
        ),
    ] = None
    interval: Annotated[int, Meta(ge=1, description="Seconds `tandem run` waits between two cycles.")] = 300
    fresh_interval: Annotated[
        int, Meta(ge=1, description="Seconds between two reads of fresh edits while a table is still being copied.")
    ] = 60
    page_size: Annotated[
        int, Meta(ge=1, le=5000, description="The most rows asked of Dynamics in one page; wide tables get fewer.")
    ] = 5000
    language: Annotated[
        int, Meta(ge=1, description="Language code (LCID) of the labels read from Dynamics; 1033 is English.")
    ] = 1033
    ca_bundle: Annotated[
        Path | None,
        Meta(
            extra={"default": "the system's certificates"},
            description="PEM file of certificate authorities to trust besides the system's.",
        ),
    ] = None
    match_email: Annotated[
        bool,
        Meta(description="Link a new Dynamics record to the one marketing-only person with the same e-mail (P1)."),
    ] = False
    sum_scores: Annotated[
        bool, Meta(description="Add the Person Scores when two records or people are merged (P12, P16).")
    ] = True
    never_return: Annotated[
        bool,
        Meta(description="A person deleted in marketing does not come back when its record changes in Dynamics (P9)."),
    ] = False
    contact_parent_account: Annotated[
        bool, Meta(description="Give a contact whose parent is a contact that contact's account (P14).")
    ] = False
    address_block: Annotated[
        bool, Meta(description="Decide an address as one: nobody gets one side's street with the other's city (P4).")
    ] = False
    consent_wins: Annotated[
        bool, Meta(description="An opt-out wins on both sides, and only a person lifts it (P15).")
    ] = False
    fanout_limit: Annotated[
        int,
        Meta(ge=0, description="With more people than this on an account, its changes are not logged on each (A4)."),
    ] = 5000
    brake_delete_floor: Annotated[
        int, Meta(ge=0, description="Deletes of one entity in one cycle that never need a release (R6).")
    ] = 20
    brake_delete_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of an entity's records whose deletion never needs a release (R6).")
    ] = 0.02
    brake_blank_floor: Annotated[
        int, Meta(ge=1, description="Fewer records than this emptied in one field never need a release (R6).")
    ] = 100
    brake_blank_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of the records that one field may be emptied on (R6).")
    ] = 0.05
    brake_write_floor: Annotated[
        int, Meta(ge=0, description="Own writes in one cycle that never need a release (R6).")
    ] = 100
    brake_write_ratio: Annotated[
        float, Meta(ge=1, description="Own writes for each real change that need no release (R6).")
    ] = 1.5
    bulk_floor: Annotated[
        int, Meta(ge=1, description="Fewer changes than this in one delta never go behind fresh edits (R6).")
    ] = 1000
    bulk_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of the records that may change ahead of the backfill (R6).")
    ] = 0.5
    verification_days: Annotated[
        int, Meta(ge=1, description="Days in which every record is looked at once on both sides (R1).")
    ] = 7
    smtp_host: Annotated[
        Annotated[str, Meta(pattern=_HOST)] | None,
        Meta(
            extra={"allowed": "a host name or an IP address", "default": "no e-mail is sent"},
            description="The mail server that notifications go through (N5).",
        ),
    ] = None
    smtp_port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 587
    smtp_security: Annotated[
        MailSecurity,
        Meta(description="`tls` from the first byte (port 465), or begun by STARTTLS; `none` on this machine only."),
    ] = MailSecurity.STARTTLS
    smtp_user: Annotated[
        Annotated[str, Meta(pattern=r"^[ -~]{1,254}\Z")] | None,
        Meta(
            extra={"allowed": "a user name", "default": "no sign-in"},
            description="The user that signs in to the mail server.",
        ),
    ] = None
    smtp_password: Annotated[
        Secret | None,
        Meta(
            extra={"allowed": "a password; in a file only if the file is its owner's alone", "default": "none"},
            description="That user's password.",
        ),
    ] = None
    smtp_from: Annotated[
        MailAddress | None,
        Meta(
            extra={"allowed": "an e-mail address", "default": "the address notifications go to"},
            description="The address notifications come from.",
        ),
    ] = None
    webhook_url: Annotated[
        WebAddress | None,
        Meta(
            extra={"allowed": "an https address; http for this machine only", "default": "no webhook"},
            description="Where notifications are posted as JSON (N5).",
        ),
    ] = None
    webhook_secret: Annotated[
        SigningSecret | None,
        Meta(
            extra={
                "allowed": "whsec_ and 24 to 64 bytes in base64; in a file only if the file is its owner's alone",
                "default": "none",
            },
            description="What the posts are signed with.",
        ),
    ] = None
    heartbeat_url: Annotated[
        WebAddress | None,
        Meta(
            extra={"allowed": "an https address; http for this machine only", "default": "no heartbeat"},
            description="Asked for after each good cycle, so that a monitor can tell when that stops; "
            "`{subscription}` in it becomes the subscription's name (N5).",
        ),
    ] = None
    keep_journal: Annotated[
        int,
        Meta(ge=1, description="Days that values of decided conflicts, healed errors and past requests are kept (R2)."),
    ] = 90
    keep_activities: Annotated[
        int, Meta(ge=1, description="Days that the values in activity logs are kept; the entries stay (R2).")
    ] = 90
    keep_history: Annotated[
        int, Meta(ge=1, description="Days that cycles keep the words of their problems; their counts stay (R2).")
    ] = 90
    log_file: Annotated[Path, Meta(description="The log file.")] = Path("tandem.log")
    log_level: Annotated[LogLevel, Meta(description="How much the log file holds.")] = LogLevel.INFO

    def __post_init__(self) -> None:
        home = Path(os.path.expanduser(self.home)).absolute()
        object.__setattr__(self, "home", home)
        object.__setattr__(self, "log_file", home / self.log_file)
        if self.ca_bundle is not None:
            object.__setattr__(self, "ca_bundle", home / self.ca_bundle)

    @property
    def database_file(self) -> Path:
        """The subscription's SQLite file, used unless `database` names a server."""
        return self.home / f"{self.subscription}.db"

    @property
    def secrets(self) -> list[str]:
        """The texts in these settings that no log line may hold."""
        hidden = [self.smtp_password, self.webhook_secret]
        addresses = [self.webhook_url, self.heartbeat_url]
        password = self.database.password if self.database else None
        return [
            *([password] if password else []),
            *(secret.text for secret in hidden if secret),
            *(address.url for address in addresses if address),
        ]

    @property
    def key_file(self) -> Path:
        """The key that stored credentials are sealed with."""
        return self.home / "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table of settings, for people: `allowed` and `default` are words."""

    name: str
    environment: str
    allowed: str
    default: str
    meaning: str


def table() -> tuple[Setting, ...]:
    """Every setting, in the order of `Settings`."""
    rows = []
    for field in fields(Settings):
        said = meta(_HINTS[field.name])
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        rows.append(
            Setting(
                name=field.name,
                environment=_PREFIX + field.name.upper(),
                allowed=allowed(_HINTS[field.name]),
                default=(said.extra or {}).get("default", default),
                meaning=said.description or "",
            )
        )
    return tuple(rows)


def load(*, environ: Mapping[str, str] | None = None, subscription: str | None = None) -> Settings:
    """The settings in force: `subscription` (the command line's) over `TANDEM_*` over the file over the defaults.

    Raises SettingsWrong, which names the file or variable, the key and what is allowed there.
    """
    environ = os.environ if environ is None else environ
    home = Settings(home=Path(environ.get(f"{_PREFIX}HOME") or _DEFAULT_HOME)).home
    given = {"home": home} | _from_file(home / _FILE_NAME) | _from_environment(environ)
    if subscription is not None:
        given["subscription"] = _converted("subscription", subscription, source="--subscription", strict=True)
    settings = Settings(**given)
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    """Raise SettingsWrong where one setting does not go with another."""
    host = settings.smtp_host
    if host and settings.smtp_security is MailSecurity.NONE and not is_loopback(host):
        raise SettingsWrong("smtp_security: none is for a mail server on this machine only.", key="smtp_security")
    if settings.smtp_user and settings.smtp_password is None:
        raise SettingsWrong("smtp_user is set and smtp_password is not.", key="smtp_password")
    if settings.webhook_url and settings.webhook_secret is None:
        raise SettingsWrong("webhook_url is set and webhook_secret is not.", key="webhook_secret")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            document = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise SettingsWrong(f"{path} cannot be read: {problem.strerror}.", file=str(path)) from None
    except ValueError as problem:  # not UTF-8, or not TOML: the problem says where
        raise SettingsWrong(f"{path} is not a TOML file: {problem}.", file=str(path)) from None
    # The file is found through the home, so it cannot move it.
    names = [field.name for field in fields(Settings) if field.name != "home"]
    for key in document:
        if key not in names:
            raise SettingsWrong(
                f"{path}: there is no setting {key!r}. Allowed: {', '.join(names)}.", file=str(path), key=key
            )
        if mode & 0o077 and key in ("smtp_password", "webhook_secret"):
            raise SettingsWrong(
                f"{path} holds {key} and is open to others (mode {mode:03o}).",
                advice=f"Run `chmod 600` on it, or set {_PREFIX}{key.upper()} instead.",
                file=str(path),
                key=key,
            )
    return {key: _converted(key, value, source=str(path), strict=True) for key, value in document.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    # Variables that are no settings are left alone: Kubernetes sets TANDEM_PORT for a service called tandem, and
    # `connect` takes its secrets from TANDEM_CLIENT_SECRET and TANDEM_PASSWORD.
    given = {}
    for field in fields(Settings):
        name = _PREFIX + field.name.upper()
        text = environ.get(name)
        if text and field.name != "home":
            given[field.name] = _converted(field.name, text, source=name, strict=False)
    return given


def _converted(name: str, value: object, *, source: str, strict: bool) -> Any:
    """The value as the setting's type. `strict` = a number is not taken from text."""
    try:
        return msgspec.convert(value, _HINTS[name], strict=strict, dec_hook=_from_text)
    except msgspec.ValidationError:
        # The value itself is not shown: it may be a URL with a password.
        may_be = allowed(_HINTS[name])
        raise SettingsWrong(f"{source}: {name} must be {may_be}.", source=source, key=name, allowed=may_be) from None


def _from_text(kind: type, value: object) -> object:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return Path(os.path.expanduser(value)) if kind is Path else kind(value)


_HINTS: Mapping[str, Any] = get_type_hints(Settings, include_extras=True)
