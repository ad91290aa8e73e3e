"""The fake organisation and the sandbox give the same answers."""

from tandem.testing.conformance import (
    ActsConformance,
    ListsConformance,
    ReadingConformance,
    TasksConformance,
    WritingConformance,
)


class TestReading(ReadingConformance):
    """Pages, changes, filters and single rows."""


class TestWriting(WritingConformance):
    """Writes under a condition, and refusals."""


class TestActs(ActsConformance):
    """Qualifying, merging, deleting, automation."""


class TestLists(ListsConformance):
    """Marketing lists and campaigns."""


class TestTasks(TasksConformance):
    """Tasks."""
