"""CreateMultiple, UpdateMultiple and UpsertMultiple are all or nothing (reference 5.10)."""

import json
from typing import Any

import pytest

from tandem.sandbox.store.organisation import Organisation

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
