"""The options by which a command signs in to an organisation: the same words wherever it does."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli.secrets import take_secret

if TYPE_CHECKING:
    from tandem.dynamics.credentials import Credentials

ClientId = Annotated[str, typer.Option(metavar="ID", help="The application's (client) id in Microsoft Entra.")]
ClientSecret = Annotated[
    str | None,
    typer.Option(
        metavar="SECRET", help="Its secret. Better in TANDEM_CLIENT_SECRET, or - for standard input or a prompt."
    ),
]
Tenant = Annotated[str | None, typer.Option(metavar="ID", help="The tenant's id, or one of its domains.")]
Username = Annotated[
    str | None, typer.Option(metavar="NAME", help="Sign in as this user instead of as the application.")
]
Password = Annotated[
    str | None,
    typer.Option(
        metavar="SECRET", help="The user's password. Better in TANDEM_PASSWORD, or - for standard input or a prompt."
    ),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Sign in with this certificate instead of a secret: PEM with its RSA key, or PFX."
    ),
]
CertificatePassword = Annotated[
    str | None,
    typer.Option(
        metavar="SECRET",
        help="The file's password. Better in TANDEM_CERTIFICATE_PASSWORD, or - for standard input or a prompt.",
    ),
]
Authority = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Another sign-in service; an address ending in /token is used as it is."),
]
CaBundle = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Trust these certificate authorities (PEM) for Dynamics.")
]


def given_credentials(
    client_id: str,
    *,
    client_secret: str | None,
    username: str | None,
    password: str | None,
    tenant: str | None,
    authority: str | None,
    certificate: Path | None,
    certificate_password: str | None,
) -> "Credentials":
    """The credentials of a command line; a secret that is needed and missing is asked for, or a usage error."""
    from tandem.dynamics.credentials import Credentials

    if certificate and client_secret:
        raise typer.BadParameter("takes the place of --client-secret: give one of the two.", param_hint="--certificate")
    return Credentials(
        client_id=client_id,
        client_secret=None if certificate else take_secret("--client-secret", client_secret, needed=username is None),
        username=username,
        password=take_secret("--password", password, needed=username is not None) if username else None,
        tenant=tenant,
        authority=authority,
        certificate=_certificate(certificate, certificate_password) if certificate else None,
    )


def _certificate(path: Path, password: str | None) -> str:
    """Key and certificate of a file; its password is asked for where it has one."""
    from tandem.dynamics.certificates import load_certificate
    from tandem.dynamics.errors import CertificateLocked, CertificateUnusable

    try:
        content = path.read_bytes()
    except OSError as problem:
        raise CertificateUnusable(f"The certificate file {path} cannot be read: {problem.strerror}.") from None
    given = take_secret("--certificate-password", password, needed=False)
    try:
        return load_certificate(content, given).pem()
    except CertificateLocked:
        if given or not sys.stdin.isatty():
            raise
    return load_certificate(content, take_secret("--certificate-password", None, needed=True)).pem()
