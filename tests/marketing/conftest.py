"""What the tests of the marketing database share: the embedded one on both databases, and people to put into it."""

from collections.abc import Callable

import pytest

from tandem.database.port import Database
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import NewPerson
from tandem.model.ids import PersonId

AT = "2025-01-02T03:04:05Z"

Create = Callable[..., PersonId]


@pytest.fixture
def marketing(database: Database) -> MarketingDatabase:
    """An empty marketing database."""
    return EmbeddedMarketing(database)


@pytest.fixture
def create(database: Database, marketing: MarketingDatabase) -> Create:
    """Creates one person and returns its id."""

    def create_person(
        email: str | None = None,
        *,
        type: str | None = "lead",
        company: str | None = None,
        fields: str = "{}",
    ) -> PersonId:
        person = NewPerson(type, email, company, None, None, fields)
        with database.transaction():
            return PersonId(marketing.people.create([person], at=AT)[0])

    return create_person
