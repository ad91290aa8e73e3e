"""The words of a filter: literals, names, marks, and calls of the service's own functions."""

import re
from dataclasses import dataclass

from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.condition import invalid

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
    | (?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>@?[A-Za-z_][\w.]*(?:/[\w.]+)*)
    | (?P<mark>[(),:])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a filter; `kind` is the group of the lexer that matched."""

    kind: str
    text: str


def tokenize(text: str) -> list[Token]:
    """The words of a filter. Raises Refused (400) for a character that begins none."""
    tokens: list[Token] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise invalid(f"Syntax error at position {position} in '{text}'.")
        position = match.end()
        word = Token(match.lastgroup, match[match.lastgroup])
        called = word.text.rpartition("/")[2].startswith(NAMESPACE) and text[position : position + 1] == "("
        if word.kind == "name" and called:
            end = _closing(text, position)
            tokens.append(Token("function", word.text + text[position:end]))
            position = end
        else:
            tokens.append(word)
    return tokens


def _closing(text: str, start: int) -> int:
    """The position after the parenthesis that closes the one at `start`."""
    depth, quote = 0, ""
    for position in range(start, len(text)):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return position + 1
    raise invalid(f"A closing parenthesis is missing in '{text}'.")
