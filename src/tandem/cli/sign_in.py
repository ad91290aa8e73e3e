"""The options by which a command signs in to an organisation: the same words wherever it does."""

from pathlib import Path
from typing import Annotated

import typer

ClientId = Annotated[str, typer.Option(metavar="ID", help="The application's (client) id in Microsoft Entra.")]
ClientSecret = Annotated[
    str | None,
    typer.Option(
        metavar="SECRET", help="Its secret. Better in TANDEM_CLIENT_SECRET, or - for standard input or a prompt."
    ),
]
Tenant = Annotated[str | None, typer.Option(metavar="ID", help="The tenant's id, or one of its domains.")]
Password = Annotated[
    str | None,
    typer.Option(
        metavar="SECRET", help="The user's password. Better in TANDEM_PASSWORD, or - for standard input or a prompt."
    ),
]
Authority = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Another sign-in service; an address ending in /token is used as it is."),
]
CaBundle = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Trust these certificate authorities (PEM) for Dynamics.")
]
