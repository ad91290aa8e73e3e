"""What `--help` of a group of commands lists: by task, each with the whole first sentence of its help.

Somebody who looks for a command among thirty reads half sentences in vain, and an alphabet tells nothing of what to do
first.
"""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_WHOLE = 1_000
"""Longer than any first sentence."""


class Overview(TyperGroup):
    """A group that lists its commands under the headings that they have as `rich_help_panel`."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands; Typer calls this with its context and its formatter."""
        tasks: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            heading, meaning = _heading(self.commands[name]), self.commands[name].get_short_help_str(_WHOLE)
            tasks.setdefault(heading, []).append((name, meaning))
        for heading, rows in tasks.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def _heading(command: object) -> str:
    panel = command.rich_help_panel if isinstance(command, TyperCommand | TyperGroup) else None
    return panel if isinstance(panel, str) else "Commands"
