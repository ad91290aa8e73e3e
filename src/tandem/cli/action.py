"""`tandem action`: what is carried out at once, without waiting for the next cycle, for one person or for many.

It works while `tandem run` is going. A script that gives its own --request-id may repeat a command whose end it did
not see: nothing is done twice. Each command is made of the arguments of its action, so that what an action takes is
described in one place.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer
from msgspec.structs import FieldInfo, fields

from tandem.actions.arguments import ARGUMENTS, Action, Arguments, Record
from tandem.cli import output
from tandem.cli.invocation import ExitCode
from tandem.cli.overview import Overview

if TYPE_CHECKING:
    from tandem.actions.requests import Acted

app = typer.Typer(cls=Overview, help="Carry something out at once, for one person or for many.")

_MOST = 100_000
"""People in one command: whoever means everybody should think again."""

_People = Annotated[
    list[int] | None, typer.Argument(metavar="PERSON", help="The person's id; several act one after the other.")
]
_PeopleFile = Annotated[
    Path | None,
    typer.Option("--people", metavar="FILE", help="A file with a person's id on each line; - is standard input."),
]
_RequestId = Annotated[
    str | None,
    typer.Option(
        "--request-id",
        metavar="ID",
        help="The same id never acts twice. Of several people, or those of a file, each has ID:PERSON.",
    ),
]


def _add(action: Action, kind: type[Arguments]) -> None:
    """Make the command of one action: what it must be given first, then people, then what may be left out."""
    hints = get_type_hints(kind, include_extras=True)
    own = [(field, *get_args(hints[field.name])) for field in fields(kind)]
    required = [_parameter(field.name, _argument(field, *hint)) for field, *hint in own if field.required]
    optional = [
        _parameter(field.name, _option(field, *hint), field.default) for field, *hint in own if not field.required
    ]

    def command(context: typer.Context, **given: Any) -> None:
        people, file = given.pop("people"), given.pop("people_file")
        request_id, json = given.pop("request_id"), given.pop("json")
        arguments = {field.encode_name: given[field.name] for field, *_ in own if given[field.name] is not None}
        wanted = _named_people(context, people, file)
        if file is None and len(wanted) == 1:
            _carry_out(context, action, wanted[0], arguments, request_id, json=json)
        else:
            _carry_out_each(context, action, wanted, arguments, request_id, json=json)

    parameters = [
        _parameter("context", typer.Context),
        *required,
        _parameter("people", _People, None),
        *optional,
        _parameter("people_file", _PeopleFile, None),
        _parameter("request_id", _RequestId, None),
        _parameter("json", output.Json, False),
    ]
    command.__doc__ = inspect.getdoc(kind)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    vars(command)["__signature__"] = inspect.Signature(parameters)
    app.command(name=action.value)(command)


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _argument(field: FieldInfo, kind: Any, meta: Any) -> Any:
    return Annotated[kind, typer.Argument(metavar=field.encode_name.upper(), help=meta.description)]


def _option(field: FieldInfo, kind: Any, meta: Any) -> Any:
    name = field.encode_name.replace("_", "-")
    metavar = None if kind in (bool, Record | None) else field.encode_name.upper()
    return Annotated[kind, typer.Option(f"--{name}", metavar=metavar, help=meta.description)]


for _action, _kind in ARGUMENTS.items():
    _add(_action, _kind)


# Whom it is for -----------------------------------------------------------------------------------------------------


def _named_people(context: typer.Context, people: list[int] | None, file: Path | None) -> list[int]:
    """Everybody who is named, once, in order; a usage error where that is nobody, or a line is no id."""
    if bool(people) is (file is not None):
        raise typer.BadParameter("Name people, or a file of them with --people.", ctx=context)
    found = dict.fromkeys(people or _read_people(context, file or Path("-")))
    if not found:
        raise typer.BadParameter(f"{file} names nobody.", ctx=context)
    return list(found)


def _read_people(context: typer.Context, file: Path) -> Iterator[int]:
    try:
        with nullcontext(sys.stdin) if str(file) == "-" else file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if number > _MOST:
                    raise typer.BadParameter(f"{file} names more than {_MOST:,} people.", ctx=context)
                text = line.strip()
                if text.isascii() and text.isdecimal():
                    yield int(text)
                elif text:
                    raise typer.BadParameter(f"{file}, line {number}: {text!r} is no person's id.", ctx=context)
    except (OSError, UnicodeDecodeError) as problem:
        raise typer.BadParameter(f"{file} cannot be read: {problem}.", ctx=context) from None


# What becomes of it -------------------------------------------------------------------------------------------------


def _carry_out(
    context: typer.Context, action: Action, person: int, arguments: dict[str, Any], request: str | None, *, json: bool
) -> None:
    from tandem.actions.registry import perform
    from tandem.runtime.acting import acting
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription, acting(subscription) as (engine, at_work):
        acted = perform(engine, at_work, action, person, arguments, request)
    _tell(acted, json=json)
    if acted.state != "done":
        raise typer.Exit(ExitCode.FAILED)


def _carry_out_each(
    context: typer.Context,
    action: Action,
    people: Iterable[int],
    arguments: dict[str, Any],
    request: str | None,
    *,
    json: bool,
) -> None:
    from tandem.actions.registry import perform_each
    from tandem.actions.requests import new_request_id
    from tandem.runtime.acting import acting
    from tandem.runtime.subscription import opened

    if request is None:
        request = new_request_id()
        output.note(f"If this is cut off, the same command with --request-id {request} goes on with it.")
    failed = False
    with opened(context.obj.settings) as subscription, acting(subscription) as (engine, at_work):
        for acted in perform_each(engine, at_work, action, people, arguments, request):
            _tell(acted, json=json)
            failed = failed or acted.state != "done"
    if failed:
        raise typer.Exit(ExitCode.RECORD_ERRORS)


def _tell(acted: "Acted", *, json: bool) -> None:
    """One line: of what was done on standard output, of what was not on standard error."""
    if json:
        output.json(acted)
    elif acted.state == "done":
        record = f", {acted.record} {acted.record_id} in Dynamics" if acted.record else ""
        output.line(f"Person {acted.person}: {acted.outcome}{record}.")
    elif acted.state == "refused":
        output.note(f"Person {acted.person}: refused. {acted.outcome}")
    else:
        output.note(f"Person {acted.person}: not done yet. {acted.outcome}")
        output.note(f"The next cycle looks after it; so does the same command with --request-id {acted.request}.")
