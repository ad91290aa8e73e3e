"""Rule C2: what cannot be enabled is shown with the reason."""

from dataclasses import replace

import pytest

from tandem.rules.offers import Outline, Readable, Standing, offer
from tandem.rules.paths import Path, Step

LINE = Outline(
    name="new_line",
    label="Line",
    custom=True,
    activity=False,
    kind="Standard",
    change_tracking=True,
    readable=Readable.ALL,
)
ORDER = replace(LINE, name="new_order", label="Order")
DIRECT = Path(steps=(Step(table="new_line", column="new_contactid", target="contact"),))
BY_ORDER = Path(
    steps=(
        Step(table="new_line", column="new_orderid", target="new_order"),
        Step(table="new_order", column="new_payerid", target="contact"),
    )
)


def offered(table: Outline, *paths: Path, between: Outline | None = ORDER):
    return offer(table, paths, {between.name: between}.get if between else {}.get)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"readable": Readable.NOTHING}, "no read privilege", id="not readable"),
        pytest.param({"readable": Readable.PART}, "a part of it only", id="not readable for the whole organisation"),
        pytest.param({"kind": "Elastic"}, "elastic and virtual tables", id="an elastic table"),
        pytest.param({"kind": "Virtual"}, "elastic and virtual tables", id="a virtual table"),
    ],
)
def test_C2_a_table_that_cannot_be_read_is_greyed_and_so_is_what_leads_over_it(facts, reason):
    """Over the table between only that path is closed; the open one is proposed, however far."""
    itself = offered(replace(LINE, **facts), DIRECT, BY_ORDER)
    on_the_way = offered(LINE, BY_ORDER, DIRECT, between=replace(ORDER, **facts))

    assert reason in itself.obstacle
    assert [DIRECT, BY_ORDER] == [each.path for each in itself.paths]
    assert on_the_way.obstacle is None
    assert [DIRECT, BY_ORDER] == [each.path for each in on_the_way.paths]
    assert reason in on_the_way.paths[1].obstacle
    assert "new_order" in on_the_way.paths[1].obstacle


def test_S6_an_activity_is_greyed_and_may_stand_between():
    assert "activities" in offered(replace(LINE, activity=True), DIRECT).obstacle
    assert offered(LINE, BY_ORDER, between=replace(ORDER, activity=True)).obstacle is None


def test_C2_a_table_between_that_is_not_described_closes_the_path():
    assert "new_order" in offered(LINE, BY_ORDER, between=None).obstacle


def test_C2_a_table_without_change_tracking_is_offered_with_a_warning():
    weak = offered(replace(LINE, change_tracking=False), DIRECT)

    assert (None, Standing.WEAK.value) == (weak.obstacle, weak.warning)
    assert offered(LINE, DIRECT).warning is None
