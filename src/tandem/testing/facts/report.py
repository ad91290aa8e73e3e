"""What a run found, for a program: everything; and what a person wants to know first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tandem.testing.facts.case import Fact
from tandem.testing.facts.run import Outcome, Verdict
from tandem.testing.facts.sections import NOT_COVERED, SECTIONS


def facts_told(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Every outcome as JSON-ready values."""
    return [
        {
            "section": outcome.fact.section,
            "fact": outcome.fact.title,
            "mark": outcome.fact.mark.value,
            "verdict": outcome.verdict.value,
            "told": outcome.told,
            "contradicts": outcome.contradicts,
            "settles": outcome.settles,
            "customised": outcome.customised,
            "wire": list(outcome.wire),
        }
        for outcome in outcomes
    ]


def settled(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str, str]]:
    """What the reference leaves open and this organisation answers: section, mark, fact, what was found."""
    return [
        (
            outcome.fact.section,
            outcome.fact.mark.value,
            outcome.fact.title,
            outcome.told if outcome.verdict is Verdict.HOLDS else f"otherwise: {outcome.told}",
        )
        for outcome in outcomes
        if outcome.settles
    ]


def customised(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    """What is otherwise than it ships: section, fact, what was found."""
    return [(outcome.fact.section, outcome.fact.title, outcome.told) for outcome in outcomes if outcome.customised]


def not_seen(outcomes: Iterable[Outcome]) -> list[tuple[str, int]]:
    """Why facts were not seen, and how many for each reason, most first."""
    return Counter(outcome.told for outcome in outcomes if outcome.verdict is Verdict.NOT_SEEN).most_common()


def coverage_table(facts: Sequence[Fact]) -> str:
    """Every section of the reference with its number of facts, or why it has none, as Markdown."""
    counts = Counter(fact.section for fact in facts)
    lines = ["| section | | facts |", "|---|---|---|"]
    lines += [f"| {number} | {title} | {counts[number] or NOT_COVERED[number]} |" for number, title in SECTIONS.items()]
    return "\n".join(lines)
