"""What whoever runs the two sides does, as acts of a walk: choices, rights, automation, holds, restarts, and time."""

from typing import Any

from tandem.mapping.fields import Direction, Policy
from tandem.mapping.ranges import DatedBy, Range
from tandem.model.entities import Entity
from tandem.report.errors import retry
from tandem.rules.brakes import HoldKind
from tandem.sandbox.automation.plug_ins import Form, PlugIn, Refuse, Rewrite, RewriteLater, Touch
from tandem.sync.choosing import store_choices
from tandem.sync.quick_syncs import cancel
from tandem.testing.walk.scene import MERGED, PEOPLE, POINTS, Scene


def choose(scene: Scene, one: int, two: int) -> None:
    """Another direction, policy or selection of a field."""
    table, (name, column) = PEOPLE[one % 2], scene.field(one // 2)
    changes: dict[str, Any] = {}
    match two % 3:
        case 0:
            changes["direction"] = list(Direction)[two // 3 % 4]
        case 1:
            policies = [None, Policy.MARKETING, Policy.DYNAMICS, Policy.HOLD]
            changes["policy"] = Policy.ADD if column == POINTS and two % 2 else policies[two // 3 % 4]
        case _:
            changes["selected"] = two // 3 % 2 == 0
    scene.ledger.forgive()
    scene.plans.pop(Entity(table), None)
    scene.world.choose(table, column, api_name=name, **changes)


def refresh(scene: Scene, one: int, two: int) -> None:
    """A field is brought once more, of all records or of those created in a range; or the oldest is given up."""
    subscription, entity = scene.world.subscription, Entity(PEOPLE[one % 2])
    state, at = subscription.state, subscription.now()
    choices, asked = state.choices().get(entity, {}), state.quick_syncs.open()
    scene.ledger.forgive()
    scene.plans.pop(entity, None)
    with subscription.database.transaction():
        if two % 4 == 0 and asked:
            scene.counts["quick syncs given up"] += 1
            scene.plans.pop(cancel(state, asked[0].id, at=at).entity, None)
        else:
            wanted = Range(dated_by=DatedBy.CREATED, since=at, until=None) if two % 4 == 1 else None
            column = scene.field(one // 2)[1]
            store_choices(state, choices, [], now=subscription.now, refresh=[column], wanted=wanted)
            scene.counts["quick syncs"] += 1


def take_column(scene: Scene, one: int, two: int) -> None:
    """A customer's column is deleted, or all that were come back."""
    table, column = PEOPLE[one % 2], MERGED[one // 2 % len(MERGED)]
    columns = scene.world.organisation.tables[table].columns
    scene.ledger.forgive()
    scene.plans.clear()
    if two % 2 and column in columns:
        scene.counts["columns deleted"] += 1
        scene.removed.append((table, columns[column]))
        scene.world.organisation.remove_column(table, column)
    else:
        scene.bring_columns_back()


def secure(scene: Scene, one: int, two: int) -> None:
    """A column comes under column security or out of it; or the right to one that is secured is given or taken."""
    table = PEOPLE[one % 2]
    scene.ledger.forgive()
    scene.plans.pop(Entity(table), None)
    column = scene.field(one // 2)[1]
    definition = scene.world.organisation.tables[table].columns.get(column)
    if definition is not None and definition.secured and two % 3:
        scene.world.allow(table, column, allowed=two % 3 == 1)
    elif definition is not None:
        scene.world.secure(table, column, secured=two % 2 == 0)


def forbid(scene: Scene, one: int, two: int) -> None:
    """A right to read a table is taken away, or all are given back."""
    if two % 2:
        scene.line.forbidden.add((*PEOPLE, "account")[one % 3])
    else:
        scene.line.forbidden.clear()


def arm(scene: Scene, one: int, two: int) -> None:
    """Automation begins to answer writes, or all of it ends."""
    table, (_, column) = PEOPLE[one % 2], scene.field(one // 2 % 4)
    kinds: list[PlugIn] = [
        Refuse(table=table, column=column),
        Rewrite(table=table, column=column, to=Form.UPPER),
        Rewrite(table=table, column=column, to=Form.BEFORE),
        RewriteLater(table=table, column=column, to=Form.UPPER),
        RewriteLater(table=table, column=column, to=Form.VALUE, value="automatic"),
        Touch(table=table),
        Rewrite(table=table, column=column, target="mobilephone", to=Form.VALUE, value=f"+{two}"),
    ]
    scene.ledger.forgive()
    armed = scene.world.organisation.plug_ins
    # Two that answer one another never come to rest, whoever watches them.
    if two % 3 == 0 or any((each.table, each.column) == (table, column) for each in armed):
        armed.clear()
    else:
        scene.world.plug_in(kinds[two % len(kinds)])
        scene.refused.add(table)


def act_later(scene: Scene, _one: int, _two: int) -> None:
    """Automation does what it left for later."""
    scene.ledger.forgive()
    scene.world.settle()


def detect_duplicates(scene: Scene, one: int, two: int) -> None:
    rules = scene.world.organisation.duplicate_rules
    (rules.add if two % 2 else rules.discard)(PEOPLE[one % 2])


def decide_hold(scene: Scene, one: int, two: int) -> None:
    holds = scene.world.open_holds()
    if holds:
        scene.ledger.forgive()
        hold = holds[one % len(holds)]
        scene.counts["holds cancelled" if two % 2 else "holds approved"] += 1
        scene.counts[f"left by {HoldKind.OWN_WRITES}"] += hold.kind == HoldKind.OWN_WRITES and two % 2
        (scene.world.cancel if two % 2 else scene.world.approve)(hold)


def retry_errors(scene: Scene, _one: int, _two: int) -> None:
    scene.ledger.forgive()
    retry(scene.world.subscription, None)


def restart(scene: Scene, _one: int, _two: int) -> None:
    scene.restart()


def pass_time(scene: Scene, one: int, _two: int) -> None:
    scene.world.clock.advance(minutes=(1, 5, 60, 24 * 60, 8 * 24 * 60)[one % 5])
