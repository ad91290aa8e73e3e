"""A promise that cannot be seen broken proves nothing: what no cycle notices is seen by the one that looks (R1)."""

from pathlib import Path

from tandem.mapping.projection import decode_fields, encode_fields
from tandem.testing.invariants import AT_REST
from tandem.testing.invariants.at_rest import r1_looking_at_both_sides_finds_nothing
from tandem.testing.walk import Walk


def test_R1_a_spoilt_person_breaks_the_promise_that_nothing_is_found(tmp_path: Path) -> None:
    """It is kept at rest, until somebody changes a value in the database."""
    with Walk(tmp_path, seed=1) as walk:
        walk.come_to_rest()
        assert [] == list(r1_looking_at_both_sides_finds_nothing(walk))
        link = next(each for each in walk.picture().links.values() if each["state"] == "live")
        people = walk.world.subscription.marketing.people
        person = people.get([link["person_id"]])[link["person_id"]]
        spoilt = person._replace(fields=encode_fields({**decode_fields(person.fields), "title": "Spoilt"}))
        with walk.world.subscription.database.transaction():
            people.update([spoilt], at=walk.now())

        broken = list(r1_looking_at_both_sides_finds_nothing(walk))

    assert [f"title of {link['entity']} {link['crm_id']} is drifted"] == broken
    assert r1_looking_at_both_sides_finds_nothing in AT_REST
