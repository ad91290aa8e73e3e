"""Writes that create or update, by id and by alternate key, one and many (reference 5.3, 5.5, 5.10)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tandem.sandbox.store.organisation import Organisation

ABSENT = "00000000-0000-4000-8000-0000000000aa"
BASE = "http://127.0.0.1:1234/api/data/v9.2"
BY_NUMBER = "accounts(accountnumber='ABC')"
REPRESENTATION = {"prefer": "return=representation"}


@pytest.fixture(autouse=True)
def _number_is_a_key(make_key: Callable[..., None]) -> None:
    make_key("account", "accountnumber")


def only(organisation: Organisation) -> Any:
    """The one account there is."""
    (row_id,) = (row for (row,) in organisation.connection.execute("SELECT accountid FROM account"))
    return organisation.get("account", row_id)


def test_an_upsert_by_key_creates_with_the_key_of_the_url(organisation: Organisation, writer: Any) -> None:
    """The key column is copied; the answer shows the key, not the id (reference 5.4, 5.5)."""
    answer = writer.send("PATCH", BY_NUMBER, {"name": "Contoso"})

    assert (204, f"{BASE}/{BY_NUMBER}") == (answer.status, answer.headers["OData-EntityId"])
    assert ("ABC", "Contoso") == (only(organisation)["accountnumber"], only(organisation)["name"])


def test_a_key_in_the_body_wins_on_create_and_is_passed_over_on_update(organisation: Organisation, writer: Any) -> None:
    """Reference 5.5."""
    writer.send("PATCH", BY_NUMBER, {"accountnumber": "OTHER"})
    created = only(organisation)["accountnumber"]
    writer.send("PATCH", "accounts(accountnumber='OTHER')", {"accountnumber": "THIRD", "fax": "1"})

    assert ("OTHER", "OTHER", "1") == (created, only(organisation)["accountnumber"], only(organisation)["fax"])


@pytest.mark.parametrize(("exists", "status"), [(True, 200), (False, 201)], ids=["updated", "created"])
def test_a_representation_tells_created_from_updated_and_the_id(
    organisation: Organisation, writer: Any, exists: bool, status: int
) -> None:
    """Without it the plain answer is 204 both ways."""
    if exists:
        writer.create("account", accountnumber="ABC")
    answer = writer.send("PATCH", BY_NUMBER, {"name": "Contoso"}, query="$select=name", headers=REPRESENTATION)

    assert status == answer.status
    assert "OData-EntityId" not in answer.headers
    assert only(organisation)["accountid"] == json.loads(answer.body)["accountid"]


@pytest.mark.parametrize(
    ("headers", "existing", "missing"),
    [
        ({}, 204, 204),
        ({"if-match": "*"}, 204, (404, "0x80060891")),
        ({"if-none-match": "*"}, (412, "0x80040237"), 204),
        ({"if-match": 'W/"1"'}, (412, "0x80060882"), (404, "0x80060891")),
        ({"if-match": "*", "if-none-match": "*"}, (412, "0x80040237"), (404, "0x80060891")),
    ],
    ids=["no condition", "only update", "only create", "an old version", "both conditions bar both"],
)
def test_conditions_hold_for_keys_as_for_ids(writer: Any, headers: Any, existing: Any, missing: Any) -> None:
    """Table 5.3."""
    writer.create("account", accountnumber="ABC")

    assert [existing, missing] == [
        writer.attempt("PATCH", f"accounts(accountnumber='{number}')", {"fax": "1"}, headers=headers)
        for number in ("ABC", "GONE")
    ]


def test_an_upsert_by_id_makes_the_row_with_that_id(organisation: Organisation, writer: Any) -> None:
    """And with what is nested in it."""
    writer.send("PATCH", f"accounts({ABSENT})", {"primarycontactid": {"lastname": "Ek"}})

    assert organisation.exists("contact", str(writer.row("account", ABSENT)["primarycontactid"]))


def test_an_upsert_by_key_may_choose_the_id(writer: Any) -> None:
    """The id stands in the body."""
    writer.send("PATCH", BY_NUMBER, {"accountid": ABSENT})

    assert "ABC" == writer.row("account", ABSENT)["accountnumber"]


def many(name: str, *rows: dict[str, object]) -> tuple[str, str, dict[str, object]]:
    """A request for a bulk operation on accounts."""
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.account", **row} for row in rows]
    return "POST", f"accounts/Microsoft.Dynamics.CRM.{name}", {"Targets": targets}


def test_many_are_upserted_by_key(organisation: Organisation, writer: Any) -> None:
    """`@odata.id` names each; the key column is copied to what is created."""
    row_id = writer.create("account", accountnumber="ABC", name="Old")
    answer = writer.send(
        *many(
            "UpsertMultiple",
            {"@odata.id": BY_NUMBER, "name": "New"},
            {"@odata.id": f"{BASE}/accounts(accountnumber='XYZ')", "name": "Born"},
        )
    )
    born = organisation.find("account", "accountnumber", "XYZ")

    assert (204, b"") == (answer.status, answer.body)
    assert "New" == writer.row("account", row_id)["name"]
    assert ["Born"] == [writer.row("account", each)["name"] for each in born]


def test_many_are_updated_by_key_if_all_exist(organisation: Organisation, writer: Any) -> None:
    """A key without a row fails the lot."""
    row_id = writer.create("account", accountnumber="ABC", name="Old")
    named = {"@odata.id": BY_NUMBER, "name": "New"}
    missing = {"@odata.id": "accounts(accountnumber='XYZ')", "name": "None"}

    assert (404, "0x80060891") == writer.refusal(*many("UpdateMultiple", named, missing))
    assert "Old" == writer.row("account", row_id)["name"]
    assert 204 == writer.send(*many("UpdateMultiple", named)).status
    assert "New" == writer.row("account", row_id)["name"]


def test_a_violated_key_sinks_them_all(organisation: Organisation, writer: Any) -> None:
    """412 0x80060892, and the first row is not kept."""
    before = organisation.version

    assert (412, "0x80060892") == writer.refusal(
        *many("CreateMultiple", {"accountnumber": "ABC"}, {"accountnumber": "ABC"})
    )
    assert before == organisation.version


@pytest.mark.parametrize(
    "second",
    [{"@odata.id": BY_NUMBER}, {"accountid": ABSENT}],
    ids=["the key of one that was created before", "the id of one that was created before"],
)
def test_a_target_named_twice_is_refused(writer: Any, second: dict[str, object]) -> None:
    """No row is upserted twice in one call (reference 5.10)."""
    first = {**second, "name": "First"}

    assert (400, "0x80040203") == writer.refusal(*many("UpsertMultiple", first, second))


def test_a_target_of_another_table_is_refused(writer: Any) -> None:
    """`@odata.id` names a row of the table that the operation is bound to."""
    target = {"@odata.id": f"leads({ABSENT})"}

    assert (400, "0x80048d19") == writer.refusal(*many("UpsertMultiple", target))


def test_standard_tables_have_no_delete_multiple(writer: Any) -> None:
    """It is for elastic tables (reference 5.10)."""
    row_id = writer.create("account", name="Kept")

    assert (501, "0x8006088a") == writer.refusal(*many("DeleteMultiple", {"accountid": row_id}))
    assert "Kept" == writer.row("account", row_id)["name"]
