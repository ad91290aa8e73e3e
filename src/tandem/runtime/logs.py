"""The log file, and the second net that keeps secrets out of it.

The first net is that nobody logs a secret. The second is here: every line is searched for the secrets in use and for
whatever looks like a token before it is written, because the line that leaks is the one nobody thought of (an
exception's text, a library's debug line). One line is one JSON object, so that the log can be searched by machine.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import quote, quote_plus

import msgspec

from tandem.model.errors import NeedsPerson
from tandem.runtime.settings import Settings

_HIDDEN = "[hidden]"
_FILE_BYTES = 10 * 1024 * 1024
_OLD_FILES = 5

_TOKEN_SHAPES = (
    re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]+"),
    re.compile(r"(?i)(\b(?:client_secret|client_assertion|password|access_token|refresh_token)\b[\"']?\s*[=:]\s*)"
               r"(?:\"[^\"]*\"|'[^']*'|[^\s&,;}\"']+)"),
    re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)"),
    re.compile(r"()\beyJ[\w-]+\.[\w-]+\.[\w-]*"),
)  # fmt: skip
"""An authorization header, form and JSON fields, a URL's password, a JSON Web Token. The first group stays."""

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every log record has; anything else came in through `extra`."""


class LogUnwritable(NeedsPerson):
    """The log file cannot be opened."""

    code = "log-unwritable"
    advice = "Make the folder writable, or name another file: TANDEM_LOG_FILE or log_file in tandem.toml."


class Redactor:
    """Replaces the secrets told to it, and what has the shape of a token, in any text."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def register(self, secret: str) -> None:
        """From now on hide `secret`, also as it looks inside a URL or a form."""
        if secret:
            self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret)}

    def clean(self, text: str) -> str:
        """The text with every secret replaced."""
        for secret in sorted(self._secrets, key=len, reverse=True):  # a secret may contain another one
            text = text.replace(secret, _HIDDEN)
        for shape in _TOKEN_SHAPES:
            text = shape.sub(rf"\1{_HIDDEN}", text)
        return text


redactor = Redactor()
"""The one all of this process's log lines and error messages go through."""


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, then the `extra` fields and the traceback.

    Cleaned here and not by a filter: only the formatter sees the traceback, and cleaning before the JSON is written
    also finds a secret with quotes or backslashes in it.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(_cleaned(line)).decode()


@contextmanager
def writing(settings: Settings, *, verbose: bool) -> Iterator[Path]:
    """Log to `settings.log_file` and, if `verbose`, to standard error, for as long as the block runs.

    The file is its owner's alone and is kept to 10 MB and five old ones; the block is given its path. Libraries are
    heard from warnings upwards. Raises LogUnwritable.
    """
    path = settings.log_file
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers: list[logging.Handler] = [
            _OwnersFile(path, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8")
        ]
    except OSError as problem:
        raise LogUnwritable(f"The log file {path} cannot be opened: {problem.strerror}.", file=str(path)) from None
    if verbose:
        handlers.append(logging.StreamHandler(sys.stderr))
    for secret in settings.secrets:
        redactor.register(secret)
    root, ours = logging.getLogger(), logging.getLogger("tandem")
    before = ours.level
    ours.setLevel(settings.log_level.upper())
    for handler in handlers:
        handler.setFormatter(JsonLines())
        root.addHandler(handler)
    try:
        yield path
    finally:
        ours.setLevel(before)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


class _OwnersFile(RotatingFileHandler):
    """A log file only its owner can read: it holds record ids and host names.

    Where the disk is full its lines are lost: the sync must not stop for its log, nor the terminal fill with
    tracebacks.
    """

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return TextIOWrapper(os.fdopen(handle, "ab"), encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):
            super().close()


def _cleaned(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(name): _cleaned(item) for name, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case _:
            return redactor.clean(str(value))
