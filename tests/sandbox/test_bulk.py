"""CreateMultiple, UpdateMultiple and UpsertMultiple are all or nothing (reference 5.10)."""

import json
from typing import Any

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import grant

ABSENT = "00000000-0000-4000-8000-0000000000aa"
BAD = "x" * 51


def targets(*rows: dict[str, object], table: str = "lead") -> dict[str, object]:
    """The body of a bulk operation."""
    return {"Targets": [{"@odata.type": f"#Microsoft.Dynamics.CRM.{table}", **row} for row in rows]}


def path(name: str) -> str:
    """The bulk operation on leads."""
    return f"leads/Microsoft.Dynamics.CRM.{name}"


def test_ids_come_in_the_order_of_the_request(writer: Any) -> None:
    """One answer for all."""
    answer = writer.send("POST", path("CreateMultiple"), targets({"lastname": "A"}, {"lastname": "B"}))
    ids = json.loads(answer.body)["Ids"]

    assert ["A", "B"] == [writer.row("lead", row_id)["lastname"] for row_id in ids]


def test_an_upsert_updates_and_creates(writer: Any) -> None:
    """204 without telling which."""
    row_id = writer.create("lead", lastname="Old")
    answer = writer.send(
        "POST",
        path("UpsertMultiple"),
        targets({"leadid": row_id, "lastname": "New"}, {"leadid": ABSENT, "lastname": "Born"}),
    )

    assert (204, b"") == (answer.status, answer.body)
    assert ["New", "Born"] == [writer.row("lead", each)["lastname"] for each in (row_id, ABSENT)]


@pytest.mark.parametrize(
    ("name", "second", "expected"),
    [
        pytest.param("CreateMultiple", {"lastname": BAD}, (400, "0x80044331"), id="a row too long"),
        pytest.param("UpdateMultiple", {"leadid": ABSENT}, (404, "0x80040217"), id="a missing row"),
        pytest.param("UpdateMultiple", {"lastname": "B"}, (400, "0x80048d19"), id="a row without its id"),
    ],
)
def test_one_bad_row_sinks_them_all(
    organisation: Organisation,
    writer: Any,
    name: str,
    second: dict[str, object],
    expected: tuple[int, str],
) -> None:
    """Nothing of the call is kept."""
    row_id = writer.create("lead", lastname="Old")
    before = organisation.version
    first: dict[str, object] = {"lastname": "New"}
    if name == "UpdateMultiple":
        first["leadid"] = row_id

    assert expected == writer.refusal("POST", path(name), targets(first, second))
    assert before == organisation.version


def test_a_target_given_twice_is_refused(writer: Any) -> None:
    """No duplicates in one call."""
    row_id = writer.create("lead", lastname="Old")

    assert (400, "0x80040203") == writer.refusal(
        "POST", path("UpdateMultiple"), targets({"leadid": row_id}, {"leadid": row_id})
    )


@pytest.mark.parametrize(
    "content",
    [
        {"Targets": [{"lastname": "A"}]},
        targets({"lastname": "A"}, table="contact"),
        {"Targets": {}},
        {"Targets": [], "Other": 1},
    ],
    ids=["no type", "another table's type", "no list", "another parameter"],
)
def test_a_malformed_body_is_refused(writer: Any, content: dict[str, object]) -> None:
    """0x80048d19."""
    assert (400, "0x80048d19") == writer.refusal("POST", path("CreateMultiple"), content)


def query(*conditions: dict[str, object], table: str = "lead", **more: object) -> dict[str, object]:
    """A QueryExpression."""
    criteria = {"@odata.type": "Microsoft.Dynamics.CRM.FilterExpression", "Conditions": list(conditions), **more}
    return {"@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", "EntityName": table, "Criteria": criteria}


def job(*queries: dict[str, object], **more: object) -> dict[str, object]:
    """The body of a bulk deletion."""
    return {
        "JobName": "Clean up",
        "SendEmailNotification": False,
        "ToRecipients": [],
        "CCRecipients": [],
        "RecurrencePattern": "",
        "StartDateTime": "2025-03-04T05:06:07Z",
        "QuerySet": list(queries),
        **more,
    }


def where(column: str, operator: str, *values: object) -> dict[str, object]:
    """A ConditionExpression with typed values."""
    listed = [{"Value": value, "Type": "System.String"} for value in values]
    return {"AttributeName": column, "Operator": operator, "Values": listed}


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        pytest.param(query(where("lastname", "Equal", "A")), ["B", "C"], id="equal"),
        pytest.param(query(where("lastname", "In", "A", "B")), ["C"], id="one of several"),
        pytest.param(query(where("lastname", "DoesNotBeginWith", "A")), ["A"], id="not beginning with"),
        pytest.param(query(where("donotemail", "Equal", False)), [], id="a boolean"),
        pytest.param(query(where("jobtitle", "Null")), ["A"], id="empty"),
        pytest.param(
            query(where("lastname", "Equal", "A"), where("lastname", "Equal", "C"), FilterOperator="Or"),
            ["B"],
            id="either",
        ),
        pytest.param(
            query(Filters=[{"FilterOperator": "And", "Conditions": [where("lastname", "GreaterThan", "B")]}]),
            ["A", "B"],
            id="a filter in a filter",
        ),
    ],
)
def test_a_bulk_deletion_takes_what_its_query_finds(
    organisation: Organisation, writer: Any, criteria: dict[str, object], left: list[str]
) -> None:
    """The answer names a job and nothing else."""
    for name, title in (("A", "CTO"), ("B", None), ("C", None)):
        writer.create("lead", lastname=name, jobtitle=title)
    answer = json.loads(writer.send("POST", "BulkDelete", job(criteria)).body)
    names = [name for (name,) in organisation.connection.execute("SELECT lastname FROM lead ORDER BY 1")]

    assert ({"@odata.context", "JobId"}, left) == (set(answer), names)


def test_a_bulk_deletion_leaves_what_it_may_not_delete(organisation: Organisation, writer: Any) -> None:
    """And says nothing of it: the currency in use stays, the other goes, and what hangs on the first is untouched."""
    content = {"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€", "exchangerate": 0.5}
    euro = writer.create("transactioncurrency", **content)
    used = writer.create("lead", revenue=1)
    answer = writer.send("POST", "BulkDelete", job(query(table="transactioncurrency")))

    assert 200 == answer.status
    assert [True, False, True] == [
        organisation.exists("transactioncurrency", organisation.currency_id),
        organisation.exists("transactioncurrency", euro),
        organisation.exists("lead", used),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(job(query(table="nosuch")), (400, "0x80048d19"), id="an unknown table"),
        pytest.param(job(query(where("nosuch", "Equal", 1))), (400, "0x80041103"), id="an unknown column"),
        pytest.param(job({**query(), "Top": 1}), (400, "0x80048d19"), id="an unknown member"),
        pytest.param(job({**query(), "LinkEntities": [{}]}), (501, "0x8006088a"), id="a link"),
        pytest.param(job({**query(), "Criteria": []}), (400, "0x80048d19"), id="criteria that are no expression"),
        pytest.param(job({**query(), "TopCount": 1}), (501, "0x8006088a"), id="only some rows"),
        pytest.param(job(query(), RecurrencePattern="FREQ=DAILY"), (501, "0x8006088a"), id="a job that recurs"),
        pytest.param(job(query(), Other=1), (400, "0x80048d19"), id="an unknown parameter"),
        pytest.param({"JobName": "No query"}, (400, "0x80040203"), id="no query"),
    ],
)
def test_a_bulk_deletion_that_cannot_be_obeyed_is_refused(
    writer: Any, content: dict[str, object], expected: tuple[int, str]
) -> None:
    """Before anything is deleted."""
    row_id = writer.create("lead", lastname="Kept")

    assert expected == writer.refusal("POST", "BulkDelete", content)
    assert "Kept" == writer.row("lead", row_id)["lastname"]


def test_a_bulk_deletion_needs_its_privilege(organisation: Organisation, writer: Any) -> None:
    """prvBulkDelete [k]."""
    with organisation.transaction():
        grant(organisation.connection, writer.user, "prvBulkDelete", None)

    assert (403, "0x80040220") == writer.refusal("POST", "BulkDelete", job(query()))
