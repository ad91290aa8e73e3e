"""The tables of one subscription, ready to be read: plan, applier and stream of each.

Built from Dynamics' metadata and the field choices when the sync starts and whenever the schema changes; in between
nothing is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from tandem.dynamics.port import DynamicsOrganisation
from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import NeedsPerson, TandemError
from tandem.model.schema import Table
from tandem.state.state import FieldChoice
from tandem.state.streams import Reading, Stream, StreamState
from tandem.sync.applier import Applier
from tandem.sync.context import Context
from tandem.sync.defined import definition
from tandem.sync.oneway.companies import CompanyApplier
from tandem.sync.oneway.connections import ConnectionApplier, RoleNames
from tandem.sync.oneway.opportunities import OpportunityApplier
from tandem.sync.oneway.staff import StaffApplier
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import FilterUnreadable, TablePlan, chosen_fields

CONNECTION_ROLE = "connectionrole"


@dataclass(slots=True, kw_only=True)
class Tables:
    """What can be read now. `problems` names the tables that cannot, with the reason."""

    plans: dict[Entity, TablePlan] = field(default_factory=dict)
    appliers: dict[Entity, Applier] = field(default_factory=dict)
    problems: dict[Entity, TandemError] = field(default_factory=dict)

    def people(self) -> dict[Entity, PeopleApplier]:
        """The appliers of leads and contacts."""
        return {entity: each for entity, each in self.appliers.items() if isinstance(each, PeopleApplier)}


def read_metadata(context: Context, user_id: str) -> tuple[dict[str, Table], dict[Entity, frozenset[str]]]:
    """The definitions of the tables and, per table, the columns the sync user cannot read (D1, D4)."""
    names = [*(entity.value for entity in STANDARD), CONNECTION_ROLE]
    tables = context.dynamics.tables(names, context.settings.language)
    unreadable = {
        entity: context.dynamics.unreadable_columns(user_id, tables[entity.value])
        for entity in STANDARD
        if entity.value in tables
    }
    return tables, unreadable


def count_rows(dynamics: DynamicsOrganisation, entities: Sequence[Entity]) -> dict[Entity, int]:
    """How many rows Dynamics says these tables have, up to a day old (reference 3.3); what it does not tell is absent.

    Memberships are an intersect table; whether Dynamics counts those is unconfirmed, so they are not asked for.
    """
    asked = [entity for entity in entities if entity is not Entity.TEAM_MEMBERSHIP]
    try:
        counts = dynamics.record_counts([entity.value for entity in asked]) if asked else {}
    except NeedsPerson:
        # One table that refuses takes the others with it.
        return {} if len(asked) == 1 else {key: n for one in asked for key, n in count_rows(dynamics, [one]).items()}
    return {entity: counts[entity.value] for entity in asked if entity.value in counts}


def build_tables(context: Context, *, organization_id: str, user_id: str) -> Tables:
    """Read the metadata and put the appliers together. A table the organisation lacks is left out (section 7)."""
    metadata, unreadable = read_metadata(context, user_id)
    choices, found = context.state.choices(), Tables()
    for entity in STANDARD:
        table = metadata.get(entity.value)
        if table is None:
            continue
        fields = chosen_fields(entity, table, choices.get(entity, {}), unreadable[entity])
        try:
            found.plans[entity] = TablePlan(
                entity,
                table,
                fields,
                organization_id=organization_id,
                unreadable=unreadable[entity],
                address_block=context.settings.address_block,
                consent=context.settings.consent,
            )
        except FilterUnreadable as problem:
            found.problems[entity] = problem
    names = RoleNames(context.dynamics, metadata.get(CONNECTION_ROLE))
    for entity, plan in found.plans.items():
        found.appliers[entity] = _applier(context, plan, found.plans, names)
    with context.database.transaction():
        context.marketing.define_fields([definition(field) for plan in found.plans.values() for field in plan.fields])
        _mark_broken(context, metadata, choices)
    return found


def ensure_stream(context: Context, plan: TablePlan, streams: Mapping[Entity, Stream]) -> Stream:
    """The table's stream under its present selection; another selection starts another read."""
    held, weak = streams.get(plan.entity), not plan.table.change_tracking
    if held is None:
        stream = Stream(entity=plan.entity, fingerprint=plan.fingerprint, weak=weak)
    elif held.fingerprint != plan.fingerprint:
        # Rows may be here without the columns that are selected now, however far the earlier read came.
        stream = replace(
            held,
            fingerprint=plan.fingerprint,
            weak=weak,
            state=StreamState.COPYING,
            reading=Reading.SELECTION if held.reads_begun else Reading.FIRST_COPY,
            next_link=None,
            delta_link=None,
            rows_read=0,
            fresh_mark=held.read_until,
            reason=None,
        )
    elif held.weak != weak:
        stream = held
        stream.begin_again("change tracking was switched off" if weak else "change tracking was switched on")
        stream.weak = weak
    else:
        return held
    with context.database.transaction():
        context.state.streams.put(stream)
        context.state.streams.drop_others(stream)
    return stream


def _applier(context: Context, plan: TablePlan, plans: dict[Entity, TablePlan], names: RoleNames) -> Applier:
    match plan.entity:
        case Entity.LEAD | Entity.CONTACT:
            return PeopleApplier(context, plan, plans)
        case Entity.ACCOUNT:
            return CompanyApplier(context, plan)
        case Entity.OPPORTUNITY:
            return OpportunityApplier(context, plan)
        case Entity.CONNECTION:
            return ConnectionApplier(context, plan, names)
        case _:
            return StaffApplier(context, plan)


def _mark_broken(
    context: Context, metadata: Mapping[str, Table], choices: Mapping[Entity, Mapping[str, FieldChoice]]
) -> None:
    """A selected column that Dynamics lost is left out and shown as broken; the rest goes on."""
    changed = []
    for entity, by_column in choices.items():
        table = metadata.get(entity.value)
        for column, choice in by_column.items():
            broken = None if table and column in table.columns else f"{column} is no longer a column of {entity.value}"
            if choice.selected and broken != choice.broken:
                changed.append(msgspec.structs.replace(choice, broken=broken))
    context.state.put_choices(changed)
