"""`tandem sandbox` as a person or a script runs it: a process, one line, and its end."""

import json
import select
import signal
import socket
import ssl
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tandem.cli import main
from tandem.cli.invocation import ExitCode

SECONDS = 60
READY = {"url", "token_url", "control_url", "client_id", "client_secret", "tenant", "username", "password"}
ACCOUNT = "8f1f3e0c-0000-4000-8000-000000000001"


class Signer:
    """An application with a certificate."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Application")])
        day, now = timedelta(days=1), datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._key.public_key())
        dated = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
        self._certificate = dated.sign(self._key, hashes.SHA256())
        self.pem = self._certificate.public_bytes(Encoding.PEM)

    def assertion(self, client_id: str, audience: str) -> str:
        """What stands in place of a secret (RFC 7523)."""
        header = {"alg": "RS256", "x5t": _packed(self._certificate.fingerprint(hashes.SHA1()))}
        end = datetime.now(UTC).timestamp() + SECONDS
        claims = {"aud": audience, "iss": client_id, "sub": client_id, "exp": end}
        signed = ".".join(_packed(json.dumps(each).encode()) for each in (header, claims))
        return f"{signed}.{_packed(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _packed(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The command as a process with `folder` for its temporary files; stopped, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from tandem.cli.main import run; sys.exit(run())", "sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(folder), "TANDEM_HOME": str(folder / "home")},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_line(stream: Any) -> str:
    """What the process says first, or nothing when it says nothing in time."""
    ready, _, _ = select.select([stream], [], [], SECONDS)
    return stream.readline() if ready else ""


def stopped(process: subprocess.Popen[str]) -> tuple[int, str]:
    """End it as a service manager does; the exit code and what is left on standard error."""
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=SECONDS)
    return process.returncode, told


def count(ready: dict[str, str], table: str, *, trust: str | None = None) -> int:
    """How many rows of an entity set the organisation gives to the application in the ready line."""
    context = ssl.create_default_context(cafile=trust) if trust else None
    form = urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": ready["client_id"],
            "client_secret": ready["client_secret"],
            "scope": f"{ready['url']}/.default",
        }
    )
    with urlopen(Request(ready["token_url"], data=form.encode()), timeout=SECONDS, context=context) as answer:
        token = json.load(answer)["access_token"]
    request = Request(f"{ready['url']}/api/data/v9.2/{table}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=SECONDS, context=context) as answer:
        return len(json.load(answer)["value"])


@pytest.fixture
def csv_folder(tmp_path: Path) -> Path:
    """One account."""
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "account.csv").write_text(f"accountid,name\n{ACCOUNT},Acme\n", encoding="utf-8")
    return folder


def test_one_json_line_says_how_to_connect_and_sigterm_ends_it_well(tmp_path: Path) -> None:
    """The line is enough to read the organisation; afterwards nothing is left of it."""
    with started("--people", "20", folder=tmp_path) as process:
        ready = json.loads(first_line(process.stdout))
        assert READY == set(ready)
        assert (12, 8) == (count(ready, "leads"), count(ready, "contacts"))

        assert (ExitCode.DONE, "Making up 20 people (seed 1).\n") == stopped(process)
    assert [] == list(tmp_path.iterdir())


def test_the_folder_of_csv_files_is_loaded_and_nothing_made_up(tmp_path: Path, csv_folder: Path) -> None:
    """--load fills it with what the files say."""
    with started("--load", str(csv_folder), folder=tmp_path) as process:
        ready = json.loads(first_line(process.stdout))

        assert (1, 0) == (count(ready, "accounts"), count(ready, "contacts"))


def test_a_kept_organisation_comes_back_as_it_was(tmp_path: Path, csv_folder: Path) -> None:
    """The second start serves the same rows to the same credentials and loads nothing."""
    kept = str(tmp_path / "kept")
    with started("--data", kept, "--load", str(csv_folder), folder=tmp_path) as process:
        first = json.loads(first_line(process.stdout))
        assert ExitCode.DONE == stopped(process)[0]
    with started("--data", kept, "--people", "20", folder=tmp_path) as process:
        second = json.loads(first_line(process.stdout))
        assert (1, 0) == (count(second, "accounts"), count(second, "leads"))
        assert f"Serving the organisation kept in {kept}: nothing is loaded or made up.\n" == stopped(process)[1]

    lasting = READY - {"url", "token_url", "control_url"}
    assert {name: first[name] for name in lasting} == {name: second[name] for name in lasting}


def test_the_switches_of_a_fault_file_are_on_from_the_start(tmp_path: Path) -> None:
    """The first request that matches is struck."""
    faults = tmp_path / "faults.json"
    faults.write_text('[{"switch": "unexpected", "path": "accounts"}]')

    with started("--people", "0", "--faults", str(faults), folder=tmp_path) as process:
        ready = json.loads(first_line(process.stdout))
        with pytest.raises(HTTPError) as struck:
            count(ready, "accounts")
        struck.value.close()

        assert (500, 0) == (struck.value.code, count(ready, "accounts"))
        assert 0 == stopped(process)[0]


def test_limits_hold_from_the_start(tmp_path: Path) -> None:
    """--limits names them; the second request is one too many."""
    with started("--people", "0", "--limits", "requests=1", folder=tmp_path) as process:
        ready = json.loads(first_line(process.stdout))
        first = count(ready, "accounts")
        with pytest.raises(HTTPError) as refused:
            count(ready, "accounts")
        refused.value.close()

        assert (0, 429) == (first, refused.value.code)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--limits", "requets=1", "[sandbox-limits-unusable]"),
        ("--certificate", "no-such-file.pem", "[sandbox-certificate-unusable]"),
        ("--certificate", __file__, "[sandbox-certificate-unusable]"),
    ],
    ids=["an unknown limit", "no such certificate", "no certificate"],
)
def test_an_option_that_cannot_be_used_is_said(
    capsys: pytest.CaptureFixture[str], option: str, value: str, told: str
) -> None:
    """Before anything is made up."""
    code = main.run(["sandbox", option, value])
    said = capsys.readouterr().err

    assert ExitCode.FAILED == code
    assert told in said
    assert "Making up" not in said


def test_a_certificate_that_is_named_signs_in(tmp_path: Path) -> None:
    """Its key signs what stands in place of the secret."""
    signer = Signer()
    file = tmp_path / "application.pem"
    file.write_bytes(signer.pem)
    with started("--people", "0", "--certificate", str(file), folder=tmp_path) as process:
        ready = json.loads(first_line(process.stdout))
        form = {
            "grant_type": "client_credentials",
            "client_id": ready["client_id"],
            "scope": f"{ready['url']}/.default",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": signer.assertion(ready["client_id"], ready["token_url"]),
        }
        with urlopen(Request(ready["token_url"], data=urlencode(form).encode()), timeout=SECONDS) as answer:
            assert "access_token" in json.load(answer)


@pytest.mark.parametrize(
    "content", [pytest.param('[{"switch": "sloow"}]', id="an unknown switch"), pytest.param(None, id="no such file")]
)
def test_a_fault_file_that_cannot_be_used_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """By name, before anything is made up."""
    faults = tmp_path / "faults.json"
    if content is not None:
        faults.write_text(content)

    code = main.run(["sandbox", "--faults", str(faults)])
    told = capsys.readouterr().err

    assert ExitCode.FAILED == code
    assert "faults.json" in told
    assert "Making up" not in told
    assert "[sandbox-faults-unusable]" in told


def test_S8_with_tls_the_line_names_the_authority_to_trust(tmp_path: Path, csv_folder: Path) -> None:
    """https works for who trusts that authority."""
    with started("--tls", "--load", str(csv_folder), folder=tmp_path) as process:
        ready = json.loads(first_line(process.stdout))

        assert READY | {"ca_file"} == set(ready)
        assert ready["url"].startswith("https://")
        assert 1 == count(ready, "accounts", trust=ready["ca_file"])
        assert ExitCode.DONE == stopped(process)[0]
    assert not Path(ready["ca_file"]).exists()


def test_stopped_while_it_is_being_filled_it_leaves_nothing_behind(tmp_path: Path) -> None:
    """A million people take a while; SIGTERM does not wait for them."""
    with started("--people", "1000000", folder=tmp_path) as process:
        assert "Making up 1,000,000 people (seed 1).\n" == first_line(process.stderr)

        assert (ExitCode.DONE, "") == stopped(process)
    assert [] == list(tmp_path.iterdir())


def test_a_port_in_use_is_said_and_exits_1(tmp_path: Path) -> None:
    """The sentence names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("--people", "0", "--port", str(port), folder=tmp_path) as process:
            out, told = process.communicate(timeout=SECONDS)

    assert (ExitCode.FAILED, "") == (process.returncode, out)
    assert f"cannot listen on port {port}: Address already in use." in told
    assert "Traceback" not in told


@pytest.mark.parametrize("keep", [False, True], ids=["passing", "kept"])
def test_a_malformed_csv_is_said_with_its_place_and_nothing_is_kept(
    tmp_path: Path, csv_folder: Path, capsys: pytest.CaptureFixture[str], keep: bool
) -> None:
    """File, line and column; exit 1; no organisation of half the rows under the name of a whole one."""
    (csv_folder / "account.csv").write_text(f"accountid,name\n{ACCOUNT},Acme\nnonsense,Globex\n", encoding="utf-8")
    kept = tmp_path / "kept"

    code = main.run(["sandbox", "--load", str(csv_folder), *(["--data", str(kept)] if keep else [])])

    assert ExitCode.FAILED == code
    out, told = capsys.readouterr()
    assert "" == out
    assert "account.csv, line 3, column 1 (accountid): this is not an id" in told
    assert not (kept / "organisation.db").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"no database, but a file of some length " * 40, "file is not a database", id="another file"),
        pytest.param(None, "File exists", id="a file where the folder should be"),
    ],
)
def test_a_folder_that_holds_no_organisation_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, expected: str
) -> None:
    """Nothing of it is overwritten."""
    folder = tmp_path / "kept"
    if content is None:
        folder.write_text("")
    else:
        folder.mkdir()
        (folder / "organisation.db").write_bytes(content)

    assert ExitCode.FAILED == main.run(["sandbox", "--people", "0", "--data", str(folder)])
    told = capsys.readouterr().err
    assert expected in told
    assert "[sandbox-data-unusable]" in told
    assert content is None or content == (folder / "organisation.db").read_bytes()


@pytest.mark.parametrize("arguments", [["--people", "-1"], ["--port", "65536"]], ids=["people", "port"])
def test_a_number_out_of_range_is_usage(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Refused before anything starts."""
    assert ExitCode.USAGE == main.run(["sandbox", *arguments])
    assert f"Invalid value for '{arguments[0]}'" in capsys.readouterr().err
