"""Tasks: made once under a chosen id, completed by a second write, read-only from then on (reference 8.8).

A peer that took a completed task at its creation, or made a second one where the first answer was lost, would let a
salesperson find a task twice or never.
"""

from functools import partial
from typing import Any
from uuid import uuid4

from tandem.dynamics.errors import (
    DuplicateKey,
    InvalidValue,
    NotAnswered,
    RowNotFound,
    StateConflict,
    VersionMismatch,
)
from tandem.dynamics.rows import RowDecoder
from tandem.model.errors import OurBug
from tandem.sandbox.messages import Refused
from tandem.testing.conformance.peer import Peer, change, creation, decoder_of, raised

_COMPLETED = {"statecode": 1, "statuscode": 5}


class TasksConformance:
    """What becomes of tasks."""

    def test_a_task_is_made_under_the_chosen_id(self, peer: Peer) -> None:
        """About a lead or a contact, with an owner, a status, a priority and a due date (F3)."""
        lead, contact = peer.create("lead", subject="x", lastname="Ek"), peer.create("contact", lastname="Ek")
        owner = peer.create("systemuser", firstname="Olga", lastname="Owner", isdisabled=False)
        decoder = _decoder(peer)
        for table, record in (("lead", lead), ("contact", contact)):
            given = {"subject": "Call", "prioritycode": 2, "statuscode": 3, "scheduledend": "2026-03-31T12:00:00Z"}
            bound = {"regardingobjectid": (table, record), "ownerid": ("systemuser", owner)}

            row = peer.dynamics.write_task(creation(decoder, {**given, **bound}), decoder)

            assert given == {name: getattr(row, name) for name in given}
            assert (record, table, owner, 0) == (
                row.regardingobjectid,
                row.regardingobjectid_type,
                row.ownerid,
                row.statecode,
            )

    def test_an_id_makes_one_task(self, peer: Peer) -> None:
        """The second time it is refused, and the first task stays as it is (R2)."""
        decoder = _decoder(peer)
        made = creation(decoder, {"subject": "Call"})
        peer.dynamics.write_task(made, decoder)

        raised(
            DuplicateKey, lambda: peer.dynamics.write_task(creation(decoder, {"subject": "x"}, record=made.id), decoder)
        )

        assert [row.subject for row in _tasks(peer, decoder, made.id)] == ["Call"]

    def test_a_lost_task_is_found_by_its_id(self, peer: Peer) -> None:
        """Whether the request was lost or its answer (R2)."""
        decoder = _decoder(peer)
        for carried_out in (True, False):
            made = creation(decoder, {"subject": "Call"})
            peer.lose_reply(carried_out=carried_out)
            raised(NotAnswered, partial(peer.dynamics.write_task, made, decoder))

            assert carried_out == bool(_tasks(peer, decoder, made.id))

    def test_a_task_is_completed_after_it_was_made(self, peer: Peer) -> None:
        """Never with its creation; completed, it takes nothing but another state (F3)."""
        decoder = _decoder(peer)
        raised(
            StateConflict, lambda: peer.dynamics.write_task(creation(decoder, {"subject": "x", **_COMPLETED}), decoder)
        )
        row = peer.dynamics.write_task(creation(decoder, {"subject": "Call"}), decoder)

        done = peer.dynamics.write_task(change(decoder, row.activityid, row.versionnumber, **_COMPLETED), decoder)

        assert (done.statecode, done.statuscode) == (1, 5)
        assert done.versionnumber > row.versionnumber
        raised(Refused, lambda: peer.edit("task", row.activityid, subject="Call again"))

    def test_a_task_changes_only_as_it_was_seen(self, peer: Peer) -> None:
        """Another version by now, or no such task: nothing is stored (P5)."""
        decoder = _decoder(peer)
        row = peer.dynamics.write_task(creation(decoder, {"subject": "Call"}), decoder)
        stale = change(decoder, row.activityid, row.versionnumber - 1, **_COMPLETED)
        missing = change(decoder, str(uuid4()), row.versionnumber, **_COMPLETED)

        raised(VersionMismatch, lambda: peer.dynamics.write_task(stale, decoder))
        raised(RowNotFound, lambda: peer.dynamics.write_task(missing, decoder))

        assert [each.statecode for each in _tasks(peer, decoder, row.activityid)] == [0]

    def test_a_task_needs_a_record_that_is_there_and_text_that_fits(self, peer: Peer) -> None:
        """And a status that there is (P7)."""
        decoder = _decoder(peer)
        unfit: dict[type[Exception], dict[str, Any]] = {
            RowNotFound: {"subject": "Call", "regardingobjectid": ("lead", str(uuid4()))},
            InvalidValue: {"subject": "x" * 201},
        }

        for kind, values in unfit.items():
            raised(kind, partial(peer.dynamics.write_task, creation(decoder, values), decoder))

    def test_nothing_but_a_task_is_written(self, peer: Peer) -> None:
        """No record of another table, and of a task that exists only its state (S5)."""
        contacts, tasks = decoder_of(peer, "contact", "lastname"), _decoder(peer)
        row = peer.dynamics.write_task(creation(tasks, {"subject": "Call"}), tasks)
        renamed = change(tasks, row.activityid, row.versionnumber, subject="Visit")

        raised(OurBug, lambda: peer.dynamics.write_task(creation(contacts, {"lastname": "Ek"}), contacts))
        raised(OurBug, lambda: peer.dynamics.write_task(renamed, tasks))
        raised(OurBug, lambda: peer.dynamics.write([creation(tasks, {"subject": "Call"})], tasks))


def _decoder(peer: Peer) -> RowDecoder:
    names = ("subject", "prioritycode", "scheduledend", "regardingobjectid", "ownerid", "statecode", "statuscode")
    return decoder_of(peer, "task", *names)


def _tasks(peer: Peer, decoder: RowDecoder, *ids: str) -> list[Any]:
    rows, _ = peer.dynamics.fetch(decoder.table, ids, decoder)
    return rows
