"""`tandem people`: look at the people of the embedded marketing database, edit, merge and delete them.

Nothing here needs the sync's lock or Dynamics: it works while `tandem run` is going, and when Dynamics is away.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tandem.cli import output
from tandem.cli.erasing import erase
from tandem.cli.importing import import_file
from tandem.cli.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tandem.report.people import PersonReport, ShownActivity
    from tandem.runtime.subscription import Subscription
    from tandem.state.links import Link
    from tandem.sync.edits import Edits
    from tandem.sync.removing import Merged, Removing

app = typer.Typer(
    cls=Overview, help="Look at the people of the embedded marketing database, edit, import, merge and delete them."
)

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
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="An id, an e-mail address, or part of a name or address.")
    ],
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
    """Edit a person, or with company.FIELD its company for all its people (in marketing only).

    The next sync sends what belongs to the person's record; `tandem explain` tells what became of it.
    """
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


@app.command()
def delete(
    context: typer.Context,
    person: _Id,
    never_return: Annotated[
        bool, typer.Option("--never-return", help="Not even when the record changes in Dynamics.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Delete a person and its history, in marketing only. It comes back, new, when its record changes in Dynamics."""
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        _removing(subscription).delete(person, never_return=never_return, at=subscription.now())
    if json:
        output.json({"id": person, "deleted": True})
    else:
        output.line(f"Person {person} deleted, in marketing only.")


@app.command()
def merge(
    context: typer.Context,
    winner: Annotated[int, typer.Argument(metavar="WINNER", help="The id of the person that goes on.")],
    loser: Annotated[int, typer.Argument(metavar="LOSER", help="The id of the person that becomes part of it.")],
    json: output.Json = False,
) -> None:
    """Make one person of two, in marketing only: values, history, roles, Dynamics record."""
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        merged = _removing(subscription).merge(winner, loser, at=subscription.now())
    if json:
        record, set_aside = (_named(each) for each in (merged.record, merged.set_aside))
        output.json({"id": winner, "record": record, "set_aside": set_aside, "unsent": merged.unsent})
    else:
        _print_merged(winner, loser, merged)


app.command(name="import")(import_file)
app.command()(erase)


def _edits(subscription: "Subscription") -> "Edits":
    from tandem.sync.edits import Edits

    return Edits(
        subscription.database,
        subscription.marketing,
        subscription.state,
        fanout_limit=subscription.settings.fanout_limit,
    )


def _removing(subscription: "Subscription") -> "Removing":
    from tandem.sync.removing import Removing

    return Removing(
        subscription.database,
        subscription.marketing,
        subscription.state,
        sum_scores=subscription.settings.sum_scores,
    )


def _named(link: "Link | None") -> dict[str, str] | None:
    return {"entity": link.entity.value, "id": link.crm_id} if link else None


def _print_merged(winner: int, loser: int, merged: "Merged") -> None:
    output.line(f"Person {loser} is part of person {winner} now.")
    if merged.record is not None:
        output.line(f"In Dynamics: {merged.record.entity.value} {merged.record.crm_id}")
    if merged.unsent:
        output.line(f"To be sent: {', '.join(merged.unsent)}")
    if merged.set_aside is not None:
        output.line(
            f"Set aside: {merged.set_aside.entity.value} {merged.set_aside.crm_id} is not synced any more. "
            "Dynamics still has two records; `tandem links` lists it."
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
    if report.custom_objects:
        counted = ", ".join(f"{count:,} {entity}" for entity, count in report.custom_objects.items())
        output.line(f"Custom objects: {counted}")
    shown = [(field.label, name, field.shown) for name, field in report.fields.items()]
    shown += [(field.label, f"company.{name}", field.shown) for name, field in company.fields.items()]
    output.table(("field", "name", "value"), shown)
    output.table(LOG_COLUMNS, log_rows(report.activities), title="Activity log", optional=("details",))


LOG_COLUMNS = ("when", "activity", "field", "from", "to", "details", "source")
"""The columns of an activity log."""


def log_rows(entries: "Sequence[ShownActivity]") -> list[tuple[object, ...]]:
    """The entries of an activity log under `LOG_COLUMNS`."""
    return [
        (each.at, each.type, each.field, each.old, each.new, _details(each.detail or {}), each.source)
        for each in entries
    ]


def _details(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value is not None)
