"""A folder of CSV files becomes an organisation, or a sentence that says what is wrong, where, and what to do."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tandem.sandbox.data.load import load_folder
from tandem.sandbox.data.load_csv import MalformedCsv
from tandem.sandbox.store.organisation import Organisation

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ACME = "37883085-dac9-5506-b352-d4bc9158cec7"
BETA = "7bab4ab5-b3ee-58e0-a178-6561d65ac288"
ANNA = "2211a39b-de54-5a7c-8e71-342cc5bbc0eb"
DEAL = "002db7d2-9184-5569-953e-e3f505ca1e09"
NOBODY = "ffffffff-ffff-4fff-8fff-ffffffffffff"

Write = Callable[..., Path]


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    """An empty organisation at a fixed time."""
    organisation = Organisation(clock=lambda: NOW)
    yield organisation
    organisation.close()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files into a folder: table name -> text or bytes."""

    def write(**files: str | bytes) -> Path:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / f"{name}.csv").write_bytes(data)
        return tmp_path

    return write


def test_rows_keep_their_ids_and_values(organisation: Organisation, write: Write) -> None:
    """A cell becomes a value of its column's type, whatever order the files are in."""
    folder = write(
        opportunity=(
            "opportunityid,name,customerid_account,ownerid,statecode,statuscode,createdon,actualclosedate,actualvalue\n"
            f"{DEAL},GTX Plus,{ACME},{ANNA},1,3,2016-10-20T02:00:00+02:00,2017-03-01,1054\n"
        ),
        account=f"accountid,name,revenue,donotemail,parentaccountid\n{ACME},Acme,1100040000.00,true,{BETA}\n{BETA},β,,,\n",
        systemuser=f"systemuserid,fullname,domainname,isdisabled\n{ANNA.upper()},Anna Snelling,anna,false\n",
    )

    counts = load_folder(organisation, folder)

    assert counts == {"systemuser": 1, "account": 2, "opportunity": 1}
    deal = organisation.get("opportunity", DEAL) or {}
    expected = {
        "name": "GTX Plus",
        "customerid": ACME,
        "customerid_type": "account",
        "ownerid": ANNA,
        "ownerid_type": "systemuser",
        "statecode": 1,
        "statuscode": 3,
        "createdon": "2016-10-20T00:00:00Z",
        "actualclosedate": "2017-03-01",
        "actualvalue": Decimal(1054),
    }
    assert {name: deal[name] for name in expected} == expected
    acme = organisation.get("account", ACME) or {}
    assert (acme["revenue"], acme["donotemail"], acme["parentaccountid"]) == (Decimal("1100040000.00"), True, BETA)


def test_memberships_refer_to_users_and_teams(organisation: Organisation, write: Write) -> None:
    """The plain ids of an intersect table are checked like lookups."""
    team, membership = NOBODY, DEAL
    folder = write(
        systemuser=f"systemuserid,domainname\n{ANNA},anna\n",
        team=f"teamid,name,teamtype\n{team},Central,0\n",
        teammembership=f"teammembershipid,teamid,systemuserid\n{membership},{team},{ANNA}\n",
    )

    load_folder(organisation, folder)

    row = organisation.get("teammembership", membership) or {}
    assert (row["teamid"], row["systemuserid"]) == (team, ANNA)


def test_lists_are_loaded_with_their_members(organisation: Organisation, write: Write) -> None:
    """A list is static unless the file says otherwise; its members are counted."""
    folder = write(
        account=f"accountid,name\n{ACME},Acme\n{BETA},Beta\n",
        list=f"listid,listname,createdfromcode\n{DEAL},News,1\n",
        listmember=f"listid,entityid_account\n{DEAL},{ACME}\n{DEAL},{BETA}\n",
    )

    assert load_folder(organisation, folder) == {"account": 2, "list": 1, "listmember": 2}
    row = organisation.get("list", DEAL) or {}
    assert (row["type"], row["statuscode"], row["membertype"], row["membercount"]) == (False, 0, 1, 2)


def test_an_empty_cell_takes_the_default_of_a_new_row(organisation: Organisation, write: Write) -> None:
    """No creation date is the time of loading; no state is active, no owner the sync user, no text nothing."""
    folder = write(account=f"accountid,name,createdon,statecode,ownerid,fax\n{ACME},Acme,,,,\n")

    load_folder(organisation, folder)

    acme = organisation.get("account", ACME) or {}
    names = ("createdon", "statecode", "statuscode", "ownerid", "fax")
    assert [acme[name] for name in names] == ["2026-03-04T05:06:07Z", 0, 1, organisation.user_id, None]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        pytest.param("statecode", "2", (2, 4), id="the state alone takes its first reason"),
        pytest.param("statuscode", "5", (2, 5), id="the reason alone tells its state"),
        pytest.param("statuscode,statecode", "3,1", (1, 3), id="both, in either order"),
    ],
)
def test_state_and_status_reason(
    organisation: Organisation, write: Write, header: str, cells: str, expected: tuple[int, int]
) -> None:
    """A state and its status reason are always stored as a pair that belongs together."""
    load_folder(organisation, write(opportunity=f"opportunityid,name,{header}\n{DEAL},Deal,{cells}\n"))

    deal = organisation.get("opportunity", DEAL) or {}
    assert (deal["statecode"], deal["statuscode"]) == expected


@pytest.mark.parametrize(
    ("header", "values", "type", "stored"),
    [
        pytest.param("new_year", ("1996", ""), "Integer", (1996, None), id="all values are integers"),
        pytest.param("new_year", ("1996", "n/a"), "String", ("1996", "n/a"), id="one value is a word"),
        pytest.param("new_code", ("007", "1"), "String", ("007", "1"), id="a leading zero would be lost"),
        pytest.param("new_big", ("99999999999", "1"), "String", ("99999999999", "1"), id="more than 32 bits"),
        pytest.param("new_empty", ("", ""), "String", (None, None), id="no value at all"),
        pytest.param("new_code:text", ("1", "2"), "String", ("1", "2"), id="the header says text"),
        pytest.param("new_vip:boolean", ("true", "0"), "Boolean", (True, False), id="the header says boolean"),
        pytest.param("new_day:date", ("2025-03-04", ""), "DateTime", ("2025-03-04", None), id="the header says date"),
        pytest.param("new_rate:decimal", ("1.5", ""), "Decimal", (Decimal("1.5"), None), id="the header says decimal"),
    ],
)
def test_an_unknown_column_becomes_a_custom_column(
    organisation: Organisation,
    write: Write,
    header: str,
    values: tuple[str, str],
    type: str,
    stored: tuple[object, object],
) -> None:
    """Its type is the header's, else integer if all values are, else text."""
    load_folder(organisation, write(account=f"accountid,name,{header}\n{ACME},A,{values[0]}\n{BETA},B,{values[1]}\n"))

    name = header.partition(":")[0]
    column = organisation.tables["account"].columns[name]
    assert (column.type, column.custom) == (type, True)
    assert tuple((organisation.get("account", row) or {})[name] for row in (ACME, BETA)) == stored


def test_a_customer_can_be_an_account_or_a_contact_row_by_row(organisation: Organisation, write: Write) -> None:
    """A polymorphic lookup has one column per target, of which a row fills one or none."""
    other = NOBODY
    folder = write(
        account=f"accountid,name\n{ACME},Acme\n",
        contact=f"contactid,lastname,parentcustomerid_account\n{ANNA},Snelling,{ACME}\n",
        opportunity=(
            "opportunityid,name,customerid_account,customerid_contact\n"
            f"{DEAL},one,{ACME},\n{BETA},two,,{ANNA}\n{other},three,,\n"
        ),
    )

    load_folder(organisation, folder)

    customers = [(organisation.get("opportunity", row) or {})["customerid_type"] for row in (DEAL, BETA, other)]
    assert customers == ["account", "contact", None]


def test_a_file_without_ids_gets_the_same_ids_each_time(organisation: Organisation, write: Write) -> None:
    """Ids that nobody gave depend on table and line only."""
    folder = write(account="name\nAcme\nBeta\n")
    other = Organisation()

    for each in (organisation, other):
        load_folder(each, folder)

    sql = "SELECT accountid, name FROM account ORDER BY name"
    ids = [each.connection.execute(sql).fetchall() for each in (organisation, other)]
    other.close()
    assert ids[0] == ids[1]
    assert len({row_id for row_id, _ in ids[0]}) == 2


def test_text_survives_as_it_was_written(organisation: Organisation, write: Write) -> None:
    """A byte order mark, quotes, commas, line breaks in cells, Windows line ends and blank lines are plain CSV."""
    content = f'\ufeffaccountid,name,description\r\n{ACME},"Coeur d\'Alene, ""東洋""","one\r\ntwo"\r\n\r\n'

    load_folder(organisation, write(account=content))

    acme = organisation.get("account", ACME) or {}
    assert (acme["name"], acme["description"]) == ('Coeur d\'Alene, "東洋"', "one\r\ntwo")


def test_other_files_and_subfolders_are_passed_over(organisation: Organisation, write: Write) -> None:
    """Only the CSV files directly in the folder are tables."""
    folder = write(account=f"accountid,name\n{ACME},Acme\n")
    (folder / "README.md").write_text("not a table")
    (folder / "raw").mkdir()
    (folder / "raw" / "sales_pipeline.csv").write_text("not,a,table")

    assert load_folder(organisation, folder) == {"account": 1}


ID = f"accountid,name\n{ACME},Acme\n"

MALFORMED = [
    ("an empty file", {"account": ""}, "account.csv", 1, None, "empty"),
    ("an unknown table", {"acount": ID}, "acount.csv", None, None, "no table"),
    ("the table of the organisation itself", {"organization": ID}, "organization.csv", None, None, "no table"),
    ("a view", {"activitypointer": "activityid,subject\n"}, "activitypointer.csv", None, None, "no table"),
    (
        "a regarded row without its table",
        {"task": "activityid,regardingobjectid\n"},
        "task.csv",
        1,
        2,
        "regardingobjectid_account or",
    ),
    ("a cell too few", {"account": f"{ID}{BETA}\n"}, "account.csv", 3, 2, "1 cells, the header has 2"),
    ("a cell too many", {"account": f"{ID}{BETA},B,\n"}, "account.csv", 3, 3, "3 cells, the header has 2"),
    ("an id that is none", {"account": f"{ID}4711,B\n"}, "account.csv", 3, 1, "not an id"),
    ("no id", {"account": f"{ID},B\n"}, "account.csv", 3, 1, "no id"),
    ("an id twice", {"account": f"{ID}{ACME.upper()},B\n"}, "account.csv", 3, 1, "same id"),
    ("a header twice", {"account": "accountid,name,name\n"}, "account.csv", 1, 3, "twice"),
    ("a header without name", {"account": "accountid,,name\n"}, "account.csv", 1, 2, "not a logical name"),
    ("a header in capitals", {"account": "accountid,Name\n"}, "account.csv", 1, 2, "not a logical name"),
    ("a reserved header", {"account": "accountid,order\n"}, "account.csv", 1, 2, "new_order"),
    ("an unknown type", {"account": "accountid,new_x:colour\n"}, "account.csv", 1, 2, "unknown column type"),
    ("a type on a known column", {"account": "accountid,name:text\n"}, "account.csv", 1, 2, "type of its own"),
    ("a computed column", {"contact": "contactid,fullname\n"}, "contact.csv", 1, 2, "computes"),
    ("a version", {"account": "accountid,versionnumber\n"}, "account.csv", 1, 2, "computes"),
    ("a lookup without target", {"opportunity": "customerid\n"}, "opportunity.csv", 1, 1, "customerid_account or"),
    ("a target apart", {"opportunity": "customerid_type\n"}, "opportunity.csv", 1, 1, "name the target"),
    ("a needed column missing", {"team": f"teamid\n{ACME}\n"}, "team.csv", 1, None, "every row needs: name"),
    ("a needed value missing", {"team": f"teamid,name\n{ACME},\n"}, "team.csv", 2, 2, "needs a value"),
    ("a word for a number", {"account": f"{ID[:14]},revenue\n{ACME},A,much\n"}, "account.csv", 2, 3, "money"),
    ("a number with commas", {"account": f'{ID[:14]},revenue\n{ACME},A,"1,000"\n'}, "account.csv", 2, 3, "money"),
    (
        "a fraction of a person",
        {"account": f"{ID[:14]},numberofemployees\n{ACME},A,1.5\n"},
        "account.csv",
        2,
        3,
        "integer",
    ),
    (
        "a number out of range",
        {"account": f"{ID[:14]},numberofemployees\n{ACME},A,-1\n"},
        "account.csv",
        2,
        3,
        "between 0",
    ),
    ("an unknown option", {"account": f"{ID[:14]},statecode\n{ACME},A,7\n"}, "account.csv", 2, 3, "known: 0, 1"),
    ("a word for yes or no", {"account": f"{ID[:14]},donotemail\n{ACME},A,maybe\n"}, "account.csv", 2, 3, "boolean"),
    (
        "a day that is none",
        {"opportunity": "name,actualclosedate\nA,2025-02-30\n"},
        "opportunity.csv",
        2,
        2,
        "2025-03-04",
    ),
    ("a local date", {"opportunity": "name,actualclosedate\nA,04.03.2025\n"}, "opportunity.csv", 2, 2, "2025-03-04"),
    (
        "a moment without zone",
        {"account": "name,createdon\nA,2025-03-04T05:06:07\n"},
        "account.csv",
        2,
        2,
        "2025-03-04T",
    ),
    ("a moment before 1753", {"account": "name,createdon\nA,1752-12-31\n"}, "account.csv", 2, 2, "1753"),
    ("a text too long", {"account": f"accountid,name\n{ACME},{'x' * 161}\n"}, "account.csv", 2, 2, "160 characters"),
    ("a control character", {"account": f"accountid,name\n{ACME},A\x07\n"}, "account.csv", 2, 2, "control"),
    ("an owner nobody knows", {"account": f"name,ownerid\nA,{NOBODY}\n"}, "account.csv", 2, 2, "no systemuser"),
    ("a parent nobody knows", {"account": f"name,parentaccountid\nA,{NOBODY}\n"}, "account.csv", 2, 2, "no account"),
    (
        "a member nobody knows",
        {"teammembership": f"teammembershipid,systemuserid\n{ACME},{NOBODY}\n"},
        "teammembership.csv",
        2,
        2,
        "no systemuser",
    ),
    (
        "two customers of one deal",
        {
            "account": ID,
            "contact": f"contactid,lastname\n{ANNA},A\n",
            "opportunity": f"name,customerid_account,customerid_contact\nD,{ACME},{ANNA}\n",
        },
        "opportunity.csv",
        2,
        3,
        "another column already",
    ),
    (
        "a reason of another state",
        {"opportunity": "name,statecode,statuscode\nA,0,3\n"},
        "opportunity.csv",
        2,
        3,
        "does not belong",
    ),
    (
        "text that is not UTF-8",
        {"account": b"accountid,name\n" + f"{ACME},Caf".encode() + b"\xe9\n"},
        "account.csv",
        2,
        2,
        "UTF-8",
    ),
    ("an open quotation mark", {"account": f'{ID}{BETA},"Beta\nmore\n'}, "account.csv", 3, 2, "never closed"),
    ("text after a quotation", {"account": f'{ID}{BETA},"Be"ta\n'}, "account.csv", 3, 2, "closing quotation mark"),
    ("a stray carriage return", {"account": f"{ID}{BETA},B\rC,D\n"}, "account.csv", 3, 3, "cannot be read"),
]


@pytest.mark.parametrize(
    ("files", "file", "line", "column", "sentence"), [pytest.param(*case[1:], id=case[0]) for case in MALFORMED]
)
def test_a_malformed_folder_is_refused_with_its_place(
    organisation: Organisation,
    write: Write,
    files: dict[str, str | bytes],
    file: str,
    line: int | None,
    column: int | None,
    sentence: str,
) -> None:
    """The error names file, line and column and says what to do; not one row or column is loaded."""
    folder = write(**files)
    before = (organisation.version, organisation.tables)

    with pytest.raises(MalformedCsv) as caught:
        load_folder(organisation, folder)

    assert caught.value.context == {"file": file, "line": line, "column": column}
    assert sentence in caught.value.message
    assert file in caught.value.message
    assert caught.value.remedy != ""
    assert (organisation.version, organisation.tables) == before


def test_a_fault_in_the_last_file_loads_nothing_of_the_first(organisation: Organisation, write: Write) -> None:
    """The whole folder is checked before the first row and the first custom column are stored."""
    folder = write(account=f"accountid,name,new_sector\n{ACME},Acme,medical\n", opportunity="name,statecode\nDeal,9\n")

    with pytest.raises(MalformedCsv):
        load_folder(organisation, folder)

    assert organisation.get("account", ACME) is None
    assert "new_sector" not in organisation.tables["account"].columns


def test_the_same_folder_twice_is_refused(organisation: Organisation, write: Write) -> None:
    """An id that the organisation has already is told as such, not overwritten."""
    folder = write(account=ID)
    load_folder(organisation, folder)

    with pytest.raises(MalformedCsv, match="has a row of this id already"):
        load_folder(organisation, folder)


@pytest.mark.parametrize(
    "name", [pytest.param("absent", id="no such folder"), pytest.param(".", id="no CSV file in it")]
)
def test_a_folder_without_tables_is_refused(organisation: Organisation, tmp_path: Path, name: str) -> None:
    """A wrong folder is an error, not an empty organisation."""
    with pytest.raises(MalformedCsv) as caught:
        load_folder(organisation, tmp_path / name)

    assert caught.value.remedy.startswith("Name ")


def test_an_error_never_shows_the_value(organisation: Organisation, write: Write) -> None:
    """What is in a cell may be somebody's secret; its place is enough."""
    with pytest.raises(MalformedCsv) as caught:
        load_folder(organisation, write(account=f"accountid,name,revenue\n{ACME},Acme,secret\n"))

    assert "secret" not in f"{caught.value!r} {caught.value.remedy}"
