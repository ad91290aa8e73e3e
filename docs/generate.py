"""Writes the parts of the documentation that the code knows better than a person.

A page that repeats the code by hand is wrong after the next change. Between `<!-- generated: NAME -->` and
`<!-- end of NAME -->` stands what the code says of itself; the rest of a page is written by people and left alone.
Run it after a change to commands, errors or the sandbox's control door: `.venv/bin/python docs/generate.py`.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from typer import Context
from typer.main import get_command

import tandem
from tandem.cli import main
from tandem.model.errors import HaltStream, NeedsPerson, NeedsRecord, OurBug, RetryLater, TandemError
from tandem.sandbox.door.control import control_table
from tandem.testing.facts import FACTS
from tandem.testing.facts.report import coverage_table

FOLDER = Path(__file__).parent
BASES = {
    NeedsPerson: "Somebody must decide or repair",
    HaltStream: "Stopped, because going on could do harm",
    RetryLater: "May succeed later",
    NeedsRecord: "Waits for another record",
    OurBug: "A fault in Tandem",
}
"""What helps, in the order in which a reader needs it."""

_REGION = re.compile(r"(<!-- generated: (?P<name>[a-z]+) -->\n).*?(<!-- end of (?P=name) -->)", re.DOTALL)
_CITATION = re.compile(r" \(reference [\d.]+\)")


def error_classes() -> list[type[TandemError]]:
    """Every way to fail that has a code of its own, by code."""
    for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
        importlib.import_module(module.name)
    # A class that inherits by two ways is met twice; one of a test is nothing a user meets.
    ours = {each for each in _below(TandemError) if each.__module__.startswith("tandem.")}
    named = (each for each in ours if "code" in vars(each) and each not in BASES)
    return sorted(named, key=lambda each: each.code)


def commands() -> dict[str, tuple[Any, Context]]:
    """Every command a person can type, with its context, by its full name."""
    root = get_command(main.app)
    return dict(_leaves(root, Context(root, info_name="tandem")))


def errors() -> str:
    """A table of errors for each thing that helps."""
    found = error_classes()
    parts = []
    for base, title in BASES.items():
        rows = [
            f"| `{each.code}` | {_cell(_CITATION.sub('', _first_paragraph(each)))} | {_cell(each.advice)} |"
            for each in found
            if issubclass(each, base)
        ]
        parts.append("\n".join([f"## {title}", "", "| code | what happened | what to do |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def command_line() -> str:
    """A section for each command, the options of all commands first."""
    root = get_command(main.app)
    shared = _table(root, Context(root, info_name="tandem"))
    parts = [
        _by_task(root),
        "## Options of every command",
        "They stand before the command: `tandem --verbose sync`.",
        shared,
    ]
    for name, (command, context) in commands().items():
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        parts += [f"## {name}", f"`{usage}`", _unwrapped(command.help), _table(command, context)]
    return "\n\n".join(parts)


REGIONS: Mapping[str, Callable[[], str]] = {
    "errors": errors,
    "commands": command_line,
    "conformance": lambda: coverage_table(FACTS),
    "control": lambda: control_table().rstrip(),
}


def regenerated(page: Path) -> str:
    """The page with its generated parts as they should be."""
    text = page.read_text(encoding="utf-8")
    return _REGION.sub(lambda found: f"{found[1]}{REGIONS[found['name']]()}\n{found[3]}", text)


def _below(base: type[TandemError]) -> Iterator[type[TandemError]]:
    for each in base.__subclasses__():
        yield each
        yield from _below(each)


def _leaves(command: Any, context: Context) -> Iterator[tuple[str, tuple[Any, Context]]]:
    """Groups are left out: they only hold commands."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from _leaves(inner, Context(inner, info_name=name, parent=context))
    if not hasattr(command, "commands"):
        yield context.command_path, (command, context)


def _by_task(root: Any) -> str:
    """The commands under the headings that `tandem --help` gives them."""
    tasks: dict[str, list[str]] = {}
    for name, command in root.commands.items():
        names = [f"{name} {inner}" for inner in getattr(command, "commands", {})] or [name]
        links = [f"[{each}](#tandem-{each.replace(' ', '-')})" for each in names]
        tasks.setdefault(command.rich_help_panel, []).extend(links)
    rows = [f"| {task} | {', '.join(links)} |" for task, links in tasks.items()]
    return "\n".join(["| task | commands |", "|---|---|", *rows])


def _table(command: Any, context: Context) -> str:
    """The arguments and options in the words of `--help`."""
    records = (each.get_help_record(context) for each in command.get_params(context))
    rows = [f"| `{_cell(name)}` | {_cell(' '.join(meaning.split()))} |" for name, meaning in filter(None, records)]
    return "\n".join(["| argument or option | meaning |", "|---|---|", *rows])


def _first_paragraph(each: type) -> str:
    return " ".join((each.__doc__ or "").split("\n\n")[0].split())


def _unwrapped(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for page in sorted(FOLDER.glob("*.md")):
        page.write_text(regenerated(page), encoding="utf-8")
