"""What a promise is, and what promises of both kinds look up in a walk."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tandem.mapping.fields import Field
from tandem.model.entities import Entity
from tandem.report.differences import DifferenceFinder, FieldDifference
from tandem.testing.fake.store import Reference
from tandem.testing.walk import Walk

Promise = Callable[[Walk], Iterator[str]]
"""Looks at a walk and says how it is broken, if it is."""
WITH_PERSON = ("live", "parked")


def listed_differences(walk: Walk) -> list[FieldDifference]:
    """Every difference that is reported."""
    return [each for page in DifferenceFinder(walk.world.subscription).pages() for each in page]


def fields_of(walk: Walk, table: str) -> Sequence[Field]:
    plan = walk.plans.get(Entity(table))
    return plan.fields if plan else ()


def stored(value: Any) -> Any:
    return value.id if isinstance(value, Reference) else value
