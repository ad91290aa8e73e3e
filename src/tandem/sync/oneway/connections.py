"""Applies pages of the tables that say who has a part in an opportunity: connections, and the older kind (O2, O3).

Dynamics keeps each connection twice, once from either end, and an organisation that has grown old may say the same in
`customeropportunityrole` again. So each row gives its role under a source of its own; a role of one name counts once,
and is gone when no row says it any more.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tandem.dynamics.port import DynamicsOrganisation
from tandem.model.entities import Entity
from tandem.model.schema import Table
from tandem.sync.applier import Applier, How, latest
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan
from tandem.sync.waiting import WantedRole, give_roles

_INACTIVE = 1
_PEOPLE = {"contact": Entity.CONTACT, "lead": Entity.LEAD}
NO_ROLE = "Stakeholder"
"""The role of a row that names none."""


class RoleRow(NamedTuple):
    """What a row says: the person is `crm_id` of `table`, `role` the id of its role's name."""

    id: str
    opportunity: str
    table: Entity
    crm_id: str
    role: str | None


class RoleNames:
    """Names of the roles that the rows of one table name by id, read when first needed (D3)."""

    def __init__(self, dynamics: DynamicsOrganisation, table: Table | None) -> None:
        self._dynamics = dynamics
        self._table = table
        self._names: dict[str, str] = {}

    def fetch(self, ids: Iterable[str]) -> None:
        """Read the names of these roles; one that is gone or unreadable is left out."""
        missing = sorted({each for each in ids if each not in self._names})
        if missing and self._table is not None:
            found = self._dynamics.fetch_names(self._table, missing)
            self._names.update({key: name for key, name in found.items() if name})

    def of(self, role: str | None) -> str:
        """The name of a role that was fetched."""
        return self._names.get(role or "", NO_ROLE)


class RoleApplier(Applier):
    """One of the two tables; what differs is where a row says what. Rows about anybody else are ignored."""

    def __init__(self, context: Context, plan: TablePlan, names: RoleNames) -> None:
        self._context = context
        self._plan = plan
        self._names = names
        self._kind = f"{plan.entity.value}:"
        self._state = plan.get("statecode")
        self._ends = [
            tuple(plan.get(f"record{end}{part}") for part in ("id", "id_type", "roleid")) for end in ("1", "2")
        ]
        self._customer, self._customer_type = plan.get("customerid"), plan.get("customerid_type")
        self._opportunity, self._older_role = plan.get("opportunityid"), plan.get("opportunityroleid")
        self._read = self._connection if plan.entity is Entity.CONNECTION else self._older

    def prepare(self, rows: Sequence[Any]) -> None:
        self._names.fetch({role.role for role in map(self._read, rows) if role and role.role})

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan, entity = self._plan, self._plan.entity
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        # A row's ends and role may change, so its earlier role goes before the present one comes.
        held: set[str] = set()
        if how is not How.COPY:
            held = set(self.known(ids))
            self._drop(ids)
        named = [role for role in map(self._read, rows) if role]
        for table in _PEOPLE.values():
            wanted = [
                WantedRole(each.id, table, each.crm_id, each.opportunity, self._names.of(each.role), source, 0)
                for each, source in zip(named, self._sources([role.id for role in named]), strict=True)
                if each.table is table
            ]
            links = self._context.state.links.of(table, {each.crm_id for each in wanted})
            give_roles(self._context, entity, wanted, links)
        return Counts(
            read=len(rows),
            created=sum(role.id not in held for role in named),
            updated=sum(role.id in held for role in named),
            unchanged=len(rows) - len(named),
        )

    def delete(self, ids: Sequence[str]) -> int:
        """O3: the role is gone with its record."""
        known = self.known(ids)
        self._drop(ids)
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        there = self._context.marketing.mirrors.role_sources(self._sources(ids))
        return [each for each, source in zip(ids, self._sources(ids), strict=True) if source in there]

    def count_known(self) -> int:
        # Not every role comes from this table.
        return sum(1 for _ in self._here())

    def all_known(self) -> Iterable[str]:
        yield from self._here()
        yield from self._context.state.waiting.unseen(self._plan.entity)

    def _here(self) -> Iterable[str]:
        return (each.removeprefix(self._kind) for each in self._context.marketing.mirrors.role_sources_of(self._kind))

    def _sources(self, ids: Sequence[str]) -> list[str]:
        return [f"{self._kind}{each}" for each in ids]

    def _drop(self, ids: Sequence[str]) -> None:
        self._context.marketing.mirrors.drop_roles(self._sources(ids))
        self._context.state.waiting.stop_all(self._plan.entity, list(ids))

    def _connection(self, row: Any) -> RoleRow | None:
        """A connection between an opportunity and a person, whichever end is the opportunity."""
        if self._state(row) == _INACTIVE:
            return None
        for here, there in (self._ends, self._ends[::-1]):
            table = _PEOPLE.get(there[1](row))
            if here[1](row) == "opportunity" and table and here[0](row) and there[0](row):
                return RoleRow(self._plan.id(row), here[0](row), table, there[0](row), there[2](row))
        return None

    def _older(self, row: Any) -> RoleRow | None:
        """A role of a contact; of an account there is no person (reference 8.10)."""
        table, opportunity = _PEOPLE.get(self._customer_type(row)), self._opportunity(row)
        if table is None or not opportunity:
            return None
        return RoleRow(self._plan.id(row), opportunity, table, self._customer(row), self._older_role(row))
