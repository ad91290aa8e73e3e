"""`tandem validate`: is everything there that the sync needs?"""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode
from tandem.cli.sign_in import (
    Authority,
    CaBundle,
    CertificateFile,
    CertificatePassword,
    ClientSecret,
    Password,
    Tenant,
    Username,
    given_credentials,
)

if TYPE_CHECKING:
    from tandem.report.checks import Check


def validate(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="An address to check before connecting to it; with --client-id.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="With URL: the application's (client) id in Microsoft Entra.")
    ] = None,
    client_secret: ClientSecret = None,
    tenant: Tenant = None,
    username: Username = None,
    password: Password = None,
    certificate: CertificateFile = None,
    certificate_password: CertificatePassword = None,
    authority: Authority = None,
    ca_bundle: CaBundle = None,
    json: output.Json = False,
) -> None:
    """Check address, credentials, rights, change tracking and fields; exits 1 when a check fails.

    Without URL the connected organisation is checked as it is synced. With URL and the options of `tandem connect`
    one that is not connected yet; nothing is stored then.
    """
    from tandem.report.validation import validate as checks_of
    from tandem.report.validation import validate_before
    from tandem.runtime.subscription import opened

    settings = context.obj.settings
    if url is None:
        if any((client_id, client_secret, tenant, username, password, certificate, authority, ca_bundle)):
            raise typer.BadParameter("is missing: credentials are given to check an address with.", param_hint="URL")
        with opened(settings) as subscription:
            checks = list(checks_of(subscription))
    elif client_id is None:
        raise typer.BadParameter("is missing: an address is checked with credentials.", param_hint="--client-id")
    else:
        credentials = given_credentials(
            client_id,
            client_secret=client_secret,
            username=username,
            password=password,
            tenant=tenant,
            authority=authority,
            certificate=certificate,
            certificate_password=certificate_password,
        )
        checks = list(validate_before(settings, url, credentials, ca_bundle=ca_bundle))
    _tell(checks, as_json=json)


def _tell(checks: "list[Check]", *, as_json: bool) -> None:
    from tandem.report.checks import Verdict

    counts = {verdict: sum(check.verdict is verdict for check in checks) for verdict in Verdict}
    if as_json:
        output.json({"checks": checks, "counts": counts})
    else:
        output.table(
            ("check", "table", "result", "reason"),
            [(check.name.value, check.table, check.verdict.value, check.reason) for check in checks],
        )
        for check in checks:
            if check.verdict is not Verdict.PASS:
                of = f" of {check.table}" if check.table else ""
                output.line(f"{check.verdict.value}: {check.name}{of}: {check.reason}\n      {check.remedy}")
        output.line(f"{counts[Verdict.PASS]} passed, {counts[Verdict.WARN]} warnings, {counts[Verdict.FAIL]} failed.")
    if counts[Verdict.FAIL]:
        raise typer.Exit(ExitCode.FAILED)
