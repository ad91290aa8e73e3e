"""The fake organisation and the sandbox give the same answers."""

from tandem.testing.conformance import ActsConformance, ReadingConformance, WritingConformance


class TestReading(ReadingConformance):
    """Pages, changes, filters and single rows."""


class TestWriting(WritingConformance):
    """Writes under a condition, and refusals."""


class TestActs(ActsConformance):
    """Qualifying, merging, deleting, automation."""
