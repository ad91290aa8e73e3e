"""Looks at facts one after the other, and says what came of it.

One fact that cannot be seen must not hide the others, and a strange answer is a finding, not a crash.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import ParseError

import httpx2

from tandem.testing.facts.case import Differs, Fact, Mark, Need, NotSeen
from tandem.testing.facts.stage import Stage

_EXCHANGES = 3
"""How many of the last requests and answers explain a difference."""

_DENIALS = ("0x80040220", "0x8004020d", "0x80048405", "0x80042f09")
"""PrivilegeDenied, InvalidAccessRights, AccessDenied and UserNotAssignedRoles (reference 7.2)."""


class Verdict(StrEnum):
    """What an organisation makes of a fact."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one fact. `told` is what was found, or why nothing was; `wire` the last requests and answers."""

    fact: Fact
    verdict: Verdict
    told: str
    wire: tuple[str, ...] = ()

    @property
    def contradicts(self) -> bool:
        """True where a confirmed fact differs."""
        return self.verdict is Verdict.DIFFERS and self.fact.mark is Mark.CONFIRMED

    @property
    def settles(self) -> bool:
        """True where a fact was seen that the reference is not sure of."""
        return self.verdict is not Verdict.NOT_SEEN and self.fact.mark not in (Mark.CONFIRMED, Mark.SHIPPED)

    @property
    def customised(self) -> bool:
        """True where an organisation is otherwise than it ships."""
        return self.verdict is Verdict.DIFFERS and self.fact.mark is Mark.SHIPPED


def look(fact: Fact, stage: Stage) -> Outcome:
    """Look at one fact, and take away what that made."""
    if fact.need is not Need.READING and fact.need not in stage.allowed:
        return Outcome(fact=fact, verdict=Verdict.NOT_SEEN, told=f"It takes {fact.need.value}.")
    stage.client.seen.clear()
    verdict, told = Verdict.HOLDS, "as the reference says"
    try:
        told = fact.look(stage) or told
    except NotSeen as problem:
        verdict, told = Verdict.NOT_SEEN, str(problem)
    except Differs as problem:
        denied = _denied(fact, stage)
        verdict, told = (Verdict.NOT_SEEN, denied) if denied else (Verdict.DIFFERS, str(problem))
    except httpx2.TransportError as problem:
        verdict, told = Verdict.NOT_SEEN, f"The connection broke off: {type(problem).__name__}."
    except (LookupError, TypeError, ValueError, AttributeError, ParseError) as problem:
        # A check reads documented shapes; whatever it stumbles over has another.
        verdict, told = Verdict.DIFFERS, f"the answer has another shape: {type(problem).__name__} {problem}"
    finally:
        wire = tuple(answer.shown() for answer in stage.client.seen[-_EXCHANGES:])
        stage.clear()
    return Outcome(fact=fact, verdict=verdict, told=told, wire=wire if verdict is Verdict.DIFFERS else ())


def _denied(fact: Fact, stage: Stage) -> str:
    """What the caller's roles do not allow, if that is why a fact was not seen. Some facts take rights to see that."""
    answer = stage.client.seen[-1] if stage.client.seen else None
    if answer is None or answer.status != 403 or fact.need is Need.DOOR:
        return ""
    try:
        return f"The caller may not: {answer.error['message']}" if answer.code in _DENIALS else ""
    except Differs:
        return ""


def look_at(
    facts: Iterable[Fact], stage: Stage, report: Callable[[Outcome], None] = lambda _outcome: None
) -> list[Outcome]:
    """Look at the facts in their order; `report` gets each outcome at once."""
    outcomes = []
    for fact in facts:
        outcomes.append(look(fact, stage))
        report(outcomes[-1])
    return outcomes
