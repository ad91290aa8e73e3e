"""Change tracking, rule by rule of reference section 4."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, grant

URL = "accounts?$select=name"
TRACKED = "odata.track-changes"


def account(number: int) -> str:
    return str(UUID(int=number + 1))


@pytest.fixture
def accounts(organisation: Organisation) -> Organisation:
    """Ten accounts, the last one inactive."""
    organisation.load(
        "account",
        [{"accountid": account(n), "name": f"Account {n}", "statecode": int(n == 9)} for n in range(10)],
    )
    return organisation


def names(pages: list[Any]) -> list[str]:
    return [row["name"] for page in pages for row in page["value"] if "name" in row]


def deleted(pages: list[Any]) -> list[str]:
    return [row["id"] for page in pages for row in page["value"] if "reason" in row]


def start(reader: Any) -> str:
    """The delta link of a reading of everything."""
    return str(reader.page(URL, prefer=TRACKED)["@odata.deltaLink"])


def test_the_first_reading_is_the_whole_table_and_ends_with_a_delta_link(accounts, reader) -> None:
    """Inactive rows are in it, deletions are not, and only the last page has the deltaLink."""
    accounts.delete("account", account(0), actor=accounts.user_id)
    pages = reader.every_page(URL, prefer=f"{TRACKED},odata.maxpagesize=4")

    assert [f"Account {n}" for n in range(1, 10)] == names(pages)
    assert [False, False, True] == ["@odata.deltaLink" in page for page in pages]
    assert [True, True, False] == ["@odata.nextLink" in page for page in pages]
    assert [] == deleted(pages)


def test_the_preference_is_said_to_be_honoured(accounts, reader) -> None:
    """Preference-Applied names change tracking and the page size."""
    headers = reader.get(URL, prefer=f"{TRACKED},odata.maxpagesize=3").headers

    assert "odata.track-changes,odata.maxpagesize=3" == headers["Preference-Applied"]


def test_the_token_is_version_and_time(accounts, reader) -> None:
    """`<version>!<MM/dd/yyyy HH:mm:ss>`, percent-encoded in lower case (reference 4.2)."""
    accounts.clock = lambda: datetime(2025, 8, 22, 8, 10, 44, tzinfo=UTC)

    assert start(reader).endswith(f"$select=name&$deltatoken={accounts.version}%2108%2f22%2f2025%2008%3a10%3a44")


def test_later_pages_need_no_preference(accounts, reader) -> None:
    """The cookie knows that the reading is tracked."""
    first = reader.page(URL, prefer=f"{TRACKED},odata.maxpagesize=6")

    assert "@odata.deltaLink" in reader.page(first["@odata.nextLink"])


def test_a_delta_has_changed_rows_in_version_order_then_deletions(accounts, reader) -> None:
    """All selected columns come; created and updated rows look alike; deletions have the documented shape."""
    link, actor = start(reader), accounts.user_id
    accounts.delete("account", account(3), actor=actor)
    accounts.update("account", account(7), {"telephone1": "5"}, actor=actor)
    accounts.insert("account", account(20), {"name": "New"}, actor=actor)
    accounts.update("account", account(1), {"name": "Renamed"}, actor=actor)
    body = reader.page(link)

    assert ["Account 7", "New", "Renamed"] == names([body])
    assert body["@odata.context"].endswith("/$metadata#accounts(name)/$delta")
    assert {
        "@odata.context": "http://127.0.0.1:1234/api/data/v9.2/$metadata#accounts/$deletedEntity",
        "id": account(3),
        "reason": "deleted",
    } == body["value"][-1]


def test_nothing_new_is_an_empty_delta_with_a_new_link(accounts, reader) -> None:
    """Position and time move on, which renews the token."""
    accounts.clock = lambda: datetime(2025, 1, 1, tzinfo=UTC)
    link = start(reader)
    accounts.clock = lambda: datetime(2025, 1, 5, tzinfo=UTC)
    body = reader.page(link)

    assert [] == body["value"]
    assert "2025%2000%3a00%3a00" in body["@odata.deltaLink"]
    assert link != body["@odata.deltaLink"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_deltas_page_through_rows_and_deletions(accounts, reader, size: int) -> None:
    """Whatever the page size, every change comes once, deletions after all rows, the deltaLink on the last page."""
    link, actor = start(reader), accounts.user_id
    for number in (2, 5, 8):
        accounts.update("account", account(number), {"fax": "1"}, actor=actor)
    for number in (0, 4):
        accounts.delete("account", account(number), actor=actor)
    pages = reader.every_page(link, prefer=f"odata.maxpagesize={size}")
    shapes = ["reason" in row for page in pages for row in page["value"]]

    assert ["Account 2", "Account 5", "Account 8"] == names(pages)
    assert [account(0), account(4)] == deleted(pages)
    assert [False, False, False, True, True] == shapes
    assert ["@odata.deltaLink" in page for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(len(page["value"]) <= size for page in pages)


def test_the_position_is_fixed_when_the_reading_begins(accounts, reader) -> None:
    """What changes while the pages are fetched comes in the next delta, even if its row was already shown."""
    first = reader.page(URL, prefer=f"{TRACKED},odata.maxpagesize=5")
    accounts.update("account", account(0), {"name": "Seen, then changed"}, actor=accounts.user_id)
    accounts.delete("account", account(1), actor=accounts.user_id)
    (last,) = reader.every_page(first["@odata.nextLink"])
    delta = reader.page(last["@odata.deltaLink"])

    assert ["Seen, then changed"] == names([delta])
    assert [account(1)] == deleted([delta])


def test_a_delta_link_can_be_replayed(accounts, reader) -> None:
    """An old link gives everything since then again (reference 4.3)."""
    link = start(reader)
    accounts.update("account", account(0), {"name": "One"}, actor=accounts.user_id)
    reader.page(link)
    accounts.update("account", account(1), {"name": "Two"}, actor=accounts.user_id)

    assert ["One", "Two"] == names([reader.page(link)])


def test_a_row_created_and_deleted_between_readings_is_a_deletion(accounts, reader) -> None:
    """It appears as the deletion of an id never seen (reference 4.3)."""
    link = start(reader)
    accounts.insert("account", account(30), {"name": "Short"}, actor=accounts.user_id)
    accounts.delete("account", account(30), actor=accounts.user_id)

    assert [account(30)] == deleted([reader.page(link)])


def test_a_row_deleted_and_made_again_is_a_change(accounts, reader) -> None:
    """The row is there, so it is not reported as gone."""
    link = start(reader)
    accounts.delete("account", account(0), actor=accounts.user_id)
    accounts.insert("account", account(0), {"name": "Back"}, actor=accounts.user_id)
    body = reader.page(link)

    assert (["Back"], []) == (names([body]), deleted([body]))


def test_the_number_of_changes_can_be_asked_for(accounts, reader) -> None:
    """`/$count?$deltatoken=` counts rows and deletions (reference 4.4)."""
    token = start(reader).partition("$deltatoken=")[2]
    accounts.update("account", account(0), {"name": "One"}, actor=accounts.user_id)
    accounts.delete("account", account(1), actor=accounts.user_id)

    assert b"2" == reader.get(f"accounts/$count?$deltatoken={token}").body


@pytest.mark.parametrize("option", ["$filter=statecode eq 0", "$orderby=name", "$expand=ownerid", "$top=1"])
def test_forbidden_options_are_refused(accounts, reader, option: str) -> None:
    """Change tracking knows `$select` only (reference 4.4)."""
    link = start(reader)

    assert (400, "0x80060888") == reader.refusal(f"{URL}&{option}", prefer=TRACKED)
    assert (400, "0x80060888") == reader.refusal(f"{link}&{option}")


def test_an_unknown_column_fails_the_delta(accounts, reader) -> None:
    """The `$select` in the link is checked each time."""
    link = start(reader).replace("name", "nmae")

    assert (400, "0x80060888") == reader.refusal(link)


@pytest.mark.parametrize(
    ("age", "expired"),
    [(timedelta(days=7), False), (timedelta(days=7, seconds=1), True)],
    ids=["seven days old", "a second more"],
)
def test_tokens_expire(accounts, reader, age: timedelta, expired: bool) -> None:
    """After `expirechangetrackingindays` the token is worth nothing (reference 4.6)."""
    given = datetime(2025, 1, 1, tzinfo=UTC)
    accounts.clock = lambda: given
    link = start(reader)
    accounts.clock = lambda: given + age

    assert ((400, "0x80044352") == reader.refusal(link)) if expired else ([] == reader.page(link)["value"])


def test_the_place_of_an_ordinary_reading_is_none_of_a_tracked_one(accounts, reader) -> None:
    """Its delta link would not tell of what changed since the first page."""
    link = reader.page(URL, prefer="odata.maxpagesize=4")["@odata.nextLink"]

    assert (400, "0x8004112A") == reader.refusal(link, prefer=TRACKED)


def test_a_damaged_token_is_refused(accounts, reader) -> None:
    """A token is opaque, but not anything."""
    assert (400, "0x80060888") == reader.refusal(f"{URL}&$deltatoken=12")


def test_organisation_wide_read_is_needed(accounts, reader) -> None:
    """Read of the business unit is enough for a query, not for change tracking (reference 4.1)."""
    with accounts.transaction():
        grant(accounts.connection, accounts.user_id, "prvReadAccount", Depth.DEEP)

    assert 10 == len(reader.page(URL)["value"])
    assert (403, "0x80040220") == reader.refusal(URL, prefer=TRACKED)


def test_a_table_that_is_not_tracked_is_refused(accounts, reader) -> None:
    """The codes of an ordinary table and of an intersect table (reference 4.1)."""
    accounts.set_change_tracking("account", enabled=False)

    assert (400, "0x80072491") == reader.refusal(URL, prefer=TRACKED)
    assert (400, "0x80072492") == reader.refusal("teammemberships?$select=teamid", prefer=TRACKED)


@pytest.mark.parametrize("seed", range(20_250_304, 20_250_308))
def test_a_follower_of_deltas_has_what_the_organisation_has(organisation, reader, seed: int) -> None:
    """Random writes between and within readings never leave a copy that differs once it has caught up."""
    chance = random.Random(seed)
    actor = organisation.user_id
    copy: dict[str, str] = {}

    def write() -> None:
        row_id = account(chance.randrange(15))
        if not organisation.exists("account", row_id):
            organisation.insert("account", row_id, {"name": str(chance.random())}, actor=actor)
        elif chance.random() < 0.4:
            organisation.delete("account", row_id, actor=actor)
        else:
            organisation.update("account", row_id, {"name": str(chance.random())}, actor=actor)

    def read(url: str, writes: int) -> str:
        while True:
            page = reader.page(url, prefer=f"{TRACKED},odata.maxpagesize={chance.randrange(1, 6)}")
            for row in page["value"]:
                if "reason" in row:
                    copy.pop(row["id"], None)
                else:
                    copy[row["accountid"]] = row["name"]
            if "@odata.deltaLink" in page:
                return str(page["@odata.deltaLink"])
            url = page["@odata.nextLink"]
            for _ in range(writes):
                write()

    for _ in range(10):
        write()
    link = read(URL, writes=2)
    for _ in range(30):
        for _ in range(chance.randrange(6)):
            write()
        link = read(link, writes=chance.randrange(3))
    read(link, writes=0)
    truth = {
        row_id: str((organisation.get("account", row_id) or {})["name"])
        for row_id in map(account, range(15))
        if organisation.exists("account", row_id)
    }

    assert truth == copy
