"""Duplicate detection: who is refused, when it is asked for, and how the rules change (reference 5.8)."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tandem.sandbox.automation.duplicates import SHIPPED_RULES, Comparison, DuplicateRule

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
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=(Comparison(column="emailaddress1", first=4),)),
            {"emailaddress1": "ann@fabrikam.example"},
            FOUND,
            id="the same first characters",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=(Comparison(column="emailaddress1", first=5),)),
            {"emailaddress1": "ann@fabrikam.example"},
            204,
            id="one character too many at the beginning",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=(Comparison(column="emailaddress1", last=15),)),
            {"emailaddress1": "bo@CONTOSO.example"},
            FOUND,
            id="the same last characters",
        ),
        pytest.param(
            DuplicateRule(
                name="x",
                table="lead",
                columns=(Comparison(column="emailaddress1", last=15),),
                case_sensitive=True,
            ),
            {"emailaddress1": "bo@CONTOSO.example"},
            204,
            id="the same last characters in another case",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=(Comparison(column="companyname", matching="lastname"),)),
            {"companyname": "ek"},
            FOUND,
            id="one column like another",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("lastname", "jobtitle")),
            {"lastname": "Ek"},
            204,
            id="one of several columns is empty",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("lastname", "jobtitle"), ignore_blanks=False),
            {"lastname": "Ek"},
            FOUND,
            id="an empty column under a rule that does not ignore blanks",
        ),
        pytest.param(
            DuplicateRule(name="x", table="lead", columns=("lastname", "jobtitle"), ignore_blanks=False),
            {"lastname": "Ek", "jobtitle": "CEO"},
            204,
            id="a value beside an empty column under a rule that does not ignore blanks",
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


@pytest.mark.parametrize("exclude", [True, False], ids=["left out", "looked at"])
def test_inactive_rows_can_be_left_out(writer: Any, exclude: bool) -> None:
    """By the rule."""
    gone = writer.create("lead", emailaddress1="ann@contoso.example")
    writer.send("PATCH", f"leads({gone})", {"statecode": 2})
    rule = DuplicateRule(name="x", table="lead", columns=("emailaddress1",), exclude_inactive=exclude)
    writer.organisation.logic.put_rule(rule)
    content = {"emailaddress1": "ann@contoso.example"}

    assert (204 if exclude else FOUND) == writer.attempt("POST", "leads", content, headers=DETECT)


def test_a_lead_can_be_a_duplicate_of_a_contact(writer: Any) -> None:
    """A rule from one table to another finds in the other, and goes one way."""
    writer.create("contact", emailaddress2="ann@contoso.example")
    compared = Comparison(column="emailaddress1", matching="emailaddress2")
    rule = DuplicateRule(name="x", table="lead", matching_table="contact", columns=(compared,))
    writer.organisation.logic.put_rule(rule)
    content = {"emailaddress1": "ann@contoso.example"}

    assert FOUND == writer.attempt("POST", "leads", content, headers=DETECT)
    assert 204 == writer.attempt("POST", "contacts", content, headers=DETECT)
    writer.create("lead", **content)
    assert 204 == writer.attempt("POST", "contacts", {"emailaddress2": "ann@contoso.example"}, headers=DETECT)


def test_a_lead_of_a_contacts_id_is_its_duplicate_all_the_same(writer: Any) -> None:
    """Only within a table does an id mean the same row."""
    contact = writer.create("contact", lastname="Ek")
    rule = DuplicateRule(name="x", table="lead", matching_table="contact", columns=("lastname",))
    writer.organisation.logic.put_rule(rule)

    assert FOUND == writer.attempt("POST", "leads", {"leadid": contact, "lastname": "Ek"}, headers=DETECT)


@pytest.mark.parametrize("way", ["the table", "the organisation"])
def test_no_rule_is_run_where_detection_is_off(writer: Any, way: str) -> None:
    """For the table, or for all; switched on again, it is."""
    writer.create("lead", emailaddress1="ann@contoso.example")
    logic = writer.organisation.logic
    logic.put_rule(LEADS)

    def switch(enabled: bool) -> None:
        if way == "the table":
            logic.detect("lead", enabled=enabled)
        else:
            path = f"organizations({writer.organisation.organization_id})"
            writer.send("PATCH", path, {"isduplicatedetectionenabled": enabled})

    content = {"emailaddress1": "ann@contoso.example"}
    switch(False)

    assert 204 == writer.attempt("POST", "leads", content, headers=DETECT)

    switch(True)

    assert FOUND == writer.attempt("POST", "leads", content, headers=DETECT)


def test_p7_the_duplicates_of_a_refused_row_can_be_asked_for(writer: Any, reader: Any) -> None:
    """RetrieveDuplicates: by every published rule of the two tables, by the page [k]."""
    alike = {writer.create("lead", emailaddress1="ann@contoso.example") for _ in range(3)}
    writer.create("lead", emailaddress1="bo@contoso.example")
    writer.organisation.logic.put_rule(LEADS)

    def asked(entity: dict[str, object], number: int = 1, count: int = 50, table: str = "lead") -> set[str]:
        kind = {"@odata.type": "Microsoft.Dynamics.CRM.lead"}
        values = (kind | entity, {"PageNumber": number, "Count": count})
        one, three = (quote(json.dumps(value)) for value in values)
        call = "RetrieveDuplicates(BusinessEntity=@p1,MatchingEntityName=@p2,PagingInfo=@p3)"
        rows = reader.page(f"{call}?@p1={one}&@p2='{table}'&@p3={three}")["value"]
        return {row[f"{table}id"] for row in rows}

    new: dict[str, object] = {"emailaddress1": "ANN@contoso.example"}
    one = min(alike)

    assert alike == asked(new)
    assert alike - {one} == asked({"leadid": one})
    assert set() == asked({"leadid": one, "emailaddress1": "cy@contoso.example"})
    assert set() == asked(new, table="contact")
    assert [2, 1] == [len(asked(new, number, 2)) for number in (1, 2)]
    assert alike == asked(new, 1, 2) | asked(new, 2, 2)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param("BusinessEntity={'emailaddress1':'x'},MatchingEntityName='lead'", id="a row of no table"),
        pytest.param(
            "BusinessEntity={'@odata.type':'Microsoft.Dynamics.CRM.lead'},MatchingEntityName='nosuch'",
            id="an unknown table",
        ),
        pytest.param(
            "BusinessEntity={'@odata.type':'Microsoft.Dynamics.CRM.lead'},MatchingEntityName='lead'", id="no page"
        ),
    ],
)
def test_a_bad_question_for_duplicates_is_refused(reader: Any, parameters: str) -> None:
    """400 0x80060888."""
    assert (400, "0x80060888") == reader.refusal(f"RetrieveDuplicates({quote(parameters)})")


@pytest.mark.parametrize(
    "compared",
    [
        Comparison(column="lastname", matching="numberofemployees"),
        Comparison(column="numberofemployees", first=2),
    ],
    ids=["a text and a number", "the first characters of a number"],
)
def test_a_rule_that_cannot_be_run_is_refused(writer: Any, compared: Comparison) -> None:
    """When it is published, not when it is run."""
    with pytest.raises(ValueError):
        writer.organisation.logic.put_rule(DuplicateRule(name="x", table="lead", columns=(compared,)))


@pytest.mark.parametrize("ends", [{"first": 0}, {"last": -1}, {"first": 2, "last": 2}])
def test_a_comparison_takes_characters_of_one_end(ends: dict[str, int]) -> None:
    """One or more."""
    with pytest.raises(ValueError, match="characters"):
        Comparison(column="lastname", **ends)


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
