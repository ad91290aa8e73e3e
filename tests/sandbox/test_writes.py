"""Creating, changing and deleting one row over the Web API (reference 5)."""

import json
from typing import Any

import pytest

from tandem.sandbox.store.organisation import Organisation

ABSENT = "00000000-0000-4000-8000-0000000000aa"
BASE = "http://127.0.0.1:1234/api/data/v9.2"


def test_a_create_answers_with_the_address_of_the_row(writer: Any) -> None:
    """204, no body, OData-EntityId."""
    answer = writer.send("POST", "leads", {"leadid": ABSENT, "lastname": "Ek"})

    assert (204, f"{BASE}/leads({ABSENT})", b"") == (
        answer.status,
        answer.headers["OData-EntityId"],
        answer.body,
    )
    assert "Ek" == writer.row("lead", ABSENT)["lastname"]


def test_a_create_with_representation_has_a_body_and_no_entity_id(writer: Any) -> None:
    """201; the id is read from the body; only selected columns come."""
    answer = writer.send(
        "POST",
        "leads",
        {"leadid": ABSENT, "firstname": "Ann", "lastname": "Ek"},
        query="$select=fullname,versionnumber",
        headers={"prefer": "return=representation"},
    )
    version = writer.version("lead", ABSENT)

    assert 201 == answer.status
    assert "OData-EntityId" not in answer.headers
    assert "return=representation" == answer.headers["Preference-Applied"]
    assert {
        "@odata.context": f"{BASE}/$metadata#leads(fullname,versionnumber)/$entity",
        "@odata.etag": f'W/"{version}"',
        "fullname": "Ann Ek",
        "versionnumber": version,
        "leadid": ABSENT,
    } == json.loads(answer.body)


def test_a_create_with_a_taken_id_is_refused(writer: Any) -> None:
    """412 0x80040237."""
    row_id = writer.create("lead", lastname="Ek")

    assert (412, "0x80040237") == writer.refusal("POST", "leads", {"leadid": row_id})


def test_a_refused_write_leaves_nothing_behind(organisation: Organisation, writer: Any) -> None:
    """A representation that cannot be given takes the create back."""
    before = organisation.version
    with pytest.raises(Exception, match="nosuch"):
        writer.send(
            "POST",
            "leads",
            {"leadid": ABSENT},
            query="$select=nosuch",
            headers={"prefer": "return=representation"},
        )

    assert (False, before) == (organisation.exists("lead", ABSENT), organisation.version)


# Table 5.3 of the reference, row by row: (method, headers, outcome when the row exists, when it is missing).
STALE = {"if-match": 'W/"1"'}
CONDITIONS = [
    pytest.param("PATCH", {}, 204, 204, id="PATCH without a condition is an upsert"),
    pytest.param("PATCH", {"if-match": "*"}, 204, (404, "0x80040217"), id="PATCH If-Match * only updates"),
    pytest.param("PATCH", {"if-none-match": "*"}, (412, "0x80040237"), 204, id="PATCH If-None-Match * only creates"),
    pytest.param("PATCH", {"if-none-match": "null"}, 204, 204, id="the word null is no condition"),
    pytest.param("PATCH", STALE, (412, "0x80060882"), (404, "0x80040217"), id="PATCH with an old ETag is refused"),
    pytest.param("DELETE", {}, 204, (404, "0x80040217"), id="DELETE without a condition"),
    pytest.param("DELETE", {"if-match": "*"}, 204, (404, "0x80040217"), id="DELETE If-Match *"),
    pytest.param("DELETE", STALE, (412, "0x80060882"), (404, "0x80040217"), id="DELETE with an old ETag is refused"),
]


@pytest.mark.parametrize(("method", "headers", "existing", "missing"), CONDITIONS)
def test_conditions_decide_between_update_create_and_refusal(
    writer: Any, method: str, headers: dict[str, str], existing: Any, missing: Any
) -> None:
    """Each row of table 5.3, on a row that exists and on one that does not."""
    row_id = writer.create("lead", lastname="Ek")
    outcomes = []
    for target, expected in ((row_id, existing), (ABSENT, missing)):
        content = {"lastname": "Ny"} if method == "PATCH" else None
        if isinstance(expected, tuple):
            outcomes.append(writer.refusal(method, f"leads({target})", content, headers=headers))
        else:
            outcomes.append(writer.send(method, f"leads({target})", content, headers=headers).status)

    assert [existing, missing] == outcomes


def test_an_etag_that_still_holds_lets_the_update_through(writer: Any) -> None:
    """The version rises and the answer names the row."""
    row_id = writer.create("lead", lastname="Ek")
    version = writer.version("lead", row_id)
    answer = writer.send("PATCH", f"leads({row_id})", {"lastname": "Ny"}, headers={"if-match": f'W/"{version}"'})

    assert (204, f"{BASE}/leads({row_id})") == (answer.status, answer.headers["OData-EntityId"])
    assert writer.version("lead", row_id) > version


@pytest.mark.parametrize(("exists", "status"), [(True, 200), (False, 201)])
def test_an_upsert_with_representation_tells_created_from_updated(writer: Any, exists: bool, status: int) -> None:
    """200 updated, 201 created."""
    row_id = writer.create("lead", lastname="Ek") if exists else ABSENT
    headers = {"prefer": "return=representation"}

    assert (
        status
        == writer.send(
            "PATCH", f"leads({row_id})", {"lastname": "Ny"}, query="$select=lastname", headers=headers
        ).status
    )


def test_an_update_that_changes_nothing_still_raises_the_version(writer: Any) -> None:
    """The same value sent again is a change (reference 4.5)."""
    row_id = writer.create("lead", lastname="Ek")
    version = writer.version("lead", row_id)
    writer.send("PATCH", f"leads({row_id})", {"lastname": "Ek"})

    assert writer.version("lead", row_id) > version


def test_empty_text_is_stored_as_null(writer: Any) -> None:
    """Reference 5.2."""
    row_id = writer.create("lead", lastname="Ek", jobtitle="")

    assert writer.row("lead", row_id)["jobtitle"] is None


def test_one_property_can_be_put_and_deleted(writer: Any) -> None:
    """PUT takes an object with a value; DELETE of a property clears it and leaves the row."""
    row_id = writer.create("lead", lastname="Ek")
    writer.send("PUT", f"leads({row_id})/jobtitle", {"value": "CTO"})
    put = writer.row("lead", row_id)["jobtitle"]
    writer.send("DELETE", f"leads({row_id})/jobtitle")

    assert ("CTO", None) == (put, writer.row("lead", row_id)["jobtitle"])


def test_the_body_may_not_name_another_id(writer: Any) -> None:
    """A PATCH whose body holds a different primary id is refused."""
    row_id = writer.create("lead", lastname="Ek")

    assert (400, "0x80048d19") == writer.refusal("PATCH", f"leads({row_id})", {"leadid": ABSENT})


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("POST", "leadz", (404, "0x8006088a"), id="an unknown set"),
        pytest.param("POST", "Qualify", (404, "0x8006088a"), id="an unknown action"),
        pytest.param(
            "POST",
            f"leads({ABSENT})/Microsoft.Dynamics.CRM.QualifyLead",
            (404, "0x80040217"),
            id="an action on a missing row",
        ),
        pytest.param("PATCH", "leads", (405, "0x8006088a"), id="PATCH of a set"),
        pytest.param("POST", f"leads({ABSENT})", (405, "0x8006088a"), id="POST to a row"),
        pytest.param("PATCH", "leads(42)", (400, "0x80060888"), id="an id that is none"),
        pytest.param("PATCH", f"leads({ABSENT[:-1]}_)", (400, "0x80060888"), id="an id with an underscore"),
        pytest.param("PATCH", f"leads(0-{ABSENT[1:7]}{ABSENT[8:]})", (400, "0x80060888"), id="hyphens at wrong places"),
        pytest.param("PATCH", "accounts(name='x')", (400, "0x80060890"), id="a key that is not defined"),
        pytest.param("POST", "teammemberships", (405, "0x80040315"), id="a create in an intersect table"),
        pytest.param("POST", "organizations", (405, "0x80040315"), id="a second organisation"),
    ],
)
def test_what_does_not_exist_is_refused(writer: Any, method: str, path: str, expected: tuple[int, str]) -> None:
    """Never ignored, always with its code."""
    assert expected == writer.refusal(method, path, {})


@pytest.mark.parametrize("query", ["$filter=lastname eq 'x'", "$top=1", "select=lastname", "$id=leads"])
def test_a_query_option_that_means_nothing_here_is_refused(writer: Any, query: str) -> None:
    """A create takes $select and $expand alone."""
    with pytest.raises(Exception, match="query"):
        writer.send("POST", "leads", {"lastname": "Ek"}, query=query)


def test_an_undeclared_property_is_refused(writer: Any) -> None:
    """Wrong case, a lookup's value name, a body that is no object, a row of another table."""
    account = writer.create("account", name="Contoso")
    contents: list[object] = [
        {"Lastname": "Ek"},
        {"_parentcustomerid_value": account},
        ["lastname"],
        {"@odata.type": "Microsoft.Dynamics.CRM.lead", "lastname": "Ek"},
    ]

    assert [(400, "0x80048d19")] * 4 == [writer.refusal("POST", "contacts", content) for content in contents]


@pytest.mark.parametrize("name", ["fullname", "createdon", "versionnumber", "revenue_base", "merged"])
def test_a_read_only_column_is_refused(writer: Any, name: str) -> None:
    """Computed columns and stamps are never written."""
    value: object = 1 if name in ("versionnumber", "revenue_base") else None

    assert (400, "0x8004022E") == writer.refusal("POST", "leads", {"lastname": "Ek", name: value})


def test_computed_columns_follow_their_sources(writer: Any) -> None:
    """fullname from the names; the base amount from the rate."""
    euro = writer.create(
        "transactioncurrency",
        currencyname="Euro",
        isocurrencycode="EUR",
        currencysymbol="€",
        currencyprecision=2,
        exchangerate=0.5,
    )
    row_id = writer.create(
        "lead",
        firstname="Ann",
        lastname="Ek",
        revenue=10.25,
        transactioncurrencyid__bind=f"/transactioncurrencies({euro})",
    )
    row = writer.row("lead", row_id)

    assert ("Ann Ek", "20.5000") == (row["fullname"], str(row["revenue_base"]))


def test_the_currency_stays_while_there_is_money(writer: Any) -> None:
    """Reference 9.4: 0x80048CFB."""
    row_id = writer.create("lead", revenue=1)

    assert (400, "0x80048CFB") == writer.refusal("PATCH", f"leads({row_id})", {"transactioncurrencyid": None})


def test_a_system_required_column_may_not_be_empty(writer: Any) -> None:
    """ApplicationRequired binds forms only: a lead without any name is fine; a team without a name is not."""
    assert writer.create("lead")
    assert (400, "0x80040203") == writer.refusal("POST", "teams", {})


def test_a_users_full_name_follows_the_names(writer: Any) -> None:
    """On create and on update."""
    unit = f"/businessunits({writer.organisation.business_unit_id})"
    row_id = writer.create("systemuser", firstname="Ann", lastname="Ek", businessunitid__bind=unit)
    created = writer.row("systemuser", row_id)["fullname"]
    writer.send("PATCH", f"systemusers({row_id})", {"lastname": "Ny"})

    assert ("Ann Ek", "Ann Ny") == (created, writer.row("systemuser", row_id)["fullname"])
