"""The generated organisation is the same for the same seed, whole, and holds every kind of row a sync can trip over."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tandem.sandbox.data.generate import BATCH_ROWS, HISTORY_END, generate
from tandem.sandbox.data.shape import CROWDS, LONGEST_LIST, Fate, Shape
from tandem.sandbox.data.staff import Row
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TABLES, TEXTUAL
from tandem.sandbox.writing.values import accept

SEED = 7
# Plain ids, as a membership and a campaign's item have them.
REFERRED = {"teamid": "team", "systemuserid": "systemuser", "campaignid": "campaign", "entityid": "list"}
Tables = dict[str, list[Row]]


def gather(people: int, seed: int = SEED) -> Tables:
    """All rows by table."""
    tables: Tables = {}
    for table, rows in generate(people, seed):
        tables.setdefault(table, []).extend(rows)
    return tables


@pytest.fixture(scope="module")
def small() -> Tables:
    """An organisation of 3,000 people."""
    return gather(3_000)


@pytest.fixture(scope="module")
def crowded() -> Tables:
    """An organisation of 10,000 people, the smallest with crowds."""
    return gather(10_000)


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    """An empty organisation."""
    organisation = Organisation()
    yield organisation
    organisation.close()


def by_id(tables: Tables, table: str) -> dict[object, Row]:
    return {row[TABLES[table].primary_id]: row for row in tables[table]}


def test_the_same_seed_gives_the_same_bytes() -> None:
    """The data is a function of people, seed and end of history, to the last byte."""
    first, again, other = (
        hashlib.sha256(repr(list(generate(500, seed))).encode()).hexdigest() for seed in (SEED, SEED, SEED + 1)
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("people", "leads", "contacts", "accounts"),
    [
        pytest.param(0, 0, 0, 0, id="nobody"),
        pytest.param(1, 1, 0, 0, id="one lead"),
        pytest.param(2_000, 1_200, 800, 100, id="three leads to two contacts"),
        pytest.param(9_999, 6_000, 3_999, 499, id="just below the crowds"),
        pytest.param(10_000, 6_000, 18_001, 500, id="crowds first while the contacts are too few for them"),
        pytest.param(45_003, 27_002, 18_001, 2_250, id="enough contacts for both"),
        pytest.param(100_000, 60_000, 40_000, 5_000, id="a large organisation"),
    ],
)
def test_people_are_three_leads_to_two_contacts(people: int, leads: int, contacts: int, accounts: int) -> None:
    """Leads and contacts are 60/40 and accounts a twentieth of the people."""
    shape = Shape.of(people)

    assert (shape.leads, shape.contacts, shape.accounts) == (leads, contacts, accounts)


def test_rows_are_as_many_as_the_shape_says(small: Tables) -> None:
    """No row is lost on the way from the shape to the batches."""
    counts = [len(small[table]) for table in ("lead", "contact", "account", "opportunity")]

    assert counts == [1_800, 1_200, 150, 600]


def test_a4_three_accounts_have_exactly_5000_5001_and_6000_contacts(crowded: Tables) -> None:
    """The accounts around the limit of rule A4 are exact, and nobody in them is merged away."""
    contacts = Counter(
        row["parentcustomerid"] for row in crowded["contact"] if row["parentcustomerid_type"] == "account"
    )
    crowds = {account for account, count in contacts.items() if count >= min(CROWDS)}
    merged = [row for row in crowded["contact"] if row["merged"] and row["parentcustomerid"] in crowds]

    assert sorted(contacts[account] for account in crowds) == sorted(CROWDS)
    assert merged == []


def test_batches_are_small_and_in_dependency_order() -> None:
    """A batch has at most 5,000 rows, and a table begins after the tables it cannot do without."""
    batches = [(table, len(rows)) for table, rows in generate(10_000, SEED)]

    assert max(count for _, count in batches) == BATCH_ROWS
    assert list(dict.fromkeys(table for table, _ in batches)) == [
        "transactioncurrency",
        "businessunit",
        "systemuser",
        "team",
        "teammembership",
        "account",
        "lead",
        "contact",
        "opportunity",
        "connectionrole",
        "connection",
        "relationshiprole",
        "customeropportunityrole",
        "campaign",
        "list",
        "listmember",
        "campaignitem",
        "task",
        "campaignresponse",
        "activityparty",
    ]


@pytest.mark.parametrize("people", [0, 1, 25, 3_000])
def test_every_row_is_one_the_web_api_would_take(people: int) -> None:
    """Columns exist, values fit them, ids are unique and every reference leads to a row."""
    tables = gather(people)
    ids = {table: {row[TABLES[table].primary_id] for row in rows} for table, rows in tables.items()}
    faults = []
    for table, rows in tables.items():
        definition = TABLES[table]
        if len(ids[table]) != len(rows):
            faults.append(f"{table}: ids are not unique")
        if len({tuple(row) for row in rows}) > 1:
            faults.append(f"{table}: rows differ in their columns")
        for row in rows:
            for name, value in row.items():
                if name.endswith("_type") or value is None:
                    continue
                column = definition.columns[name]
                if column.derived is not None:
                    faults.append(f"{table}.{name} is computed by the organisation")
                elif column.is_lookup:
                    target = row[f"{name}_type"] if column.polymorphic else column.targets[0]
                    if target not in column.targets or value not in ids[str(target)]:
                        faults.append(f"{table}.{name} leads nowhere")
                elif accept(definition, column, value) != value:
                    faults.append(f"{table}.{name} is stored as another value")
                elif name in REFERRED and value not in ids[REFERRED[name]]:
                    faults.append(f"{table}.{name} leads nowhere")

    assert faults == []


def test_states_and_status_reasons_agree(small: Tables) -> None:
    """Every status reason belongs to its row's state."""
    pairs = {
        (table, row["statecode"], TABLES[table].columns["statuscode"].option(int(str(row["statuscode"]))).state)  # type: ignore[union-attr]
        for table, rows in small.items()
        for row in rows
        if "statecode" in row
    }

    assert [pair for pair in pairs if pair[1] != pair[2]] == []


def test_times_are_between_2019_and_the_end(small: Tables) -> None:
    """Nothing was made before 2019, changed before it was made, or changed after the end of history."""
    end = f"{HISTORY_END:%Y-%m-%dT%H:%M:%SZ}"
    stamps = [
        (str(row["createdon"]), str(row["modifiedon"])) for rows in small.values() for row in rows if "createdon" in row
    ]

    assert [stamp for stamp in stamps if not "2019-01-01T00:00:00Z" <= stamp[0] <= stamp[1] <= end] == []


def test_an_earlier_end_of_history_is_kept() -> None:
    """All moments of the rows lie before the end that is asked for."""
    end = datetime(2020, 1, 1, tzinfo=UTC)
    latest = max(
        str(row["modifiedon"]) for _, rows in generate(200, SEED, now=end) for row in rows if "modifiedon" in row
    )

    assert latest <= "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("people", "now"),
    [
        pytest.param(-1, HISTORY_END, id="fewer than no people"),
        pytest.param(10, datetime(2018, 12, 31, tzinfo=UTC), id="history that ends before it begins"),
    ],
)
def test_impossible_organisations_are_refused(people: int, now: datetime) -> None:
    """A number or a time that makes no sense is an error, not an empty organisation."""
    with pytest.raises(ValueError):
        next(generate(people, SEED, now=now))


def has_script(row: Row, name: str) -> bool:
    return any(unicodedata.name(letter, "").startswith(name) for letter in str(row["lastname"]))


KINDS: list[tuple[str, str, Callable[[Row], bool]]] = [
    ("a lead without e-mail", "lead", lambda row: row["emailaddress1"] is None),
    ("a lead without first name", "lead", lambda row: row["firstname"] is None),
    ("a lead without address", "lead", lambda row: row["address1_city"] is None),
    ("a lead without company", "lead", lambda row: row["companyname"] is None),
    ("a cyrillic name", "lead", lambda row: has_script(row, "CYRILLIC")),
    ("an arabic name", "lead", lambda row: has_script(row, "ARABIC")),
    ("a chinese name", "lead", lambda row: has_script(row, "CJK")),
    ("a name with a combining mark", "lead", lambda row: any(map(unicodedata.combining, str(row["lastname"])))),
    ("a name with an apostrophe", "lead", lambda row: "'" in str(row["lastname"])),
    (
        "a name outside the basic plane",
        "lead",
        lambda row: any(ord(letter) > 0xFFFF for letter in str(row["lastname"])),
    ),
    ("a text at its column's limit", "lead", lambda row: len(str(row["subject"])) == 300),
    ("an e-mail at its column's limit", "lead", lambda row: len(str(row["emailaddress1"])) == 100),
    ("an open lead", "lead", lambda row: row["statecode"] == 0),
    ("a disqualified lead", "lead", lambda row: row["statecode"] == 2 and not row["merged"]),
    (
        "a lead qualified into a contact",
        "lead",
        lambda row: row["statuscode"] == 3 and row["parentcontactid"] is not None,
    ),
    ("a lead qualified into no contact", "lead", lambda row: row["statuscode"] == 3 and row["parentcontactid"] is None),
    ("a merged lead", "lead", lambda row: row["merged"] is True and row["masterid"] is not None),
    ("a lead owned by a team", "lead", lambda row: row["ownerid_type"] == "team"),
    ("a contact from a lead", "contact", lambda row: row["originatingleadid"] is not None),
    ("a contact of an account", "contact", lambda row: row["parentcustomerid_type"] == "account"),
    ("a contact under a contact", "contact", lambda row: row["parentcustomerid_type"] == "contact"),
    ("a contact under nobody", "contact", lambda row: row["parentcustomerid"] is None),
    ("an inactive contact", "contact", lambda row: row["statecode"] == 1 and not row["merged"]),
    ("a merged contact", "contact", lambda row: row["merged"] is True and row["statecode"] == 1),
    ("a contact who opted out", "contact", lambda row: row["donotbulkemail"] is True),
    ("an inactive account", "account", lambda row: row["statecode"] == 1 and not row["merged"]),
    ("a merged account", "account", lambda row: row["merged"] is True),
    ("a sub-account", "account", lambda row: row["parentaccountid"] is not None),
    ("an account in a foreign currency", "account", lambda row: row["transactioncurrencyid"] is not None),
    ("a won opportunity", "opportunity", lambda row: row["statecode"] == 1 and row["actualvalue"] is not None),
    ("a lost opportunity", "opportunity", lambda row: row["statecode"] == 2 and row["actualvalue"] is None),
    ("an open opportunity", "opportunity", lambda row: row["statecode"] == 0 and row["actualclosedate"] is None),
    ("an opportunity of an account", "opportunity", lambda row: row["customerid_type"] == "account"),
    ("an opportunity of a contact", "opportunity", lambda row: row["customerid_type"] == "contact"),
    ("an opportunity of nobody", "opportunity", lambda row: row["customerid"] is None),
    ("an opportunity from a lead", "opportunity", lambda row: row["originatingleadid"] is not None),
    ("a disabled user", "systemuser", lambda row: row["isdisabled"] is True),
    ("a user without e-mail", "systemuser", lambda row: row["internalemailaddress"] is None),
    ("an access team", "team", lambda row: row["teamtype"] == 1),
    ("a default team", "team", lambda row: row["isdefault"] is True),
    ("a campaign with status zero", "campaign", lambda row: row["statuscode"] == 0),
    ("an inactive campaign", "campaign", lambda row: row["statecode"] == 1),
    ("a lead from a campaign", "lead", lambda row: row["campaignid"] is not None),
    ("a list of accounts", "list", lambda row: row["createdfromcode"] == 1),
    ("a list of leads", "list", lambda row: row["createdfromcode"] == 4),
    ("a dynamic list", "list", lambda row: row["type"] is True and row["query"] is not None),
    ("a locked list", "list", lambda row: row["lockstatus"] is True),
    ("an inactive list", "list", lambda row: (row["statecode"], row["statuscode"]) == (1, 1)),
    ("a contact on a list", "listmember", lambda row: row["entityid_type"] == "contact"),
    ("a lead on a list", "listmember", lambda row: row["entityid_type"] == "lead"),
    ("an account on a list", "listmember", lambda row: row["entityid_type"] == "account"),
    ("a completed task", "task", lambda row: (row["statecode"], row["statuscode"]) == (1, 5)),
    ("a task about a lead", "task", lambda row: row["regardingobjectid_type"] == "lead"),
    ("a task about a campaign", "task", lambda row: row["regardingobjectid_type"] == "campaign"),
    ("a task about nothing", "task", lambda row: row["regardingobjectid"] is None),
    ("a closed campaign response", "campaignresponse", lambda row: row["statecode"] == 1),
    ("a customer of a response", "activityparty", lambda row: row["participationtypemask"] == 11),
    ("a connection between two contacts", "connection", lambda row: row["record1id_type"] == row["record2id_type"]),
]


@pytest.mark.parametrize(("table", "is_one"), [pytest.param(*kind[1:], id=kind[0]) for kind in KINDS])
def test_there_is(small: Tables, table: str, is_one: Callable[[Row], bool]) -> None:
    """An organisation of a few thousand people holds at least one of every kind."""
    assert any(is_one(row) for row in small[table])


def test_p11_a_contact_is_the_same_human_as_the_lead_it_came_from(small: Tables) -> None:
    """A qualified lead and its contact share name and e-mail, and the contact is not older than the lead."""
    leads = by_id(small, "lead")
    pairs = [(leads[row["originatingleadid"]], row) for row in small["contact"] if row["originatingleadid"] is not None]
    ordinary = [
        (lead, contact) for lead, contact in pairs if len(str(contact["lastname"])) < 50 > len(str(lead["lastname"]))
    ]
    same = ("firstname", "lastname", "emailaddress1", "address1_line1")

    assert len(ordinary) > 100
    assert [lead for lead, contact in ordinary if any(lead[name] != contact[name] for name in same)] == []
    assert [lead for lead, contact in pairs if str(lead["createdon"]) > str(contact["createdon"])] == []


def test_p11_some_leads_were_qualified_into_a_contact_that_was_there(small: Tables) -> None:
    """Their contact names no originating lead; others were reopened and qualified into two contacts."""
    contacts = by_id(small, "contact")
    into_existing = [
        row
        for row in small["lead"]
        if row["parentcontactid"] is not None and contacts[row["parentcontactid"]]["originatingleadid"] is None
    ]
    origins = Counter(row["originatingleadid"] for row in small["contact"] if row["originatingleadid"] is not None)

    assert len(into_existing) > 5
    assert {row["statuscode"] for row in into_existing} == {3}
    assert max(origins.values()) == 2


def test_a_lead_and_its_opportunity_name_each_other(small: Tables) -> None:
    """What QualifyLead writes on both ends is on both ends (reference 8.11)."""
    forth = {(row["leadid"], row["qualifyingopportunityid"]) for row in small["lead"]}
    back = {(row["originatingleadid"], row["opportunityid"]) for row in small["opportunity"]}

    assert {pair for pair in forth if pair[1] is not None} == {pair for pair in back if pair[0] is not None}


def test_p12_some_contacts_were_merged_twice(small: Tables) -> None:
    """A merged record's master can itself be merged; the chain ends at a record that is not."""
    contacts = by_id(small, "contact")
    merged = [row for row in small["contact"] if row["merged"]]
    chained = [row for row in merged if contacts[row["masterid"]]["merged"]]

    assert chained != []
    assert [row for row in chained if contacts[contacts[row["masterid"]]["masterid"]]["merged"]] == []


def test_p18_some_humans_are_a_lead_and_a_contact_without_qualification() -> None:
    """The lead is open and shares its human with a contact that names no lead."""
    shape = Shape.of(3_000)
    doubles = [
        (contact, lead)
        for contact in range(shape.contacts)
        if (lead := shape.contact_namesake(contact)) is not None and shape.lead_fate(lead) is Fate.OPEN
    ]

    assert len(doubles) > 10
    assert {shape.contact_origin(contact) for contact, _ in doubles} == {None}
    assert [pair for pair in doubles if shape.contact_human(pair[0]) != shape.lead_human(pair[1])] == []


def test_shared_addresses_are_shared(small: Tables) -> None:
    """Several contacts of one company use one e-mail address."""
    addresses = Counter(
        row["emailaddress1"] for row in small["contact"] if str(row["emailaddress1"]).startswith("info@")
    )

    assert max(addresses.values()) >= 2


def test_o2_connections_come_in_twins(small: Tables) -> None:
    """Each row's twin names it back with the ends swapped, and exactly one of the two is the master."""
    connections = by_id(small, "connection")
    odd = [
        row
        for row in small["connection"]
        if (twin := connections[row["relatedconnectionid"]])["relatedconnectionid"] != row["connectionid"]
        or (twin["record1id"], twin["record2id"]) != (row["record2id"], row["record1id"])
        or twin["ismaster"] == row["ismaster"]
    ]

    assert odd == []


def test_nobody_works_for_or_buys_through_a_record_that_was_merged_away(small: Tables) -> None:
    """A merge moved what pointed at the loser to the winner (reference 8.13)."""
    merged = {row["accountid"] for row in small["account"] if row["merged"]}
    merged |= {row["contactid"] for row in small["contact"] if row["merged"]}
    merged |= {row["leadid"] for row in small["lead"] if row["merged"]}
    pointing = [
        row
        for table, column in (
            ("contact", "parentcustomerid"),
            ("opportunity", "customerid"),
            ("account", "parentaccountid"),
            ("listmember", "entityid"),
            ("task", "regardingobjectid"),
            ("activityparty", "partyid"),
            ("customeropportunityrole", "customerid"),
        )
        for row in small[table]
        if row[column] in merged
    ]

    assert pointing == []


def test_lists_are_static_with_members_or_dynamic_without(small: Tables) -> None:
    """Members are of their list's kind, each once; lists have up to some hundreds of them, one has none."""
    codes = {"account": 1, "contact": 2, "lead": 4}
    lists = by_id(small, "list")
    sizes = Counter(row["listid"] for row in small["listmember"])
    pairs = Counter((row["listid"], row["entityid"]) for row in small["listmember"])
    odd = [
        row
        for row in small["listmember"]
        if lists[row["listid"]]["type"] or lists[row["listid"]]["createdfromcode"] != codes[str(row["entityid_type"])]
    ]

    assert odd == []
    assert max(pairs.values()) == 1
    assert 100 < max(sizes.values()) <= LONGEST_LIST
    assert [row for row in small["list"] if not row["type"] and not sizes[row["listid"]]] != []


def test_what_is_beside_the_people_stays_small() -> None:
    """A dozen campaigns for a thousand people, and no more than some ten thousand rows of a kind for a million."""
    thousand, million = Shape.of(1_000), Shape.of(1_000_000)

    assert (thousand.campaigns, thousand.lists, thousand.tasks) == (12, 10, 250)
    assert max(million.campaigns, million.lists * LONGEST_LIST, million.tasks, million.responses) <= 40_000


def test_texts_are_filled_to_the_limit_of_every_column(small: Tables) -> None:
    """One row in 250 has every text exactly as long as its column allows, in UTF-16 units."""
    full = small["lead"][249]
    lengths = {
        name: len(str(full[name]).encode("utf-16-le")) // 2
        for name in full
        if name in TABLES["lead"].columns and TABLES["lead"].columns[name].type in TEXTUAL
    }

    assert lengths == {name: TABLES["lead"].columns[name].max_length for name in lengths}


def test_the_organisation_takes_all_of_it(organisation: Organisation) -> None:
    """Every batch loads, and what is read back is what was generated."""
    tables = gather(300)
    stored = {table: organisation.load(table, rows) for table, rows in tables.items()}
    account = next(row for row in tables["account"] if row["revenue"] is not None)
    read = organisation.get("account", str(account["accountid"]))

    assert stored == {table: len(rows) for table, rows in tables.items()}
    assert read is not None
    assert {name: read[name] for name in account if account[name] is not None} == {
        name: value for name, value in account.items() if value is not None
    }
    assert isinstance(read["revenue"], Decimal)
