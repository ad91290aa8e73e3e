"""Rows named by alternate keys: in URLs, binds and references, and what a violated key answers (reference 5.4, 5.8)."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation

MakeKey = Callable[..., None]


@pytest.fixture
def contoso(writer: Any, make_key: MakeKey) -> str:
    """An account that its number names."""
    make_key("account", "accountnumber")
    return str(writer.create("account", accountnumber="ABC", name="Contoso"))


def test_a_key_reads_the_row_that_it_names(reader: Any, contoso: str) -> None:
    """A row, one of its properties, what it refers to."""
    row = reader.page("accounts(accountnumber='ABC')?$select=name")

    assert (contoso, "Contoso") == (row["accountid"], row["name"])
    assert "Contoso" == reader.page("accounts(accountnumber='ABC')/name")["value"]
    assert 204 == reader.get("accounts(accountnumber='ABC')/primarycontactid").status


def test_a_key_updates_and_deletes_the_row_that_it_names(organisation: Organisation, writer: Any, contoso: str) -> None:
    """PATCH, PUT of a property, DELETE."""
    writer.send("PATCH", "accounts(accountnumber='ABC')", {"name": "Contoso Ltd"}, headers={"if-match": "*"})
    writer.send("PUT", "accounts(accountnumber='ABC')/fax", {"value": "1"})
    row = writer.row("account", contoso)
    writer.send("DELETE", "accounts(accountnumber='ABC')")

    assert ("Contoso Ltd", "1", False) == (row["name"], row["fax"], organisation.exists("account", contoso))


def test_a_key_binds_and_refers(writer: Any, contoso: str) -> None:
    """`@odata.bind`, `@odata.id` and the key of a collection's member."""
    bound = writer.create("account", parentaccountid__bind="/accounts(accountnumber='ABC')")
    person = writer.create("contact", lastname="Ek")
    reference = {"@odata.id": "accounts(accountnumber='ABC')"}
    writer.send("PUT", f"contacts({person})/parentcustomerid_account/$ref", reference)
    parents = [writer.row("account", bound)["parentaccountid"], writer.row("contact", person)["parentcustomerid"]]
    writer.send("PATCH", f"accounts({bound})", {"accountnumber": "CHILD"})
    writer.send("DELETE", "accounts(accountnumber='ABC')/account_parent_account(accountnumber='CHILD')/$ref")

    assert [contoso, contoso] == parents
    assert writer.row("account", bound)["parentaccountid"] is None


def test_a_key_may_have_several_columns_in_any_order(reader: Any, writer: Any, make_key: MakeKey) -> None:
    """All of them together name one row."""
    make_key("contact", "firstname", "emailaddress1")
    wanted = writer.create("contact", firstname="Joe", emailaddress1="joe@x.com")
    writer.create("contact", firstname="Joe", emailaddress1="other@x.com")

    assert wanted == reader.page("contacts(emailaddress1='joe@x.com',firstname='Joe')?$select=fullname")["contactid"]


@pytest.mark.parametrize(
    ("table", "column", "values", "key"),
    [
        pytest.param("account", "numberofemployees", {"numberofemployees": 7}, "numberofemployees=7", id="a number"),
        pytest.param("account", "exchangerate", {"revenue": 5}, "exchangerate=1.0", id="a decimal"),
        pytest.param("contact", "birthdate", {"birthdate": "2001-02-03"}, "birthdate=2001-02-03", id="a date"),
        pytest.param("contact", "gendercode", {"gendercode": 2}, "gendercode=2", id="a choice"),
        pytest.param(
            "account", "accountnumber", {"accountnumber": "O'Brien"}, "accountnumber='O''Brien'", id="a quote in a text"
        ),
    ],
)
def test_a_value_stands_in_a_key_as_its_type_does(
    reader: Any, writer: Any, make_key: MakeKey, table: str, column: str, values: dict[str, object], key: str
) -> None:
    """Text in quotes, everything else bare."""
    make_key(table, column)
    row_id = writer.create(table, **values)

    assert row_id == reader.page(f"{table}s({key})?$select={column}")[f"{table}id"]


def test_a_lookup_stands_in_a_key_by_its_value_name(reader: Any, writer: Any, make_key: MakeKey) -> None:
    """By its plain name it is refused with 0x80060888."""
    make_key("account", "primarycontactid")
    person = writer.create("contact", lastname="Ek")
    row_id = writer.create("account", primarycontactid__bind=f"/contacts({person})")

    assert row_id == reader.page(f"accounts(_primarycontactid_value={person})?$select=name")["accountid"]
    assert (400, "0x80060888") == reader.refusal(f"accounts(primarycontactid={person})")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("accountnumber='GONE'", (404, "0x80060891"), id="no such row"),
        pytest.param("name='Contoso'", (400, "0x80060890"), id="a column that is no key"),
        pytest.param("nosuch='x'", (400, "0x80060890"), id="a column that is none"),
        pytest.param("accountnumber='ABC',name='Contoso'", (400, "0x80060890"), id="a column too many"),
        pytest.param("accountid=CONTOSO", (400, "0x80060890"), id="the primary key spelled out"),
        pytest.param("'ABC'", (400, "0x80060888"), id="a value without its column"),
        pytest.param("accountnumber=ABC", (400, "0x80060888"), id="text without quotes"),
        pytest.param("", (400, "0x80060888"), id="nothing"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_key_that_names_no_row_is_refused(
    reader: Any, writer: Any, contoso: str, method: str, key: str, expected: tuple[int, str]
) -> None:
    """By its own code, whatever is asked of the row."""
    path = f"accounts({key.replace('CONTOSO', contoso)})"
    headers = {"if-match": "*"}
    refusal = (
        reader.refusal(path)
        if method == "GET"
        else writer.refusal(method, path, {} if method == "PATCH" else None, headers=headers)
    )

    assert expected == refusal


@pytest.mark.parametrize("character", "/<>*%&:\\?+")
def test_some_characters_cannot_stand_in_the_key_of_a_url(
    reader: Any, writer: Any, make_key: MakeKey, character: str
) -> None:
    """Not even escaped (reference 2.6); a bind may hold them [infer]."""
    make_key("account", "accountnumber")
    named = f"accounts(accountnumber='A%{ord(character):02X}B')"
    row_id = writer.create("account", accountnumber=f"A{character}B")
    child = writer.create("account", parentaccountid__bind=f"/{named}")

    assert row_id == writer.row("account", child)["parentaccountid"]
    assert (400, "0x80060888") == reader.refusal(named)


@pytest.mark.parametrize("table", ["systemuser", "team"])
def test_users_and_teams_are_named_by_their_technical_key(reader: Any, writer: Any, table: str) -> None:
    """`ownerid`; their own id may not be spelled out (reference 5.4)."""
    row_id = writer.user if table == "systemuser" else writer.create("team", name="North")

    assert row_id == reader.page(f"{table}s(ownerid={row_id})?$select={table}id")[f"{table}id"]
    assert (400, "0x80060890") == reader.refusal(f"{table}s({table}id={row_id})")


def test_a_key_that_is_not_active_is_of_no_use(reader: Any, writer: Any, make_key: MakeKey) -> None:
    """Over duplicates an index cannot be built (reference 2.6)."""
    writer.create("account", name="Twin")
    writer.create("account", name="Twin")
    make_key("account", "name", active=False)

    assert (400, "0x80060890") == reader.refusal("accounts(name='Twin')")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_violated_key_names_the_row_that_is_in_the_way(writer: Any, contoso: str, method: str) -> None:
    """412 0x80060892; the sentence is documented, the XML behind it holds the attribute and the `<Id>`."""
    other = writer.create("account", accountnumber="XYZ")
    path = "accounts" if method == "POST" else f"accounts({other})"
    with pytest.raises(Refused) as caught:
        writer.send(method, path, {"accountnumber": "abc"})
    message = caught.value.message

    assert (412, "0x80060892") == (caught.value.status, caught.value.code)
    assert message.startswith(
        "Entity Key The key violated. A record with the same value for Account Number already exists. A duplicate"
        " record cannot be created. Select one or more unique values and try again."
    )
    assert [contoso] == re.findall("<Id>(.*)</Id>", message)
    assert "<accountnumber>abc</accountnumber>" in message
    assert "XYZ" == writer.row("account", other)["accountnumber"]


def test_rows_without_a_value_do_not_collide(writer: Any, contoso: str) -> None:
    """A key column that is null counts for nothing (reference 2.6)."""
    first, second = writer.create("account", name="First"), writer.create("account", name="Second")

    assert len({contoso, first, second}) == 3


def test_a_key_of_two_columns_is_violated_by_both_only(writer: Any, make_key: MakeKey) -> None:
    """An update that completes the pair is refused with the whole pair."""
    make_key("contact", "firstname", "lastname")
    writer.create("contact", firstname="Ann", lastname="Ek")
    other = writer.create("contact", firstname="Ann", lastname="Ng")
    with pytest.raises(Refused, match="First Name, Last Name") as caught:
        writer.send("PATCH", f"contacts({other})", {"lastname": "Ek"})

    assert (412, "0x80060892") == (caught.value.status, caught.value.code)


def test_a_key_violated_by_what_comes_along_refuses_the_whole_act(
    organisation: Organisation, writer: Any, make_key: MakeKey
) -> None:
    """A merge would give two accounts the same parent and name: 412 0x80073002 [infer], and nothing is merged."""
    make_key("account", "name", "parentaccountid")
    winner, loser = (writer.create("account", name=name) for name in ("Winner", "Loser"))
    for account in (winner, loser):
        writer.create("account", name="Branch", parentaccountid__bind=f"/accounts({account})")
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    content = {"Target": {**kind, "accountid": winner}, "Subordinate": {**kind, "accountid": loser}}
    before = organisation.version

    assert (412, "0x80073002") == writer.refusal("POST", "Merge", content)
    assert before == organisation.version
