"""How a secret reaches a command without standing in the shell's history and in every user's list of processes."""

import getpass
import os
import sys

import typer

FROM_INPUT = "-"
"""Given in place of a secret: read it from standard input, or ask for it on a terminal."""


def take_secret(option: str, given: str | None, *, needed: bool) -> str | None:
    """The secret of an option such as `--password`: from the command line, standard input, environment or a prompt.

    Of several that come from standard input each takes a line. None where it was not given and is not `needed`.
    Raises typer.BadParameter for a needed secret that nobody gives.
    """
    variable = f"TANDEM_{option.removeprefix('--').replace('-', '_').upper()}"
    if given == FROM_INPUT:
        secret = _from_input(option)
    else:
        secret = given or os.environ.get(variable, "")
        if not secret and needed:
            secret = _from_input(option) if sys.stdin.isatty() else ""
    if not secret and (needed or given == FROM_INPUT):
        raise typer.BadParameter(
            f"no secret was given: set {variable}, or give {option} - and the secret on standard input.",
            param_hint=option,
        )
    return _hidden(secret) or None


def _from_input(option: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{option.removeprefix('--').replace('-', ' ').capitalize()}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _hidden(secret: str) -> str:
    """The secret, which from now on no log line and no complaint repeats."""
    from tandem.runtime.logs import redactor

    redactor.register(secret)
    return secret
