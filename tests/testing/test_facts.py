"""The sandbox keeps every fact of the reference that a client can see."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tandem.sandbox.data.generate import generate
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation
from tandem.testing.facts import FACTS, NOT_COVERED, SECTIONS, Client, Fact, Need, SignIn, Stage, Verdict, look

_IN_ENTRA = {"azureactivedirectoryobjectid": str(uuid4())}
"""What made-up users have not, and users of a real organisation have."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An organisation of a hundred people, on loopback, with one table that no page and no count holds."""
    organisation = Organisation()
    for table, rows in generate(100, seed=1):
        organisation.load(table, [row | _IN_ENTRA if table == "systemuser" else row for row in rows])
    organisation.load("lead", [{"leadid": str(uuid4()), "lastname": f"n{number}"} for number in range(5_001)])
    with Sandbox(organisation) as serving:
        yield serving
    organisation.close()


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[Client]:
    """The suite's client, signed in as the sync user."""
    sign_in = SignIn(
        token_url=sandbox.token_url,
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        username=sandbox.username,
        password=sandbox.password,
    )
    client = Client(sandbox.url, sign_in)
    yield client
    client.close()


@pytest.fixture(scope="module")
def stage(sandbox: Sandbox, client: Client) -> Iterator[Stage]:
    """A run that may do everything, and that leaves nothing behind."""
    with Stage(client, allowed=frozenset(Need), control_url=sandbox.control_url) as stage:
        yield stage
    assert [] == stage.left


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_the_sandbox_keeps_a_fact(stage: Stage, fact: Fact) -> None:
    """Whether the reference confirms it or not: the sandbox is written from it."""
    outcome = look(fact, stage)

    assert Verdict.HOLDS == outcome.verdict, "\n\n".join([outcome.told, *outcome.wire])


def test_every_section_has_a_fact_or_a_reason() -> None:
    """Never both, and none that the reference does not have."""
    covered = {fact.section for fact in FACTS}

    assert set(SECTIONS) == covered | set(NOT_COVERED)
    assert set() == covered & set(NOT_COVERED)


def test_no_two_facts_have_one_name() -> None:
    """A report that names a fact names one."""
    names = [fact.name for fact in FACTS]

    assert len(set(names)) == len(names)
