"""Signing in with a certificate, from the command line (rule S7)."""

import getpass
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tandem.cli.invocation import ExitCode
from tandem.dynamics.credentials import TokenSource
from tandem.runtime.settings import load
from tandem.runtime.subscription import Subscription, opened
from tandem.sandbox.door.operations import RegisterCertificate

TODAY = datetime.now(UTC).replace(microsecond=0)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def file_of(path: Path, *, days: float = 365, password: str | None = None, key: Any = KEY) -> Path:
    """A PEM file of a key and a certificate that ends in so many days."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tandem")])
    certificate = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=TODAY - timedelta(days=400),
        not_valid_after=TODAY + timedelta(days=days),
    ).sign(key, hashes.SHA256())
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock) + certificate.public_bytes(Encoding.PEM)
    )
    return path


@pytest.fixture
def upload(own_terminal: Any) -> Callable[[Path], Path]:
    """Lets the sandbox's application sign in with the certificate of a file."""

    def register(path: Path) -> Path:
        text = path.read_text("ascii")
        public = text[text.index("-----BEGIN CERTIFICATE-----") :]
        own_terminal.world.do(RegisterCertificate(certificate=public))
        return path

    return register


def connect(terminal: Any, path: Path, *more: str, typed: str = "", is_terminal: bool = False) -> Any:
    """Connect by the certificate of a file."""
    url, given = terminal.world.sandbox.url, ("--certificate", str(path), *more)
    return terminal.run("connect", url, *terminal.application, *given, typed=typed, is_terminal=is_terminal)


def ends(days: float) -> str:
    """When a certificate of so many days ends, as it is told."""
    return (TODAY + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_S7_a_certificate_connects_and_syncs(own_terminal: Any, tmp_path: Path, upload: Callable[[Path], Path]) -> None:
    """No secret is asked for; the key is sealed, and the status says when the certificate ends."""
    path = upload(file_of(tmp_path / "tandem.pem"))

    ended = connect(own_terminal, path)
    assert (ExitCode.DONE, "") == (ended.code, ended.told)
    path.unlink()

    assert ExitCode.DONE == own_terminal.run("sync", "--enable").code
    assert ends(365) == own_terminal.status()["credentials_expire_at"]
    assert f"a certificate that ends on {ends(365)}" in own_terminal.run("status").out
    assert "PRIVATE KEY" not in own_terminal.kept()


@pytest.mark.parametrize("way", ["option", "environment", "standard input", "prompt"])
def test_S7_the_files_password_comes_by_four_ways(
    own_terminal: Any, tmp_path: Path, upload: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """And is kept nowhere: what is sealed needs none."""
    path, more, typed = upload(file_of(tmp_path / "tandem.pem", password="hunter2")), list[str](), ""
    match way:
        case "option":
            more = ["--certificate-password", "hunter2"]
        case "environment":
            monkeypatch.setenv("TANDEM_CERTIFICATE_PASSWORD", "hunter2")
        case "standard input":
            more, typed = ["--certificate-password", "-"], "hunter2\n"
        case "prompt":
            monkeypatch.setattr(getpass, "getpass", {"Certificate password: ": "hunter2"}.__getitem__)

    ended = connect(own_terminal, path, *more, typed=typed, is_terminal=way == "prompt")

    assert ExitCode.DONE == ended.code, ended.told
    assert "hunter2" not in ended.out + ended.told + own_terminal.kept()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(None, "certificate-unusable", id="no file"),
        pytest.param(b"hello", "certificate-unusable", id="a text"),
        pytest.param("locked", "certificate-locked", id="a password that is not given"),
        pytest.param("over", "certificate-over", id="a certificate of last year"),
        pytest.param("unknown", "dynamics-unauthorised", id="a certificate that was not uploaded"),
    ],
)
def test_S7_a_certificate_that_cannot_sign_in_is_refused_and_nothing_is_kept(
    own_terminal: Any, tmp_path: Path, content: bytes | str | None, code: str
) -> None:
    """With what to do."""
    path = tmp_path / "tandem.pem"
    match content:
        case bytes():
            path.write_bytes(content)
        case "locked":
            file_of(path, password="hunter2")
        case "over":
            file_of(path, days=-1)
        case "unknown":
            file_of(path)

    ended = connect(own_terminal, path)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert f"[{code}]" in ended.told
    assert "not connected" == own_terminal.status()["state"]


def test_S9_a_certificate_links_again_too(own_terminal: Any, tmp_path: Path, upload: Callable[[Path], Path]) -> None:
    """The organisation was copied, and its new credentials are a certificate's; one alone is half of them."""
    path = upload(file_of(tmp_path / "tandem.pem"))
    own_terminal.synced().world.become_a_copy()
    assert ExitCode.USAGE == own_terminal.run("relink", "--certificate", str(path)).code

    ended = own_terminal.run("relink", *own_terminal.application, "--certificate", str(path), "--yes")

    assert ExitCode.DONE == ended.code, ended.told
    assert ends(365) == own_terminal.status()["credentials_expire_at"]


def test_S7_a_certificate_and_a_secret_are_not_given_together(own_terminal: Any, tmp_path: Path) -> None:
    """Nobody would know which of the two is used."""
    ended = connect(own_terminal, file_of(tmp_path / "tandem.pem"), "--client-secret", "x")

    assert ExitCode.USAGE == ended.code
    assert "takes the place of --client-secret" in ended.told


def test_S7_the_end_of_a_certificate_is_told_in_time_until_it_is_replaced(
    own_terminal: Any, tmp_path: Path, upload: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """30, 14, 7 and 1 days before, once each; `connect --rotate` ends it."""
    connect(own_terminal, upload(file_of(tmp_path / "old.pem", days=100)))
    own_terminal.run("sync", "--enable")
    for left in (31, 29, 28, 13, 6, 0.5, 0.4):
        at = (TODAY + timedelta(days=100 - left)).strftime("%Y-%m-%dT%H:%M:%SZ")
        with monkeypatch.context() as patched:
            patched.setitem(Subscription.__init__.__kwdefaults__, "clock", lambda at=at: at)
            own_terminal.run("sync")
    told = [each for each in own_terminal.run("notifications", "--json").json["notifications"][::-1]
            if each["kind"] == "credentials-expire"]  # fmt: skip
    assert [f"{ends(100)}, {days} days before" for days in (30, 14, 7, 1)] == [each["about"] for each in told]
    assert [False, False, False, True] == [each["open"] for each in told]
    assert {f"The certificate that Tandem signs in with ends on {ends(100)}. From then on nothing is synced."} == {
        each["message"] for each in told
    }
    assert "connect --rotate" in told[0]["advice"]

    new = upload(file_of(tmp_path / "new.pem", days=300))
    ended = own_terminal.run("connect", "--rotate", *own_terminal.application, "--certificate", str(new))
    assert ExitCode.DONE == ended.code, ended.told
    own_terminal.run("sync")

    assert ends(300) == own_terminal.status()["credentials_expire_at"]
    with opened(load()) as subscription:
        assert [] == [each for each in subscription.state.notices.newest(limit=50) if each.settled_at is None]


def test_S7_back_to_a_secret_nobody_knows_when_it_ends(
    own_terminal: Any, tmp_path: Path, upload: Callable[[Path], Path]
) -> None:
    """Entra alone knows; so nothing is promised."""
    connect(own_terminal, upload(file_of(tmp_path / "tandem.pem")))
    ended = own_terminal.run(
        "connect", "--rotate", *own_terminal.application, "--client-secret", "-", typed=f"{own_terminal.secret}\n"
    )

    assert ExitCode.DONE == ended.code, ended.told
    assert own_terminal.status()["credentials_expire_at"] is None


def test_S7_a_certificate_that_ended_stops_the_sync_and_says_so(
    own_terminal: Any, tmp_path: Path, upload: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Dynamics is asked, with the way out."""
    connect(own_terminal, upload(file_of(tmp_path / "tandem.pem", days=10)))
    moment = (TODAY + timedelta(days=10)).timestamp()
    monkeypatch.setitem(TokenSource.__init__.__kwdefaults__, "clock", lambda: moment)

    ended = own_terminal.run("sync", "--enable")

    assert ExitCode.FAILED == ended.code
    assert f"ended on {ends(10)}" in ended.told
    assert "connect --rotate" in ended.told
    told = own_terminal.run("notifications", "--json").json["notifications"]
    assert ["sync:certificate-over"] == [each["about"] for each in told if each["kind"] == "sync-down"]
