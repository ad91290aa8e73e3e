"""The log: where it is, what a line holds, and what it never holds."""

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from tandem.runtime import logs
from tandem.runtime.settings import LogLevel, Settings
from tandem.runtime.values import PostgresqlUrl

SECRET = 'se"cret/wörd+1'
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
logger = logging.getLogger("tandem.test")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture(autouse=True)
def fresh_redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test's secrets are another one's."""
    monkeypatch.setattr(logs, "redactor", logs.Redactor())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_one_json_object_with_the_extra_fields(settings: Settings) -> None:
    """Time, level, logger and message, then what the caller added."""
    with logs.writing(settings, verbose=False) as path:
        logger.info("page stored: %d rows", 3, extra={"table": "account", "rows": 3, "ids": ("a", None)})

    (line,) = lines(path)
    assert line.pop("time").endswith("+00:00")
    assert {
        "level": "info",
        "logger": "tandem.test",
        "message": "page stored: 3 rows",
        "table": "account",
        "rows": 3,
        "ids": ["a", None],
    } == line


def test_the_log_is_in_the_home_and_its_owners_alone(settings: Settings) -> None:
    """Record ids and host names are nobody else's business."""
    with logs.writing(settings, verbose=False) as path:
        assert settings.home / "tandem.log" == path

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_standard_error_is_silent_unless_asked(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """With `verbose` the same lines go there too."""
    with logs.writing(settings, verbose=False):
        logger.info("quiet")
    with logs.writing(settings, verbose=True):
        logger.info("loud")

    (line,) = capsys.readouterr().err.splitlines()
    assert "loud" == json.loads(line)["message"]


def test_the_level_is_a_setting_and_libraries_are_heard_from_warnings_upwards(tmp_path: Path) -> None:
    """A library's debug lines are where tokens leak."""
    with logs.writing(Settings(home=tmp_path, log_level=LogLevel.WARNING), verbose=False) as path:
        logger.info("ours, below the level")
        logger.warning("ours")
        logging.getLogger("httpx2").info("theirs, below the level")
        logging.getLogger("httpx2").warning("theirs")

    assert ["ours", "theirs"] == [line["message"] for line in lines(path)]


def test_nothing_stays_set_up_after_the_block(settings: Settings) -> None:
    """The handlers and the level are as before."""
    before = (list(logging.getLogger().handlers), logging.getLogger("tandem").level)

    with logs.writing(settings, verbose=True):
        pass

    assert before == (logging.getLogger().handlers, logging.getLogger("tandem").level)


def test_a_log_that_cannot_be_opened_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """A folder stands where the file should be."""
    with (
        pytest.raises(logs.LogUnwritable, match="Is a directory"),
        logs.writing(Settings(home=tmp_path, log_file=tmp_path), verbose=False),
    ):
        raise AssertionError("the block must not run")


def test_a_full_disk_loses_the_line_and_nothing_else(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """/dev/full refuses every write as a full disk does; the command goes on and its screen stays clean."""
    settings.home.mkdir()
    (settings.home / "tandem.log").symlink_to("/dev/full")

    with logs.writing(settings, verbose=False):
        logger.info("lost")

    assert "" == capsys.readouterr().err


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(SECRET, id="the secret itself"),
        pytest.param("client_secret=se%22cret%2Fw%C3%B6rd%2B1&x=1", id="the secret in a form"),
        pytest.param("https://h/?k=se%22cret%2Fw%C3%B6rd%2B1", id="the secret in a URL"),
    ],
)
def test_R5_a_registered_secret_is_hidden_wherever_it_stands(settings: Settings, written: str) -> None:
    """In the message, its arguments, an extra field however deep, and a traceback."""
    logs.redactor.register(SECRET)

    with logs.writing(settings, verbose=False) as path:
        logger.info(f"in the message {written}")  # noqa: G004
        logger.info("in the arguments %s", written)
        logger.info("in a field", extra={"field": {"deep": [written, Path(written)]}})
        try:
            raise ValueError(written)
        except ValueError:
            logger.exception("in a traceback")

    text = path.read_text(encoding="utf-8")
    assert 4 == len(lines(path))
    assert 5 <= text.count("[hidden]")
    assert not [part for part in ("cret/w", "cret%2Fw", "cret\\/w") if part in text]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(f"Authorization: Bearer {TOKEN}", "Authorization: Bearer [hidden]", id="bearer token"),
        pytest.param("authorization: bearer abc.def", "authorization: bearer [hidden]", id="bearer in lower case"),
        pytest.param(f"token {TOKEN} refused", "token [hidden] refused", id="web token alone"),
        pytest.param('{"access_token": "abc", "n": 1}', '{"access_token": [hidden], "n": 1}', id="JSON field"),
        pytest.param("a=1&client_secret=abc&b=2", "a=1&client_secret=[hidden]&b=2", id="form field"),
        pytest.param("postgresql://u:hunter2@h/d", "postgresql://u:[hidden]@h/d", id="password of a URL"),
        pytest.param("the bearer of account 12", "the bearer [hidden] account 12", id="a word too many, on purpose"),
        pytest.param("1,000 rows of contact read", "1,000 rows of contact read", id="an ordinary line"),
    ],
)
def test_R5_what_looks_like_a_token_is_hidden_though_nobody_registered_it(written: str, expected: str) -> None:
    """The net is wide: a hidden word too many costs little."""
    assert expected == logs.redactor.clean(written)


def test_R5_a_secret_inside_a_longer_one_does_not_uncover_it() -> None:
    """The longer secret is hidden whole."""
    for secret in ("abc", "abcdef", ""):
        logs.redactor.register(secret)

    assert "[hidden] [hidden] x" == logs.redactor.clean("abcdef abc x")


def test_R5_the_password_of_the_database_is_registered_by_itself(tmp_path: Path) -> None:
    """A driver's error text may quote it."""
    settings = Settings(home=tmp_path, database=PostgresqlUrl("postgresql://u:hunter2@h/d"))

    with logs.writing(settings, verbose=False) as path:
        logger.info("driver says hunter2")

    assert ["driver says [hidden]"] == [line["message"] for line in lines(path)]
