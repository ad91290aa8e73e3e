"""The options of a query, from the URL and the Prefer header.

An option that is accepted and not obeyed is worse than a refusal: the caller believes the answer. So every system
option is read here or refused by name (reference 3.1).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, unquote_plus

from tandem.sandbox.messages import Refused, Request
from tandem.sandbox.paths import split_outside

FORMATTED_VALUE = "OData.Community.Display.V1.FormattedValue"
LOOKUP_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION_NAME = "Microsoft.Dynamics.CRM.associatednavigationproperty"
METADATA_VERSION = "Microsoft.Dynamics.CRM.globalmetadataversion"

MAXIMUM_PAGE = 5_000
"""Default and largest page of a standard table (reference 3.5)."""

COUNT_LIMIT = 5_000
"""Counts stop here on standard tables (reference 3.3)."""

_URL_CHARACTERS = "%!$'()*+,;=:@/?"

_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")

_PREFERENCE = re.compile(r'\s*([\w.-]+)\s*(?:=\s*(?:"([^"]*)"|([^,;]*)))?\s*[,;]?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The query options of one request, decoded; `raw` keeps them as they came, for links."""

    values: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    raw: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """The decoded value of a system option, or None."""
        return self.values.get(name)

    def flag(self, name: str) -> bool:
        """Whether `$count` says true. Raises Refused (400) for anything but true and false."""
        value = self.values.get(name, "false")
        if value not in ("true", "false"):
            raise Refused(400, "0x80060888", f"Invalid value '{value}' for {name} query option found.")
        return value == "true"

    def resolve(self, value: str) -> str:
        """The value of a parameter alias, or the value itself. Raises Refused (400) for an alias without a value."""
        if not value.startswith("@"):
            return value
        if value not in self.aliases:
            raise Refused(400, "0x80060888", f"The parameter alias '{value}' has no value.")
        return self.aliases[value]

    def link_query(self, *without: str) -> str:
        """The query as it came, without some options, ready to be continued in a link."""
        kept = [(name, value) for name, value in self.raw if unquote(name) not in without]
        # A part of a batch may hold blanks; a link is encoded whatever it was made from (reference 3.5).
        return "&".join(f"{name}={quote(value, safe=_URL_CHARACTERS)}" for name, value in kept)


def read_options(request: Request) -> Options:
    """The options of the request. Raises Refused (400) for one given twice or not spelled as a system option.

    `tag` and `partitionId` are options of the service that are no system options (reference 5.8).
    """
    values: dict[str, str] = {}
    aliases: dict[str, str] = {}
    raw: list[tuple[str, str]] = []
    for part in filter(None, request.query.split("&")):
        encoded_name, _, encoded = part.partition("=")
        name, value = unquote_plus(encoded_name), unquote_plus(encoded)
        raw.append((encoded_name, encoded))
        if name.startswith("@"):
            aliases[name] = value
        elif name in values:
            raise _given_twice(name)
        elif name != "tag":
            values[name] = value
    return Options(values=values, aliases=aliases, raw=tuple(raw))


def inner_options(text: str, outer: Options) -> Options:
    """The options in the parentheses of a part of `$expand`; a parameter alias of the query holds in there too.

    Raises Refused (400) for one given twice.
    """
    pairs = [piece.strip().partition("=") for piece in split_outside(text, ";") if piece.strip()]
    values: dict[str, str] = {}
    for name, _, value in pairs:
        if name in values:
            raise _given_twice(name)
        values[name] = value
    own = tuple((name, quote(value, safe="$,;'()/=@:*")) for name, _, value in pairs)
    aliases = tuple((name, value) for name, value in outer.raw if name.startswith(("@", "%40")))
    return Options(values=values, aliases=outer.aliases, raw=(*own, *aliases))


def whole_number(options: Options, name: str) -> int | None:
    """The non-negative value of `$top` and its like, or None. Raises Refused (400) for anything else."""
    value = options.get(name)
    if value is None:
        return None
    number = read_whole_number(value)
    if number is None:
        raise Refused(
            400,
            "0x80060888",
            f"Invalid value '{value}' for {name} query option found. The {name} query option requires a"
            " non-negative integer value.",
        )
    return number


def read_whole_number(text: str) -> int | None:
    """The number that decimal digits state, or None for any other text and for more than 64 bits hold."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def selected(options: Options) -> list[str] | None:
    """The names in `$select`, in order and each once, or None where all columns are wanted."""
    value = options.get("$select")
    if value is None or value.strip() in ("", "*"):
        return None
    return list(dict.fromkeys(name.strip() for name in split_outside(value, ",")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the Prefer header asks for (reference 0.1)."""

    page_size: int | None = None
    annotations: tuple[str, ...] = ()
    track_changes: bool = False
    representation: bool = False
    continue_on_error: bool = False

    def wants(self, annotation: str) -> bool:
        """Whether an annotation is asked for, by name, by `*` or by a name ending in `*`; `-` excludes. [k]"""

        def named(pattern: str) -> bool:
            return annotation.startswith(pattern[:-1]) if pattern.endswith("*") else annotation == pattern

        excluded = any(named(wanted[1:]) for wanted in self.annotations if wanted.startswith("-"))
        return not excluded and any(named(wanted) for wanted in self.annotations)

    def applied(self, *honoured: str) -> dict[str, str]:
        """The Preference-Applied header for the preferences honoured, by their names."""
        texts = {
            "odata.track-changes": "odata.track-changes" if self.track_changes else "",
            "odata.maxpagesize": f"odata.maxpagesize={self.page_size}" if self.page_size else "",
            "odata.include-annotations": (
                f'odata.include-annotations="{",".join(self.annotations)}"' if self.annotations else ""
            ),
            "return": "return=representation" if self.representation else "",
        }
        said = ",".join(texts[name] for name in honoured if texts[name])
        return {"Preference-Applied": said} if said else {}


def read_preferences(headers: Mapping[str, str]) -> Preferences:
    """The preferences of a request by its lower-case headers. A preference the service does not know is passed over."""
    found = {
        name.lower(): (quoted or bare or "").strip()
        for name, quoted, bare in _PREFERENCE.findall(headers.get("prefer", ""))
    }
    size = read_whole_number(found.get("odata.maxpagesize", ""))
    return Preferences(
        page_size=min(size, MAXIMUM_PAGE) if size else None,
        annotations=tuple(
            name.strip() for name in found.get("odata.include-annotations", "").split(",") if name.strip()
        ),
        track_changes="odata.track-changes" in found,
        representation=found.get("return") == "representation",
        continue_on_error="odata.continue-on-error" in found,
    )


def refuse_others(options: Options, allowed: Collection[str]) -> None:
    """Refuse every option of a query that is not allowed, as the service refuses it (reference 3.1)."""
    for name in options.values:
        if name in allowed:
            continue
        if name.startswith("$"):
            raise Refused(400, "0x80060888", f"The query parameter {name} is not supported.")
        raise Refused(
            400,
            "0x80060888",
            f"The query parameter '{name}' is unknown. A system query option begins with '$'.",
        )


def _given_twice(name: str) -> Refused:
    return Refused(400, "0x80060888", f"Query option '{name}' was specified more than once.")
