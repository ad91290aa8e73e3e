"""Why a field differs: each row of the table in `tandem.rules.reasons`, and what stands in the way first (rule R1)."""

from dataclasses import replace

import pytest

from tandem.mapping.fields import Direction, Field
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType, Option
from tandem.rules.presence import LinkState
from tandem.rules.reasons import Facts, Reason, Refusal, reasons
from tandem.rules.units import Unit

TITLE = Field(
    entity=Entity.LEAD,
    column="jobtitle",
    api_name="title",
    label="Job Title",
    type=ColumnType.TEXT,
    direction=Direction.BOTH,
    max_length=10,
)
LIVE = Facts(state=LinkState.LIVE)
ERROR = Refusal(None, "dynamics-refused", "No chiefs here.", "Ask for another rule.")
OF_TITLE = Refusal("title", "invalid-value", "Not this one.", "Another.")
OF_CITY = OF_TITLE._replace(field="city")


def reason(facts: Facts, *, field: Field = TITLE, value: object = "Chief") -> tuple[Reason, int | None, str | None]:
    """The reason of the one field that differs, its hold and its code."""
    (found,) = reasons(
        [Unit(fields=(field,))], person={field.api_name: value}, base={field.api_name: None}, facts=facts
    ).values()
    return found.reason, found.hold_id, found.code


@pytest.mark.parametrize(
    ("facts", "field", "value", "expected"),
    [
        pytest.param(
            replace(LIVE, state=LinkState.PARKED, held={"title": 7}), TITLE, "Chief", (Reason.PARKED, None, None),
            id="parked comes before everything",
        ),
        pytest.param(
            replace(LIVE, held={"title": 7}, waits=True), replace(TITLE, direction=Direction.FROM), "Chief",
            (Reason.HELD, 7, None), id="a held field, whatever its direction",
        ),
        *(
            pytest.param(
                replace(LIVE, waits=True), replace(TITLE, direction=direction), "Chief", (Reason.CHOSEN, None, None),
                id=f"the direction {direction.value}",
            )
            for direction in (Direction.FROM, Direction.BLOCKED)
        ),
        pytest.param(
            replace(LIVE, waits=True), replace(TITLE, writable=False), "Chief", (Reason.CHOSEN, None, None),
            id="read-only in Dynamics",
        ),
        pytest.param(
            replace(LIVE, waits=True, table_hold=8), TITLE, "Chief of everything", (Reason.REFUSED, None, "too-long"),
            id="a value that cannot fit is told before it was tried",
        ),
        pytest.param(
            replace(LIVE, waits=True, table_hold=8), TITLE, "Chief", (Reason.HELD, 8, None),
            id="the writes of its table are held",
        ),
        pytest.param(
            replace(LIVE, waits=True, deleted=True, table_hold=8), TITLE, "Chief", (Reason.LEFT, None, None),
            id="there is no record to send it to",
        ),
        pytest.param(
            replace(LIVE, waits=True, errors=[OF_TITLE]), TITLE, "Chief", (Reason.WAITING, None, None),
            id="it is tried again",
        ),
        pytest.param(
            replace(LIVE, errors=[ERROR, OF_TITLE]), TITLE, "Chief", (Reason.REFUSED, None, "invalid-value"),
            id="the error of the field before that of the record",
        ),
        pytest.param(
            replace(LIVE, errors=[OF_CITY, ERROR]), TITLE, "Chief", (Reason.REFUSED, None, "dynamics-refused"),
            id="the whole record was refused",
        ),
        pytest.param(
            replace(LIVE, errors=[OF_CITY]), TITLE, "Chief", (Reason.LEFT, None, None),
            id="the error of another field is none of its own",
        ),
    ],
)  # fmt: skip
def test_R1_the_reason_is_what_stands_in_the_way_first(
    facts: Facts, field: Field, value: str, expected: tuple[Reason, int | None, str | None]
) -> None:
    """With the hold to decide, or the code of the refusal."""
    assert expected == reason(facts, field=field, value=value)


def test_R1_what_means_the_same_does_not_differ() -> None:
    """Nothing and an empty text are equal by meaning."""
    assert {} == reasons([Unit(fields=(TITLE,))], person={"title": ""}, base={"title": None}, facts=LIVE)


@pytest.mark.parametrize(
    ("facts", "state", "expected"),
    [
        pytest.param(replace(LIVE, held={"leadStatus": 7}), 0, (Reason.HELD, 7), id="the hold of the state"),
        pytest.param(LIVE, 9, (Reason.REFUSED, None), id="a state that is none"),
    ],
)
def test_P4_a_status_reason_is_kept_back_by_its_state(
    facts: Facts, state: int, expected: tuple[Reason, int | None]
) -> None:
    """The two are one unit; the state, which does not differ, is not listed."""
    kept = replace(
        TITLE,
        column="statecode",
        api_name="leadStatus",
        type=ColumnType.STATE,
        options=(Option(value=0, label="Open"),),
    )
    edited = replace(
        TITLE,
        column="statuscode",
        api_name="reason",
        type=ColumnType.STATUS,
        options=(Option(value=1, label="New", state=0), Option(value=2, label="Contacted", state=0)),
    )

    found = reasons(
        [Unit(fields=(kept, edited))], person={"leadStatus": state, "reason": 2}, base={"reason": 1}, facts=facts
    )

    assert {"reason": expected} == {name: (each.reason, each.hold_id) for name, each in found.items()}
