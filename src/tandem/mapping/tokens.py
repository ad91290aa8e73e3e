"""Fills texts with what is known of a person (rule F3).

    {{lead.First Name}}   {{company.Company Name}}   {{campaign.name}}   {{system.date}}   {{lead.City:default=here}}

A text that marketers write is no program. Template engines evaluate what stands between braces, and a sandbox around
them has to be right every time; here nothing is evaluated: a token is a room and a name that are looked up among those
given, or it is an error. What a name stands for is put in as it is and never looked at again, so a token in a person's
value stays text.

    between {{ and }}                       | becomes
    ----------------------------------------+--------------------------------------------------------------------------
    room.name, both known                   | its value; nothing, where it has none
    room.name:default=text, both known      | its value; the text, where it has none
    anything else, and a {{ without }}      | UnknownToken, before anything is sent
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from tandem.model.errors import NeedsPerson

Words = Mapping[str, dict[str, str]]
"""What can be put in, by room and name; an empty text is no value. Names are looked up regardless of case."""

_TOKEN = re.compile(r"\{\{(.*?)(\}\}|\Z)", re.DOTALL)
_DEFAULT = ":default="
_SHOWN = 60
"""As much of a token that is wrong as a message repeats."""


class UnknownToken(NeedsPerson):
    """A text holds a token that stands for nothing."""

    code = "unknown-token"
    advice = "Tokens are {{lead.LABEL}}, {{company.LABEL}}, {{campaign.name}}, {{system.date}} and {{system.time}}."


def fill(text: str, words: Words) -> str:
    """The text with a value in place of each token. Raises UnknownToken."""

    def value(found: re.Match[str]) -> str:
        if not found[2]:
            raise UnknownToken(f"{_cut(found[0])!r} begins a token and does not end it.")
        return _value(found[1], words)

    return _TOKEN.sub(value, text)


def _value(token: str, words: Words) -> str:
    path, _, default = token.partition(_DEFAULT)
    room, dot, name = path.partition(".")
    known = words.get(room.strip().lower())
    if known is None or not dot:
        raise UnknownToken(f"There is no token {_cut('{{' + token + '}}')!r}.")
    wanted, names = " ".join(name.split()).lower(), {each.lower(): each for each in reversed(known)}
    if wanted in names:
        return known[names[wanted]] or default
    meant = [f"{{{{{room.strip()}.{names[each]}}}}}" for each in get_close_matches(wanted, names, n=3)]
    raise UnknownToken(
        f"There is no token {_cut('{{' + token + '}}')!r}.",
        advice=f"Did you mean {' or '.join(meant)}?" if meant else None,
    )


def _cut(token: str) -> str:
    return token if len(token) <= _SHOWN else f"{token[:_SHOWN]}..."
