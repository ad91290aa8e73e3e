"""Writes of tasks: a new one, or the state of one (rules F3, S5).

A completed task cannot be changed any more and none can be made completed (reference 8.8), so a task takes up to two
writes; the second may be repeated, and the first goes out under an id of our choice so that it may be as well.
"""

from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.model.errors import OurBug

TASK = "task"
"""The logical name of the table."""

_STATE = {"statecode", "statuscode"}


def expect_task(write: RowWrite, decoder: RowDecoder) -> None:
    """Raises OurBug for anything but a new task or another state of one."""
    if (write.table.name, decoder.table.name) != (TASK, TASK):
        raise OurBug(f"{write.table.name} is no task.", table=write.table.name)
    if write.version is not None and not write.values.keys() <= _STATE:
        raise OurBug("Of a task that exists only the state is written.", table=TASK, record=write.id)
