"""The tables of one subscription, ready to be read: plan, applier and stream of each.

Built from Dynamics' metadata and the field choices when the sync starts and whenever the schema changes; in between
nothing is asked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tandem.dynamics.errors import MissingPrivilege, TableUnknown
from tandem.dynamics.identity import ColumnRights
from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import RowDecoder
from tandem.model.entities import OPTIONAL, STANDARD, Entity
from tandem.model.errors import NeedsPerson, TandemError
from tandem.model.schema import Table
from tandem.rules.paths import CustomEntity, Step
from tandem.state import SyncState
from tandem.state.state import FieldChoice
from tandem.sync.applier import Applier
from tandem.sync.campaigns import campaign_sync
from tandem.sync.columns import note_columns, note_limits
from tandem.sync.context import Context
from tandem.sync.defined import definition
from tandem.sync.oneway.companies import CompanyApplier
from tandem.sync.oneway.connections import RoleApplier, RoleNames
from tandem.sync.oneway.custom_objects import CustomObjectApplier, PathApplier
from tandem.sync.oneway.opportunities import OpportunityApplier
from tandem.sync.oneway.plain import PlainApplier
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import FilterUnreadable, Identity, LookupGone, TablePlan, chosen_fields, default_choices
from tandem.sync.succession import Streams, looked_at, settle
from tandem.sync.telling import tell_disabled

CONNECTION_ROLE = "connectionrole"
_NAMES_OF_ROLES = {Entity.CONNECTION: CONNECTION_ROLE, Entity.OPPORTUNITY_ROLE: "relationshiprole"}
"""The tables that name the roles of the entities that give any (reference 8.9, 8.10)."""
_OLDER_ROLES = "older_roles"
"""The setting that tells whether the organisation has the older roles, and lets the sync user read them (O2)."""


@dataclass(slots=True, kw_only=True)
class Tables:
    """What can be read now. `entities` are what was synced when this was put together; `problems` names those whose
    tables cannot be read, with the reason.

    `streams` are as they are to be; `plans` and `appliers` go by the columns of the present ones, `successors` by those
    of the streams that are to take their place. `others` are definitions of tables that only actions write, by name,
    as far as they were asked for. `quick_syncs` are the numbers of those that were open before it was looked what is
    chosen, and of those that columns need which came back: of one that is asked for later the fields may be missing.
    """

    entities: tuple[Entity, ...] = ()
    plans: dict[Entity, TablePlan] = field(default_factory=dict)
    appliers: dict[Entity, Applier] = field(default_factory=dict)
    problems: dict[Entity, TandemError] = field(default_factory=dict)
    streams: dict[Entity, Streams] = field(default_factory=dict)
    successors: dict[Entity, TablePlan] = field(default_factory=dict)
    widest_appliers: dict[Entity, Applier] = field(default_factory=dict)
    others: dict[str, Table] = field(default_factory=dict)
    quick_syncs: frozenset[int] = frozenset()

    @property
    def widest(self) -> dict[Entity, TablePlan]:
        """The plan with the most columns of each table: its successor's where it has one."""
        return {**self.plans, **self.successors}

    def people(self) -> dict[Entity, PeopleApplier]:
        """The appliers of leads and contacts, by the widest plans."""
        return {entity: each for entity, each in self.widest_appliers.items() if isinstance(each, PeopleApplier)}


def synced_entities(state: SyncState) -> tuple[Entity, ...]:
    """What is synced, in the order in which it is copied: the one place that says so.

    After the standard entities come what an administrator enabled, and before custom entities the paths they go by.
    """
    customs = state.customs.all()
    paths = dict.fromkeys(custom.path.via for custom in customs.values() if custom.path.via)
    older_roles = [Entity.OPPORTUNITY_ROLE] if state.setting(_OLDER_ROLES) else []
    campaigns = [Entity.CAMPAIGN] if campaign_sync(state) else []
    return (*STANDARD, *older_roles, *campaigns, *paths, *customs)


def shown_entities(state: SyncState) -> tuple[Entity, ...]:
    """Those of the synced entities that somebody asks for by name: all but paths."""
    return tuple(entity for entity in synced_entities(state) if not entity.is_path)


def entities_read(state: SyncState, only: Collection[Entity] | None) -> tuple[Entity, ...]:
    """Which of them a cycle reads when asked for `only` these, the path of a custom entity included; None: all."""
    synced, customs = synced_entities(state), state.customs.all()
    if only is None:
        return synced
    paths = {customs[entity].path.via for entity in only if entity in customs}
    return tuple(entity for entity in synced if entity in only or entity in paths)


def forget_unsynced(context: Context, synced: Collection[Entity], until: Callable[[], bool]) -> list[Entity]:
    """Remove what was copied of entities that are not among the `synced` any more, by the page; last goes their place.

    The place is given up first: should the entity be enabled again in the middle, it is read from its start. Returns
    those of which something is left because `until` said that it is time to stop.
    """
    left = list[Entity]()
    state, database, streams = context.state, context.database, context.state.streams.all()
    for entity in [each for each in streams if not each.is_standard and each not in synced]:
        with database.transaction():
            state.streams.drop(entity)
            streams[entity].begin_again("it was disabled")
            state.streams.put(streams[entity])
        forget = state.path_records.forget if entity.is_path else context.marketing.custom_objects.forget
        more = True
        while more and not until():
            with database.transaction():
                more = forget(entity, limit=context.settings.page_size) > 0
        if more:
            left.append(entity)
            continue
        with database.transaction():
            state.forget_entity(entity, at=context.now())
            tell_disabled(state, entity, at=context.now())
    return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """By logical name the definitions of the tables, as the sync user may write them, and what it lacks of their
    secured columns (D1, D4).

    `asked` are the tables that were asked for: of one that is not among the definitions, Dynamics has none.
    """

    asked: frozenset[str]
    tables: Mapping[str, Table]
    rights: Mapping[str, ColumnRights]

    def unreadable(self, entity: Entity) -> frozenset[str]:
        """The columns of the entity's table that reach the sync user as null or masked."""
        return self.rights[entity.table].unreadable

    def tells_of(self, entity: Entity) -> bool:
        """Was the entity's table asked for? What is enabled while the definitions are read was not."""
        return entity.table in self.asked


def read_metadata(context: Context, user_id: str, entities: Sequence[Entity]) -> Metadata:
    """What Dynamics tells of these entities' tables; one that it does not have is absent."""
    names = dict.fromkeys([*(entity.table for entity in entities), *_NAMES_OF_ROLES, *_NAMES_OF_ROLES.values()])
    tables = context.dynamics.tables(names, context.settings.language)
    if not _has_older_roles(context, tables):
        tables = {name: table for name, table in tables.items() if name != Entity.OPPORTUNITY_ROLE}
    rights = {
        name: context.dynamics.column_rights(user_id, table)
        for name, table in tables.items()
        if name not in _NAMES_OF_ROLES.values()
    }
    tables = {**tables, **{name: each.narrow(tables[name]) for name, each in rights.items()}}
    return Metadata(asked=frozenset(names), tables=tables, rights=rights)


def _has_older_roles(context: Context, tables: Mapping[str, Table]) -> bool:
    """Is there anything to read of the older roles? Noted, for what is synced follows from it.

    The table is left over where connections took its place; a sync user without the right to it misses nothing then.
    Once it was readable it is a table like the others, whose loss is told.
    """
    table = tables.get(Entity.OPPORTUNITY_ROLE)
    if table is not None and not context.state.setting(_OLDER_ROLES):
        first = PageQuery(table=table, columns=(), page_size=1)
        try:
            context.dynamics.read_page(first, RowDecoder(table, ()))
        except MissingPrivilege:
            table = None
    with context.database.transaction():
        context.state.put_setting(_OLDER_ROLES, True if table is not None else None)
    return table is not None


def count_rows(dynamics: DynamicsOrganisation, entities: Sequence[Entity]) -> dict[Entity, int]:
    """How many rows Dynamics says these tables have, up to a day old (reference 3.3); what it does not tell is absent.

    Memberships are an intersect table; whether Dynamics counts those is unconfirmed, so they are not asked for.
    """
    asked = [entity for entity in entities if entity is not Entity.TEAM_MEMBERSHIP]
    try:
        counts = dynamics.record_counts(list(dict.fromkeys(each.table for each in asked))) if asked else {}
    except NeedsPerson:
        # One table that refuses takes the others with it.
        return {} if len(asked) == 1 else {key: n for one in asked for key, n in count_rows(dynamics, [one]).items()}
    return {entity: counts[entity.table] for entity in asked if entity.table in counts}


def build_tables(context: Context, metadata: Metadata, *, organization_id: str) -> Tables:
    """Put plans, streams and appliers together, of what the definitions were read for.

    A standard table the organisation lacks is left out (section 7); one that was read, or that an administrator
    enabled, is a problem then.
    """
    state, asked = context.state, context.state.quick_syncs.open()
    entities, customs = tuple(filter(metadata.tells_of, synced_entities(state))), state.customs.all()
    choices = _choices(context, [entity for entity in entities if entity.table in metadata.tables], metadata)
    streams, successors, lookups = state.streams.all(), state.streams.successors(), path_lookups(customs)
    found = Tables(entities=entities, quick_syncs=frozenset(each.id for each in asked))
    for entity in entities:
        table = metadata.tables.get(entity.table)
        if table is None:
            if entity in streams or entity not in STANDARD:
                problem = TableUnknown(f"The organisation has no table {entity.table} any more.", table=entity.table)
                found.problems[entity] = problem
            continue
        hidden = metadata.unreadable(entity)
        chosen, lookup = chosen_fields(entity, table, choices.get(entity, {}), hidden), lookups.get(entity)
        try:
            identity = Identity(
                entity, table, chosen, organization_id=organization_id, unreadable=hidden, lookup=lookup
            )
        except (FilterUnreadable, LookupGone) as problem:
            found.problems[entity] = problem
            continue
        settled = settle(identity, table, held=streams.get(entity), successor=successors.get(entity))
        found.streams[entity] = settled
        make = partial(
            TablePlan,
            entity,
            table,
            organization_id=organization_id,
            unreadable=hidden,
            lookup=lookup,
            address_block=context.settings.address_block,
            consent=context.settings.consent,
        )
        found.plans[entity] = make(looked_at(state, settled.present, chosen, asked), columns=settled.present.columns)
        if settled.successor is not None:
            found.successors[entity] = make(
                looked_at(state, settled.successor, chosen, asked), columns=settled.successor.columns
            )
    names = {each: RoleNames(context.dynamics, metadata.tables.get(table)) for each, table in _NAMES_OF_ROLES.items()}
    _add_appliers(context, found, names)
    with context.database.transaction():
        before = {each.id for each in state.quick_syncs.open()}
        for entity, plan in found.plans.items():
            hidden = metadata.unreadable(entity)
            note_columns(context, entity, plan.table, choices.get(entity, {}).values(), hidden)
        fields = [field for plan in found.widest.values() for field in plan.fields]
        note_limits(context, fields)
        context.marketing.define_fields([definition(field) for field in fields])
        # What this asked for itself, of columns that came back, is known here.
        found.quick_syncs |= {each.id for each in state.quick_syncs.open()} - before
    return found


def _add_appliers(context: Context, found: Tables, names: Mapping[Entity, RoleNames]) -> None:
    """Each table's rows are applied by its own plan; what they mean in another table, by the widest of that one."""
    widest = found.widest
    for entity, plan in found.plans.items():
        found.appliers[entity] = _applier(context, plan, {**widest, entity: plan}, names)
    for entity, plan in widest.items():
        same = not found.successors
        found.widest_appliers[entity] = found.appliers[entity] if same else _applier(context, plan, widest, names)


def _choices(context: Context, entities: Sequence[Entity], metadata: Metadata) -> dict[Entity, dict[str, FieldChoice]]:
    """The field choices; an optional entity that is synced for the first time gets those of section 7 (D1)."""
    choices = context.state.choices()
    new = [entity for entity in entities if entity in OPTIONAL and entity not in choices]
    if new:
        with context.database.transaction():
            for entity in new:
                table, hidden = metadata.tables[entity.table], metadata.unreadable(entity)
                context.state.put_choices(default_choices(entity, table, hidden))
        choices = context.state.choices()
    return choices


def path_lookups(customs: Mapping[Entity, CustomEntity]) -> dict[Entity, Step]:
    """The lookup that each custom entity, and each path between, goes by."""
    found = {entity: custom.path.steps[0] for entity, custom in customs.items()}
    found.update({custom.path.via: custom.path.steps[1] for custom in customs.values() if custom.path.via})
    return found


def _applier(
    context: Context, plan: TablePlan, plans: dict[Entity, TablePlan], names: Mapping[Entity, RoleNames]
) -> Applier:
    if plan.entity.is_path:
        return PathApplier(context, plan)
    if not plan.entity.is_standard:
        return CustomObjectApplier(context, plan)
    match plan.entity:
        case Entity.LEAD | Entity.CONTACT:
            return PeopleApplier(context, plan, plans)
        case Entity.ACCOUNT:
            return CompanyApplier(context, plan)
        case Entity.OPPORTUNITY:
            return OpportunityApplier(context, plan)
        case Entity.CONNECTION | Entity.OPPORTUNITY_ROLE:
            return RoleApplier(context, plan, names[plan.entity])
        case _:
            return PlainApplier(context, plan)
