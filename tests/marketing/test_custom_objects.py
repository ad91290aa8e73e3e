"""Custom objects: the contract of `CustomObjects`, and how they are exported, on both databases."""

from typing import Any

import pytest

from tandem.database.port import Database
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import FieldDefinition, PutCustomObject
from tandem.model.entities import Entity
from tandem.rules.paths import CustomEntity, Path, Step
from tandem.state import SyncState

AT, LATER = "2025-01-02T03:04:05Z", "2025-02-03T04:05:06Z"
ORDER, TICKET = Entity("new_order"), Entity("new_ticket")


@pytest.fixture
def orders(database: Database, marketing: MarketingDatabase) -> MarketingDatabase:
    """Two orders at version 5, of which one names an account; orders are enabled, and have a field."""
    step = Step(table="new_order", column="new_accountid", target="account")
    total = FieldDefinition(
        entity="new_order",
        api_name="total",
        label="Total",
        type="integer",
        max_length=None,
        precision=None,
        options=None,
    )
    with database.transaction():
        SyncState(database).customs.add(CustomEntity(entity=ORDER, label="Order", path=Path(steps=(step,))), at=AT)
        marketing.define_fields([total])
        page = [PutCustomObject("a", 5, "acme", '{"total":1}'), PutCustomObject("b", 5, None, "{}")]
        marketing.custom_objects.put(ORDER, page, new=True, at=AT)
    return marketing


def exported(marketing: MarketingDatabase) -> dict[str, dict[str, Any]]:
    """The orders by id."""
    return {row["externalCustomObjectId"]: row for row in marketing.export("new_order")}


def test_a_page_of_new_records_is_stored_under_its_entity(orders: MarketingDatabase) -> None:
    """Another entity may have records of the same ids."""
    objects = orders.custom_objects

    assert {"a": 5, "b": 5} == objects.versions(ORDER, ["a", "b", "c"])
    assert ({}, 2, 0) == (objects.versions(TICKET, ["a"]), objects.count(ORDER), objects.count(TICKET))
    assert ["a", "b"] == list(objects.ids(ORDER))
    assert (2, 0) == orders.counts()["new_order"]


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        pytest.param(6, True, id="a newer one is taken"),
        pytest.param(5, True, id="the same, read under another selection, is taken"),
        pytest.param(4, False, id="an older one changes nothing"),
    ],
)
def test_versions_order_the_states_of_a_record(
    database: Database, orders: MarketingDatabase, version: int, taken: bool
) -> None:
    """Fields and reference change together."""
    with database.transaction():
        orders.custom_objects.put(ORDER, [PutCustomObject("a", version, "beta", '{"total":2}')], new=False, at=LATER)

    row = exported(orders)["a"]
    assert (("beta", 2, LATER) if taken else ("acme", 1, AT)) == (
        row["externalCompanyId"],
        row["total"],
        row["updatedAt"],
    )


def test_a_parked_record_is_marked_until_it_is_written_again(database: Database, orders: MarketingDatabase) -> None:
    """Its values stay."""
    with database.transaction():
        orders.custom_objects.park(ORDER, ["a"])
    assert (True, 1) == (exported(orders)["a"]["isExcluded"], exported(orders)["a"]["total"])

    with database.transaction():
        orders.custom_objects.put(ORDER, [PutCustomObject("a", 6, "acme", "{}")], new=False, at=LATER)
    assert not exported(orders)["a"]["isExcluded"]


def test_deleted_records_are_gone_and_those_of_other_entities_stay(
    database: Database, orders: MarketingDatabase
) -> None:
    """Ids that are not known are ignored."""
    with database.transaction():
        orders.custom_objects.put(TICKET, [PutCustomObject("a", 1, None, "{}")], new=True, at=AT)
        orders.custom_objects.delete(ORDER, ["a", "c"])

    assert ["b"] == list(exported(orders))
    assert 1 == orders.custom_objects.count(TICKET)


def test_an_entity_is_forgotten_by_the_page(database: Database, orders: MarketingDatabase) -> None:
    """Until there is nothing left."""
    with database.transaction():
        removed = [orders.custom_objects.forget(ORDER, limit=1) for _ in range(3)]

    assert [1, 1, 0] == removed
    assert {} == exported(orders)


def test_the_columns_of_an_export_are_its_own_and_the_fields(orders: MarketingDatabase) -> None:
    """An entity nobody enabled is unknown."""
    own = ["externalCustomObjectId", "personId", "externalCompanyId", "isExcluded", "updatedAt"]

    assert [*own, "total"] == orders.columns("new_order")
    with pytest.raises(KeyError):
        orders.columns("new_ticket")
    with pytest.raises(KeyError):
        list(orders.export("new_ticket"))
