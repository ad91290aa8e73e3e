"""`tandem people erase`: a person who asks to be forgotten, out of everything Tandem keeps (rules P9, R2)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.runtime.erasing import Erasure


def erase(
    context: typer.Context,
    person: Annotated[int, typer.Argument(metavar="ID", help="The person's id.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: output.Json = False,
) -> None:
    """Erase a person's values from everywhere Tandem keeps them. It never returns; Dynamics is not changed."""
    from tandem.runtime.erasing import erase, preview
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        erasure = preview(subscription, person)
        if not dry_run:
            if not yes:
                _print(erasure, done=False, note=True)
                typer.confirm(f"Erase person {erasure.erased.person} for ever?", abort=True, err=True)
            erasure = erase(subscription, person)
    if json:
        output.json({"done": not dry_run, **_facts(erasure)})
    else:
        _print(erasure, done=not dry_run)


def _facts(erasure: "Erasure") -> dict[str, object]:
    erased = erasure.erased
    return {
        "person": erased.person,
        "merged": erased.merged,
        "records": [{"entity": entity, "id": record} for entity, record in erased.records],
        "removed": erased.removed,
        "left": erasure.left,
    }


def _print(erasure: "Erasure", *, done: bool, note: bool = False) -> None:
    say, erased = output.note if note else output.line, erasure.erased
    say(f"Of person {erased.person} {'was' if done else 'would be'} removed:")
    for name, rows in erased.removed.items():
        if rows:
            say(f"  {name}: {rows}")
    for entity, record in erased.records:
        say(f"Still in Dynamics: {entity} {record}")
    for each in erasure.left:
        say(each)
