"""`tandem sandbox`: a Dataverse organisation on this machine, to try Tandem without a tenant.

An organisation that was filled by half looks like data lost by the sync. So a kept one (`--data`) is filled under
another name and gets its own only when it is complete.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode
from tandem.model.errors import NeedsPerson

if TYPE_CHECKING:
    from tandem.sandbox.service.faults import Faults
    from tandem.sandbox.store.organisation import Organisation

_KEPT = "organisation.db"
_UNFINISHED = "unfinished.db"


class DataUnusable(NeedsPerson):
    """The folder of a kept organisation cannot be used."""

    code = "sandbox-data-unusable"
    advice = "Name another folder with --data, or empty this one to begin afresh."


class FaultsUnusable(NeedsPerson):
    """The file of fault switches cannot be used."""

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
        Path | None, typer.Option(metavar="FILE", help="Turn the fault switches of this JSON file on from the start.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https, with a certificate authority it writes.")] = False,
) -> None:
    """Run a Dataverse organisation on this machine until it is stopped.

    When it is ready it prints one JSON line: url, token_url, control_url, client_id, client_secret, tenant, username,
    password and, with --tls, ca_file.
    """
    from tandem.sandbox.service.server import check_port, serve

    def fill(organisation: "Organisation") -> None:
        if load is not None:
            _load(organisation, load)
        else:
            _generate(organisation, people=people, seed=seed)

    armed = _armed(faults)
    check_port(port)
    with (
        _ended_by_sigterm(),
        closing(_open(data, fill)) as organisation,
        TemporaryDirectory(prefix="tandem-sandbox-tls-") as passing,
    ):
        serve(organisation, announce=output.json, port=port, tls=tls, folder=data or Path(passing), faults=armed)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block by way of all that it has to close: an organisation nobody keeps leaves no file behind."""
    before = signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(ExitCode.DONE))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _armed(file: Path | None) -> "Faults":
    """The switches of the file, or none. Raises FaultsUnusable."""
    from tandem.sandbox.service.faults import Faults, read_faults

    armed = Faults()
    try:
        for switch in read_faults(file) if file is not None else ():
            armed.arm(switch)
    except (OSError, ValueError) as problem:
        raise FaultsUnusable(f"The fault switches cannot be used: {problem}.", file=str(file)) from problem
    return armed


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
