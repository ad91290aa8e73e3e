"""One JSON value against one column definition (reference 10 item 8)."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tandem.sandbox.messages import Refused, Request
from tandem.sandbox.store.customisation import MakeColumn
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TABLES, ColumnType, OptionDefinition
from tandem.sandbox.tables.custom import custom_column
from tandem.sandbox.tables.definition import DateBehaviour
from tandem.sandbox.writing.values import CONVERTED, accept
from tandem.sandbox.writing.writes import answer_write


@pytest.mark.parametrize(
    ("table", "column", "value", "stored"),
    [
        pytest.param("lead", "jobtitle", "CTO ", "CTO ", id="text is not trimmed"),
        pytest.param("lead", "jobtitle", "", None, id="empty text becomes null"),
        pytest.param("lead", "jobtitle", "x" * 100, "x" * 100, id="text of the full length"),
        pytest.param("lead", "jobtitle", "\U0001f600" * 50, "\U0001f600" * 50, id="an emoji counts two"),
        pytest.param("lead", "description", "a\r\n\tb", "a\r\n\tb", id="line ends and tabs are no controls"),
        pytest.param("lead", "numberofemployees", 1_000_000, 1_000_000, id="the largest integer"),
        pytest.param("lead", "revenue", Decimal("12.34565"), Decimal("12.3456"), id="money has four decimals at most"),
        pytest.param("lead", "estimatedvalue", 1, 1.0, id="an integer for a double"),
        pytest.param("lead", "donotemail", False, False, id="a boolean"),
        pytest.param("lead", "leadsourcecode", 8, 8, id="an option"),
        pytest.param("lead", "purchaseprocess", 0, 0, id="an option that is zero"),
        pytest.param("lead", "estimatedclosedate", "2025-03-04", "2025-03-04", id="a date"),
        pytest.param(
            "lead",
            "schedulefollowup_qualify",
            "2025-03-04T06:06:07.9+01:00",
            "2025-03-04T05:06:07Z",
            id="a moment is stored in UTC without fractions",
        ),
        pytest.param("systemuser", "applicationid", "A" * 8 + "-0000" * 3 + "-" + "0" * 12, None, id="a guid"),
    ],
)
def test_a_good_value_is_taken(table: str, column: str, value: object, stored: object) -> None:
    """It comes back as it is stored."""
    definition = TABLES[table]
    expected = str(value).lower() if definition.columns[column].type is ColumnType.GUID else stored

    assert expected == accept(definition, definition.columns[column], value)


@pytest.mark.parametrize(
    ("table", "column", "value", "code"),
    [
        pytest.param("lead", "jobtitle", 5, "0x80048d19", id="a number for text"),
        pytest.param("lead", "jobtitle", "x" * 101, "0x80044331", id="text one too long"),
        pytest.param("lead", "jobtitle", "\U0001f600" * 51, "0x80044331", id="emoji one too many"),
        pytest.param("lead", "mobilephone", "1" * 21, "0x80044331", id="a lead's mobile phone has 20"),
        pytest.param("lead", "description", "a\x00b", "0x80040278", id="a control character"),
        pytest.param("lead", "numberofemployees", "5", "0x80048d19", id="text for an integer"),
        pytest.param("lead", "numberofemployees", 5.5, "0x80048d19", id="a fraction for an integer"),
        pytest.param("lead", "numberofemployees", True, "0x80048d19", id="a boolean for an integer"),
        pytest.param("lead", "numberofemployees", -1, "0x8004432F", id="an integer too small"),
        pytest.param("lead", "revenue", "5", "0x80048d19", id="text for money"),
        pytest.param("lead", "revenue", 10**15, "0x80044330", id="too much money"),
        pytest.param("lead", "estimatedvalue", -0.5, "0x80044330", id="a double too small"),
        pytest.param("lead", "donotemail", "true", "0x80048d19", id="text for a boolean"),
        pytest.param("lead", "donotemail", 1, "0x80048d19", id="a number for a boolean"),
        pytest.param("lead", "leadsourcecode", 99, "0x8004431A", id="an option that is none"),
        pytest.param("contact", "leadsourcecode", 8, "0x8004431A", id="a lead's option on a contact"),
        pytest.param("lead", "leadsourcecode", "8", "0x80048d19", id="text for an option"),
        pytest.param("lead", "estimatedclosedate", "1752-12-31", "0x80040239", id="a date below 1753"),
        pytest.param("lead", "estimatedclosedate", "2025-02-30", "0x80040239", id="a date that is none"),
        pytest.param("lead", "estimatedclosedate", 20250304, "0x80048d19", id="a number for a date"),
        pytest.param(
            "lead", "schedulefollowup_qualify", "2025-03-04T05:06:07", "0x80040239", id="a moment without zone"
        ),
        pytest.param("lead", "schedulefollowup_qualify", "9999-12-31T00:00:00Z", "0x80040239", id="a moment too late"),
        pytest.param(
            "lead", "schedulefollowup_qualify", "2025-03-04T05:06:07+01:00Z", "0x80040239", id="an offset beside a Z"
        ),
        pytest.param("lead", "schedulefollowup_qualify", "1752-12-31T23:59:59Z", "0x80040239", id="a moment too early"),
        pytest.param("lead", "schedulefollowup_qualify", "2025-03-04", "0x80040239", id="a date for a moment"),
        pytest.param("lead", "estimatedclosedate", "2025-03-04T00:00:00Z", "0x80040239", id="a moment for a date"),
        pytest.param("systemuser", "applicationid", "x", "0x80048d19", id="a guid that is none"),
        *(
            pytest.param("lead", column, "", "0x80048d19", id=f"empty text for {what}")
            for column, what in (
                ("numberofemployees", "an integer"),
                ("revenue", "money"),
                ("donotemail", "a boolean"),
                ("leadsourcecode", "an option"),
            )
        ),
    ],
)
def test_a_bad_value_is_refused_with_its_code(table: str, column: str, value: object, code: str) -> None:
    """400, and the code tells what is wrong."""
    definition = TABLES[table]
    with pytest.raises(Refused) as caught:
        accept(definition, definition.columns[column], value)

    assert (400, code) == (caught.value.status, caught.value.code)


def test_several_choices_travel_as_one_text() -> None:
    """`"9,1"` is stored in order; an unknown one is refused."""
    table = TABLES["lead"]
    column: Any = table.columns["leadsourcecode"]
    several = type(column)(
        name="topics",
        type=ColumnType.CHOICES,
        label="Topics",
        schema_name="topics",
        options=column.options,
    )

    assert ["1,9", "1,9", None] == [accept(table, several, text) for text in ("9,1,9", " 1 , 9 ", "")]
    with pytest.raises(Refused, match="Accepted Values"):
        accept(table, several, "1,99")


def test_at_most_150_choices_are_taken() -> None:
    """Reference 2.8; the code of the refusal is [infer]."""
    options = tuple(OptionDefinition(value=value, label=str(value)) for value in range(200))
    column = replace(TABLES["lead"].columns["leadsourcecode"], type=ColumnType.CHOICES, options=options)
    most = ",".join(map(str, range(150)))
    with pytest.raises(Refused) as caught:
        accept(TABLES["lead"], column, f"{most},150")

    assert most == accept(TABLES["lead"], column, most)
    assert (400, "0x80040203") == (caught.value.status, caught.value.code)


@pytest.mark.parametrize(
    ("behaviour", "stored"),
    [
        (DateBehaviour.USER_LOCAL, "2025-03-04T05:06:07Z"),
        (DateBehaviour.TIME_ZONE_INDEPENDENT, "2025-03-04T06:06:07Z"),
    ],
)
def test_a_moment_of_no_zone_stays_as_it_was_typed(behaviour: DateBehaviour, stored: str) -> None:
    """Any other is turned into UTC (reference 9.2)."""
    column = replace(TABLES["lead"].columns["schedulefollowup_qualify"], behaviour=behaviour)

    assert stored == accept(TABLES["lead"], column, "2025-03-04T06:06:07.999+01:00")


@pytest.mark.parametrize("behaviour", DateBehaviour)
def test_a_date_column_is_read_as_it_was_written(
    organisation: Organisation, writer: Any, behaviour: DateBehaviour
) -> None:
    """In each of the three behaviours, through the Web API."""
    made = custom_column("new_when", "datetime")
    organisation.customise(MakeColumn("account", replace(made, behaviour=behaviour)))
    written = "2025-03-04" if behaviour is DateBehaviour.DATE_ONLY else "2025-03-04T05:06:07Z"
    headers, query = {"prefer": "return=representation"}, "$select=new_when"
    answer = writer.send("POST", "accounts", {"new_when": written}, query=query, headers=headers)

    assert written == json.loads(answer.body)["new_when"]


def send_raw(writer: Any, body: str) -> None:
    """Create an account from JSON as it is written here: a float in between would not be exact."""
    request = Request(method="POST", path="accounts", body=body.encode(), caller=writer.user)
    answer_write(writer.organisation, request)


NUMBERS = ["12345678901.1234567891", "-99999999999.9999999999", "0.0000000001", "100000000000"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_decimal_of_21_digits_is_exact(organisation: Organisation, writer: Any, number: str) -> None:
    """Written, read, and found by its value; no double holds it."""
    organisation.add_column("account", "new_exact", "decimal")
    for other in NUMBERS:
        send_raw(writer, f'{{"new_exact":{other}}}')
    (row_id,) = organisation.find("account", "new_exact", Decimal(number))
    request = {"prefer": "return=representation"}
    answer = writer.send("PATCH", f"accounts({row_id})", {"fax": "1"}, query="$select=new_exact", headers=request)

    assert Decimal(number) == writer.row("account", row_id)["new_exact"]
    assert f'"new_exact":{Decimal(number):.10f}' in answer.body.decode()


def test_every_type_that_is_no_lookup_can_be_converted() -> None:
    """A new column type cannot be forgotten here."""
    lookups = {ColumnType.LOOKUP, ColumnType.CUSTOMER, ColumnType.OWNER}

    assert set(ColumnType) - lookups == CONVERTED
