"""`tandem people`: look at the people of the embedded marketing database, and edit them.

Nothing here needs the sync's lock or Dynamics: it works while `tandem run` is going, and when Dynamics is away.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.people import PersonReport
    from tandem.runtime.subscription import Subscription
    from tandem.sync.edits import Edits

app = typer.Typer(help="Look at the people of the embedded marketing database, and edit them.")

_Typed = Annotated[
    list[str],
    typer.Argument(
        metavar="FIELD=VALUE...",
        help="Fields by either name; company.FIELD for the company; labels are understood; nothing after = empties.",
    ),
]
_Id = Annotated[int, typer.Argument(metavar="ID", help="The person's id.")]


@app.command()
def find(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="An id, an e-mail address, or part of a name or address.")],
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most people to list.")] = 50,
    json: output.Json = False,
) -> None:
    """Find people by id, name or e-mail."""
    from tandem.report.people import find_people
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        found = find_people(subscription, text, limit=limit)
    if json:
        output.json({"people": found})
        return
    output.table(
        ("id", "name", "e-mail", "type", "company"),
        [(str(each.id), each.name, each.email, each.microsoft_type, each.company) for each in found],
    )
    output.line(f"{len(found)} found." if len(found) < limit else f"The first {limit}; there may be more: --limit.")


@app.command()
def show(context: typer.Context, person: _Id, json: output.Json = False) -> None:
    """Show one person: fields, company, owner, Dynamics records and activity log."""
    from tandem.report.people import person_report
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        report = person_report(subscription, person)
    if json:
        output.json(report)
    else:
        _print(report)


@app.command(name="set")
def set_fields(context: typer.Context, person: _Id, values: _Typed, json: output.Json = False) -> None:
    """Edit a person, or with company.FIELD its company for all its people. Dynamics is not written."""
    from tandem.runtime.subscription import opened

    typed = _split(context, values)
    with opened(context.obj.settings) as subscription:
        changes = _edits(subscription).edit(person, typed, at=subscription.now())
    if json:
        output.json({"id": person, "changed": {change.name: change.new for change in changes}})
    elif changes:
        output.line(f"Person {person}: changed {', '.join(change.name for change in changes)}.")
    else:
        output.line(f"Person {person}: nothing to change.")


@app.command()
def create(context: typer.Context, values: _Typed, json: output.Json = False) -> None:
    """Make a person that is only in marketing."""
    from tandem.runtime.subscription import opened

    typed = _split(context, values)
    with opened(context.obj.settings) as subscription:
        person = _edits(subscription).create(typed, at=subscription.now())
    if json:
        output.json({"id": person})
    else:
        output.line(f"Person {person} created, only in marketing.")


def _edits(subscription: "Subscription") -> "Edits":
    from tandem.sync.edits import Edits

    return Edits(
        subscription.database,
        subscription.marketing,
        subscription.state,
        fanout_limit=subscription.settings.fanout_limit,
    )


def _split(context: typer.Context, values: list[str]) -> list[tuple[str, str]]:
    typed = []
    for each in values:
        name, sign, text = each.partition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"{each!r} is not FIELD=VALUE.", ctx=context)
        typed.append((name.strip(), text))
    return typed


def _print(report: "PersonReport") -> None:
    kind = report.microsoft_type or "only in marketing"
    gone = ", deleted in Dynamics" if report.microsoft_is_deleted else ""
    output.line(f"{report.name or 'No name'}: person {report.id} ({kind}{gone})")
    if report.owner:
        output.line(f"Owner: {report.owner.name or report.owner.id} ({report.owner.kind})")
    company = report.company
    if company.shared:
        note = "shared with its other people" if company.here else "not in the marketing database"
        output.line(f"Company: {company.name or company.external_company_id} ({note})")
    elif company.name:
        output.line(f"Company: {company.name} (private)")
    for link in report.links:
        unsent = f", edited here and not sent: {', '.join(link.unsent)}" if link.unsent else ""
        output.line(f"In Dynamics: {link.entity.value} {link.crm_id} ({link.state}, version {link.version}{unsent})")
    shown = [(field.label, name, field.shown) for name, field in report.fields.items()]
    shown += [(field.label, f"company.{name}", field.shown) for name, field in company.fields.items()]
    output.table(("field", "name", "value"), shown)
    output.table(
        ("when", "activity", "field", "from", "to", "source"),
        [(each.at, each.type, each.field, each.old, each.new, each.source) for each in report.activities],
        title="Activity log",
    )
