"""The word for a subscription's state, and what counts as backlog, from stored facts alone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.report import status
from tandem.report.status import State, read_status
from tandem.rules.presence import LinkState
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Binding, Subscription, opened
from tandem.state.links import Link, Waiter
from tandem.state.notices import NoticeKind
from tandem.state.streams import Reading, Stream, StreamState
from tandem.sync.cycle_report import Outcome
from tandem.sync.waiting import AMBIGUOUS, CONTACT_OF_LEAD, LEAD_OF_CONTACT, ROLE

AT = "2025-03-04T05:06:07Z"
LATER = "2025-03-04T06:06:07Z"
BINDING = Binding(
    url="https://contoso.crm.dynamics.com",
    organization_id="8f1f3e0c-0000-4000-8000-000000000001",
    organization_name="Contoso",
    user_id="8f1f3e0c-0000-4000-8000-000000000002",
    user_name="Sync User",
    connected_at=AT,
    credentials="sealed",
)

_LEVELS = {"a table failed": "job", "a record failed": "record"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of the test's own."""
    return Settings(home=tmp_path)


@pytest.fixture
def subscription(settings: Settings) -> Iterator[Subscription]:
    """A connected and enabled subscription whose first copy is complete."""
    with opened(settings, create=True) as subscription:
        subscription.bind(BINDING)
        subscription.state.put_setting("enabled", True)
        subscription.state.put_setting("first_copy_completed_at", AT)
        yield subscription


def stream(subscription: Subscription, **values: Any) -> None:
    """Store a stream of contacts, in place of another."""
    subscription.state.streams.put(Stream(**{"entity": Entity.CONTACT, "fingerprint": "x", **values}))


def cycle(subscription: Subscription, outcome: Outcome | None) -> None:
    """A cycle that ended so, or has not ended."""
    number = subscription.state.journal.begin_cycle(at=AT)
    if outcome is not None:
        subscription.state.journal.end_cycle(number, outcome=outcome.value, requests=1, counts={}, at=LATER)


def facts(subscription: Subscription, *given: str) -> None:
    """Make each fact true."""
    state = subscription.state
    for fact in given:
        match fact:
            case "never connected":
                state.put_setting("binding", None)
            case "credentials forgotten":
                subscription.bind(msgspec.structs.replace(BINDING, credentials=None))
            case "switched off":
                state.put_setting("enabled", False)
            case "cycle failed":
                cycle(subscription, Outcome.FAILED)
            case "no answer":
                cycle(subscription, Outcome.TO_BE_RETRIED)
            case "a table failed" | "a record failed":
                state.journal.add_error(
                    NeedsPerson("No."), entity=Entity.TEAM, operation="read", at=AT, level=_LEVELS[fact], crm_id="1"
                )
            case "all went well":
                cycle(subscription, Outcome.DONE)
            case "at work":
                cycle(subscription, None)
            case "people were told that it is down":
                state.notices.tell(NoticeKind.SYNC_DOWN, "sync:key-missing", "The sync is down.", advice="Look.", at=AT)
            case "a table halted":
                stream(subscription, state=StreamState.HALTED)
            case "copying":
                state.put_setting("first_copy_completed_at", None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["never connected"], State.NOT_CONNECTED),
        (["credentials forgotten", "switched off"], State.NOT_CONNECTED),
        (["switched off", "cycle failed"], State.DISABLED),
        (["cycle failed", "a table halted", "copying"], State.HALTED),
        (["cycle failed", "at work"], State.HALTED),
        (["cycle failed", "all went well"], State.CURRENT),
        (["all went well", "people were told that it is down"], State.HALTED),
        (["no answer", "a table halted"], State.RETRYING),
        (["a table failed", "copying"], State.PARTLY_HALTED),
        (["a table failed", "all went well"], State.PARTLY_HALTED),
        (["a record failed", "all went well"], State.CURRENT),
        (["a table halted", "copying"], State.PARTLY_HALTED),
        (["all went well", "copying"], State.FIRST_COPY),
        (["copying"], State.FIRST_COPY),
        (["all went well"], State.CURRENT),
        (["at work"], State.CURRENT),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, list) else str(value),
)
def test_the_state_is_the_first_word_that_holds(
    subscription: Subscription, settings: Settings, given: list[str], expected: State
) -> None:
    """The order is that of the module's table; a cycle at work does not change the word."""
    facts(subscription, *given)

    assert expected is read_status(settings).state


def test_the_table_of_words_is_the_enum() -> None:
    """Every state stands in the docstring, in the order they are looked at."""
    table = (status.__doc__ or "").partition("first that holds:")[2]

    assert [state.value for state in State] == re.findall(r"^ {4}(\w+(?: \w+)?) {2,}", table, re.MULTILINE)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"total": 100, "rows_read": 30, "begun_at": AT}, (70, 0, AT), id="a first copy in hand"),
        pytest.param({"total": 100}, (100, 0, None), id="a first copy that has not begun"),
        pytest.param({"total": None, "rows_read": 30, "begun_at": AT}, (0, 0, None), id="nobody knows how many"),
        pytest.param({"total": 20, "rows_read": 30, "begun_at": AT}, (0, 0, None), id="more than estimated"),
        pytest.param(
            {"total": 100, "rows_read": 30, "begun_at": AT, "reading": Reading.BASELINE},
            (0, 70, AT),
            id="read again after a lost token",
        ),
        pytest.param({"total": 100, "rows_read": 30, "state": StreamState.LIVE}, (0, 0, None), id="live"),
    ],
)
def test_N3_what_a_copy_has_left_is_backlog(
    subscription: Subscription, settings: Settings, values: dict[str, Any], expected: tuple[int, int, str | None]
) -> None:
    """Inserts while it is the first copy, updates when known records are read again; `oldest` is when it began."""
    stream(subscription, **values)

    contact = read_status(settings).entities["contact"]
    assert expected == (contact.backlog_inserts, contact.backlog_updates, contact.oldest_pending)


def test_N3_the_oldest_insert_and_the_oldest_update_are_told_apart(
    subscription: Subscription, settings: Settings
) -> None:
    """A contact waits for its lead since an hour after the table was begun to be read once more."""
    stream(subscription, total=100, rows_read=30, begun_at=AT, reading=Reading.BASELINE)
    waiter = Waiter(Entity.CONTACT, "1", "2", LEAD_OF_CONTACT, None)
    subscription.state.waiting.add([(waiter, "lead", None, "because")], at=LATER)

    contact = read_status(settings).entities["contact"]

    assert (LATER, AT, AT) == (contact.oldest_insert, contact.oldest_update, contact.oldest_pending)


@pytest.mark.parametrize(
    ("entity", "kind", "expected"),
    [
        pytest.param(Entity.CONTACT, LEAD_OF_CONTACT, 1, id="a contact waits for its lead"),
        pytest.param(Entity.LEAD, AMBIGUOUS, 1, id="a lead waits for a choice"),
        pytest.param(Entity.CONNECTION, ROLE, 1, id="a connection waits for its person"),
        pytest.param(Entity.OPPORTUNITY, ROLE, 0, id="an opportunity is here without its role"),
        pytest.param(Entity.LEAD, CONTACT_OF_LEAD, 0, id="a qualified lead is here before its contact"),
    ],
)
def test_N3_a_record_that_waits_is_backlog_and_a_mere_reference_is_not(
    subscription: Subscription, settings: Settings, entity: Entity, kind: str, expected: int
) -> None:
    """The reason is shown either way."""
    waiter = Waiter(entity, "1", "2", kind, None)
    subscription.state.waiting.add([(waiter, "contact", None, "because")], at=AT)

    found = read_status(settings)
    assert (expected, AT if expected else None) == (
        found.entities[entity.value].backlog_inserts,
        found.entities[entity.value].oldest_pending,
    )
    assert [("contact", "because", 1, AT)] == [(w.target, w.reason, w.count, w.since) for w in found.waiting]


def test_records_of_people_are_their_links(subscription: Subscription, settings: Settings) -> None:
    """A parked one is still here; a severed, superseded or excluded one is not."""
    people = iter(range(1, 100))
    subscription.state.links.add(
        [
            Link(f"{state}-{number}", Entity.LEAD, next(people), state, 1)
            for state, count in {
                LinkState.LIVE: 5, LinkState.PARKED: 4, LinkState.SEVERED: 3, LinkState.SUPERSEDED: 2,
                LinkState.EXCLUDED: 1,
            }.items()
            for number in range(count)
        ]
    )  # fmt: skip

    lead = read_status(settings).entities["lead"]
    assert (9, 2, 1) == (lead.records, lead.superseded, lead.excluded)


def test_the_age_of_a_token_is_in_seconds(subscription: Subscription, settings: Settings) -> None:
    """From when it was given until now; None before the first."""
    subscription.now = lambda: LATER  # type: ignore[method-assign]
    stream(subscription, state=StreamState.LIVE, token_at=AT)
    stream(subscription, entity=Entity.LEAD)

    streams = status._status(subscription).streams
    assert (3600, None) == (streams["contact"].token_age, streams["lead"].token_age)
