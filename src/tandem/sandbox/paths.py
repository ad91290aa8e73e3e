"""A resource path cut into its segments.

`contacts(465b...)/parentcustomerid_account/$ref` is three segments; what the first means decides who answers. A path
that cannot be read is refused here, once, as an unknown segment is.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tandem.sandbox.messages import Refused

NAMESPACE = "Microsoft.Dynamics.CRM."

MAXIMUM_SEGMENTS = 100

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SEGMENT = re.compile(r"(?P<name>[$A-Za-z_][\w.$]*)(?:\((?P<arguments>.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path. `arguments` is the decoded text between the parentheses, None where there are none."""

    name: str
    arguments: str | None = None

    @property
    def operation(self) -> str:
        """The name of a bound function or action without its namespace; empty for anything else."""
        return self.name.removeprefix(NAMESPACE) if self.name.startswith(NAMESPACE) else ""


def split_path(path: str) -> tuple[Segment, ...]:
    """The segments of a still percent-encoded path. Raises Refused: 404 for one that is none, 400 for too many. [k]"""
    segments = []
    parts = split_outside(unquote(path.strip("/")))
    if len(parts) > MAXIMUM_SEGMENTS:
        raise Refused(400, "0x80060888", "Too many segments in URI.")
    for part in parts:
        match = _SEGMENT.fullmatch(part)
        if match is None:
            raise unknown_segment(part)
        segments.append(Segment(match["name"], match["arguments"]))
    return tuple(segments)


def as_guid(text: str) -> str | None:
    """The GUID in lower case, or None if the text is none."""
    return text.lower() if _GUID.fullmatch(text) else None


def parse_arguments(text: str) -> dict[str, str]:
    """`A=@p,B='x'` as a mapping of raw values; a value without a name gets the name ``."""
    arguments: dict[str, str] = {}
    for part in split_outside(text, ","):
        name, separator, value = part.partition("=")
        if separator and re.fullmatch(r"\s*\w+\s*", name):
            arguments[name.strip()] = value.strip()
        elif part.strip():
            arguments[""] = part.strip()
    return arguments


def unknown_segment(name: str) -> Refused:
    """The refusal of a segment that does not exist (reference 3.1)."""
    return Refused(404, "0x8006088a", f"Resource not found for the segment '{name}'.")


def expect_method(method: str, resource: str, *allowed: str) -> None:
    """Refuse (405) every method that the resource does not take."""
    if method not in allowed:
        message = f"The requested resource '{resource}' does not support http method '{method}'."
        raise Refused(405, "0x8006088a", message)


def split_outside(text: str, separator: str = "/") -> list[str]:
    """Cut at separators that stand outside quotes, parentheses, brackets and braces."""
    if separator not in text:
        return [text]
    parts, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "([{":
            depth += 1
        elif not quoted and character in ")]}":
            depth -= 1
        elif not quoted and depth == 0 and character == separator:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts
