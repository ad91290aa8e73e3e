"""`tandem connect`, `disconnect`, `enable`, `disable`: whose data goes where, and whether it goes at all.

What cannot work is refused here, before anything is stored: a wrong address found only by tomorrow's cycle is found by
nobody.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.sign_in import (
    Authority,
    CaBundle,
    CertificateFile,
    CertificatePassword,
    ClientId,
    ClientSecret,
    Password,
    Tenant,
    Username,
    given_credentials,
)

if TYPE_CHECKING:
    from tandem.dynamics.credentials import Credentials
    from tandem.runtime.connecting import Connected
    from tandem.runtime.settings import Settings


def connect(
    context: typer.Context,
    client_id: ClientId,
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="The environment's address, such as https://contoso.crm.dynamics.com."),
    ] = None,
    client_secret: ClientSecret = None,
    tenant: Tenant = None,
    username: Username = None,
    password: Password = None,
    certificate: CertificateFile = None,
    certificate_password: CertificatePassword = None,
    authority: Authority = None,
    ca_bundle: CaBundle = None,
    name: Annotated[
        str | None, typer.Option(metavar="SUBSCRIPTION", help="Name the subscription, needed once there are two.")
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="New credentials for the organisation connected already; no URL.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Connect to a Dynamics organisation and select the default fields. Nothing is copied.

    The credentials are tried first and stored encrypted only when they work. The subscription belongs to this
    organisation from then on; tandem relink says what happens when it is replaced.
    """
    if rotate == (url is not None):
        told = "is not given together with --rotate" if rotate else "is missing: the address of the organisation"
        raise typer.BadParameter(told + ".", param_hint="URL")
    if name:
        context.obj.subscription = name
    from tandem.runtime import connecting

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
    settings = context.obj.settings
    if url is None:
        found = connecting.rotate(settings, credentials, ca_bundle=ca_bundle)
    else:
        found = connecting.connect(settings, url, credentials, ca_bundle=ca_bundle)
    _tell_connected(settings, found, credentials, rotated=url is None, as_json=json)


def disconnect(context: typer.Context, json: output.Json = False) -> None:
    """Forget the credentials. Data, links and the place in every table stay; connecting again goes on from there."""
    from tandem.runtime import connecting

    settings = context.obj.settings
    binding = connecting.disconnect(settings)
    if json:
        output.json({"subscription": settings.subscription, "organization_id": binding.organization_id})
        return
    output.line(
        f"Disconnected from {binding.organization_name}: its credentials are forgotten, the copied data stays.\n"
        f"Connect again: tandem connect {binding.url} --client-id ID"
    )


def enable(
    context: typer.Context,
    notify: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The e-mail address notifications go to; '' ends them.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Switch the sync on. Changes made on either side while it was off are not lost."""
    _switch(context, enabled=True, notify=notify, as_json=json)


def disable(context: typer.Context, json: output.Json = False) -> None:
    """Switch the sync off, also for a `tandem run` that is going. Nothing is forgotten."""
    _switch(context, enabled=False, notify=None, as_json=json)


def _switch(context: typer.Context, *, enabled: bool, notify: str | None, as_json: bool) -> None:
    from tandem.runtime import syncing
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        if enabled:
            subscription.connection()
        syncing.enable(subscription, enabled, notify=notify)
        address = subscription.state.setting("notify")
    if notify and not context.obj.settings.smtp_host:
        output.note("No mail server is set (smtp_host), so no e-mail is sent: `tandem notifications` lists them.")
    if as_json:
        output.json({"subscription": subscription.name, "enabled": enabled, "notify": address})
    elif enabled:
        output.line("The sync is on. Next: `tandem sync` for one cycle now, or `tandem run` to keep in step.")
    else:
        output.line("The sync is off. `tandem enable` switches it on again and finds what changed meanwhile.")


def _tell_connected(
    settings: "Settings", found: "Connected", credentials: "Credentials", *, rotated: bool, as_json: bool
) -> None:
    if as_json:
        output.json(
            {
                "subscription": settings.subscription,
                "organization": found.organization,
                "user": found.user,
                "fields": found.fields,
            }
        )
        return
    how = f"as {credentials.username}" if credentials.username else f"as application {credentials.client_id}"
    output.line(
        f"{'New credentials for' if rotated else 'Connected to'} {found.organization.friendly_name} "
        f"({found.organization.id}, version {found.organization.version})\n"
        f"Signed in {how}: {found.user.fullname or found.user.systemuserid}"
    )
    output.table(["table", "fields selected"], found.fields.items())
    if rotated:
        output.line(
            "The old credentials are forgotten. A `tandem run` that is going takes the new ones with its next cycle."
        )
    else:
        option = "" if settings.subscription == "default" else f" --subscription {settings.subscription}"
        output.line(
            "Nothing was copied yet.\n"
            f"Next: `tandem{option} fields` to choose fields, `tandem{option} sync --enable` for the first copy."
        )
