"""What every organisation behind `DynamicsOrganisation` must do, as tests that run on any of them.

A fake that answers otherwise than the real service makes every test built on it a lie. So the same suite runs on the
fake and, through the real client, on the sandbox. Derive from its classes, and give a fixture `peer`.
"""

from tandem.testing.conformance.acts import ActsConformance
from tandem.testing.conformance.lists import ListsConformance
from tandem.testing.conformance.peer import Peer
from tandem.testing.conformance.reading import ReadingConformance
from tandem.testing.conformance.tasks import TasksConformance
from tandem.testing.conformance.writing import WritingConformance

__all__ = [
    "ActsConformance",
    "ListsConformance",
    "Peer",
    "ReadingConformance",
    "TasksConformance",
    "WritingConformance",
]
