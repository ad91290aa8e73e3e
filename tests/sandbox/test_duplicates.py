"""Duplicate detection: who is refused, when it is asked for, and how the rules change (reference 5.8)."""

from typing import Any

import pytest

from tandem.sandbox.automation.duplicates import SHIPPED_RULES, DuplicateRule

DETECT = {"mscrm.suppressduplicatedetection": "false"}
FOUND = (412, "0x80040333")
LEADS = DuplicateRule(name="Leads by e-mail", table="lead", columns=("emailaddress1",))


def outcome(writer: Any, content: dict[str, object], rule: DuplicateRule = LEADS) -> Any:
    """The status of a create that asks for the check, or the refusal of it, beside one lead that is there already."""
    writer.create("lead", lastname="Ek", emailaddress1="Ann@Contoso.example", numberofemployees=5)
    writer.organisation.logic.put_rule(rule)
    before = writer.organisation.version
    answer = writer.attempt("POST", "leads", content, headers=DETECT)
    assert (writer.organisation.version == before) == (answer != 204)
    return answer


@pytest.mark.parametrize(
    ("rule", "content", "expected"),
    [
        pytest.param(LEADS, {"emailaddress1": "Ann@Contoso.example"}, FOUND, id="the same text"),
        pytest.param(LEADS, {"emailaddress1": "ANN@contoso.example"}, FOUND, id="the same text in another case"),
        pytest.param(LEADS, {"emailaddress1": "bo@contoso.example"}, 204, id="another text"),
        pytest.param(LEADS, {"lastname": "Ek"}, 204, id="an empty column equals nothing"),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("emailaddress1",), case_sensitive=True),
            {"emailaddress1": "ANN@contoso.example"},
            204,
            id="another case under a rule that tells them apart",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("lastname", "numberofemployees")),
            {"lastname": "EK", "numberofemployees": 5},
            FOUND,
            id="every column of the rule is equal",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("lastname", "numberofemployees")),
            {"lastname": "Ek", "numberofemployees": 6},
            204,
            id="one of the columns differs",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("emailaddress1",), published=False),
            {"emailaddress1": "Ann@Contoso.example"},
            204,
            id="an unpublished rule",
        ),
        pytest.param(
            DuplicateRule(name="x", table="contact", columns=("emailaddress1",)),
            {"emailaddress1": "Ann@Contoso.example"},
            204,
            id="a rule of another table",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("emailaddress1",), status=500),
            {"emailaddress1": "Ann@Contoso.example"},
            (500, "0x80040333"),
            id="an environment that answers 500",
        ),
    ],
)
def test_P7_a_create_that_asks_is_refused_where_a_rule_finds_a_duplicate(
    writer: Any, rule: DuplicateRule, content: dict[str, object], expected: Any
) -> None:
    """0x80040333, and nothing is stored."""
    assert expected == outcome(writer, content, rule)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, 204, id="without the header"),
        pytest.param({"mscrm.suppressduplicatedetection": "true"}, 204, id="suppressed"),
        pytest.param({"mscrm.suppressduplicatedetection": "False"}, FOUND, id="asked for"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_the_rules_run_only_for_a_write_that_asks(
    writer: Any, method: str, headers: dict[str, str], expected: Any
) -> None:
    """On create and on update alike."""
    writer.create("lead", emailaddress1="ann@contoso.example")
    other = writer.create("lead", emailaddress1="bo@contoso.example")
    writer.organisation.logic.put_rule(LEADS)
    path = "leads" if method == "POST" else f"leads({other})"

    assert expected == writer.attempt(method, path, {"emailaddress1": "ann@contoso.example"}, headers=headers)


def test_a_row_is_no_duplicate_of_itself(writer: Any) -> None:
    """An update that asks looks at the other rows."""
    row_id = writer.create("lead", emailaddress1="ann@contoso.example")
    writer.organisation.logic.put_rule(LEADS)

    assert 204 == writer.attempt("PATCH", f"leads({row_id})", {"jobtitle": "CTO"}, headers=DETECT)


def test_the_rules_of_e_mail_exist_and_are_off(writer: Any) -> None:
    """For leads, contacts and accounts."""
    rules = writer.organisation.logic.kept.rules

    assert SHIPPED_RULES == rules
    assert {("lead", False), ("contact", False), ("account", False)} == {(rule.table, rule.published) for rule in rules}


def test_a_rule_takes_the_place_of_the_one_of_its_name(writer: Any) -> None:
    """Changed, not added."""
    logic = writer.organisation.logic
    logic.put_rule(LEADS)
    logic.put_rule(DuplicateRule(name=LEADS.name, table="lead", columns=("lastname",)))

    assert ("lastname",) == logic.rule(LEADS.name).columns
    assert len(SHIPPED_RULES) + 1 == len(logic.kept.rules)


@pytest.mark.parametrize(("table", "column"), [("leads", "lastname"), ("lead", "nosuch")])
def test_a_rule_about_nothing_is_refused(writer: Any, table: str, column: str) -> None:
    """An unknown table or column."""
    with pytest.raises(KeyError):
        writer.organisation.logic.put_rule(DuplicateRule(name="x", table=table, columns=(column,)))


def test_a_rule_compares_something() -> None:
    """One without columns would make every row a duplicate."""
    with pytest.raises(ValueError, match="column"):
        DuplicateRule(name="x", table="lead", columns=())


def test_a_qualification_that_asks_is_refused_where_the_contact_is_a_duplicate(writer: Any) -> None:
    """Without the header it goes through (reference 8.11)."""
    writer.create("contact", emailaddress1="ann@contoso.example")
    lead = writer.create("lead", lastname="Ek", emailaddress1="ann@contoso.example")
    writer.organisation.logic.put_rule(DuplicateRule(name="x", table="contact", columns=("emailaddress1",)))
    path = f"leads({lead})/Microsoft.Dynamics.CRM.QualifyLead"
    content = {"CreateAccount": False, "CreateContact": True, "CreateOpportunity": False, "Status": 3}

    assert FOUND == writer.attempt("POST", path, content, headers=DETECT)
    assert 0 == writer.row("lead", lead)["statecode"]
    assert 200 == writer.attempt("POST", path, content)
