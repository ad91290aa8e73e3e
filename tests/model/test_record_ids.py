"""The id of a record says for whom it was made, and nobody else's does (rules R2, S10)."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as some

from tandem.model.record_ids import NONCE_BITS, claimed_person, is_record_of, record_id

MADE_AT = "2026-03-01T12:00:00Z"
people = some.integers(min_value=1, max_value=2**40 - 2)
nonces = some.integers(min_value=0, max_value=2**NONCE_BITS - 1)


@given(person=people, nonce=nonces)
def test_S10_an_id_is_known_for_that_of_its_person(person: int, nonce: int) -> None:
    """Whatever its number, and however often records are made for it."""
    made = record_id("mark", person, MADE_AT, nonce)

    assert (person, True) == (claimed_person(made), is_record_of(made, "mark", person, MADE_AT))


@given(person=people, nonce=nonces)
def test_S10_an_id_is_nobody_elses(person: int, nonce: int) -> None:
    """Not another database's, not another number's, and not that of a later person with the same number."""
    made = record_id("mark", person, MADE_AT, nonce)

    assert not is_record_of(made, "another mark", person, MADE_AT)
    assert not is_record_of(made, "mark", person + 1, MADE_AT)
    assert not is_record_of(made, "mark", person, "2026-03-01T12:00:01Z")


@given(person=people, nonce=nonces, other=nonces)
def test_R2_each_record_of_a_person_has_an_id_of_its_own(person: int, nonce: int, other: int) -> None:
    """One that is made after the first was deleted is another record (P10)."""
    ids = {record_id("mark", person, MADE_AT, each) for each in (nonce, other)}

    assert len({nonce, other}) == len(ids)


@given(person=people, nonce=nonces)
def test_an_id_is_a_guid_as_dynamics_takes_them(person: int, nonce: int) -> None:
    """Of version 8, which is the application's own (RFC 9562)."""
    made = record_id("mark", person, MADE_AT, nonce)

    assert (8, "specified in RFC 4122", made) == (UUID(made).version, UUID(made).variant, str(UUID(made)))


def test_ids_that_others_made_claim_nobody() -> None:
    """Dynamics' own are of other versions; what is no GUID claims nothing."""
    assert [None, None, None] == [claimed_person(each) for each in (str(uuid4()), "", "8" * 40)]
