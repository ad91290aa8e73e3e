"""Custom entities are compared with Dynamics, and their filter can be tried, as any table's (rules R1, C3, D7, D8)."""

from tandem.model.entities import Entity
from tandem.rules.verification import Verdict
from tandem.runtime import syncing
from tandem.sync.supposing import Fate, Supposing
from tandem.testing.world import World


def orders(world: World) -> tuple[Entity, list[str]]:
    """Three copied orders with the filter column."""
    world.make_table("new_Order", columns={"new_total": "decimal"}, new_CustomerId=None)
    world.filter_column("new_order")
    contact = world.create("contact", lastname="Ek")
    made = [
        world.create("new_order", new_name=name, new_CustomerId_contact__bind=f"contacts({contact})") for name in "abc"
    ]
    entity = world.enable_custom("new_order")
    world.sync()
    return entity, made


def test_R1_a_custom_object_that_went_wrong_is_copied_again(world: World) -> None:
    """Changed in the database, on SQLite and on PostgreSQL; the others agree."""
    entity, made = orders(world)
    spoilt = '\'{"new_name":"Spoilt"}\''
    world.subscription.database.script(f"update custom_object set fields = {spoilt} where id = '{made[0]}'")

    with world.engine() as both:
        syncing.verify(*both, [entity])

    findings = world.subscription.state.verifications.findings()
    assert {(entity, made[0], Verdict.DRIFTED)} == {(each.entity, each.crm_id, each.verdict) for each in findings}
    assert "new_name" in [each.field for each in findings]
    assert {"a", "b", "c"} == {row["new_name"] for row in world.export(entity.value)}


def test_D8_what_no_would_do_to_custom_objects_is_what_it_does(world: World) -> None:
    """Parked: stale and marked, not removed; one that was never synced would be created by Yes."""
    entity, made = orders(world)
    world.edit("new_order", made[2], new_synctomkto=False)
    hidden = world.create("new_order", new_name="d", new_synctomkto=False)
    world.cycle()

    supposed = {}
    for wanted in (False, True):
        with world.engine() as (engine, context):
            supposed[wanted] = (
                +Supposing(context, engine.tables(), entity, wanted=wanted).where("new_name ne 'z'").fates
            )
    for each in (*made[:2], hidden):
        world.edit("new_order", each, new_synctomkto=each == hidden)
    world.cycle()

    assert {Fate.PARKED: 2, Fate.UNCHANGED: 2} == supposed[False]
    assert {Fate.RESUMED: 1, Fate.CREATED: 1, Fate.UNCHANGED: 2} == supposed[True]
    assert {"a": True, "b": True, "c": True, "d": False} == {
        row["new_name"]: row["isExcluded"] for row in world.export(entity.value)
    }
