"""Which custom entities are enabled, and where the records between lead, on both databases (rule C1)."""

import pytest

from tandem.database.port import Database
from tandem.database.statements import parse_statements
from tandem.model.entities import Entity
from tandem.rules.paths import CustomEntity, Path, Step
from tandem.state import SyncState
from tandem.state.customs import PathRecord

AT = "2025-01-02T03:04:05Z"
VIA = Entity.via("new_order", "new_contactid:contact")


def custom(name: str, *steps: tuple[str, str, str]) -> CustomEntity:
    """A custom entity by a path of (table, column, target)."""
    path = Path(steps=tuple(Step(table=table, column=column, target=target) for table, column, target in steps))
    return CustomEntity(entity=Entity(name), label=name.title(), path=path)


TICKET = custom("new_ticket", ("new_ticket", "new_contactid", "contact"))
LINE = custom("new_line", ("new_line", "new_orderid", "new_order"), ("new_order", "new_contactid", "contact"))


def test_C1_what_is_enabled_is_found_again_with_its_path(database: Database, state: SyncState) -> None:
    """In the order in which it was enabled."""
    with database.transaction():
        state.customs.add(TICKET, at=AT)
        state.customs.add(LINE, at="2025-01-03T00:00:00Z")
    assert [TICKET, LINE] == list(state.customs.all().values())
    assert (None, VIA) == (TICKET.path.via, LINE.path.via)

    with database.transaction():
        state.customs.remove(TICKET.entity)
    assert {LINE.entity: LINE} == state.customs.all()


_REFERENCE = parse_statements("""
-- reference
select crm_id, version, reference from path_record;
""")["reference"]


@pytest.mark.parametrize(
    ("version", "held"),
    [
        pytest.param(6, ("a", 6, "new"), id="a newer one is taken"),
        pytest.param(4, ("a", 5, "old"), id="an older one changes nothing"),
    ],
)
def test_versions_order_the_states_of_a_record_between(
    database: Database, state: SyncState, version: int, held: tuple[str, int, str]
) -> None:
    """A page of a copy may hold an older state than a fresh edit that came before it."""
    with database.transaction():
        state.path_records.put(VIA, [PathRecord("a", 5, "old")], new=True)
        state.path_records.put(VIA, [PathRecord("a", version, "new")], new=False)

    assert held == database.one(_REFERENCE)
    assert {"a": held[1]} == state.path_records.versions(VIA, ["a", "b"])


def test_records_between_are_removed_and_forgotten_by_the_page(database: Database, state: SyncState) -> None:
    """Those of another path stay."""
    other = Entity.via("new_order", "new_payerid:contact")
    with database.transaction():
        state.path_records.put(VIA, [PathRecord(each, 1, None) for each in "abc"], new=True)
        state.path_records.put(other, [PathRecord("a", 1, None)], new=True)
        state.path_records.delete(VIA, ["a", "z"])
        assert 2 == state.path_records.count(VIA)
        assert [1, 1, 0] == [state.path_records.forget(VIA, limit=1) for _ in range(3)]

    assert (0, 1) == (state.path_records.count(VIA), state.path_records.count(other))
