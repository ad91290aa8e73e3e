"""`tandem explain`: what is going on with one person, in a paragraph and in facts (rule N6)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.people import LOG_COLUMNS, log_rows

if TYPE_CHECKING:
    from tandem.report.explain import PersonFacts


def explain(
    context: typer.Context,
    person: Annotated[int, typer.Argument(metavar="ID", help="The person's id.")],
    json: output.Json = False,
) -> None:
    """Tell what a person is in Dynamics, what was not sent and why, and what waits for whom.

    Asks Dynamics nothing.
    """
    from tandem.report.explain import person_facts
    from tandem.report.summary import summary
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        facts = person_facts(subscription, person)
    if json:
        output.json({"summary": summary(facts), "facts": facts})
        return
    output.line(summary(facts))
    for title, columns, rows in _tables(facts):
        if rows:
            output.table(columns, rows, title=title, optional=("details",))


_Table = tuple[str, tuple[str, ...], list[tuple[object, ...]]]


def _tables(facts: "PersonFacts") -> list[_Table]:
    return [
        (
            "Records in Dynamics",
            ("table", "record", "state", "version"),
            [(each.entity.value, each.crm_id, each.state, str(each.version)) for each in facts.links],
        ),
        (
            "Fields that differ",
            ("field", "marketing", "dynamics", "reason", "in words"),
            [
                (each.label, each.marketing.shown, each.dynamics.shown, each.reason.value, each.text)
                for each in facts.differences
            ],
        ),
        (
            "Errors",
            ("id", "field", "code", "message", "times", "first", "last"),
            [
                (str(each.id), each.field, each.code, each.message, each.times, each.first_at, each.last_at)
                for each in facts.errors
            ],
        ),
        (
            "Last conflicts",
            ("id", "field", "was", "marketing", "dynamics", "kept", "rule", "when", "state"),
            [
                (
                    str(each.id),
                    each.label,
                    each.base.shown,
                    each.marketing.shown,
                    each.dynamics.shown,
                    each.winner,
                    each.rule,
                    each.at,
                    each.state,
                )
                for each in facts.conflicts
            ],
        ),
        (
            "Last activities",
            LOG_COLUMNS,
            log_rows(facts.activities),
        ),
    ]
