"""`tandem validate`: is everything there that the sync needs?"""

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode


def validate(context: typer.Context, json: output.Json = False) -> None:
    """Check address, credentials, rights, change tracking and fields; exits 1 when a check fails."""
    from tandem.report.validation import Verdict
    from tandem.report.validation import validate as checks_of
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        checks = list(checks_of(subscription))
    counts = {verdict: sum(check.verdict is verdict for check in checks) for verdict in Verdict}
    if json:
        output.json({"checks": checks, "counts": counts})
    else:
        output.table(
            ("check", "table", "result", "reason"),
            [(check.name, check.table, check.verdict.value, check.reason) for check in checks],
        )
        for check in checks:
            if check.verdict is not Verdict.PASS:
                of = f" of {check.table}" if check.table else ""
                output.line(f"{check.verdict.value}: {check.name}{of}: {check.reason}\n      {check.remedy}")
        output.line(f"{counts[Verdict.PASS]} passed, {counts[Verdict.WARN]} warnings, {counts[Verdict.FAIL]} failed.")
    if counts[Verdict.FAIL]:
        raise typer.Exit(ExitCode.FAILED)
