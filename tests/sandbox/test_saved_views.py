"""Saved views: those an organisation ships with, one's own, and running them by their ids."""

from urllib.parse import quote

import pytest

from tandem.sandbox.store.organisation import Organisation

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
STRANGER = "dddddddd-0000-4000-8000-000000000001"
FETCH = (
    "<fetch><entity name='account'><attribute name='name'/>"
    "<filter><condition attribute='name' operator='begins-with' value='C'/></filter></entity></fetch>"
)


@pytest.fixture
def accounts(organisation: Organisation) -> Organisation:
    """Three accounts, one of them inactive, one of somebody else."""
    organisation.load("systemuser", [{"systemuserid": STRANGER, "fullname": "Stranger"}])
    organisation.load(
        "account",
        [
            {"accountid": ACCOUNT, "name": "Contoso"},
            {"accountid": f"{ACCOUNT[:-1]}2", "name": "Closed", "statecode": 1, "statuscode": 2},
            {"accountid": f"{ACCOUNT[:-1]}3", "name": "Other", "ownerid": STRANGER, "ownerid_type": "systemuser"},
        ],
    )
    return organisation


def names(reader, query: str) -> list[str]:
    return [row["name"] for row in reader.page(query)["value"]]


def test_every_table_with_states_has_views(accounts, reader) -> None:
    """Their rows say which table they are of and hold its FetchXML; one is the default. [k]"""
    query = "savedqueries?$select=name,savedqueryid,isdefault,querytype&$filter=returnedtypecode eq 'account'"
    views = reader.page(f"{query.replace(' ', '%20')}&$orderby=name")["value"]

    assert [(view["name"], view["isdefault"], view["querytype"]) for view in views] == [
        ("Active: Account", True, 0),
        ("Inactive: Account", False, 0),
        ("Mine: Account", False, 0),
    ]
    assert [names(reader, f"accounts?savedQuery={view['savedqueryid']}") for view in views] == [
        ["Contoso", "Other"],
        ["Closed"],
        ["Closed", "Contoso"],
    ]


def test_all_shipped_views_can_be_run(accounts, reader) -> None:
    """Each against the set of its table."""
    views = reader.page("savedqueries?$select=returnedtypecode")["value"]
    sets = [accounts.tables[view["returnedtypecode"]].entity_set for view in views]

    assert len(views) > 10
    assert {
        reader.get(f"{entity_set}?savedQuery={view['savedqueryid']}").status
        for entity_set, view in zip(sets, views, strict=True)
    } == {200}


def test_a_view_is_paged_by_links(accounts, reader) -> None:
    """With the page size of the Prefer header, and `$count` beside it."""
    (view,) = accounts.find("savedquery", "name", "Active: Account")
    pages = reader.every_page(f"accounts?savedQuery={view}&$count=true", prefer="odata.maxpagesize=1")

    assert [[row["name"] for row in page["value"]] for page in pages] == [["Contoso"], ["Other"]]
    assert {page["@odata.count"] for page in pages} == {2}


def test_a_view_of_ones_own_is_made_like_any_row(accounts, reader, writer) -> None:
    """`userQuery` runs it, on the table's set and behind a navigation property."""
    view = writer.create("userquery", name="C", returnedtypecode="account", querytype=0, fetchxml=FETCH)

    assert names(reader, f"accounts?userQuery={view}") == ["Contoso", "Closed"]
    assert names(reader, f"accounts?userQuery={{{view.upper()}}}") == ["Contoso", "Closed"]
    assert names(reader, f"accounts({ACCOUNT})/account_parent_account?userQuery={view}") == []


def test_the_query_of_a_dynamic_list_can_be_run(accounts, reader, writer) -> None:
    """Its members are stored nowhere: a client runs what the list says (reference 8.7)."""
    members = writer.create("list", listname="C", type=True, createdfromcode=1, query=FETCH)
    query = reader.page(f"lists({members})?$select=query")["query"]

    assert names(reader, f"accounts?fetchXml={quote(query)}") == ["Contoso", "Closed"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("accounts?savedQuery=x", (400, "0x80060888")),
        (f"accounts?savedQuery={ACCOUNT}", (404, "0x80040217")),
        (f"accounts?userQuery={ACCOUNT}", (404, "0x80040217")),
        ("contacts?savedQuery={view}", (400, "0x80060888")),
        ("accounts?savedQuery={view}&$filter=" + quote("name eq 'x'"), (400, "0x80060888")),
        ("accounts?savedQuery={view}&userQuery={view}", (400, "0x80060888")),
    ],
    ids=["no id", "no view", "no view of one's own", "another table", "a filter as well", "two views"],
)
def test_what_is_not_a_view_is_refused(accounts, reader, query: str, expected: tuple[int, str]) -> None:
    """A view has its own columns, conditions and order."""
    (view,) = accounts.find("savedquery", "name", "Active: Account")

    assert reader.refusal(query.replace("{view}", view)) == expected
