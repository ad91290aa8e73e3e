"""Stand-ins for a customer's automation: refusals, values rewritten at once or later, versions raised for nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tandem.sandbox.automation.plug_ins import AnyPlugIn, Form, Refuse, Rewrite, RewriteLater, Touch
from tandem.sandbox.automation.settling import Settled, settle
from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.writing.records import Records

NOTHING = Settled(done=0, failed=0, waiting=0)


@pytest.fixture
def flow(writer: Any) -> str:
    """The user as whom flows run."""
    unit = f"/businessunits({writer.organisation.business_unit_id})"
    return str(writer.create("systemuser", lastname="Flow", businessunitid__bind=unit))


def later(organisation: Organisation, user: str, *, rounds: int = 1) -> Settled:
    """Let the stand-ins do what they left for later."""
    return settle(organisation, lambda: user, rounds=rounds)


def shown(writer: Any, method: str, path: str, content: object, column: str) -> tuple[Any, int]:
    """The value and the version that the answer to a write shows."""
    answer = writer.send(
        method, path, content, query=f"$select={column},versionnumber", headers={"prefer": "return=representation"}
    )
    body = json.loads(answer.body)
    return body[column], body["versionnumber"]


# Refusing -------------------------------------------------------------------------------------------------------------


def test_P7_a_plug_in_refuses_with_its_own_message(writer: Any) -> None:
    """400 0x80040265, on create and on update, and nothing is written."""
    row_id = writer.create("contact", lastname="Ek")
    before = writer.organisation.version
    writer.organisation.logic.arm(Refuse(table="contact", message="Ask the credit department."))

    with pytest.raises(Exception, match=r"Ask the credit department\."):
        writer.send("PATCH", f"contacts({row_id})", {"lastname": "Ny"})
    assert (400, "0x80040265") == writer.refusal("POST", "contacts", {"lastname": "Ek"})
    assert before == writer.organisation.version


@pytest.mark.parametrize(
    ("plug_in", "content", "refused"),
    [
        pytest.param(Refuse(table="contact", column="jobtitle"), {"jobtitle": "CTO"}, True, id="its column is written"),
        pytest.param(Refuse(table="contact", column="jobtitle"), {"lastname": "Ny"}, False, id="another column is"),
        pytest.param(Refuse(table="lead"), {"lastname": "Ny"}, False, id="another table is"),
        pytest.param(
            Refuse(table="contact", when={"jobtitle": None}),
            {"jobtitle": ""},
            True,
            id="the write brings the condition",
        ),
        pytest.param(
            Refuse(table="contact", when={"lastname": "Ek"}), {"jobtitle": "CTO"}, True, id="the row had it before"
        ),
        pytest.param(
            Refuse(table="contact", when={"lastname": "Ek"}),
            {"lastname": "Ny"},
            False,
            id="the write ends the condition",
        ),
        pytest.param(
            Refuse(table="contact", when={"annualincome": 0.1}), {"annualincome": 0.1}, True, id="an amount is exact"
        ),
        pytest.param(
            Refuse(table="contact", column="jobtitle", when={"lastname": "Ny", "donotemail": True}),
            {"jobtitle": "CTO", "lastname": "Ny"},
            False,
            id="one of two conditions does not hold",
        ),
    ],
)
def test_a_stand_in_acts_on_the_writes_it_was_narrowed_to(
    writer: Any, plug_in: AnyPlugIn, content: dict[str, object], refused: bool
) -> None:
    """By table, by a column that is written, and by values of the row as the write would leave it."""
    row_id = writer.create("contact", lastname="Ek", jobtitle="Buyer", donotemail=False)
    writer.organisation.logic.arm(plug_in)
    if refused:
        assert (400, "0x80040265") == writer.refusal("PATCH", f"contacts({row_id})", content)
    else:
        assert 204 == writer.send("PATCH", f"contacts({row_id})", content).status


@pytest.mark.parametrize("operation", ["CreateMultiple", "QualifyLead"])
def test_a_refusal_inside_an_action_takes_everything_back(writer: Any, operation: str) -> None:
    """Actions write rows like anybody else."""
    lead = writer.create("lead", lastname="Ek", firstname="Ann")
    writer.organisation.logic.arm(Refuse(table="contact", when={"firstname": "Ann"}))
    before = writer.organisation.version
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
    path, content = {
        "CreateMultiple": (
            "contacts/Microsoft.Dynamics.CRM.CreateMultiple",
            {"Targets": [{**kind, "firstname": "Bo"}, {**kind, "firstname": "Ann"}]},
        ),
        "QualifyLead": (
            f"leads({lead})/Microsoft.Dynamics.CRM.QualifyLead",
            {"CreateAccount": False, "CreateContact": True, "CreateOpportunity": False, "Status": 3},
        ),
    }[operation]

    assert (400, "0x80040265") == writer.refusal("POST", path, content)
    assert before == writer.organisation.version


@pytest.mark.parametrize(
    ("table", "when"),
    [("lead", {"statecode": 1}), ("contact", {"merged": True})],
    ids=["qualifying a lead", "losing a merge"],
)
def test_stand_ins_act_on_what_an_action_does_of_its_own_accord(
    writer: Any, table: str, when: dict[str, object]
) -> None:
    """The qualified lead and the loser of a merge are written like other rows."""
    first, second = (writer.create(table, lastname="Ek") for _ in range(2))
    writer.organisation.logic.arm(Refuse(table=table, when=when))
    kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{table}"}
    path, content = {
        "lead": (
            f"leads({first})/Microsoft.Dynamics.CRM.QualifyLead",
            {"CreateAccount": False, "CreateContact": True, "CreateOpportunity": False, "Status": 3},
        ),
        "contact": (
            "Merge",
            {"Target": {**kind, "contactid": first}, "Subordinate": {**kind, "contactid": second}},
        ),
    }[table]
    before = writer.organisation.version

    assert (400, "0x80040265") == writer.refusal("POST", path, content)
    assert before == writer.organisation.version


# Rewriting at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sent", "stored"),
    [
        pytest.param({"column": "lastname", "to": Form.UPPER}, {"lastname": "ny"}, "NY", id="upper case"),
        pytest.param({"column": "lastname", "to": Form.UPPER}, {"lastname": None}, None, id="no text stays no text"),
        pytest.param({"column": "lastname", "to": Form.TRIM}, {"lastname": " ny "}, "ny", id="trimmed"),
        pytest.param({"column": "lastname", "to": Form.TRIM}, {"lastname": "  "}, None, id="blanks trimmed to nothing"),
        pytest.param({"column": "lastname", "to": Form.VALUE, "value": "X"}, {"lastname": "ny"}, "X", id="a constant"),
        pytest.param({"column": "lastname", "to": Form.VALUE}, {"lastname": "ny"}, None, id="emptied"),
        pytest.param({"column": "lastname", "to": Form.BEFORE}, {"lastname": "ny"}, "ek", id="put back"),
        pytest.param(
            {"column": "jobtitle", "target": "lastname", "to": Form.UPPER},
            {"jobtitle": "CTO"},
            "EK",
            id="because of another column",
        ),
        pytest.param({"target": "lastname", "to": Form.UPPER}, {"fax": "1"}, "EK", id="on any write"),
    ],
)
def test_a_value_is_rewritten_within_the_write(
    writer: Any, settings: dict[str, Any], sent: dict[str, object], stored: str | None
) -> None:
    """return=representation shows it, the row holds it, and the version rises once."""
    row_id = writer.create("lead", lastname="ek")
    version = writer.organisation.version
    writer.organisation.logic.arm(Rewrite(table="lead", **settings))

    assert (stored, version + 1) == shown(writer, "PATCH", f"leads({row_id})", sent, "lastname")
    assert (stored, version + 1) == (writer.row("lead", row_id)["lastname"], writer.organisation.version)


def test_a_value_is_rewritten_on_create_too(writer: Any) -> None:
    """But what was not there before cannot be put back."""
    writer.organisation.logic.arm(Rewrite(table="lead", column="lastname", to=Form.UPPER))
    writer.organisation.logic.arm(Rewrite(table="lead", column="lastname", to=Form.BEFORE))

    value, _ = shown(writer, "POST", "leads", {"lastname": "ek"}, "lastname")

    assert "EK" == value


def test_a_reference_is_put_back_or_emptied(writer: Any, flow: str) -> None:
    """Lookups keep the table they lead to."""
    account = writer.create("account", name="Contoso")
    contact = writer.create("contact", parentcustomerid_account__bind=f"/accounts({account})")
    logic = writer.organisation.logic
    logic.arm(Rewrite(table="contact", column="parentcustomerid", to=Form.BEFORE))
    writer.send("PATCH", f"contacts({contact})", {"parentcustomerid": None})
    put_back = writer.row("contact", contact)
    logic.disarm()
    logic.arm(RewriteLater(table="contact", column="jobtitle", target="parentcustomerid", to=Form.VALUE))
    writer.send("PATCH", f"contacts({contact})", {"jobtitle": "CTO"})
    later(writer.organisation, flow)
    emptied = writer.row("contact", contact)

    assert (account, "account") == (put_back["parentcustomerid"], put_back["parentcustomerid_type"])
    assert (None, None) == (emptied["parentcustomerid"], emptied["parentcustomerid_type"])


def test_stand_ins_act_in_the_order_they_were_armed(writer: Any) -> None:
    """Each sees the row as the one before it left it."""
    writer.organisation.logic.arm(Rewrite(table="lead", column="lastname", to=Form.UPPER))
    writer.organisation.logic.arm(Refuse(table="lead", when={"lastname": "EK"}))

    assert (400, "0x80040265") == writer.refusal("POST", "leads", {"lastname": "ek"})


def test_a_stand_in_acts_for_users_that_lack_rights_on_its_column(writer: Any) -> None:
    """A plug-in is the system's: column security binds the caller's own columns only."""
    row_id = writer.create("lead", lastname="Ek")
    writer.organisation.secure_column("lead", "jobtitle")
    writer.organisation.logic.arm(
        Rewrite(table="lead", column="lastname", target="jobtitle", to=Form.VALUE, value="CTO")
    )
    writer.send("PATCH", f"leads({row_id})", {"lastname": "Ny"})

    assert "CTO" == writer.row("lead", row_id)["jobtitle"]


# Acting later ---------------------------------------------------------------------------------------------------------


def test_a_flow_rewrites_later_as_another_user(writer: Any, flow: str) -> None:
    """The answer shows what was sent; settling writes the other value under a newer version."""
    row_id = writer.create("lead", lastname="Ek")
    writer.organisation.logic.arm(RewriteLater(table="lead", column="lastname", to=Form.UPPER))
    value, version = shown(writer, "PATCH", f"leads({row_id})", {"lastname": "ny"}, "lastname")
    settled = later(writer.organisation, flow)
    row = writer.row("lead", row_id)

    assert ("ny", Settled(done=1, failed=0, waiting=0)) == (value, settled)
    assert ("NY", version + 1, flow) == (row["lastname"], row["versionnumber"], row["modifiedby"])


def test_what_was_there_before_is_put_back_later(writer: Any, flow: str) -> None:
    """Money and choices too, exactly."""
    row_id = writer.create("lead", revenue=10.25, leadsourcecode=1)
    for column in ("revenue", "leadsourcecode"):
        writer.organisation.logic.arm(RewriteLater(table="lead", column=column, to=Form.BEFORE))
    writer.send("PATCH", f"leads({row_id})", {"revenue": 99, "leadsourcecode": 2})
    later(writer.organisation, flow)
    row = writer.row("lead", row_id)

    assert ("10.2500", 1) == (str(row["revenue"]), row["leadsourcecode"])


def test_a_flow_sees_the_row_as_it_is_then(writer: Any, flow: str) -> None:
    """An edit made in between is what is rewritten, not overwritten by an older value."""
    row_id = writer.create("lead", lastname="Ek")
    writer.organisation.logic.arm(RewriteLater(table="lead", column="lastname", to=Form.UPPER))
    writer.send("PATCH", f"leads({row_id})", {"lastname": "ny"})
    writer.organisation.logic.disarm()
    writer.send("PATCH", f"leads({row_id})", {"lastname": "newer"})
    later(writer.organisation, flow)

    assert "NEWER" == writer.row("lead", row_id)["lastname"]


def test_a_touch_raises_the_version_and_changes_nothing(writer: Any, flow: str) -> None:
    """An echo that is newer than the reply and equal to it."""
    row_id = writer.create("lead", lastname="Ek")
    writer.organisation.logic.arm(Touch(table="lead"))
    writer.send("PATCH", f"leads({row_id})", {"jobtitle": "CTO"})
    before = writer.row("lead", row_id)
    later(writer.organisation, flow)
    after = writer.row("lead", row_id)
    stamps = {"versionnumber", "modifiedby", "modifiedon"}

    assert before["versionnumber"] + 1 == after["versionnumber"]
    assert set() == {name for name in before if before[name] != after[name]} - stamps


def test_a_stand_in_does_not_act_on_its_own_write(writer: Any, flow: str) -> None:
    """One write of somebody else sets it off once."""
    row_id = writer.create("lead", lastname="Ek")
    writer.organisation.logic.arm(Touch(table="lead"))
    writer.send("PATCH", f"leads({row_id})", {"lastname": "Ny"})

    assert [1, 0] == [later(writer.organisation, flow).done for _ in range(2)]


def test_two_flows_that_fight_go_on_for_ever_a_round_at_a_time(writer: Any, flow: str) -> None:
    """Each undoes the other; a call ends after its rounds and tells that something waits."""
    row_id = writer.create("lead", lastname="Ek")
    for code in (1, 2):
        plug_in = RewriteLater(table="lead", column="leadsourcecode", to=Form.VALUE, value=code)
        writer.organisation.logic.arm(plug_in)
    writer.send("PATCH", f"leads({row_id})", {"leadsourcecode": 1})
    seen = []
    for _ in range(4):
        settled = later(writer.organisation, flow)
        seen.append((writer.row("lead", row_id)["leadsourcecode"], settled.waiting))

    assert [(2, 1), (1, 1), (2, 1), (1, 1)] == seen
    assert Settled(done=5, failed=0, waiting=1) == later(writer.organisation, flow, rounds=5)


def test_a_write_that_is_taken_back_sets_nothing_off(writer: Any, flow: str) -> None:
    """What is left for later is part of the transaction."""
    writer.organisation.logic.arm(Touch(table="lead"))
    writer.organisation.logic.arm(Refuse(table="lead"))

    assert (400, "0x80040265") == writer.refusal("POST", "leads", {"lastname": "Ek"})
    assert NOTHING == later(writer.organisation, flow)


@pytest.mark.parametrize("trouble", ["deleted", "closed", "locked"])
def test_a_flow_that_comes_too_late_fails_once(writer: Any, flow: str, trouble: str) -> None:
    """A failed run is counted, writes nothing and is not tried again."""
    row_id = writer.create("lead", lastname="Ek")
    writer.organisation.logic.arm(RewriteLater(table="lead", column="lastname", to=Form.UPPER))
    writer.send("PATCH", f"leads({row_id})", {"lastname": "ny"})
    if trouble == "deleted":
        writer.send("DELETE", f"leads({row_id})")
    elif trouble == "closed":
        writer.send("PATCH", f"leads({row_id})", {"statecode": 2, "statuscode": 4})
    else:
        writer.organisation.logic.lock("lead", row_id, locked=True)
    before = writer.organisation.version

    assert Settled(done=0, failed=1, waiting=0) == later(writer.organisation, flow)
    assert NOTHING == later(writer.organisation, flow)
    assert before == writer.organisation.version


# Arming ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plug_in", "error"),
    [
        pytest.param(Refuse(table="leads"), KeyError, id="an unknown table"),
        pytest.param(Refuse(table="lead", column="nosuch"), KeyError, id="an unknown column"),
        pytest.param(Refuse(table="lead", when={"nosuch": 1}), KeyError, id="an unknown column in the condition"),
        pytest.param(
            Refuse(table="lead", when={"fullname": "Ek"}), ValueError, id="a computed column in the condition"
        ),
        pytest.param(Refuse(table="lead", when={"revenue": "much"}), Refused, id="a condition that no value can meet"),
        pytest.param(Rewrite(table="lead", to=Form.UPPER), ValueError, id="no column to rewrite"),
        pytest.param(Rewrite(table="lead", column="fullname", to=Form.UPPER), ValueError, id="a computed column"),
        pytest.param(Rewrite(table="lead", column="revenue", to=Form.TRIM), ValueError, id="trimming a number"),
        pytest.param(
            Rewrite(table="lead", column="parentaccountid", to=Form.VALUE, value="x"),
            ValueError,
            id="a constant for a reference",
        ),
        pytest.param(
            Rewrite(table="lead", column="leadsourcecode", to=Form.VALUE, value=99),
            Refused,
            id="a value that is no option",
        ),
    ],
)
def test_a_stand_in_that_could_never_act_is_refused(
    organisation: Organisation, plug_in: AnyPlugIn, error: type[Exception]
) -> None:
    """When it is armed, not when somebody writes."""
    with pytest.raises(error):
        organisation.logic.arm(plug_in)

    assert () == organisation.logic.kept.plug_ins


def test_disarming_one_table_leaves_the_others(organisation: Organisation) -> None:
    """And without a table all go."""
    for table in ("lead", "contact"):
        organisation.logic.arm(Touch(table=table))
    organisation.logic.disarm("lead")
    left = organisation.logic.kept.plug_ins
    organisation.logic.disarm()

    assert ((Touch(table="contact"),), ()) == (left, organisation.logic.kept.plug_ins)


def test_business_logic_survives_a_restart_and_goes_back_with_a_restore(tmp_path: Path) -> None:
    """It is kept with the rows, and so is what is left for later."""
    armed = (Refuse(table="lead"), Rewrite(table="lead", column="lastname", to=Form.TRIM), Touch(table="contact"))
    organisation = Organisation(tmp_path / "organisation.db")
    for plug_in in armed:
        organisation.logic.arm(plug_in)
    caller = organisation.caller(organisation.user_id)
    Records(organisation, caller).create(organisation.tables["contact"], {"lastname": "Ek"})
    organisation.back_up()
    organisation.logic.disarm()
    organisation.restore()
    restored = organisation.logic.kept
    organisation.close()
    reopened = Organisation(tmp_path / "organisation.db")
    settled = later(reopened, reopened.user_id)
    after = reopened.logic.kept
    reopened.close()

    assert (armed, restored) == (restored.plug_ins, after)
    assert Settled(done=1, failed=0, waiting=0) == settled
