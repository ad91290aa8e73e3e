"""`tandem relink`: go on after the organisation was refreshed, copied or restored, having seen what that means (S9)."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
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
    from tandem.dynamics.credentials import Credentials
    from tandem.rules.relinking import Verdict
    from tandem.runtime.relinking import Comparison
    from tandem.sync.comparing import Difference

_LISTED = 20


def relink(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="The address, if it is another one now than the one connected.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(metavar="ID", help="New credentials: the application's (client) id. Else the stored.")
    ] = None,
    client_secret: ClientSecret = None,
    tenant: Tenant = None,
    username: Username = None,
    password: Password = None,
    certificate: CertificateFile = None,
    certificate_password: CertificatePassword = None,
    authority: Authority = None,
    ca_bundle: CaBundle = None,
    samples: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Records of each table to compare.")
    ] = 200,
    force: Annotated[
        bool, typer.Option("--force", help="Also where next to nothing matches, or nothing seems to have happened.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    json: output.Json = False,
) -> None:
    """Link again to an organisation that was refreshed, copied or restored.

    Compares a sample of both sides, shows what going on would do, and asks. Then every table is read once more; people
    stay who they are by the ids of their records, and nothing is written before each of them was looked at.
    """
    if client_id is not None:
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
    elif any((client_secret, tenant, username, password, authority, certificate, certificate_password)):
        raise typer.BadParameter("is missing: new credentials are given as a whole.", param_hint="--client-id")
    else:
        credentials = None
    _relink(context, url, credentials, ca_bundle, samples=samples, force=force, yes=yes, as_json=json)


def _relink(
    context: typer.Context,
    url: str | None,
    credentials: "Credentials | None",
    ca_bundle: Path | None,
    *,
    samples: int,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from tandem.runtime.relinking import relinking, require_reason
    from tandem.runtime.subscription import opened

    with (
        opened(context.obj.settings) as subscription,
        relinking(subscription, url=url, credentials=credentials, ca_bundle=ca_bundle) as work,
    ):
        found = work.compare(samples=samples)
        if not as_json:
            _tell(found)
        require_reason(found, force=force)
        if not yes:
            typer.confirm("Link the subscription to this organisation?", abort=True, err=True)
        work.carry_out(found, force=force)
    if as_json:
        output.json(_facts(found))
    else:
        output.line("Linked. `tandem sync` reads every table once more; nothing is written before that is done.")


def _facts(found: "Comparison") -> dict[str, object]:
    return {
        "before": {"url": found.before.url, "id": found.before.organization_id, "name": found.before.organization_name},
        "now": {"url": found.url, "id": found.organization.id, "name": found.organization.friendly_name},
        "verdict": found.verdict,
        "share": found.share,
        "tables": [
            {
                "table": each.entity,
                "known": each.known,
                "rows": each.rows,
                "sampled": each.sampled,
                "found": each.found,
                "equal": each.equal,
                "older": each.older,
                "staying": each.staying,
                "severed": each.severed,
                "new": each.new,
                "differences": each.differences,
            }
            for each in found.tables
        ],
    }


def _tell(found: "Comparison") -> None:
    before, now = found.before, found.organization
    output.line(f"Linked now:  {before.organization_name} ({before.organization_id}) at {before.url}")
    output.line(f"Answers now: {now.friendly_name} ({now.id}) at {found.url}")
    output.line(_words(found.verdict, found.share))
    output.table(
        ["table", "linked here", "rows there", "compared", "found", "equal", "older"],
        [(each.entity.value, each.known, each.rows, each.sampled, each.found, each.equal, each.older)
         for each in found.tables],
        title="The sample",
    )  # fmt: skip
    output.table(
        ["table", "links that stay", "records that are gone", "new records"],
        [(each.entity.value, each.staying, each.severed, each.new) for each in found.tables],
        title="What linking would do, estimated from the sample",
    )
    differences = [each for table in found.tables for each in table.differences]
    if differences:
        _tell_differences(differences)
    output.line(
        "Records that are gone are held for approval if they are many, else marked as deleted; nobody is deleted here. "
        "A value of a person that is overwritten goes to the journal: `tandem conflicts`."
    )


def _tell_differences(differences: "list[Difference]") -> None:
    totals = Counter((each.entity.value, each.field, each.goes.value) for each in differences)
    output.table(
        ["table", "field", "goes", "records in the sample"],
        [(*key, count) for key, count in totals.most_common(_LISTED)],
        title="Fields in which they differ" + _more(len(totals)),
    )
    output.table(
        ["table", "person", "record", "field", "marketing", "Dynamics", "goes"],
        [
            (each.entity.value, each.person_id and str(each.person_id), each.record, each.field, each.marketing,
             each.dynamics, each.goes.value)
            for each in differences[:_LISTED]
        ],
        title="Examples" + _more(len(differences)),
        optional=("person",),
    )  # fmt: skip


def _more(total: int) -> str:
    return f" (the first {_LISTED} of {total:,})" if total > _LISTED else ""


def _words(verdict: "Verdict", share: float | None) -> str:
    from tandem.rules.relinking import Verdict

    found = "" if share is None else f" {share:.0%} of the sample were found."
    match verdict:
        case Verdict.UNCHANGED:
            return f"Verdict: the same organisation, as it was.{found}"
        case Verdict.COPIED:
            return f"Verdict: the same data in another organisation.{found}"
        case Verdict.OLDER:
            return f"Verdict: an older state of the same data; what was made since is only here.{found}"
        case Verdict.STRANGE:
            return f"Verdict: another organisation altogether.{found}"
        case Verdict.EMPTY:
            return "Verdict: another organisation; nothing was copied from the former one yet."
