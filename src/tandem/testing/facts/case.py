"""What the suite is made of: one fact each, with the section that states it and a function that looks.

A fact nobody can look up is an opinion, and a check that only says `False` helps nobody. So a fact names its section
and how sure the reference is of it, and a check raises `Differs` with what was found and what was said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tandem.testing.facts.stage import Stage

Check = Callable[..., str | None]
"""Looks at an organisation; takes a `Stage` and the values of `each`.

It returns what was found where the reference leaves that open. Raises Differs, and NotSeen.
"""


class Mark(StrEnum):
    """How sure the reference is. Only a CONFIRMED fact that differs is a contradiction; of the others one learns."""

    CONFIRMED = "confirmed"
    SHIPPED = "shipped default"
    """Confirmed of a new organisation; customers change it."""
    OSS = "[oss]"
    INFERRED = "[infer]"
    KNOWN = "[k]"
    UNCONFIRMED = "unconfirmed"


class Need(StrEnum):
    """What a fact takes to be seen; the value says it to whoever is told that it was not."""

    READING = "nothing but reading"
    ROWS = "rows of the suite's own: --allow-schema or --allow-writes"
    SALES = "rows of its own in account, contact, lead and other sales tables: --allow-writes"
    SCHEMA = "a table of the suite's own: --allow-schema"
    DOOR = "a second hand in the organisation, as the sandbox's control door is: --control-url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One sentence about the wire. `values` are what the check gets beside the stage."""

    section: str
    title: str
    mark: Mark
    need: Need
    check: Check
    values: tuple[object, ...]

    @property
    def name(self) -> str:
        """Section and sentence: what reports and tests call it."""
        return f"{self.section} {self.title}"

    def look(self, stage: "Stage") -> str | None:
        """What the organisation shows. Raises Differs and NotSeen."""
        return self.check(stage, *self.values)


class Differs(Exception):
    """The organisation answers otherwise than the reference says."""


class NotSeen(Exception):
    """The organisation holds nothing, or the caller may not do what is needed, to see the fact."""


FACTS: list[Fact] = []
"""Every fact, in the order of the modules that state them."""


def fact(
    section: str,
    title: str,
    *,
    mark: Mark = Mark.CONFIRMED,
    need: Need = Need.READING,
    each: Iterable[tuple[object, ...]] = ((),),
) -> Callable[[Check], Check]:
    """State a fact of a section; the function below it looks.

    `each` makes one fact of every tuple of values: they go into the `{0}`, `{1}`, ... of section and title, and to the
    function.
    """

    def state(check: Check) -> Check:
        FACTS.extend(
            Fact(
                section=section.format(*values),
                title=title.format(*values),
                mark=mark,
                need=need,
                check=check,
                values=values,
            )
            for values in each
        )
        return check

    return state


def same(what: str, found: object, said: object) -> None:
    """Raises Differs unless what was found is what the reference says."""
    if found != said:
        raise Differs(f"{what}: found {found!r}, the reference says {said!r}")


def true(condition: object, told: str) -> None:
    """Raises Differs with what is `told` of the organisation unless the condition holds."""
    if not condition:
        raise Differs(told)


def one_of(found: str, *answers: str) -> str:
    """What was found, which must be one of the answers that the reference leaves open. Raises Differs."""
    if found not in answers:
        raise Differs(f"found {found}, the reference expects {' or '.join(answers)}")
    return found
