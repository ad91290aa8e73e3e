"""`tandem sandbox`: a Dataverse organisation on this machine, to try Tandem without a tenant.

An organisation that was filled by half looks like data lost by the sync. So a kept one (`--data`) is filled under
another name and gets its own only when it is complete.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode, ended_by_sigterm
from tandem.model.errors import NeedsPerson

if TYPE_CHECKING:
    from tandem.sandbox.service.faults import Faults
    from tandem.sandbox.service.protection import Protection
    from tandem.sandbox.store.organisation import Organisation

_KEPT = "organisation.db"
_UNFINISHED = "unfinished.db"


class DataUnusable(NeedsPerson):
    """The folder of a kept organisation cannot be used."""

    code = "sandbox-data-unusable"
    advice = "Name another folder with --data, or empty this one to begin afresh."


class LimitsUnusable(NeedsPerson):
    """The limits of the service protection cannot be used."""

    code = "sandbox-limits-unusable"
    advice = "Name limits as in requests=60,window=10, or off; docs/sandbox.md lists them."


class CertificateUnusable(NeedsPerson):
    """A certificate to sign in with cannot be used."""

    code = "sandbox-certificate-unusable"
    advice = "Name a PEM file with the certificate of an RSA key."


class FaultsUnusable(NeedsPerson):
    """The fault script cannot be used."""

    code = "sandbox-faults-unusable"
    advice = 'Write a JSON list such as [{"switch": "slow", "times": null}]; docs/sandbox.md lists the switches.'


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Port on loopback; 0 takes a free one.")
    ] = 0,
    people: Annotated[int, typer.Option(min=0, metavar="N", help="Leads and contacts to make up, 60 to 40.")] = 1_000,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed makes up the same data.")] = 1,
    load: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Fill it from CSV files, one per table, and make nothing up.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep it in this folder, and serve what is kept there.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Follow this fault script, a JSON list, from the start.")
    ] = None,
    limits: Annotated[
        str, typer.Option(metavar="NAME=N,...", help="Limits of the service protection other than Microsoft's, or off.")
    ] = "",
    certificate: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Let the application sign in with this certificate too.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https, with a certificate authority it writes.")] = False,
) -> None:
    """Run a Dataverse organisation on this machine until it is stopped.

    When it is ready it prints one JSON line: url, token_url, control_url, client_id, client_secret, tenant, username,
    password and, with --tls, ca_file.
    """
    from tandem.sandbox.service.assertions import register_certificate
    from tandem.sandbox.service.server import check_port, serve

    def fill(organisation: "Organisation") -> None:
        if load is not None:
            _load(organisation, load)
        else:
            _generate(organisation, people=people, seed=seed)

    armed, protection = _armed(faults), _protection(limits)
    pems = [_read_certificate(file) for file in certificate or ()]
    check_port(port)
    with (
        ended_by_sigterm(ExitCode.DONE),
        closing(_open(data, fill)) as organisation,
        TemporaryDirectory(prefix="tandem-sandbox-tls-") as passing,
    ):
        for pem in pems:
            register_certificate(organisation, pem)
        serve(
            organisation,
            announce=output.json,
            port=port,
            tls=tls,
            folder=data or Path(passing),
            faults=armed,
            protection=protection,
        )


def _armed(file: Path | None) -> "Faults":
    """The switches of the script, or none. Raises FaultsUnusable."""
    from tandem.sandbox.service.faults import Faults, read_faults

    try:
        return Faults(read_faults(file) if file is not None else ())
    except (OSError, ValueError) as problem:
        raise FaultsUnusable(f"The fault script cannot be used: {problem}.", file=str(file)) from problem


def _protection(limits: str) -> "Protection":
    """Service protection under those limits, or Microsoft's own. Raises LimitsUnusable."""
    from tandem.sandbox.service.protection import Limits, Protection, read_limits

    try:
        return Protection(read_limits(limits) if limits else Limits())
    except ValueError as problem:
        raise LimitsUnusable(f"The limits cannot be used: {problem}.") from problem


def _read_certificate(file: Path) -> str:
    """The text of a certificate that can be registered. Raises CertificateUnusable."""
    from tandem.sandbox.service.assertions import load_certificate

    try:
        pem = file.read_text("utf-8")
        load_certificate(pem)
    except (OSError, ValueError) as problem:
        raise CertificateUnusable(f"{file} cannot be used: {problem}", file=str(file)) from problem
    return pem


def _open(data: Path | None, fill: Callable[["Organisation"], None]) -> "Organisation":
    """The organisation kept in `data`, or a new one. Raises DataUnusable, and what `fill` raises."""
    import apsw

    from tandem.sandbox.store.organisation import Organisation

    if data is None:
        return _filled(Organisation(), fill)
    kept, unfinished = data / _KEPT, data / _UNFINISHED
    try:
        if kept.exists():
            output.note(f"Serving the organisation kept in {data}: nothing is loaded or made up.")
        else:
            data.mkdir(parents=True, exist_ok=True)
            for leftover in data.glob(f"{_UNFINISHED}*"):
                leftover.unlink()
            _filled(Organisation(unfinished), fill).close()
            unfinished.rename(kept)
        return Organisation(kept)
    except (OSError, apsw.Error) as problem:
        raise DataUnusable(f"{data} cannot hold an organisation: {problem}.", folder=str(data)) from problem


def _filled(organisation: "Organisation", fill: Callable[["Organisation"], None]) -> "Organisation":
    try:
        fill(organisation)
    except BaseException:
        organisation.close()
        raise
    return organisation


def _load(organisation: "Organisation", folder: Path) -> None:
    from tandem.sandbox.data.load import load_folder

    loaded = load_folder(organisation, folder)
    output.note("Loaded " + ", ".join(f"{table} {rows:,}" for table, rows in loaded.items()) + ".")


def _generate(organisation: "Organisation", *, people: int, seed: int) -> None:
    from tandem.sandbox.data.generate import generate

    output.note(f"Making up {people:,} people (seed {seed}).")
    for table, rows in generate(people, seed):
        organisation.load(table, rows)
