"""The paragraph about a person, from facts alone (rule N6)."""

from dataclasses import replace

import pytest

from tandem.model.entities import Entity
from tandem.report.errors import SyncError
from tandem.report.explain import Nominated, OpenIntent, PersonFacts
from tandem.report.people import ShownLink
from tandem.report.summary import summary
from tandem.rules.presence import LinkState
from tandem.state.queues import IntentKind

LINK = ShownLink(entity=Entity.CONTACT, crm_id="c1", state=LinkState.LIVE.value, version=7, unsent={})
AGREED = PersonFacts(
    id=12,
    name="Ann Ek",
    microsoft_is_deleted=False,
    enabled=True,
    read_at=None,
    links=[LINK],
    differences=[],
    edited=False,
    nomination=None,
    intent=None,
    errors=[],
    holds=[],
    waiting=[],
    conflicts=[],
    activities=[],
)
DUPLICATE = SyncError(
    id=1,
    cause="cause",
    entity="contact",
    crm_id=None,
    person_id=12,
    operation="create",
    direction="push",
    level="record",
    code="duplicate-rule",
    field=None,
    message="A rule found a duplicate.",
    advice="Merge it.",
    state="open",
    times=1,
    first_at="2025-01-02",
    last_at="2025-01-02",
)


@pytest.mark.parametrize(
    ("facts", "paragraph"),
    [
        pytest.param(AGREED, "Ann Ek (person 12) is contact c1 in Dynamics. Both sides agree.", id="in step"),
        pytest.param(
            replace(AGREED, name="", read_at="2025-01-02"),
            "Person 12 is contact c1 in Dynamics. Both sides agree, as of 2025-01-02.",
            id="nobody knows its name",
        ),
        pytest.param(
            replace(AGREED, links=[replace(LINK, state=LinkState.SUPERSEDED.value)]),
            "Ann Ek (person 12) is only in marketing: nothing of it is sent until somebody syncs it to Microsoft.",
            id="a record that was set aside is not its record",
        ),
        pytest.param(
            replace(AGREED, links=[], intent=OpenIntent(kind=IntentKind.CREATE, entity=Entity.CONTACT, crm_id="c2")),
            "Ann Ek (person 12) is to become a contact in Dynamics; the record is not there yet.",
            id="a record that is wanted",
        ),
        pytest.param(
            replace(
                AGREED,
                links=[],
                intent=OpenIntent(kind=IntentKind.CREATE, entity=Entity.CONTACT, crm_id="c2"),
                errors=[DUPLICATE],
            ),
            "Ann Ek (person 12) is to become a contact in Dynamics; the record is not there yet. It was refused: A "
            "rule found a duplicate. Merge it. It is tried again when the person is edited, its record changes in "
            "Dynamics, or the fields do.",
            id="a record that was refused",
        ),
        pytest.param(
            replace(AGREED, intent=OpenIntent(kind=IntentKind.UPDATE, entity=Entity.CONTACT, crm_id="c1")),
            "Ann Ek (person 12) is contact c1 in Dynamics. Both sides agree. A write is under way, or its answer was "
            "lost: what became of it is looked up before anything else.",
            id="a write whose answer is not known",
        ),
        pytest.param(
            replace(AGREED, nomination=Nominated(lane="fresh", attempts=2, since="2025-01-02")),
            "Ann Ek (person 12) is contact c1 in Dynamics. Both sides agree. It was tried in vain 2 times since "
            "2025-01-02.",
            id="tried in vain",
        ),
    ],
)
def test_N6_the_paragraph_says_what_the_facts_say(facts: PersonFacts, paragraph: str) -> None:
    """Nothing more."""
    assert paragraph == summary(facts)
