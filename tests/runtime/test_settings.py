"""Settings: where they come from, which wins, and what is refused."""

from pathlib import Path

import pytest

from tandem.runtime import settings
from tandem.runtime.settings import LogLevel, Settings, SettingsWrong
from tandem.runtime.values import PostgresqlUrl

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def loaded(home: Path, *, file: str = "", subscription: str | None = None, **environ: str) -> Settings:
    (home / "tandem.toml").write_text(file, encoding="utf-8")
    return settings.load(environ={"TANDEM_HOME": str(home), **environ}, subscription=subscription)


def test_without_file_and_environment_every_setting_has_its_default(home: Path) -> None:
    """A home that does not exist yet is enough."""
    assert Settings(home=home / "new") == settings.load(environ={"TANDEM_HOME": str(home / "new")})


def test_the_home_is_a_folder_of_the_user_unless_told_otherwise() -> None:
    """The default home is ~/.tandem."""
    assert Path.home() / ".tandem" == Settings().home


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(home: Path) -> None:
    """Precedence: command line, environment, file, default."""
    file = 'subscription = "file"\ninterval = 7\nlanguage = 1031'

    found = loaded(home, file=file, subscription="line", TANDEM_INTERVAL="9", TANDEM_SUBSCRIPTION="environment")

    assert ("line", 9, 1031, 5000) == (found.subscription, found.interval, found.language, found.page_size)


def test_text_of_the_environment_becomes_the_type_of_the_setting(home: Path) -> None:
    """Numbers, switches, words and paths can all be given as text."""
    found = loaded(
        home,
        TANDEM_BRAKE_DELETE_SHARE="0.5",
        TANDEM_MATCH_EMAIL="true",
        TANDEM_SUM_SCORES="0",
        TANDEM_LOG_LEVEL="debug",
        TANDEM_CA_BUNDLE="ca.pem",
    )

    assert (0.5, True, False, LogLevel.DEBUG, home / "ca.pem") == (
        found.brake_delete_share,
        found.match_email,
        found.sum_scores,
        found.log_level,
        found.ca_bundle,
    )


def test_an_empty_variable_counts_as_not_set(home: Path) -> None:
    """`TANDEM_DATABASE= tandem sync` uses the default."""
    assert loaded(home, TANDEM_DATABASE="", TANDEM_INTERVAL="") == Settings(home=home)


def test_a_variable_that_is_no_setting_is_left_alone(home: Path) -> None:
    """Kubernetes sets TANDEM_PORT; connect reads TANDEM_PASSWORD."""
    assert loaded(home, TANDEM_PORT="tcp://10.0.0.1:80", TANDEM_PASSWORD="x") == Settings(home=home)


def test_each_subscription_has_its_own_file(home: Path) -> None:
    """The SQLite file is named after the subscription."""
    assert home / "emea.db" == loaded(home, subscription="emea").database_file


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param("intervall = 5", "there is no setting 'intervall'. Allowed: subscription,", id="an unknown key"),
        pytest.param('home = "/x"', "there is no setting 'home'", id="the home, which the file cannot move"),
        pytest.param("interval = 0", "interval must be a whole number, 1 or more.", id="a number too small"),
        pytest.param("page_size = 5001", "page_size must be a whole number, 1 to 5000.", id="a number too large"),
        pytest.param('interval = "300"', "interval must be a whole number, 1 or more.", id="a number in quotes"),
        pytest.param("brake_delete_share = 2", "brake_delete_share must be a number, 0 to 1.", id="a share above one"),
        pytest.param('match_email = "yes"', "match_email must be true or false.", id="a switch that is a word"),
        pytest.param('log_level = "loud"', "must be one of debug, info, warning, error.", id="a word not on the list"),
        pytest.param('log_file = ""', "log_file must be a path.", id="an empty path"),
        pytest.param('subscription = "../x"', "subscription must be up to 40 of a-z", id="a name that is a path"),
        pytest.param('subscription = "a\\n"', "subscription must be up to 40 of a-z", id="a name with a line end"),
        pytest.param("database = 5", "must be postgresql://user:password@host:port/database.", id="a database number"),
        pytest.param("interval =", "is not a TOML file", id="a broken file"),
    ],
)
def test_what_is_not_understood_in_the_file_is_refused(home: Path, file: str, expected: str) -> None:
    """The refusal names the file, the key and what is allowed."""
    with pytest.raises(SettingsWrong) as refusal:
        loaded(home, file=file)

    assert str(home / "tandem.toml") in refusal.value.message
    assert expected in refusal.value.message


def test_a_file_that_is_not_text_is_refused(home: Path) -> None:
    """Bytes that are not UTF-8 are no settings."""
    (home / "tandem.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsWrong, match="is not a TOML file"):
        settings.load(environ={"TANDEM_HOME": str(home)})


def test_a_file_that_cannot_be_read_is_refused(home: Path) -> None:
    """A folder in the file's place is said, not raised through."""
    (home / "tandem.toml").mkdir()

    with pytest.raises(SettingsWrong, match="cannot be read: Is a directory"):
        settings.load(environ={"TANDEM_HOME": str(home)})


def test_a_wrong_variable_is_named_and_its_value_is_not_shown(home: Path) -> None:
    """A mistyped database URL may hold a password."""
    with pytest.raises(SettingsWrong) as refusal:
        loaded(home, TANDEM_DATABASE="postgre://u:hunter2@h/d")

    assert "TANDEM_DATABASE: database must be postgresql://" in refusal.value.message
    assert "hunter2" not in refusal.value.message


def test_a_wrong_subscription_of_the_command_line_names_the_option(home: Path) -> None:
    """The name becomes a file and a schema, so it cannot be a path."""
    with pytest.raises(SettingsWrong, match=r"^--subscription: subscription must be up to 40 of a-z"):
        loaded(home, subscription="../x")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("postgresql://u:hunter2@db:5433/crm", "postgresql://db:5433/crm", id="password before the host"),
        pytest.param("postgresql://db/crm?password=hunter2", "postgresql://db/crm", id="password in the query"),
        pytest.param("postgresql:///crm", "postgresql:///crm", id="no host"),
    ],
)
def test_R5_a_database_password_is_never_in_a_representation(home: Path, url: str, shown: str) -> None:
    """Neither the settings nor the URL show it; only `url` does."""
    found = loaded(home, TANDEM_DATABASE=url)

    assert isinstance(found.database, PostgresqlUrl)
    assert (url, shown) == (found.database.url, str(found.database))
    assert "hunter2" not in repr(found)


def test_the_document_shows_the_table_of_the_code() -> None:
    """docs/settings.md has every setting with its limits, default and meaning, and no other."""
    rows = [
        f"| `{row.name}` | `{row.environment}` | {row.allowed} | {row.default} | {row.meaning} |"
        for row in settings.table()
    ]

    assert rows == [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]


# Notifications ----------------------------------------------------------------------------------------------------

SIGNING = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"WEBHOOK_URL": "http://example.com/x"}, "an https address", id="a webhook in clear text"),
        pytest.param({"WEBHOOK_URL": "example.com/x"}, "an https address", id="a webhook without a scheme"),
        pytest.param({"WEBHOOK_URL": "https://u:p@example.com/x"}, "an https address", id="a password in an address"),
        pytest.param({"HEARTBEAT_URL": "https://example.com/a\nb"}, "an https address", id="a line end in an address"),
        pytest.param({"WEBHOOK_URL": "https://example.com"}, "webhook_secret is not", id="a webhook nobody signs"),
        pytest.param({"WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "24 to 64 bytes", id="a signing secret that is too short"),
        pytest.param({"WEBHOOK_SECRET": SIGNING[6:]}, "whsec_ and", id="a signing secret without its beginning"),
        pytest.param({"WEBHOOK_SECRET": SIGNING + "!"}, "in base64", id="a signing secret that is no base64"),
        pytest.param({"SMTP_HOST": "mail server"}, "a host name", id="a mail server with a space"),
        pytest.param({"SMTP_HOST": "mail..example.com"}, "a host name", id="a mail server without a part of its name"),
        pytest.param({"SMTP_FROM": "ann..ek@example.com"}, "an e-mail address", id="a sender with two dots in a row"),
        pytest.param({"SMTP_PORT": "0"}, "1 to 65535", id="no port"),
        pytest.param({"SMTP_HOST": "mail.example.com", "SMTP_SECURITY": "none"}, "this mach", id="mail in clear text"),
        pytest.param({"SMTP_USER": "ann"}, "smtp_password is not", id="a user without a password"),
        pytest.param({"SMTP_USER": "ann\r\nRCPT"}, "a user name", id="a user with a line end"),
        pytest.param({"SMTP_FROM": "Ann <ann@example.com>"}, "an e-mail address", id="a sender with a name"),
        pytest.param({"SMTP_FROM": "ann@example.com\r\nBcc: x@y"}, "an e-mail address", id="a sender with a line end"),
        pytest.param({"SMTP_FROM": "ann@example.com,bob@example.com"}, "an e-mail address", id="two senders"),
    ],
)
def test_N5_a_wrong_address_is_refused_at_once_and_not_when_it_is_needed(
    home: Path, given: dict[str, str], expected: str
) -> None:
    """And never shown: an address may hold a token."""
    with pytest.raises(SettingsWrong, match=expected) as refusal:
        loaded(home, **{f"TANDEM_{name}": value for name, value in given.items()})

    assert not [given[name] for name in given if name != "SMTP_SECURITY" and given[name] in refusal.value.message]


def test_N5_this_machine_may_be_reached_in_clear_text(home: Path) -> None:
    """A relay or a receiver beside Tandem."""
    found = loaded(
        home,
        TANDEM_SMTP_HOST="127.0.0.1",
        TANDEM_SMTP_SECURITY="none",
        TANDEM_WEBHOOK_URL="http://localhost:8000/hook",
        TANDEM_WEBHOOK_SECRET=SIGNING,
    )

    assert found.webhook_url
    assert found.webhook_secret
    assert ("http://localhost:8000/hook", 24) == (found.webhook_url.url, len(found.webhook_secret.key))


@pytest.mark.parametrize("key", ["smtp_password", "webhook_secret"])
def test_R5_a_secret_in_a_file_that_others_can_read_is_refused(home: Path, key: str) -> None:
    """With what to do; in a file of the owner's alone it is taken."""
    file = home / "tandem.toml"
    file.write_text(f'{key} = "{SIGNING}"', encoding="utf-8")
    file.chmod(0o640)
    with pytest.raises(SettingsWrong, match=f"holds {key} and is open to others") as refusal:
        settings.load(environ={"TANDEM_HOME": str(home)})
    assert "chmod 600" in refusal.value.remedy
    assert SIGNING not in refusal.value.message

    file.chmod(0o600)
    assert [SIGNING] == settings.load(environ={"TANDEM_HOME": str(home)}).secrets


def test_R5_no_secret_of_the_settings_is_in_a_representation(home: Path) -> None:
    """The path of a webhook or a heartbeat is one too: whoever knows it can speak in Tandem's name."""
    found = loaded(
        home,
        TANDEM_SMTP_PASSWORD="hunter2",
        TANDEM_WEBHOOK_URL="https://hooks.example.com/T0KEN",
        TANDEM_WEBHOOK_SECRET=SIGNING,
        TANDEM_HEARTBEAT_URL="https://monitor.example.com/T0KEN",
    )

    assert ["hunter2", SIGNING] == found.secrets[:2]
    assert "hooks.example.com" in repr(found)
    assert not [secret for secret in ("hunter2", SIGNING, "T0KEN") if secret in repr(found) + str(found.webhook_url)]
