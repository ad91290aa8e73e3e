"""What waits for a record that is not here: nothing else waits, and nothing waits for ever unseen."""

import json

import pytest

from tandem.database.port import Database
from tandem.model.entities import Entity
from tandem.state import SyncState
from tandem.state.links import Waiter

AT, LATER = "2025-01-02T03:04:05Z", "2025-02-03T04:05:06Z"


def wait(
    database: Database,
    state: SyncState,
    waiter: Waiter,
    *,
    target: Entity = Entity.LEAD,
    after_read: int | None = None,
    reason: str = "not read yet",
    at: str = AT,
) -> None:
    """Let one reference wait."""
    with database.transaction():
        state.waiting.add([(waiter, target.value, after_read, reason)], at=at)


def spelt(waiters: list[Waiter]) -> list[Waiter]:
    """The waiters in one order, their JSON in one spelling."""
    return sorted(each._replace(payload=each.payload and json.dumps(json.loads(each.payload))) for each in waiters)


FIRST = Waiter(Entity.CONTACT, "contact", "lead", "lead", '{"a": 1}')
SECOND = Waiter(Entity.OPPORTUNITY, "deal", "lead", "role", None)


def test_a_waiter_is_found_by_what_it_waits_for(database: Database, state: SyncState) -> None:
    """By table and id; other records' waiters are not."""
    wait(database, state, FIRST)
    wait(database, state, SECOND)
    wait(database, state, SECOND._replace(target_id="other"))
    wait(database, state, SECOND, target=Entity.CONTACT)

    assert [FIRST, SECOND] == spelt(state.waiting.for_targets(Entity.LEAD, ["lead", "unknown"]))
    assert [SECOND] == state.waiting.for_targets(Entity.CONTACT, ["lead"])
    assert [] == state.waiting.for_targets(Entity.LEAD, [])


def test_waiting_again_keeps_the_newer_payload_and_the_older_date(database: Database, state: SyncState) -> None:
    """A reference waits once, since it began to."""
    wait(database, state, FIRST, after_read=1)
    wait(database, state, FIRST._replace(payload='{"a": 2}'), after_read=2, reason="excluded", at=LATER)

    assert [FIRST._replace(payload='{"a": 2}')] == spelt(state.waiting.for_targets(Entity.LEAD, ["lead"]))
    assert [("contact", "lead", "lead", "excluded", 1, AT)] == state.waiting.counts()


@pytest.mark.parametrize(
    ("after_read", "finished", "settled"),
    [
        pytest.param(1, 0, False, id="no read has finished"),
        pytest.param(1, 1, False, id="only the read in hand has finished"),
        pytest.param(1, 2, True, id="a later read has finished"),
        pytest.param(None, 99, False, id="no read settles it"),
    ],
)
def test_P11_a_later_read_settles_what_it_did_not_bring(
    database: Database, state: SyncState, after_read: int | None, finished: int, settled: bool
) -> None:
    """A read begun before the reference was seen proves nothing."""
    wait(database, state, FIRST, after_read=after_read)

    found = state.waiting.settled(Entity.LEAD, "lead", finished=finished)
    assert ([FIRST] if settled else []) == spelt(found)


def test_what_is_settled_is_told_by_table_and_kind_and_a_few_at_a_time(database: Database, state: SyncState) -> None:
    """A page at a time keeps memory flat."""
    for number in range(3):
        wait(database, state, FIRST._replace(crm_id=f"contact {number}"), after_read=0)
    wait(database, state, SECOND, after_read=0)

    assert 2 == len(state.waiting.settled(Entity.LEAD, "lead", finished=1, limit=2))
    assert 3 == len(state.waiting.settled(Entity.LEAD, "lead", finished=1))
    assert [] == state.waiting.settled(Entity.CONTACT, "lead", finished=1)


def test_O2_a_record_stops_waiting_for_one_and_goes_on_for_the_other(database: Database, state: SyncState) -> None:
    """An opportunity waits for its primary contact and for its customer, each by itself."""
    other = SECOND._replace(target_id="other")
    wait(database, state, SECOND)
    wait(database, state, other)
    with database.transaction():
        state.waiting.stop([SECOND])

    assert [other] == state.waiting.for_targets(Entity.LEAD, ["lead", "other"])


def test_a_record_that_matters_no_more_stops_waiting_for_all(database: Database, state: SyncState) -> None:
    """Whatever it waited for; others of the same id in another table go on."""
    wait(database, state, FIRST)
    wait(database, state, FIRST._replace(target_id="other", kind="role"))
    wait(database, state, FIRST._replace(entity=Entity.OPPORTUNITY))
    with database.transaction():
        state.waiting.stop_all(Entity.CONTACT, ["contact", "unknown"])

    assert [FIRST._replace(entity=Entity.OPPORTUNITY)] == spelt(
        state.waiting.for_targets(Entity.LEAD, ["lead", "other"])
    )


def test_what_waits_is_counted_with_its_reason_and_since_when(database: Database, state: SyncState) -> None:
    """One line for each table, target, kind and reason."""
    wait(database, state, FIRST, at=LATER)
    wait(database, state, FIRST._replace(crm_id="earlier"))
    wait(database, state, SECOND)

    assert [
        ("contact", "lead", "lead", "not read yet", 2, AT),
        ("opportunity", "lead", "role", "not read yet", 1, AT),
    ] == state.waiting.counts()


def test_P1_what_waits_for_a_person_to_decide_is_listed_oldest_first(database: Database, state: SyncState) -> None:
    """By its kind, as many as asked for."""
    wait(database, state, FIRST, at=LATER)
    wait(database, state, FIRST._replace(crm_id="earlier"))
    wait(database, state, SECOND)

    expected = [(Entity.CONTACT, "earlier", "lead", AT), (Entity.CONTACT, "contact", "lead", LATER)]
    assert expected == state.waiting.of_kind("lead")
    assert expected[:1] == state.waiting.of_kind("lead", limit=1)


def test_the_oldest_of_each_group_are_listed(database: Database, state: SyncState) -> None:
    """As many as asked for; a group is one table, one awaited table, one kind and one reason."""
    for target, at in (("third", LATER), ("second", AT), ("first", AT)):
        wait(database, state, SECOND._replace(target_id=target), at=at)
    wait(database, state, SECOND._replace(target_id="fourth"), reason="excluded")
    wait(database, state, FIRST)

    roles = ("opportunity", "lead", "role")
    assert {
        ("contact", "lead", "lead", "not read yet"): [("contact", "lead", AT)],
        (*roles, "excluded"): [("deal", "fourth", AT)],
        (*roles, "not read yet"): [("deal", "first", AT), ("deal", "second", AT)],
    } == state.waiting.listed(limit=2)
    assert {} == state.waiting.listed(limit=0)


def test_P14_people_without_their_company_are_counted_by_reason(database: Database, state: SyncState) -> None:
    """Kept out from the start, parked since, or not read; a company that is here and a private one are no lack."""
    companies = {"here": 0, "parked": 1}
    people = ["here", "parked", "kept out", "kept out", "not read", None]
    with database.transaction():
        database.insert(
            "company",
            ("external_company_id", "version", "is_excluded", "updated_at", "fields"),
            [(key, 1, excluded, AT, "{}") for key, excluded in companies.items()],
        )
        database.insert("excluded", ("entity", "crm_id", "version"), [("account", "kept out", 1), ("lead", "x", 1)])
        database.insert(
            "person",
            ("id", "external_company_id", "created_at", "updated_at", "fields"),
            [(number, key, AT, AT, "{}") for number, key in enumerate(people, 1)],
        )

    assert {True: 3, False: 1} == state.waiting.companies()
