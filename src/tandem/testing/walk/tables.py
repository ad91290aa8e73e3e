"""The custom tables of a walk: orders of contacts, and the lines of these orders, which are synced (rule C1)."""

from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Table
from tandem.rules.paths import CustomEntity, Path, Step
from tandem.sync.plan import default_choices
from tandem.testing.fake_world import FakeWorld

ORDER, LINE = "new_order", "new_line"
OF_CONTACT = Step(table=ORDER, column="new_contactid", target="contact")
OF_ORDER = Step(table=LINE, column="new_orderid", target=ORDER)


def define(world: FakeWorld) -> None:
    """Add both tables to the organisation."""
    for lookup in (OF_CONTACT, OF_ORDER):
        name = lookup.table
        columns = (
            Column(name=f"{name}id", type=ColumnType.GUID, updatable=False),
            Column(name="new_name", type=ColumnType.TEXT, custom=True, max_length=100),
            Column(name=lookup.column, type=ColumnType.LOOKUP, custom=True, targets=(lookup.target,)),
            Column(name="versionnumber", type=ColumnType.BIGINT, creatable=False, updatable=False),
            Column(name="createdon", type=ColumnType.DATETIME, creatable=False, updatable=False),
            Column(name="modifiedon", type=ColumnType.DATETIME, creatable=False, updatable=False),
        )
        world.organisation.add_table(
            Table(
                name=name,
                entity_set=f"{name}s",
                primary_id=f"{name}id",
                primary_name="new_name",
                change_tracking=True,
                columns={column.name: column for column in columns},
            )
        )


def enable(world: FakeWorld) -> None:
    """Sync the lines; of the orders only whose they are is read."""
    state, entity = world.subscription.state, Entity(LINE)
    custom = CustomEntity(entity=entity, label="Line", path=Path(steps=(OF_ORDER, OF_CONTACT)))
    with world.subscription.database.transaction():
        state.put_choices(default_choices(entity, world.organisation.tables[LINE]))
        state.customs.add(custom, at=world.clock.now())
