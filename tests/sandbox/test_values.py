"""One JSON value against one column definition (reference 10 item 8)."""

from decimal import Decimal
from typing import Any

import pytest

from tandem.sandbox.messages import Refused
from tandem.sandbox.tables import TABLES, ColumnType
from tandem.sandbox.writing.values import CONVERTED, accept


@pytest.mark.parametrize(
    ("table", "column", "value", "stored"),
    [
        pytest.param("lead", "jobtitle", "CTO ", "CTO ", id="text is not trimmed"),
        pytest.param("lead", "jobtitle", "", None, id="empty text becomes null"),
        pytest.param("lead", "jobtitle", "x" * 100, "x" * 100, id="text of the full length"),
        pytest.param("lead", "jobtitle", "\U0001f600" * 50, "\U0001f600" * 50, id="an emoji counts two"),
        pytest.param("lead", "description", "a\r\n\tb", "a\r\n\tb", id="line ends and tabs are no controls"),
        pytest.param("lead", "numberofemployees", 1_000_000, 1_000_000, id="the largest integer"),
        pytest.param("lead", "revenue", Decimal("12.345"), Decimal("12.34"), id="money is rounded to even"),
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
        pytest.param("systemuser", "applicationid", "x", "0x80048d19", id="a guid that is none"),
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

    assert accept(table, several, "9,1,9") == "1,9"
    with pytest.raises(Refused, match="Accepted Values"):
        accept(table, several, "1,99")


def test_every_type_that_is_no_lookup_can_be_converted() -> None:
    """A new column type cannot be forgotten here."""
    lookups = {ColumnType.LOOKUP, ColumnType.CUSTOMER, ColumnType.OWNER}

    assert set(ColumnType) - lookups == CONVERTED
