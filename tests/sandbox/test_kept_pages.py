"""A large page from before must be what would be answered now, and nobody else's."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.kept import LARGE, KeptPages
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import grant

_ROWS = 1_100
_SIZE = 500


class Counted(Application):
    """An application that notes the queries it has answered."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, Faults())
        self.queries: list[str] = []

    def handle(self, request: Request, **settings: Any) -> Response:
        """The answer."""
        self.queries.append(request.query)
        return super().handle(request, **settings)


class Shelf:
    """Pages kept of an organisation with some thousand accounts, all of them large."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, tzinfo=UTC)
        self.organisation = Organisation(clock=lambda: self.now)
        rows = ({"accountid": str(UUID(int=number)), "description": "x" * 2_000} for number in range(1, _ROWS + 1))
        self.organisation.load("account", rows)
        self.application = Counted(self.organisation)
        self.pages = KeptPages(self.organisation, self.application)
        self.request = Request(
            method="GET",
            path="accounts",
            query="$select=name,description",
            headers={"prefer": f"odata.maxpagesize={_SIZE}"},
            caller=self.organisation.user_id,
            base="http://127.0.0.1:1234/api/data/v9.2",
        )

    def close(self) -> None:
        """End everything."""
        self.pages.close()
        self.organisation.close()

    def settle(self) -> None:
        """Let the spare threads finish what they have in hand."""
        for thread in (self.pages._maker, self.pages._storer):
            thread.submit(lambda: None).result(20)

    def asked(self, request: Request) -> tuple[Response, int]:
        """The answer, and how often it was made for it: 0 for one from before."""
        self.settle()
        before = self.application.queries.count(request.query)
        response = self.pages.answer(request)
        self.settle()
        return response, self.application.queries.count(request.query) - before


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """Fresh pages."""
    shelf = Shelf()
    yield shelf
    shelf.close()


def test_a_large_page_is_made_once(shelf: Shelf) -> None:
    """The second answer is the first but for the id of its request."""
    first, made = shelf.asked(shelf.request)
    second, made_again = shelf.asked(shelf.request)

    assert LARGE < len(first.body)
    assert (1, 0) == (made, made_again)
    assert (first.status, first.body, first.following) == (second.status, second.body, second.following)
    assert first.headers.keys() == second.headers.keys()
    assert first.headers["REQ_ID"] != second.headers["REQ_ID"]


def test_the_page_that_follows_is_made_ahead(shelf: Shelf) -> None:
    """It is there before it is asked for, but for the last one, which may tell the time; each row is read once."""
    request, bodies, made = shelf.request, [], []
    while True:
        response, count = shelf.asked(request)
        bodies.append(response.body)
        made.append(count)
        if not response.following:
            break
        request = replace(request, query=response.following)

    ids = [row["accountid"] for body in bodies for row in msgspec.json.decode(body)["value"]]
    assert [1, 0, 1] == made
    assert [str(UUID(int=number)) for number in range(1, _ROWS + 1)] == ids


def _write(shelf: Shelf) -> None:
    shelf.organisation.update("account", str(UUID(int=7)), {"name": "New"}, actor=shelf.organisation.user_id)


def _restore(shelf: Shelf) -> None:
    _write(shelf)
    shelf.organisation.back_up()
    _write(shelf)
    shelf.asked(shelf.request)
    shelf.organisation.restore()


def _secure(shelf: Shelf) -> None:
    shelf.organisation.add_column("account", "new_secret", "text")
    shelf.organisation.secure_column("account", "description")


@pytest.mark.parametrize("change", [_write, _restore, _secure], ids=["a row", "a restored backup", "a secured column"])
def test_nothing_is_kept_beyond_a_change_of(shelf: Shelf, change: Callable[[Shelf], None]) -> None:
    """The page is made anew, and so is the one that was made ahead of it."""
    first, _ = shelf.asked(shelf.request)
    later = replace(shelf.request, query=first.following)
    change(shelf)
    again, made = shelf.asked(shelf.request)

    assert first.body != again.body
    assert (1, shelf.application.handle(shelf.request).body) == (made, again.body)
    assert shelf.application.handle(later).body == shelf.asked(later)[0].body


def test_a_right_that_was_taken_away_is_missed_at_once(shelf: Shelf) -> None:
    """The kept page is no way around it."""
    shelf.asked(shelf.request)
    with shelf.organisation.transaction():
        grant(shelf.organisation.connection, shelf.organisation.user_id, "prvReadAccount", None)

    assert 403 == shelf.asked(shelf.request)[0].status


@pytest.mark.parametrize(
    "changes",
    [
        {"caller": "somebody else"},
        {"base": "http://localhost:1234/api/data/v9.2"},
        {"headers": {"prefer": 'odata.maxpagesize=500,odata.include-annotations="*"'}},
        {"query": "$select=name,description&$filter=statecode eq 0"},
        {"headers": {"prefer": "odata.maxpagesize=500", "mscrmcallerid": str(UUID(int=9))}},
    ],
    ids=["another caller", "another address", "another preference", "a filter", "another user to act as"],
)
def test_another_question_has_another_answer(shelf: Shelf, changes: dict[str, Any]) -> None:
    """Nothing is answered from before that differs in what an answer depends on."""
    shelf.asked(shelf.request)
    response, made = shelf.asked(replace(shelf.request, **changes))

    assert 1 == made
    assert response.body == shelf.application.handle(replace(shelf.request, **changes)).body


def test_the_last_page_of_a_tracked_reading_tells_the_time_of_now(shelf: Shelf) -> None:
    """Its delta link holds the moment it was asked for."""
    request = replace(shelf.request, headers={"prefer": "odata.track-changes,odata.maxpagesize=1000"})
    first, _ = shelf.asked(request)
    last = replace(request, query=first.following)
    before = shelf.asked(last)[0].body
    shelf.now += timedelta(hours=1)

    assert before != shelf.asked(last)[0].body


def test_a_small_page_is_not_kept_nor_made_ahead(shelf: Shelf) -> None:
    """It is quickly made."""
    request = replace(shelf.request, query="$select=name")
    shelf.asked(request)

    assert 1 == shelf.asked(request)[1]
    assert {"$select=name"} == set(shelf.application.queries)
