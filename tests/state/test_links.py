"""Which person is which CRM record: the links, on both databases."""

import itertools
import json
from collections.abc import Callable

import pytest

from tandem.database.port import Database, StatementRefused
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.records import NewPerson
from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.links import Link

AT = "2025-01-02T03:04:05Z"

Add = Callable[..., Link]


def link(
    crm_id: str,
    person: int | None = None,
    state: LinkState = LinkState.LIVE,
    *,
    entity: Entity = Entity.CONTACT,
    version: int = 1,
    successor: str | None = None,
    successor_entity: Entity | None = None,
    base: str | None = None,
) -> Link:
    """A link, by default of a contact."""
    return Link(crm_id, entity, person, state, version, base, successor, successor_entity)


def store(database: Database, state: SyncState, *links: Link) -> None:
    """Store new links in one page."""
    with database.transaction():
        state.links.add(links)


def test_a_link_comes_back_as_it_was_stored(database: Database, state: SyncState) -> None:
    """With everything it can hold; versions are 64 bits long; another table's record of the same id is another."""
    full = link("a", 1, LinkState.SUPERSEDED, entity=Entity.LEAD, version=2**53 + 1, base='{"city":null}',
                successor="b", successor_entity=Entity.CONTACT)  # fmt: skip
    bare = link("a", None, LinkState.EXCLUDED)
    store(database, state, full, bare)

    found = state.links.of(Entity.LEAD, ["a", "unknown"])["a"]
    assert full._replace(base=None) == found._replace(base=None)
    assert {"city": None} == json.loads(found.base or "")
    assert {"a": bare} == state.links.of(Entity.CONTACT, ["a"])
    assert {} == state.links.of(Entity.CONTACT, [])


def test_a_link_is_changed_in_every_part(database: Database, state: SyncState) -> None:
    """A base can be emptied; a link that is not there is not made."""
    store(database, state, link("a", 1, base='{"city":"Ulm"}'), link("b", 2))
    changed = link("a", 1, LinkState.SUPERSEDED, version=9, successor="b", successor_entity=Entity.CONTACT)
    with database.transaction():
        state.links.update([changed, link("b", 2, LinkState.PARKED, version=3), link("unknown", 5)])

    expected = {"a": changed, "b": link("b", 2, LinkState.PARKED, version=3)}
    assert expected == state.links.of(Entity.CONTACT, ["a", "b", "unknown"])


def test_versions_and_bases_are_noted_alone(database: Database, state: SyncState) -> None:
    """Nothing else of the link moves."""
    store(database, state, link("a", 1, LinkState.PARKED), link("b", 2))
    with database.transaction():
        state.links.note_versions(Entity.CONTACT, [("a", 7), ("unknown", 8)])
        state.links.set_base(Entity.CONTACT, "a", "{}")
    noted = state.links.of(Entity.CONTACT, ["a"])
    with database.transaction():
        state.links.set_base(Entity.CONTACT, "a", None)

    assert {"a": link("a", 1, LinkState.PARKED, version=7, base="{}")} == noted
    assert {"a": link("a", 1, LinkState.PARKED, version=7), "b": link("b", 2)} == state.links.of(
        Entity.CONTACT, ["a", "b"]
    )


def test_every_link_of_people_is_told_and_bases_are_set_by_the_page(database: Database, state: SyncState) -> None:
    """Whatever their state; who has none is absent."""
    severed, live, other = link("a", 1, LinkState.SEVERED), link("b", 1), link("c", 2)
    store(database, state, severed, live, other, link("d", 3))
    with database.transaction():
        state.links.set_bases([(Entity.CONTACT, "a", "{}"), (Entity.CONTACT, "c", '{"city":null}')])
        state.links.set_bases([])

    expected = {1: [severed._replace(base="{}"), live], 2: [other._replace(base='{"city":null}')]}
    assert expected == state.links.every_of_people([1, 2, 4])
    assert expected[1] == state.links.of_person(1)
    assert [] == state.links.of_person(4)


# Uniqueness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [LinkState.LIVE, LinkState.PARKED])
@pytest.mark.parametrize("second", [LinkState.LIVE, LinkState.PARKED])
def test_R2_a_person_has_at_most_one_live_record(
    database: Database, state: SyncState, first: LinkState, second: LinkState
) -> None:
    """The database refuses a second link in use, whatever the code believes, and the page is undone."""
    store(database, state, link("a", 1, first))
    with pytest.raises(StatementRefused):
        store(database, state, link("free", 2), link("b", 1, second, entity=Entity.LEAD))

    assert ["a"] == [each.crm_id for each in state.links.of_person(1)]
    assert [] == state.links.of_person(2)


def test_R2_a_former_link_cannot_come_alive_beside_another(database: Database, state: SyncState) -> None:
    """Not by an update either."""
    store(database, state, link("a", 1), link("b", 1, LinkState.SEVERED))
    with pytest.raises(StatementRefused), database.transaction():
        state.links.update([link("b", 1)])

    assert LinkState.SEVERED is state.links.of(Entity.CONTACT, ["b"])["b"].state


def test_R2_a_record_has_one_link(database: Database, state: SyncState) -> None:
    """Two people cannot be one CRM record."""
    store(database, state, link("a", 1))
    with pytest.raises(StatementRefused):
        store(database, state, link("a", 2))

    assert 1 == state.links.of(Entity.CONTACT, ["a"])["a"].person_id


def test_former_links_of_a_person_may_be_many(database: Database, state: SyncState) -> None:
    """Beside the one in use; an excluded record has no person at all."""
    store(
        database, state, link("a", 1, LinkState.SUPERSEDED), link("b", 1, LinkState.SEVERED), link("c", 1),
        link("d", None, LinkState.EXCLUDED), link("e", None, LinkState.EXCLUDED),
    )  # fmt: skip

    assert ["a", "b", "c"] == [each.crm_id for each in state.links.of_person(1)]
    assert {1: link("c", 1)} == state.links.of_people([1, 2])


@pytest.mark.parametrize("wrong", ["gone", "", "LIVE"])
def test_a_state_that_is_none_is_refused(database: Database, state: SyncState, wrong: str) -> None:
    """The closed set is the database's too."""
    store(database, state, link("a", 1))
    with pytest.raises(StatementRefused), database.transaction():
        database.script(f"update link set state = '{wrong}'")

    assert LinkState.LIVE is state.links.of(Entity.CONTACT, ["a"])["a"].state


# Merges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "start", "end"),
    [
        pytest.param("", "a", "a", id="nothing known"),
        pytest.param("ab", "a", "b", id="one merge"),
        pytest.param("abcd", "a", "d", id="a chain"),
        pytest.param("abcd", "c", "d", id="from its middle"),
        pytest.param("aa", "a", "a", id="merged into itself"),
        pytest.param("aba", "a", "a", id="a circle of two"),
        pytest.param("abcb", "a", "b", id="a way into a circle"),
    ],
)
def test_P12_a_chain_of_merges_is_followed_to_its_end(
    database: Database, state: SyncState, chain: str, start: str, end: str
) -> None:
    """A circle, which Dynamics should never make, ends where it closes."""
    pairs = itertools.pairwise(chain)
    merged = [
        link(loser, None, LinkState.SUPERSEDED, successor=winner, successor_entity=Entity.CONTACT)
        for loser, winner in pairs
    ]
    store(database, state, *merged)
    known: dict[str, Link] = {}

    assert end == state.links.follow(Entity.CONTACT, start, known)
    assert set(known) <= {each.crm_id for each in merged}


def test_P11_a_qualified_lead_is_the_end_of_its_chain(database: Database, state: SyncState) -> None:
    """Its successor is a contact, not another lead; a live record speaks for itself."""
    store(
        database, state,
        link("a", 1, LinkState.SUPERSEDED, entity=Entity.LEAD, successor="b", successor_entity=Entity.LEAD),
        link("b", 1, LinkState.SUPERSEDED, entity=Entity.LEAD, successor="c", successor_entity=Entity.CONTACT),
        link("c", 1, entity=Entity.LEAD),
    )  # fmt: skip

    assert ["b", "c"] == [state.links.follow(Entity.LEAD, each, {}) for each in ("a", "c")]


def test_P12_the_links_of_a_merged_person_move(database: Database, state: SyncState) -> None:
    """All of them, whatever their state; those of others stay."""
    store(
        database, state, link("a", 1, LinkState.SUPERSEDED), link("b", 1, LinkState.SEVERED),
        link("c", 1, LinkState.PARKED), link("d", 3),
    )  # fmt: skip
    with database.transaction():
        state.links.move(1, 2)

    assert [] == state.links.of_person(1)
    assert ["a", "b", "c"] == [each.crm_id for each in state.links.of_person(2)]
    assert ["d"] == [each.crm_id for each in state.links.of_person(3)]


def test_R2_two_live_links_cannot_be_moved_together(database: Database, state: SyncState) -> None:
    """Whoever merges two people first says which of their records goes on."""
    store(database, state, link("a", 1), link("b", 2))
    with pytest.raises(StatementRefused), database.transaction():
        state.links.move(1, 2)

    assert ["a"] == [each.crm_id for each in state.links.of_person(1)]


@pytest.mark.parametrize("state_after", [LinkState.REMOVED, LinkState.SUPERSEDED])
def test_P9_the_links_of_a_deleted_person_keep_their_versions(
    database: Database, state: SyncState, state_after: LinkState
) -> None:
    """One that another record speaks for keeps its successor; of nobody a base is kept."""
    records = [
        link("a", 1)._replace(version=7, base='{"phone":"1"}'),
        link("b", 1, LinkState.SEVERED)._replace(base='{"phone":"2"}'),
        link("c", 1, LinkState.SUPERSEDED, successor="d", successor_entity=Entity.CONTACT),
        link("d", 2)._replace(base="{}"),
    ]
    store(database, state, *records)
    with database.transaction():
        state.links.remove(1, state_after)

    nobodys = [each._replace(person_id=None, base=None) for each in records[:3]]
    nobodys[:2] = [each._replace(state=state_after) for each in nobodys[:2]]
    assert [*nobodys, records[3]] == [state.links.of(Entity.CONTACT, [each])[each] for each in "abcd"]


def test_P16_records_that_nobody_speaks_for_are_set_aside(database: Database, state: SyncState) -> None:
    """Not those with a successor, nor those whose person may return."""
    store(
        database, state, link("a", 1, LinkState.SUPERSEDED), link("b", None, LinkState.SUPERSEDED),
        link("c", 1, LinkState.SUPERSEDED, successor="d", successor_entity=Entity.CONTACT), link("d", 1),
        link("e", None, LinkState.REMOVED),
    )  # fmt: skip

    assert [("a", 1), ("b", None)] == [(each.crm_id, each.person_id) for each in state.links.set_aside()]
    assert 1 == len(state.links.set_aside(limit=1))


# Sets -------------------------------------------------------------------------------------------------------------


def test_links_are_counted_by_table_and_state(database: Database, state: SyncState) -> None:
    """Known are those with a person in use."""
    store(
        database, state, link("a", 1), link("b", 2, LinkState.PARKED), link("c", 3, LinkState.SEVERED),
        link("d", None, LinkState.EXCLUDED), link("a", 4, entity=Entity.LEAD),
    )  # fmt: skip

    contact = (LinkState.LIVE, LinkState.PARKED, LinkState.SEVERED, LinkState.EXCLUDED)
    expected = {(Entity.LEAD, LinkState.LIVE): 1, **{(Entity.CONTACT, each): 1 for each in contact}}
    assert expected == state.links.counts()
    assert (2, 1) == (state.links.count_known(Entity.CONTACT), state.links.count_known(Entity.LEAD))


def test_only_records_without_a_person_are_forgotten(database: Database, state: SyncState) -> None:
    """A person's link is never lost by it."""
    store(
        database, state, link("a", 1), link("b", 2, LinkState.PARKED), link("c", 3, LinkState.SEVERED),
        link("d", None, LinkState.EXCLUDED), link("e", None, LinkState.SUPERSEDED), link("f", None, LinkState.EXCLUDED),
    )  # fmt: skip
    with database.transaction():
        state.links.forget(Entity.CONTACT, ["a", "b", "c", "d", "e"])

    assert ["a", "b", "c", "f"] == sorted(state.links.of(Entity.CONTACT, list("abcdef")))


def test_S11_a_rebaseline_finds_what_it_did_not_see(database: Database, state: SyncState) -> None:
    """Of the records that Dynamics should still have; deleted and merged ones are not missed again."""
    store(
        database, state, link("seen", 1), link("live", 2), link("parked", 3, LinkState.PARKED),
        link("excluded", None, LinkState.EXCLUDED), link("severed", 4, LinkState.SEVERED),
        link("merged", None, LinkState.SUPERSEDED), link("live", 5, entity=Entity.LEAD),
    )  # fmt: skip
    with database.transaction():
        state.seen.add(Entity.CONTACT, ["seen"])
        state.seen.add(Entity.LEAD, ["live"])

    assert ["excluded", "live", "parked"] == sorted(state.links.unseen(Entity.CONTACT))
    assert [] == state.links.unseen(Entity.LEAD)


def test_P18_people_that_share_an_email_are_listed(database: Database, state: SyncState) -> None:
    """Ignoring case, in the order of the e-mails; people of marketing alone and deleted ones are not."""
    people = EmbeddedMarketing(database).people
    emails = [("lead", "B@x.org"), ("contact", "b@X.org"), ("lead", "a@x.org"), ("lead", "A@x.org"), (None, "a@x.org"),
              ("lead", "alone@x.org"), ("lead", None), ("lead", None)]  # fmt: skip
    with database.transaction():
        people.create([NewPerson(kind, email, None, None, None, "{}") for kind, email in emails], at=AT)

    assert [("a@x.org", [3, 4]), ("b@x.org", [1, 2])] == state.links.possible_duplicates()
    assert [("a@x.org", [3, 4])] == state.links.possible_duplicates(limit=1)
