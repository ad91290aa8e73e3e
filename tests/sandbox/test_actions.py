"""QualifyLead, Merge and closing an opportunity, with what they do to other rows (reference 8.4, 8.11, 8.13)."""

import json
from typing import Any

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import grant

CRM = "Microsoft.Dynamics.CRM"
FLAGS = ("CreateAccount", "CreateContact", "CreateOpportunity")


def qualify(writer: Any, lead: str, *create: str, **others: object) -> dict[str, str]:
    """The ids that QualifyLead answers with, by table."""
    content = {flag: flag in create for flag in FLAGS} | {"Status": 3} | others
    answer = writer.send("POST", f"leads({lead})/{CRM}.QualifyLead", content)
    rows = json.loads(answer.body)["value"]
    return {row["@odata.type"].rpartition(".")[2]: next(v for k, v in row.items() if k[0] != "@") for row in rows}


def ref(table: str, row_id: str, **values: object) -> dict[str, object]:
    """A row as a parameter names it."""
    return {"@odata.type": f"{CRM}.{table}", f"{table}id": row_id, **values}


def merge(table: str, winner: str, loser: str, **others: object) -> dict[str, object]:
    """The body of Merge."""
    content = {"Target": ref(table, winner), "Subordinate": ref(table, loser)}
    return {**content, "PerformParentingChecks": False, **others}


@pytest.fixture
def lead(writer: Any) -> str:
    """An open lead with a company."""
    return str(
        writer.create(
            "lead",
            subject="Webinar",
            firstname="Ann",
            lastname="Ek",
            companyname="Contoso",
            emailaddress1="ann@contoso.example",
            mobilephone="070",
            donotbulkemail=True,
        )
    )


def test_p11_qualifying_makes_what_was_asked_for(writer: Any, lead: str) -> None:
    """Account, contact and opportunity, tied to the lead and to each other, with the lead's values."""
    made = qualify(writer, lead, *FLAGS)
    account, contact, opportunity, qualified = (
        writer.row(table, made.get(table, lead)) for table in ("account", "contact", "opportunity", "lead")
    )

    assert ["account", "contact", "opportunity"] == list(made)
    assert {lead} == {account["originatingleadid"], contact["originatingleadid"], opportunity["originatingleadid"]}
    assert ("Contoso", "Webinar") == (account["name"], opportunity["name"])
    assert ("Ann Ek", "ann@contoso.example", "070", True, made["account"]) == (
        contact["fullname"],
        contact["emailaddress1"],
        contact["mobilephone"],
        contact["donotbulkemail"],
        contact["parentcustomerid"],
    )
    assert (made["account"], "account", made["contact"]) == (
        opportunity["customerid"],
        opportunity["customerid_type"],
        opportunity["parentcontactid"],
    )
    assert (1, 3, made["account"], made["contact"], made["opportunity"]) == (
        qualified["statecode"],
        qualified["statuscode"],
        qualified["parentaccountid"],
        qualified["parentcontactid"],
        qualified["qualifyingopportunityid"],
    )


def test_p11_a_contact_alone_belongs_to_the_leads_own_account(writer: Any, lead: str) -> None:
    """The lead's parent account becomes the contact's."""
    account = writer.create("account", name="Parent")
    writer.send("PATCH", f"leads({lead})", {"parentaccountid@odata.bind": f"/accounts({account})"})
    made = qualify(writer, lead, "CreateContact")

    assert ["contact"] == list(made)
    assert account == writer.row("contact", made["contact"])["parentcustomerid"]


def test_the_opportunity_takes_the_customer_and_currency_given(writer: Any, lead: str) -> None:
    """OpportunityCustomerId and OpportunityCurrencyId."""
    customer = writer.create("contact", lastname="Buyer")
    currency = writer.organisation.currency_id
    made = qualify(
        writer,
        lead,
        "CreateOpportunity",
        OpportunityCustomerId=ref("contact", customer),
        OpportunityCurrencyId=ref("transactioncurrency", currency),
    )
    row = writer.row("opportunity", made["opportunity"])

    assert (customer, "contact", currency) == (
        row["customerid"],
        row["customerid_type"],
        row["transactioncurrencyid"],
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"Status": 4}, (400, "0x80048408"), id="a status that is not a qualified one"),
        pytest.param({"Status": None}, (400, "0x80040203"), id="no status"),
        pytest.param({"CreateContact": "yes"}, (400, "0x80048d19"), id="a flag that is no boolean"),
        pytest.param({"CreateLead": True}, (400, "0x80048d19"), id="a parameter that is none"),
        pytest.param({"OpportunityCustomerId": ref("lead", "x")}, (400, "0x80048d19"), id="a customer that is a lead"),
    ],
)
def test_a_bad_qualification_is_refused(
    writer: Any, lead: str, change: dict[str, object], expected: tuple[int, str]
) -> None:
    """Nothing is made."""
    content = dict.fromkeys(FLAGS, True) | {"Status": 3} | change

    assert expected == writer.refusal("POST", f"leads({lead})/{CRM}.QualifyLead", content)
    assert writer.row("lead", lead)["statecode"] == 0


def test_a_closed_lead_is_not_qualified_again_until_it_is_reopened(writer: Any, lead: str) -> None:
    """0x80040519; a second contact comes after reopening (P11)."""
    first = qualify(writer, lead, "CreateContact")
    content = dict.fromkeys(FLAGS, False) | {"Status": 3}

    assert (400, "0x80040519") == writer.refusal("POST", f"leads({lead})/{CRM}.QualifyLead", content)

    writer.send("PATCH", f"leads({lead})", {"statecode": 0, "statuscode": 1})

    assert first != qualify(writer, lead, "CreateContact")


@pytest.mark.parametrize(
    "privilege", ["prvWriteLead", "prvCreateContact", "prvAppendContact", "prvAppendToLead", "prvCreateOpportunity"]
)
def test_qualifying_without_a_right_it_needs_makes_nothing(
    organisation: Organisation, writer: Any, lead: str, privilege: str
) -> None:
    """403 0x80040220; what was made before the right was missed is taken back."""
    with organisation.transaction():
        grant(organisation.connection, writer.user, privilege, None)
    before = organisation.version
    content = dict.fromkeys(FLAGS, True) | {"Status": 3}

    assert (403, "0x80040220") == writer.refusal("POST", f"leads({lead})/{CRM}.QualifyLead", content)
    assert before == organisation.version


def test_qualifying_hands_over_nothing_that_the_caller_may_not_read(
    organisation: Organisation, writer: Any, lead: str
) -> None:
    """What column security hides of the lead does not show in the contact."""
    organisation.secure_column("lead", "mobilephone")
    contact = writer.row("contact", qualify(writer, lead, "CreateContact")["contact"])

    assert ("Ann", None) == (contact["firstname"], contact["mobilephone"])


def test_p12_a_merge_keeps_the_loser_and_moves_what_points_at_it(organisation: Organisation, writer: Any) -> None:
    """Loser inactive with masterid; children of the loser now belong to the winner; each row is an update."""
    winner = writer.create("account", name="Winner")
    loser = writer.create("account", name="Loser")
    child = writer.create("contact", parentcustomerid_account__bind=f"/accounts({loser})")
    deal = writer.create("opportunity", customerid_account__bind=f"/accounts({loser})")
    before = organisation.version
    update = {"UpdateContent": ref("account", "00000000-0000-0000-0000-000000000000", telephone1="555-0100")}
    answer = writer.send("POST", "Merge", merge("account", winner, loser, **update))
    lost = writer.row("account", loser)

    assert 204 == answer.status
    assert (True, winner, 1, 2) == (lost["merged"], lost["masterid"], lost["statecode"], lost["statuscode"])
    assert "555-0100" == writer.row("account", winner)["telephone1"]
    assert winner == writer.row("contact", child)["parentcustomerid"]
    assert winner == writer.row("opportunity", deal)["customerid"]
    assert min(writer.version(*row) for row in (("account", winner), ("account", loser), ("contact", child))) > before


@pytest.mark.parametrize("table", ["account", "contact", "lead"])
def test_p12_leads_contacts_and_accounts_merge(writer: Any, table: str) -> None:
    """The loser of each is inactive."""
    winner, loser = writer.create(table), writer.create(table)
    writer.send("POST", "Merge", merge(table, winner, loser))

    assert (winner, True) == (writer.row(table, loser)["masterid"], writer.row(table, loser)["statecode"] != 0)


def test_a_winner_never_becomes_its_own_parent(writer: Any) -> None:
    """A lookup of the winner to the loser is emptied."""
    loser = writer.create("account", name="Loser")
    winner = writer.create("account", name="Winner", parentaccountid__bind=f"/accounts({loser})")
    writer.send("POST", "Merge", merge("account", winner, loser))

    assert writer.row("account", winner)["parentaccountid"] is None


def test_a_merge_that_cannot_be_is_refused(writer: Any) -> None:
    """Identical rows, an inactive loser, different tables, different parents, a lost parent."""
    parents = [writer.create("account", name=name) for name in "AB"]
    bound = [writer.create("contact", parentcustomerid_account__bind=f"/accounts({parent})") for parent in parents]
    winner, inactive, lead = writer.create("contact"), writer.create("contact"), writer.create("lead")
    writer.send("PATCH", f"contacts({inactive})", {"statecode": 1})
    checked = {"PerformParentingChecks": True}

    assert [(400, f"0x800453{end}") for end in ("05", "04", "03", "16", "17")] == [
        writer.refusal("POST", "Merge", content)
        for content in (
            merge("contact", winner, winner),
            merge("contact", winner, inactive),
            merge("contact", winner, winner, Subordinate=ref("lead", lead)),
            merge("contact", bound[0], bound[1], **checked),
            merge("contact", winner, bound[0], **checked),
        )
    ]


@pytest.mark.parametrize("privilege", ["prvMerge", "prvWriteContact"])
def test_merging_needs_its_privileges(organisation: Organisation, writer: Any, privilege: str) -> None:
    """403 0x80040220."""
    winner, loser = writer.create("contact"), writer.create("contact")
    with organisation.transaction():
        grant(organisation.connection, writer.user, privilege, None)

    assert (403, "0x80040220") == writer.refusal("POST", "Merge", merge("contact", winner, loser))


@pytest.mark.parametrize(
    ("action", "status", "state"), [("WinOpportunity", 3, 1), ("LoseOpportunity", 4, 2), ("LoseOpportunity", 5, 2)]
)
def test_an_opportunity_is_closed_by_action(writer: Any, action: str, status: int, state: int) -> None:
    """State, reason, revenue and day; closing twice is refused."""
    row_id = writer.create("opportunity", name="Deal")
    close = {
        "subject": "Closed",
        "actualrevenue": 1000,
        "actualend": "2025-03-04",
        "opportunityid@odata.bind": f"/opportunities({row_id})",
    }
    content = {"Status": status, "OpportunityClose": close}
    writer.send("POST", action, content)
    row = writer.row("opportunity", row_id)

    assert (state, status, "1000.0000", "2025-03-04") == (
        row["statecode"],
        row["statuscode"],
        str(row["actualvalue"]),
        row["actualclosedate"],
    )
    assert (400, "0x80040233") == writer.refusal("POST", action, content)


def test_an_unknown_property_of_the_close_is_refused(writer: Any) -> None:
    """0x80048d19, and the opportunity stays open."""
    row_id = writer.create("opportunity", name="Deal")
    close = {"revenue": 5, "opportunityid@odata.bind": f"/opportunities({row_id})"}

    assert (400, "0x80048d19") == writer.refusal("POST", "WinOpportunity", {"Status": 3, "OpportunityClose": close})
    assert writer.row("opportunity", row_id)["statecode"] == 0
