"""Texts that look like a pattern of SQL: `%`, `_` and sets of characters in brackets (reference 3.2).

Users' data is full of `_`, above all e-mail addresses; a stand-in that took it literally would hide that it finds more
than was asked for.
"""

import re

from tandem.sandbox.query.condition import Condition, invalid

_LONGEST = 4_000
"""Characters of a pattern, as many as SQL Server takes. [k]"""

_PIECE = re.compile(r"\[(?P<set>\^?[^\[\]]|\^?[^\]]{2,})\]|\[(?P<open>\[)\]|(?P<any>[%_])|(?P<plain>.)", re.DOTALL)


def like(sql: str, pattern: str) -> Condition:
    """The text is like the pattern, whatever the case of its letters. Raises Refused (400) for one too long."""
    if len(pattern) > _LONGEST:
        raise invalid(f"A pattern may have {_LONGEST} characters at most.")
    pieces = list(_PIECE.finditer(pattern))
    if any(piece["plain"] == "[" for piece in pieces):
        # A set that is never closed has no member.
        return Condition("0")
    if any(piece["set"] and len(piece["set"]) > 1 for piece in pieces):
        return Condition(f"casefold({sql}) GLOB ?", ("".join(map(_as_glob, pieces)).casefold(),))
    plain = "".join(map(_as_like, pieces))
    if plain.isascii():
        return Condition(f"{sql} LIKE ? ESCAPE '\\'", (plain,))
    # SQLite's own LIKE folds only ASCII.
    return Condition(f"casefold({sql}) LIKE casefold(?) ESCAPE '\\'", (plain,))


def _as_like(piece: re.Match[str]) -> str:
    if piece["any"]:
        return piece["any"]
    character = piece["set"] or piece["open"] or piece["plain"]
    return f"\\{character}" if character in "%_\\" else character


def _as_glob(piece: re.Match[str]) -> str:
    if piece["any"]:
        return "*" if piece["any"] == "%" else "?"
    if piece["set"]:
        return f"[{piece['set']}]"
    character = piece["open"] or piece["plain"]
    return f"[{character}]" if character in "*?[" else character
