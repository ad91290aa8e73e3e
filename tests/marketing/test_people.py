"""People, their history, their merges and the change feed: the contract of `People`, on both databases."""

import contextlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tandem.database.port import Database
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import (
    BY_HAND,
    FROM_DYNAMICS,
    Activity,
    ActivityType,
    NewPerson,
    Person,
    PutOpportunity,
    Role,
)
from tandem.model.ids import PersonId

AT, LATER = "2025-01-02T03:04:05Z", "2025-02-03T04:05:06Z"

Create = Callable[..., PersonId]


# Creating, reading, writing -----------------------------------------------------------------------------------------


def test_people_get_ids_in_the_order_of_their_page(database: Database, marketing: MarketingDatabase) -> None:
    """From 1 upwards, without gaps between pages."""
    page = [NewPerson("contact", f"{name}@example.com", "acme", "anna", "north", "{}") for name in "abc"]
    with database.transaction():
        ids = [marketing.people.create(each, at=AT) for each in (page[:2], [], page[2:])]

    assert [range(1, 3), range(0), range(3, 4)] == ids
    assert {
        number: Person(PersonId(number), "contact", f"{name}@example.com", "acme", "anna", "north", False, "{}")
        for number, name in enumerate("abc", start=1)
    } == marketing.people.get([1, 2, 3, 4])


def test_an_id_is_never_used_twice(database: Database, marketing: MarketingDatabase, create: Create) -> None:
    """Not even after the newest person was merged away."""
    winner, loser = create(), create()
    with database.transaction():
        marketing.people.merge([(loser, winner)])

    assert loser + 1 == create()


def test_a_page_of_ids_is_given_back_when_its_transaction_fails(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """A crash leaves neither people nor holes."""
    with contextlib.suppress(KeyboardInterrupt), database.transaction():
        ids = marketing.people.create([NewPerson(None, None, None, None, None, "{}")] * 3, at=AT)
        raise KeyboardInterrupt

    assert range(1, 4) == ids
    assert {} == marketing.people.get(ids)
    assert 1 == create()


def test_a_person_is_written_as_given(database: Database, marketing: MarketingDatabase, create: Create) -> None:
    """Every column, emptied ones too; the others of the page and the time of creation stay."""
    first, second = create("a@example.com", company="acme", fields='{"city":"Ulm"}'), create("b@example.com")
    emptied = Person(first, None, None, None, None, None, True, '{"city":"Łódź","leadScore":12.50}')
    moved = Person(second, "contact", "b@example.com", "other", "anna", "north", False, "{}")
    with database.transaction():
        marketing.people.update([emptied, moved], at=LATER)

    found = marketing.people.get([first, second])
    assert emptied[:7] == found[first][:7]
    assert {"city": "Łódź", "leadScore": Decimal("12.50")} == json.loads(found[first].fields, parse_float=Decimal)
    assert moved == found[second]
    times = [(each["createdAt"], each["updatedAt"]) for each in marketing.export("person")]
    assert [(AT, LATER), (AT, LATER)] == times


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("2", ["bo"], id="by id"),
        pytest.param("BO@example.com", ["bo"], id="by e-mail in any case"),
        pytest.param("example", ["an", "bo"], id="by part of the e-mail"),
        pytest.param("anna b", ["an"], id="by name"),
        pytest.param("  bERG ", ["an"], id="by part of a name in any case"),
        pytest.param("_o@", [], id="an underscore is no wildcard"),
        pytest.param("%", ["pc"], id="a percent sign is no wildcard"),
        pytest.param("!", [], id="an exclamation mark is none either"),
        pytest.param("nobody", [], id="nobody"),
    ],
)
def test_people_are_found(marketing: MarketingDatabase, create: Create, text: str, found: list[str]) -> None:
    """What the command line looks people up with."""
    ids = {
        "an": create("anna@example.com", fields='{"firstName":"Anna","lastName":"Berg"}'),
        "bo": create("bo@example.com"),
        "pc": create(None, fields='{"firstName":"100%","lastName":"Sure"}'),
    }

    assert [ids[name] for name in found] == marketing.people.find(text)


def test_no_more_people_are_found_than_asked_for(marketing: MarketingDatabase, create: Create) -> None:
    """The first by id."""
    ids = [create(f"{number}@example.com") for number in range(3)]

    assert ids[:2] == marketing.people.find("example", limit=2)


def test_P1_only_people_of_marketing_alone_are_matched_by_email(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """Not linked ones, not deleted ones; two with one e-mail are both named."""
    first, second = create("One@Example.com", type=None), create("one@example.com", type=None)
    create("one@example.com")
    deleted, alone = create("two@example.com", type=None), create("three@example.com", type=None)
    with database.transaction():
        marketing.people.update([marketing.people.get([deleted])[deleted]._replace(is_deleted=True)], at=LATER)

    found = marketing.people.unlinked_by_email(["one@example.com", "two@example.com", "three@example.com", "four"])
    assert {"one@example.com": [first, second], "three@example.com": [alone]} == {
        email: sorted(ids) for email, ids in found.items()
    }


def test_everybody_with_an_email_is_found_whatever_its_case(marketing: MarketingDatabase, create: Create) -> None:
    """Linked or not; an address that nobody has is absent."""
    first, second = create("One@Example.com"), create("one@example.com", type=None)
    create("other@example.com")

    found = marketing.people.by_email(["one@example.com", "nobody@example.com"])
    assert {"one@example.com": [first, second]} == {email: sorted(ids) for email, ids in found.items()}


# The activity log ---------------------------------------------------------------------------------------------------


def test_the_activity_log_keeps_the_order_of_what_happened(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """Also where entries with and without values come in one page; values are JSON, an emptied one is null."""
    person, other = create(), create()
    kind = ActivityType.CHANGE_DATA_VALUE
    with database.transaction():
        marketing.people.log([Activity(person, ActivityType.NEW_PERSON), Activity(other, kind, "x")], at=AT)
        marketing.people.log(
            [
                Activity(person, kind, "city", '"Ulm"', None, FROM_DYNAMICS),
                Activity(person, ActivityType.STOP_SYNC),
                Activity(person, ActivityType.MERGE_PEOPLE, source=BY_HAND, detail='{"merged":7}'),
            ],
            at=LATER,
        )
        marketing.people.log([], at=LATER)

    log = marketing.people.activities(person)
    ids = [entry.pop("id") for entry in log]
    empty = dict.fromkeys(["field", "old", "new", "source", "detail"])
    assert sorted(ids) == ids
    assert [
        {"type": "New Person", "at": AT, **empty},
        {**empty, "type": "Change Data Value", "at": LATER, "field": "city", "old": '"Ulm"', "source": FROM_DYNAMICS},
        {"type": "Stop [StopSync]", "at": LATER, **empty},
        {**empty, "type": "Merge People", "at": LATER, "source": BY_HAND, "detail": {"merged": 7}},
    ] == [{**entry, "detail": entry["detail"] and json.loads(entry["detail"])} for entry in log]


# Merges -------------------------------------------------------------------------------------------------------------


def test_P12_a_merge_joins_the_activity_logs(database: Database, marketing: MarketingDatabase, create: Create) -> None:
    """The loser is gone, and what was logged of it stands in the winner's log."""
    winner, loser = create(), create()
    with database.transaction():
        marketing.people.log([Activity(loser, ActivityType.NEW_PERSON)], at=AT)
        marketing.people.log([Activity(winner, ActivityType.CONVERTED)], at=AT)
        marketing.people.merge([(loser, winner)])

    assert ["New Person", "Converted to Contact"] == [each["type"] for each in marketing.people.activities(winner)]
    assert [] == marketing.people.activities(loser)
    assert [winner] == list(marketing.people.get([winner, loser]))


@pytest.mark.parametrize("pages", ["one page", "page by page"])
def test_P12_an_old_id_finds_the_person_through_any_chain_of_merges(
    database: Database, marketing: MarketingDatabase, create: Create, pages: str
) -> None:
    """Merged one after the other or in one go; an id nobody ever had finds nobody."""
    first, second, third, alone = create(), create(), create(), create()
    pairs = [(first, second), (second, third)]
    with database.transaction():
        for page in [pairs] if pages == "one page" else [[pair] for pair in pairs]:
            marketing.people.merge(page)

    assert [third, third, third, alone, None] == [
        marketing.people.resolve(each) for each in (first, second, third, alone, 99)
    ]


def test_P12_a_merge_moves_roles_and_counts_a_shared_one_once(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """The same role on the same opportunity stays one; the customer of an opportunity moves as well."""
    winner, loser = create(), create()
    opportunity = PutOpportunity("deal", 1, None, loser, None, None, None, None, 0, 0, "{}")
    with database.transaction():
        marketing.mirrors.put_opportunities([opportunity], new=True, at=AT)
        marketing.mirrors.put_roles(
            [
                Role("deal", loser, "Customer", "customer", 0),
                Role("deal", loser, "Buyer", "connection:1", 0),
                Role("deal", winner, "Buyer", "connection:1", 0),
            ]
        )
        marketing.people.merge([(loser, winner)])
        marketing.mirrors.move_customer(winner, "acme")

    roles = [(each["personId"], each["role"]) for each in marketing.export("opportunityrole")]
    assert [(winner, "Buyer"), (winner, "Customer")] == roles
    assert ["acme"] == [each["externalCompanyId"] for each in marketing.export("opportunity")]


# Deletions ----------------------------------------------------------------------------------------------------------


def test_P9_a_deleted_person_leaves_nothing(database: Database, marketing: MarketingDatabase, create: Create) -> None:
    """Neither log nor alias, role or edit; an opportunity it was the customer of has no company by it any more."""
    other, merged, gone = create(), create(), create(company="acme")
    opportunity = PutOpportunity("deal", 1, "acme", gone, None, None, None, None, 0, 0, "{}")
    with database.transaction():
        marketing.people.merge([(merged, gone)])
        marketing.mirrors.put_opportunities([opportunity], new=True, at=AT)
        marketing.mirrors.put_roles([Role("deal", each, "Buyer", "connection:1", 0) for each in (gone, other)])
        for each in (gone, other):
            marketing.people.log([Activity(each, ActivityType.NEW_PERSON)], at=AT)
            marketing.people.note_edit(each, {"city": "Ulm"}, at=AT)
        assert [Role("deal", gone, "Buyer", "connection:1", 0)] == marketing.mirrors.roles_of(gone)
        marketing.people.delete([gone])

    assert [other] == list(marketing.people.get([other, merged, gone]))
    assert [None, None] == [marketing.people.resolve(each) for each in (merged, gone)]
    assert [0, 1] == [len(marketing.people.activities(each)) for each in (gone, other)]
    assert [other] == [each["personId"] for each in marketing.export("opportunityrole")]
    assert [None] == [each["externalCompanyId"] for each in marketing.export("opportunity")]
    assert [other] == [person for _, person, _ in marketing.people.feed()]
    assert gone < create()


# The change feed ----------------------------------------------------------------------------------------------------


def test_the_change_feed_keeps_every_edit_in_order(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """An emptied field stands in it as null, a number with its digits; what was taken up is in it no more."""
    person, other = create(), create()
    with database.transaction():
        page = [(person, {"city": "Łódź", "title": None}), (other, {"leadScore": Decimal("1.50")})]
        marketing.people.note_edits(page, at=AT)
        marketing.people.note_edit(person, {"city": None}, at=LATER)
        marketing.people.note_edits([], at=LATER)

    feed = marketing.people.feed()
    assert [
        (person, {"city": "Łódź", "title": None}),
        (other, {"leadScore": Decimal("1.50")}),
        (person, {"city": None}),
    ] == [entry[1:] for entry in feed]
    assert feed[:2] == marketing.people.feed(limit=2)
    with database.transaction():
        marketing.people.forget_feed(feed[0][0])
    assert feed[1:] == marketing.people.feed()


def test_an_edit_that_failed_is_not_in_the_feed(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """The feed is written in the edit's own transaction."""
    person = create()
    with contextlib.suppress(KeyboardInterrupt), database.transaction():
        marketing.people.note_edit(person, {"city": "Ulm"}, at=AT)
        before = [fields for _, _, fields in marketing.people.feed()]
        raise KeyboardInterrupt

    assert [{"city": "Ulm"}] == before
    assert [] == marketing.people.feed()


# The history --------------------------------------------------------------------------------------------------------


def test_the_history_is_told_from_a_time_on_and_of_one_person(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """Oldest first; what happened at that time is part of it."""
    person, other = create(), create()
    kind = ActivityType.CHANGE_DATA_VALUE
    with database.transaction():
        for at, who, new in ((AT, person, '"1"'), (AT, other, '"2"'), (LATER, person, '"3"')):
            marketing.people.log([Activity(who, kind, "phone", None, new, "Tandem", '{"a":1}')], at=at)

    def told(**wanted: Any) -> list[tuple[int, str]]:
        return [(each["person_id"], each["new"]) for each in marketing.people.history(**wanted)]

    assert [(person, '"1"'), (other, '"2"'), (person, '"3"')] == told()
    assert [(person, '"3"')] == told(since=LATER)
    assert [(person, '"1"'), (person, '"3"')] == told(person_id=person)
    assert [(person, '"3"')] == told(person_id=person, since=LATER)
    assert [] == told(person_id=999)
    (last,) = marketing.people.history(since=LATER)
    assert {"type": "Change Data Value", "at": LATER, "field": "phone", "old": None, "source": "Tandem"}.items() < (
        last.items()
    )
