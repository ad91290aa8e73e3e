"""Sales people, teams, opportunities and roles: the contract of `Mirrors`, on both databases."""

import json
from decimal import Decimal

import pytest

from tandem.database.port import Database
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import Campaign, PutOpportunity, Role
from tandem.model.ids import PersonId

AT, LATER = "2025-01-02T03:04:05Z", "2025-02-03T04:05:06Z"
ANN, BOB = PersonId(1), PersonId(2)


def deal(name: str = "deal", version: int = 5, **values: object) -> PutOpportunity:
    """An open opportunity without anything."""
    empty = PutOpportunity(name, version, None, None, None, None, None, None, 0, 0, "{}")
    return empty._replace(**values)  # type: ignore[arg-type]


def exported(marketing: MarketingDatabase, entity: str) -> list[dict[str, object]]:
    """What is exported of an entity."""
    return list(marketing.export(entity))


def roles(marketing: MarketingDatabase) -> list[tuple[object, ...]]:
    """The roles as people see them."""
    return [tuple(each.values()) for each in marketing.export("opportunityrole")]


# Owners -------------------------------------------------------------------------------------------------------------

OWNERS = ("a-user", "b-user", "c-team")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A-USER", ["a-user"]),
        ("Ann@X", ["a-user"]),
        ("ann east", ["a-user"]),
        ("North", ["b-user", "c-team"]),
        ("", []),
    ],
    ids=["an id", "an e-mail", "a full name", "a user and a team of one name", "nothing"],
)
def test_owners_are_found_whole_ignoring_case(
    database: Database, marketing: MarketingDatabase, text: str, found: list[str]
) -> None:
    """Never by a part; those that are gone are told as such."""
    ann, bob, north = OWNERS
    with database.transaction():
        page = [
            (ann, 1, 1, "ann@x", '{"firstName":"Ann","lastName":"East"}'),
            (bob, 1, 0, None, '{"lastName":"North"}'),
        ]
        marketing.mirrors.put_sales_people(page, at=AT)
        marketing.mirrors.put_teams([(north, 1, '{"name":"North"}')], at=AT)

    owners = marketing.mirrors.find_owners(text)

    assert found == [each.id for each in owners]
    assert [each.id == north for each in owners] == [each.is_team for each in owners]
    assert [each.id == ann for each in owners] == [each.is_gone for each in owners]


# Staff --------------------------------------------------------------------------------------------------------------


def test_U1_a_disabled_sales_person_stays_marked(database: Database, marketing: MarketingDatabase) -> None:
    """One whose row says so, and one that is gone; the values stay."""
    with database.transaction():
        page = [("ann", 1, 0, "ann@x", '{"fullName":"Ann"}'), ("bob", 1, 1, None, "{}"), ("cy", 1, 0, None, "{}")]
        marketing.mirrors.put_sales_people(page, at=AT)
        marketing.mirrors.disable_sales_people(["cy", "unknown"], at=LATER)

    assert [
        {"externalSalesPersonId": "ann", "isDisabled": False, "updatedAt": AT, "fullName": "Ann"},
        {"externalSalesPersonId": "bob", "isDisabled": True, "updatedAt": AT},
        {"externalSalesPersonId": "cy", "isDisabled": True, "updatedAt": LATER},
    ] == exported(marketing, "salesperson")


def test_U1_a_deleted_team_stays_marked_and_may_come_back(database: Database, marketing: MarketingDatabase) -> None:
    """It is counted as deleted meanwhile, and not expected in Dynamics."""
    with database.transaction():
        marketing.mirrors.put_teams([("north", 1, '{"name":"North"}'), ("south", 1, "{}")], at=AT)
        marketing.mirrors.delete_teams(["north"], at=LATER)
    deleted, counts, ids = exported(marketing, "team"), marketing.counts()["team"], list(marketing.mirrors.ids("team"))
    with database.transaction():
        marketing.mirrors.put_teams([("north", 2, "{}")], at=LATER)

    north = {"microsoftTeamId": "north", "isDeleted": True, "updatedAt": LATER, "name": "North"}
    assert north == deleted[0]
    assert ((2, 1), ["south"]) == (counts, ids)
    assert (2, 0) == marketing.counts()["team"]


def test_D3_names_of_owners_are_looked_up_by_the_page(database: Database, marketing: MarketingDatabase) -> None:
    """As the values that are stored; one that is unknown is absent."""
    with database.transaction():
        marketing.mirrors.put_sales_people([("ann", 1, 0, None, "{}"), ("bob", 1, 0, None, "{}")], at=AT)
        marketing.mirrors.put_teams([("north", 1, '{"name":"Łódź"}')], at=AT)

    assert {"ann": "{}"} == marketing.mirrors.fields("salesperson", ["ann", "unknown"])
    names = {each: json.loads(text) for each, text in marketing.mirrors.fields("team", ["north", "ann"]).items()}
    assert {"north": {"name": "Łódź"}} == names


def test_U1_memberships_come_and_go(database: Database, marketing: MarketingDatabase) -> None:
    """One that moved to another team is one."""
    with database.transaction():
        marketing.mirrors.put_team_members([("m1", 1, "north", "ann"), ("m2", 1, "north", "bob")])
        marketing.mirrors.put_team_members([("m1", 2, "south", "ann")])
        marketing.mirrors.delete_team_members(["m2", "unknown"])

    expected = {"microsoftTeamMembershipId": "m1", "microsoftTeamId": "south", "externalSalesPersonId": "ann"}
    assert [expected] == exported(marketing, "teammember")


# Opportunities ------------------------------------------------------------------------------------------------------


def test_O1_an_opportunity_is_stored_as_given(database: Database, marketing: MarketingDatabase) -> None:
    """An amount is exact; what is not there is null."""
    full = deal("full", 1, external_company_id="acme", external_sales_person_id="ann", amount="12345678901234.5600",
                currency_id="eur", is_closed=1, is_won=1, fields='{"name":"Łódź"}')  # fmt: skip
    with database.transaction():
        marketing.mirrors.put_opportunities([full, deal("less", 1, team_id="north")], new=True, at=AT)

    found = exported(marketing, "opportunity")
    assert {
        "externalOpportunityId": "full", "externalCompanyId": "acme", "externalSalesPersonId": "ann",
        "microsoftTeamId": None, "amount": Decimal("12345678901234.5600"), "microsoftCurrencyId": "eur",
        "isClosed": True, "isWon": True, "isExcluded": False, "updatedAt": AT, "name": "Łódź",
    } == found[0]  # fmt: skip
    assert "12345678901234.5600" == str(found[0]["amount"])
    assert (None, "north", None, False) == tuple(
        found[1][name] for name in ("externalCompanyId", "microsoftTeamId", "amount", "isWon")
    )


@pytest.mark.parametrize(("version", "taken"), [(6, True), (5, True), (4, False)], ids=["newer", "the same", "older"])
def test_an_older_version_of_a_mirror_changes_nothing(
    database: Database, marketing: MarketingDatabase, version: int, taken: bool
) -> None:
    """A page that comes twice, or late, turns nothing back."""
    mirrors, names = marketing.mirrors, ("opportunity", "salesperson", "team", "teammember")
    for each, text in ((5, '{"name":"old"}'), (version, '{"name":"new"}')):
        with database.transaction():
            mirrors.put_opportunities([deal("x", each, fields=text)], new=False, at=AT)
            mirrors.put_sales_people([("x", each, 0, None, text)], at=AT)
            mirrors.put_teams([("x", each, text)], at=AT)
            mirrors.put_team_members([("x", each, json.loads(text)["name"], "ann")])

    assert [{"x": max(5, version)}] * 4 == [mirrors.versions(name, ["x", "unknown"]) for name in names]
    stored = [exported(marketing, name)[0].get("name") for name in names[:3]]
    stored.append(exported(marketing, "teammember")[0]["microsoftTeamId"])
    assert ["new" if taken else "old"] * 4 == stored


def test_O3_a_deleted_opportunity_is_gone_with_its_roles(database: Database, marketing: MarketingDatabase) -> None:
    """The others stay."""
    with database.transaction():
        marketing.mirrors.put_opportunities([deal("gone"), deal("kept")], new=True, at=AT)
        marketing.mirrors.put_roles([Role(each, ANN, "Buyer", "primary", 1) for each in ("gone", "kept")])
        marketing.mirrors.delete_opportunities(["gone", "unknown"])

    assert ["kept"] == list(marketing.mirrors.ids("opportunity"))
    assert [("kept", ANN, "Buyer", True)] == roles(marketing)
    assert ((1, 0), (1, 0)) == (marketing.counts()["opportunity"], marketing.counts()["opportunityrole"])


def test_D8_a_parked_opportunity_stays(database: Database, marketing: MarketingDatabase) -> None:
    """Its values and version are as they were, until a row brings it back."""
    with database.transaction():
        marketing.mirrors.put_opportunities([deal(is_won=1, is_closed=1)], new=True, at=AT)
        marketing.mirrors.park_opportunities(["deal"])

    assert {"deal": 5} == marketing.mirrors.versions("opportunity", ["deal"])
    assert [True] == [each["isWon"] for each in marketing.export("opportunity")]


def test_O1_the_company_of_a_customers_opportunity_follows_the_person(
    database: Database, marketing: MarketingDatabase
) -> None:
    """And is cleared with it; opportunities of an account stay where they are."""
    with database.transaction():
        page = [deal("hers", customer_person_id=ANN), deal("theirs", external_company_id="acme")]
        marketing.mirrors.put_opportunities(page, new=True, at=AT)
        marketing.mirrors.move_customer(ANN, "new")
    moved = [each["externalCompanyId"] for each in marketing.export("opportunity")]
    with database.transaction():
        marketing.mirrors.move_customer(ANN, None)

    assert ["new", "acme"] == moved
    assert [None, "acme"] == [each["externalCompanyId"] for each in marketing.export("opportunity")]


# Roles --------------------------------------------------------------------------------------------------------------


def test_O2_the_same_person_and_role_counts_once(database: Database, marketing: MarketingDatabase) -> None:
    """However many records say so; primary if one of them does."""
    page = [
        Role("deal", ANN, "Buyer", "connection:1", 0),
        Role("deal", ANN, "Buyer", "connection:2", 0),
        Role("deal", ANN, "Buyer", "primary", 1),
        Role("deal", ANN, "Judge", "connection:3", 0),
        Role("deal", BOB, "Buyer", "connection:4", 0),
    ]
    with database.transaction():
        marketing.mirrors.put_roles(page)
        marketing.mirrors.put_roles(page)

    assert [("deal", ANN, "Buyer", True), ("deal", ANN, "Judge", False), ("deal", BOB, "Buyer", False)] == roles(
        marketing
    )
    assert (3, 0) == marketing.counts()["opportunityrole"]


def test_O2_a_role_stays_while_one_record_says_so(database: Database, marketing: MarketingDatabase) -> None:
    """Dropping one source of two leaves it, dropping the last removes it."""
    with database.transaction():
        marketing.mirrors.put_roles([Role("deal", ANN, "Buyer", f"connection:{each}", 0) for each in (1, 2)])
        marketing.mirrors.drop_roles(["connection:1"])
    after_one = roles(marketing)
    with database.transaction():
        marketing.mirrors.drop_roles(["connection:2", "connection:unknown"])

    assert [("deal", ANN, "Buyer", False)] == after_one
    assert [] == roles(marketing)


def test_O2_the_roles_of_a_row_go_without_those_of_connections(
    database: Database, marketing: MarketingDatabase
) -> None:
    """Primary contact and customer come from the opportunity's own row; other opportunities keep theirs."""
    with database.transaction():
        marketing.mirrors.put_roles(
            [
                Role("deal", ANN, "Primary Contact", "primary", 1),
                Role("deal", ANN, "Customer", "customer", 0),
                Role("deal", BOB, "Buyer", "connection:7", 0),
                Role("other", BOB, "Customer", "customer", 0),
            ]
        )
        marketing.mirrors.drop_row_roles(["deal"])

    assert [("deal", BOB, "Buyer", False), ("other", BOB, "Customer", False)] == roles(marketing)
    assert ["connection:7"] == list(marketing.mirrors.role_sources_of("connection:"))
    assert [] == list(marketing.mirrors.role_sources_of("customeropportunityrole:"))
    assert {"connection:7"} == marketing.mirrors.role_sources(["connection:7", "connection:8"])


# Campaigns ----------------------------------------------------------------------------------------------------------


def test_S6_campaigns_are_found_by_id_and_by_name(database: Database, marketing: MarketingDatabase) -> None:
    """Whatever the case; an older version changes nothing, one that is deleted is gone."""
    spring = Campaign("c-1", 2, "Spring", 1, "olivia", None, '{"name":"Spring"}')
    autumn = Campaign("c-2", 1, "Autumn", 0, None, "fairs", "{}")
    with database.transaction():
        marketing.mirrors.put_campaigns([spring, autumn], at=AT)
        marketing.mirrors.put_campaigns([spring._replace(version=1, name="Winter")], at=AT)

    found = marketing.mirrors
    assert [autumn, spring] == found.campaigns()
    assert ([spring], [spring], []) == tuple(map(found.find_campaigns, ("SPRING", "C-1", "Winter")))
    assert (["c-1", "c-2"], {"c-1": 2}) == (sorted(found.ids("campaign")), found.versions("campaign", ["c-1", "x"]))
    with database.transaction():
        marketing.mirrors.delete_campaigns(["c-1", "unknown"])
    assert ([autumn], (1, 0)) == (found.campaigns(), marketing.counts()["campaign"])
