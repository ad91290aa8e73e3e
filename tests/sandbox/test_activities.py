"""Tasks and their kin: what they regard, the view over them, and who takes part (reference 8.8)."""

from typing import Any

import pytest

from tandem.sandbox.store.privileges import grant

REGARDED = ("account", "contact", "lead", "opportunity", "campaign")
SETS = {"opportunity": "opportunities"}


def something(writer: Any, table: str) -> str:
    """The id of a new row that a task can regard."""
    return str(writer.create(table, **({"name": "Spring"} if table == "campaign" else {})))


def task(writer: Any, table: str, row_id: str, **values: object) -> str:
    """The id of a new task about a row."""
    bind = {f"regardingobjectid_{table}_task__bind": f"{SETS.get(table, table + 's')}({row_id})"}
    return str(writer.create("task", subject="Call", **bind, **values))


def response(writer: Any, campaign: str) -> str:
    """The id of a new response to a campaign."""
    bind = {"regardingobjectid_campaign_campaignresponse__bind": f"campaigns({campaign})"}
    return str(writer.create("campaignresponse", subject="Yes", **bind))


def parties(reader: Any, activity: str) -> set[tuple[int, str]]:
    """The (participation, party) of an activity."""
    rows = reader.page(f"activityparties?$filter=_activityid_value eq {activity}")["value"]
    return {(row["participationtypemask"], row["_partyid_value"]) for row in rows}


@pytest.mark.parametrize("table", REGARDED)
def test_a_task_regards_a_row_and_is_found_from_it(writer: Any, reader: Any, table: str) -> None:
    """One navigation name for each target; the row's collection is named after its table."""
    row_id = something(writer, table)
    task_id = task(writer, table, row_id)
    row = reader.page(f"tasks({task_id})", prefer='odata.include-annotations="*"')
    path = f"{SETS.get(table, table + 's')}({row_id})/{table.title()}_Tasks?$select=subject"

    assert (row_id, table, "task", 0, 2, 1) == (
        row["_regardingobjectid_value"],
        row["_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        row["activitytypecode"],
        row["statecode"],
        row["statuscode"],
        row["prioritycode"],
    )
    assert [task_id] == [found["activityid"] for found in reader.page(path)["value"]]


def test_a_task_that_regards_another_row_regards_the_first_no_more(writer: Any) -> None:
    """It is one column (reference 5.6)."""
    lead, contact = something(writer, "lead"), something(writer, "contact")
    task_id = task(writer, "lead", lead)
    writer.send("PATCH", f"tasks({task_id})", {"regardingobjectid_contact_task@odata.bind": f"contacts({contact})"})
    row = writer.row("task", task_id)

    assert (contact, "contact") == (row["regardingobjectid"], row["regardingobjectid_type"])


@pytest.mark.parametrize("name", ["regardingobjectid", "regardingobjectid_lead", "regardingobjectid_Lead_task"])
def test_the_regarded_row_is_bound_by_its_own_name_only(writer: Any, name: str) -> None:
    """0x80048d19 for anything else."""
    lead = something(writer, "lead")

    assert (400, "0x80048d19") == writer.refusal("POST", "tasks", {f"{name}@odata.bind": f"leads({lead})"})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"subject": "x" * 201}, (400, "0x80044331")),
        ({"percentcomplete": 101}, (400, "0x8004432F")),
        ({"prioritycode": 3}, (400, "0x8004431A")),
        ({"activitytypecode": "phonecall"}, (400, "0x8004022E")),
        ({"statecode": 1, "statuscode": 5}, (400, "0x80048408")),
        ({"statecode": 0, "statuscode": 7}, 204),
    ],
    ids=["a long subject", "more than all", "an unknown priority", "another kind", "made completed", "made deferred"],
)
def test_a_task_is_what_its_definition_allows(writer: Any, content: dict[str, object], expected: Any) -> None:
    """Lengths, ranges, options; a task is made open."""
    assert expected == writer.attempt("POST", "tasks", content)


def test_a_completed_task_is_closed_to_everything_but_its_state(writer: Any) -> None:
    """0x80040230 [k]; reopened it takes changes again."""
    task_id = writer.create("task", subject="Call")
    writer.send("PATCH", f"tasks({task_id})", {"statecode": 1, "statuscode": 5})

    assert (400, "0x80040230") == writer.refusal("PATCH", f"tasks({task_id})", {"subject": "Write"})

    writer.send("PATCH", f"tasks({task_id})", {"statecode": 0, "statuscode": 2})

    assert 204 == writer.attempt("PATCH", f"tasks({task_id})", {"subject": "Write"})


def test_every_activity_is_a_row_of_the_view(writer: Any, reader: Any) -> None:
    """With its kind, and with a status of the view's own: 1 open, 2 completed."""
    campaign = something(writer, "campaign")
    done, answer = task(writer, "campaign", campaign), response(writer, campaign)
    writer.send("PATCH", f"tasks({done})", {"statecode": 1, "statuscode": 5})
    rows = reader.page("activitypointers?$orderby=activitytypecode")["value"]
    path = f"campaigns({campaign})/Campaign_ActivityPointers?$select=subject"

    assert [("campaignresponse", answer, 0, 1), ("task", done, 1, 2)] == [
        (row["activitytypecode"], row["activityid"], row["statecode"], row["statuscode"]) for row in rows
    ]
    assert {campaign} == {row["_regardingobjectid_value"] for row in rows}
    assert writer.version("task", done) == rows[1]["versionnumber"]
    assert {done, answer} == {row["activityid"] for row in reader.page(path)["value"]}
    assert "Call" == reader.page(f"activitypointers({done})?$select=subject")["subject"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "activitypointers"), ("PATCH", "activitypointers({})"), ("DELETE", "activitypointers({})")],
)
def test_the_view_is_not_written(writer: Any, method: str, path: str) -> None:
    """Write to the specific table."""
    task_id = writer.create("task", subject="Call")

    assert (405, "0x80040315") == writer.refusal(method, path.format(task_id), {"subject": "Write"})
    assert "Call" == writer.row("task", task_id)["subject"]


def test_the_changes_of_the_view_are_those_of_its_tables(organisation: Any, writer: Any, reader: Any) -> None:
    """Off from the start; once it is on, new, changed and deleted activities of every kind show."""
    tracked = {"prefer": "odata.track-changes"}

    assert (400, "0x80072491") == reader.refusal("activitypointers", **tracked)

    organisation.set_change_tracking("activitypointer", enabled=True)
    campaign = something(writer, "campaign")
    changed, gone, stays = task(writer, "campaign", campaign), response(writer, campaign), response(writer, campaign)
    first = reader.page("activitypointers?$select=subject", **tracked)
    writer.send("PATCH", f"tasks({changed})", {"subject": "Write"})
    writer.send("DELETE", f"campaignresponses({gone})")
    delta = reader.page(first["@odata.deltaLink"])["value"]

    assert {changed, gone, stays} == {row["activityid"] for row in first["value"]}
    assert [("Write", None), (None, gone)] == [(row.get("subject"), row.get("id")) for row in delta]


def test_the_owner_and_the_regarded_row_take_part(writer: Any, reader: Any) -> None:
    """As 9 and 8; they follow what the activity says [k]."""
    lead, contact = something(writer, "lead"), something(writer, "contact")
    task_id = task(writer, "lead", lead)

    assert {(8, lead), (9, writer.user)} == parties(reader, task_id)

    writer.send("PATCH", f"tasks({task_id})", {"regardingobjectid_contact_task@odata.bind": f"contacts({contact})"})

    assert {(8, contact), (9, writer.user)} == parties(reader, task_id)

    writer.send("PATCH", f"tasks({task_id})", {"regardingobjectid_contact_task": None})

    assert {(9, writer.user)} == parties(reader, task_id)


def test_parties_are_written_with_their_activity(writer: Any, reader: Any) -> None:
    """By a row that exists or by an address alone."""
    campaign, contact = something(writer, "campaign"), something(writer, "contact")
    content = {
        "subject": "Yes",
        "regardingobjectid_campaign_campaignresponse@odata.bind": f"campaigns({campaign})",
        "campaignresponse_activity_parties": [
            {"partyid_contact@odata.bind": f"contacts({contact})", "participationtypemask": 11},
            {"addressused": "someone@x.example", "participationtypemask": 11},
        ],
    }
    row_id = writer.send("POST", "campaignresponses", content).headers["OData-EntityId"][-37:-1]
    path = f"campaignresponses({row_id})/campaignresponse_activity_parties?$filter=participationtypemask eq 11"
    rows = reader.page(f"{path}&$orderby=addressused")["value"]

    assert [(contact, None), (None, "someone@x.example")] == [
        (row["_partyid_value"], row["addressused"]) for row in rows
    ]
    assert {(8, campaign), (9, writer.user), (11, contact), (11, None)} == parties(reader, row_id)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_parties_are_not_written_alone(writer: Any, method: str) -> None:
    """405 0x80040315."""
    task_id = writer.create("task", subject="Call")
    (party,) = writer.organisation.find("activityparty", "activityid", task_id)
    path = "activityparties" if method == "POST" else f"activityparties({party})"

    assert (405, "0x80040315") == writer.refusal(method, path, {"addressused": "x@x.example"})


def test_activities_cannot_be_made_through_the_view(writer: Any) -> None:
    """A lead made with a row of its view is not made."""
    content = {"lastname": "Ek", "Lead_ActivityPointers": [{"subject": "Call"}]}

    assert (405, "0x80040315") == writer.refusal("POST", "leads", content)
    assert [] == writer.organisation.find("lead", "lastname", "Ek")


def test_a_task_is_made_with_the_lead_it_regards(writer: Any, reader: Any) -> None:
    """By the lead's collection."""
    content = {"lastname": "Ek", "Lead_Tasks": [{"subject": "Call"}]}
    lead = writer.send("POST", "leads", content).headers["OData-EntityId"][-37:-1]

    assert ["Call"] == [row["subject"] for row in reader.page(f"leads({lead})/Lead_Tasks")["value"]]


@pytest.mark.parametrize("entity_set", ["tasks", "campaignresponses", "activitypointers", "activityparties"])
def test_activities_of_all_kinds_share_their_privileges(
    organisation: Any, writer: Any, reader: Any, entity_set: str
) -> None:
    """prvReadActivity opens or closes them together."""
    writer.create("task", subject="Call")
    reader.page(entity_set)
    with organisation.transaction():
        grant(organisation.connection, writer.user, "prvReadActivity", None)

    assert (403, "0x80040220") == reader.refusal(entity_set)
