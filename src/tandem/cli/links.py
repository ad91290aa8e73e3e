"""`tandem links`: which people are which CRM records, and what only a person can settle (rules P1, P16, P18)."""

from typing import TYPE_CHECKING

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.links import LinkedPerson


def links(context: typer.Context, json: output.Json = False) -> None:
    """Count the links by state; list possible duplicates, ambiguous records and records set aside."""
    from tandem.report.links import read_links
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        found = read_links(subscription)
    if json:
        output.json(found)
        return
    states = list(next(iter(found.counts.values())))
    output.table(["table", *states], [[table, *counts.values()] for table, counts in found.counts.items()])
    if found.possible_duplicates:
        output.table(
            ["e-mail", "people"],
            [(each.email, ", ".join(map(_shown, each.people))) for each in found.possible_duplicates],
            title="Possible duplicates: linked people with one e-mail. Tandem never joins them by itself.",
        )
    if found.ambiguous:
        output.table(
            ["table", "record", "e-mail", "people", "since"],
            [
                (each.entity, each.crm_id, each.email, ", ".join(map(str, each.candidates)), each.since)
                for each in found.ambiguous
            ],
            title="Ambiguous: new in Dynamics, and several people only in marketing have the e-mail.",
        )
    if found.set_aside:
        output.table(
            ["table", "record", "person"],
            [(each.entity, each.crm_id, str(each.person_id or "nobody")) for each in found.set_aside],
            title="Set aside: records that are not synced and make no new person.",
        )


def _shown(person: "LinkedPerson") -> str:
    return f"{person.person_id} ({person.entity or 'not linked'})"
