"""The words of a SELECT, one after the other, and the values among them.

A word that no rule of the statement takes is refused where it stands: what is passed over would change the meaning.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.fetch.document import invalid_query
from tandem.sandbox.query.periods import later
from tandem.sandbox.store.storage import iso

_WORD = re.compile(
    r"""\s*(?:(?:--[^\n]*(?:\n|$)|/\*.*?\*/)\s*)*(?:
      (?P<text>N?'(?:[^']|'')*')
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<quoted>\[[^\]]+\]|"[^"]+")
    | (?P<name>[A-Za-z_][\w]*)
    | (?P<mark><>|!=|<=|>=|[=<>(),.*])
    | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)

_RESERVED = frozenset(
    {
        *(
            "select",
            "distinct",
            "top",
            "from",
            "as",
            "join",
            "inner",
            "left",
            "outer",
            "on",
            "where",
            "and",
            "or",
            "not",
        ),
        *("like", "in", "is", "null", "between", "group", "by", "order", "asc", "desc", "offset", "rows", "row"),
        *("fetch", "next", "only", "having", "union", "right", "full", "cross", "with", "case", "exists", "percent"),
    }
)

_MONTHS = {
    **dict.fromkeys(("month", "mm", "m"), 1),
    **dict.fromkeys(("quarter", "qq", "q"), 3),
    **dict.fromkeys(("year", "yy", "yyyy"), 12),
}
_SECONDS = {
    **dict.fromkeys(("second", "ss", "s"), 1),
    **dict.fromkeys(("minute", "mi", "n"), 60),
    **dict.fromkeys(("hour", "hh"), 3_600),
    **dict.fromkeys(("day", "dd", "d"), 86_400),
    **dict.fromkeys(("week", "wk", "ww"), 604_800),
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word; `kind` is the group of the lexer that matched, or `keyword`."""

    kind: str
    text: str


class Words:
    """The words of a statement, and the one that is next; the last of all is the end."""

    def __init__(self, text: str, now: datetime) -> None:
        self._words = _split(text)
        self._position = 0
        self._now = now

    @property
    def word(self) -> Word:
        """The next word."""
        return self._words[self._position]

    def calls(self, names: Collection[str]) -> bool:
        """Whether one of these functions is called next."""
        following = self._words[self._position + 1] if self.word.kind == "name" else None
        return following == Word("mark", "(") and self.word.text.lower() in names

    def next(self) -> Word:
        """Take the next word, whatever it is. Raises Refused (400) at the end."""
        word = self.word
        if word.kind == "end":
            raise self.unexpected()
        self._position += 1
        return word

    def take(self, keyword: str) -> bool:
        """Take a keyword if it is the next word."""
        if self.word != Word("keyword", keyword):
            return False
        self._position += 1
        return True

    def take_mark(self, mark: str) -> bool:
        """Take a mark if it is the next word."""
        if self.word != Word("mark", mark):
            return False
        self._position += 1
        return True

    def expect(self, keyword: str) -> None:
        """Take a keyword. Raises Refused (400) for anything else."""
        if not self.take(keyword):
            raise self.unexpected()

    def expect_mark(self, mark: str) -> None:
        """Take a mark. Raises Refused (400) for anything else."""
        if not self.take_mark(mark):
            raise self.unexpected()

    def name(self) -> str:
        """Take a name. Raises Refused (400) for anything else."""
        if self.word.kind != "name":
            raise self.unexpected()
        return self.next().text

    def whole_number(self) -> int:
        """Take a number without a sign. Raises Refused (400) for anything else."""
        if self.word.kind != "number" or not re.fullmatch(r"\d{1,9}", self.word.text):
            raise self.unexpected()
        return int(self.next().text)

    def unexpected(self) -> Refused:
        """The refusal of the next word."""
        said = f"'{self.word.text}'" if self.word.kind != "end" else "the end"
        return invalid_query(f"The SQL statement is not supported at {said}.")

    def value(self) -> str:
        """Take a literal or one of the functions of a moment, as text. Raises Refused (400) for anything else."""
        word = self.next()
        if word.kind == "text":
            return word.text[word.text.index("'") + 1 : -1].replace("''", "'")
        if word.kind == "number":
            return word.text
        if word.kind == "name" and word.text.lower() == "getutcdate":
            self.expect_mark("(")
            self.expect_mark(")")
            return iso(self._now)
        if word.kind == "name" and word.text.lower() == "dateadd":
            return self._date_add()
        raise invalid_query(f"A value was expected, not '{word.text}'.")

    def _date_add(self) -> str:
        """`DATEADD(part, number, moment)`."""
        self.expect_mark("(")
        part = self.name().lower()
        self.expect_mark(",")
        count = self.next()
        self.expect_mark(",")
        text = self.value()
        self.expect_mark(")")
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            if part in _MONTHS:
                return iso(later(moment, _MONTHS[part] * int(count.text)))
            return iso(moment + timedelta(seconds=_SECONDS[part] * int(count.text)))
        except (KeyError, ValueError, OverflowError):
            raise invalid_query(f"DATEADD({part}, {count.text}, '{text}') cannot be computed.") from None


def _split(text: str) -> list[Word]:
    words: list[Word] = []
    position = 0
    while not words or words[-1].kind != "end":
        match = _WORD.match(text, position)
        if match is None or match.lastgroup is None:
            raise invalid_query(f"Syntax error at position {position} of the SQL statement.")
        position = match.end()
        found = match[match.lastgroup]
        if match.lastgroup == "quoted":
            words.append(Word("name", found[1:-1]))
        elif match.lastgroup == "name" and found.lower() in _RESERVED:
            words.append(Word("keyword", found.lower()))
        else:
            words.append(Word(match.lastgroup, found))
    return words
