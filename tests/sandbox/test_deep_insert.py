"""A row and the rows around it in one request (reference 5.1)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tandem.sandbox.messages import Request
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import grant


def count(organisation: Organisation, table: str) -> int:
    """How many rows a table has."""
    return int(str(organisation.connection.execute(f"SELECT count(*) FROM {table}").get))


def test_a_nested_object_is_made_first_and_pointed_at(writer: Any) -> None:
    """Under a single-valued navigation property, at any depth."""
    row_id = writer.create(
        "opportunity", name="Deal", customerid_account={"name": "Contoso", "primarycontactid": {"lastname": "Ek"}}
    )
    opportunity = writer.row("opportunity", row_id)
    account = writer.row("account", opportunity["customerid"])

    assert ("account", "Contoso") == (opportunity["customerid_type"], account["name"])
    assert "Ek" == writer.row("contact", account["primarycontactid"])["lastname"]


def test_a_nested_list_is_made_afterwards_and_points_back(organisation: Organisation, writer: Any) -> None:
    """Under a collection-valued navigation property."""
    row_id = writer.create("account", contact_customer_accounts=[{"lastname": "Ek"}, {"lastname": "Ng"}])
    members = [writer.row("contact", each) for each in organisation.find("contact", "parentcustomerid", row_id)]

    assert {("Ek", "account"), ("Ng", "account")} == {
        (row["lastname"], row["parentcustomerid_type"]) for row in members
    }


def test_rows_that_exist_are_taken_into_a_collection(organisation: Organisation, writer: Any) -> None:
    """`x@odata.bind` with a list of addresses, beside new ones."""
    known = writer.create("contact", lastname="Known")
    row_id = writer.create(
        "account",
        contact_customer_accounts__bind=[f"/contacts({known})"],
        contact_customer_accounts=[{"lastname": "Ny"}],
    )

    assert row_id == writer.row("contact", known)["parentcustomerid"]
    assert 2 == len(organisation.find("contact", "parentcustomerid", row_id))


def test_a_many_to_many_collection_takes_rows_too(organisation: Organisation, writer: Any) -> None:
    """They are associated."""
    team = writer.create("team", name="North", teammembership_association__bind=[f"/systemusers({writer.user})"])

    assert 1 == len(organisation.find("teammembership", "teamid", team))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param({"primarycontactid": {"gendercode": 9}}, (400, "0x8004431A"), id="a bad value in a parent"),
        pytest.param(
            {"contact_customer_accounts": [{"lastname": "Ek"}, {"gendercode": 9}]},
            (400, "0x8004431A"),
            id="a bad value in a member",
        ),
        pytest.param({"nosuch": [{"lastname": "Ek"}]}, (400, "0x80048d19"), id="a collection that is none"),
        pytest.param({"Primarycontactid": {"lastname": "Ek"}}, (400, "0x80048d19"), id="a name in the wrong case"),
        pytest.param({"ownerid": {"lastname": "Ek"}}, (400, "0x80048d19"), id="an owner to be made"),
        pytest.param({"contact_customer_accounts": ["Ek"]}, (400, "0x80048d19"), id="a member that is no row"),
        pytest.param(
            {"contact_customer_accounts@odata.bind": ["/leads(00000000-0000-4000-8000-0000000000aa)"]},
            (404, "0x80040217"),
            id="a missing row",
        ),
        pytest.param(
            {"contact_customer_accounts@odata.bind": ["/systemusers(USER)"]},
            (400, "0x80048d19"),
            id="a row of another table",
        ),
    ],
)
def test_what_is_wrong_anywhere_takes_everything_back(
    organisation: Organisation, writer: Any, content: dict[str, Any], expected: tuple[int, str]
) -> None:
    """One transaction."""
    before = organisation.version
    filled = json.loads(json.dumps(content).replace("USER", writer.user))

    assert expected == writer.refusal("POST", "accounts", {"name": "Contoso", **filled})
    assert (before, 0, 0) == (organisation.version, count(organisation, "account"), count(organisation, "contact"))


@pytest.mark.parametrize("batch", [False, True], ids=["alone", "in a batch"])
def test_a_body_nested_beyond_all_depth_is_refused(organisation: Organisation, reader: Any, batch: bool) -> None:
    """As one that cannot be read, and nothing is left."""
    body = b'{"name@odata.bind":"$1","a":' + b'{"a":' * 9_000 + b"{}" + b"}" * 9_001
    request = Request(method="POST", path="accounts", body=body, caller=reader.user)
    if batch:
        part = b"--b\r\nContent-Type: application/http\r\n\r\nPOST accounts HTTP/1.1\r\n\r\n" + body + b"\r\n--b--\r\n"
        request = replace(request, path="$batch", body=part, headers={"content-type": "multipart/mixed; boundary=b"})
    answer = reader.application.handle(request)

    assert (400, True) == (answer.status, b"nested too deeply" in answer.body)
    assert 0 == count(organisation, "account")


def test_each_row_needs_its_own_rights(organisation: Organisation, writer: Any) -> None:
    """Who may not create contacts may not nest them either."""
    with organisation.transaction():
        grant(organisation.connection, writer.user, "prvCreateContact", None)

    assert (403, "0x80040220") == writer.refusal("POST", "accounts", {"primarycontactid": {"lastname": "Ek"}})


@pytest.mark.parametrize(
    "content",
    [{"primarycontactid": {"lastname": "Ek"}}, {"contact_customer_accounts": [{"lastname": "Ek"}]}],
    ids=["an object", "a list"],
)
def test_an_update_takes_no_related_rows(writer: Any, content: dict[str, object]) -> None:
    """Deep insert is for creates."""
    row_id = writer.create("account", name="Contoso")

    assert (400, "0x80048d19") == writer.refusal("PATCH", f"accounts({row_id})", content)


def test_the_representation_of_a_create_shows_what_was_nested(writer: Any) -> None:
    """`$expand` is taken on a create; on an update it is passed over (reference 5.2)."""
    query = "$select=name&$expand=primarycontactid($select=lastname)"
    headers = {"prefer": "return=representation"}
    content = {"name": "Contoso", "primarycontactid": {"lastname": "Ek"}}
    created = json.loads(writer.send("POST", "accounts", content, query=query, headers=headers).body)
    path = f"accounts({created['accountid']})"
    updated = json.loads(writer.send("PATCH", path, {"name": "Ltd"}, query=query, headers=headers).body)

    assert "Ek" == created["primarycontactid"]["lastname"]
    assert ("Ltd", False) == (updated["name"], "primarycontactid" in updated)


def parties(organisation: Organisation, activity: str) -> set[tuple[object, object]]:
    """Kind of participation and address or row of each party."""
    rows = [
        organisation.get("activityparty", each) for each in organisation.find("activityparty", "activityid", activity)
    ]
    return {(row["participationtypemask"], row["addressused"] or row["partyid"]) for row in rows if row}


def test_the_parties_of_an_activity_are_replaced_as_a_whole(organisation: Organisation, writer: Any) -> None:
    """PUT of the collection; the owner stays a party of its own accord (reference 5.6, 8.8)."""
    task = writer.create("task", task_activity_parties=[{"addressused": "old@x.com", "participationtypemask": 5}])
    before = parties(organisation, task)
    version = writer.version("task", task)
    content = {"value": [{"addressused": "new@x.com", "participationtypemask": 6}]}
    answer = writer.send("PUT", f"tasks({task})/task_activity_parties", content)

    assert {(5, "old@x.com"), (9, writer.user)} == before
    assert {(6, "new@x.com"), (9, writer.user)} == parties(organisation, task)
    assert (204, True) == (answer.status, writer.version("task", task) > version)


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        pytest.param("task_activity_parties", {"value": "x"}, (400, "0x80048d19"), id="no list"),
        pytest.param("task_activity_parties", {"value": ["x"]}, (400, "0x80048d19"), id="no rows"),
        pytest.param("task_activity_parties", {}, (400, "0x80048d19"), id="no value"),
        pytest.param("nosuch", {"value": []}, (404, "0x8006088a"), id="no collection"),
    ],
)
def test_a_collection_that_cannot_be_put_is_refused(
    organisation: Organisation, writer: Any, path: str, content: dict[str, object], expected: tuple[int, str]
) -> None:
    """And the parties stay."""
    task = writer.create("task", task_activity_parties=[{"addressused": "old@x.com", "participationtypemask": 5}])
    before = parties(organisation, task)

    assert expected == writer.refusal("PUT", f"tasks({task})/{path}", content)
    assert before == parties(organisation, task)


def test_the_parties_of_a_closed_activity_stay(organisation: Organisation, writer: Any) -> None:
    """0x80040230, as for any other change."""
    task = writer.create("task", task_activity_parties=[{"addressused": "old@x.com", "participationtypemask": 5}])
    writer.send("PATCH", f"tasks({task})", {"statecode": 1})
    before = parties(organisation, task)

    assert (400, "0x80040230") == writer.refusal("PUT", f"tasks({task})/task_activity_parties", {"value": []})
    assert before == parties(organisation, task)


def test_a_collection_of_rows_of_their_own_is_not_put(writer: Any) -> None:
    """Contacts are added to an account and taken from it one by one."""
    account = writer.create("account", name="Contoso")

    assert (404, "0x8006088a") == writer.refusal("PUT", f"accounts({account})/contact_customer_accounts", {"value": []})
