"""Applies pages of connections: the stakeholders of opportunities (rules O2, O3).

Dynamics keeps each connection twice, once from either end. Both rows of a pair say the same, so each gives the same
role under its own source; a role counts once, and is gone when neither row says it any more.
"""

from collections.abc import Iterable, Sequence
from typing import Any

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
"""The role of a connection that names none."""


class RoleNames:
    """Names of connection roles, read by id when first needed (D3)."""

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


class ConnectionApplier(Applier):
    """Connections between an opportunity and a person; others are ignored."""

    def __init__(self, context: Context, plan: TablePlan, names: RoleNames) -> None:
        self._context = context
        self._plan = plan
        self._names = names
        self._state = plan.get("statecode")
        self._ends = [
            tuple(plan.get(f"record{end}{part}") for part in ("id", "id_type", "roleid")) for end in ("1", "2")
        ]

    def prepare(self, rows: Sequence[Any]) -> None:
        named = [role for row in rows if (role := self._role(row))]
        self._names.fetch({role[3] for role in named if role[3]})

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan, mirrors = self._plan, self._context.marketing.mirrors
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        # A connection's ends and role may change, so its earlier role goes before the present one comes.
        held: set[str] = set()
        if how is not How.COPY:
            held = set(self.known(ids))
            mirrors.drop_connections(ids)
            self._context.state.waiting.stop_all(Entity.CONNECTION, ids)
        named = [role for row in rows if (role := self._role(row))]
        for table in _PEOPLE.values():
            wanted = [
                WantedRole(each, table, person, opportunity, self._names.of(role), f"connection:{each}", 0)
                for each, opportunity, person, role, kind in named
                if kind is table
            ]
            links = self._context.state.links.of(table, {each.crm_id for each in wanted})
            give_roles(self._context, Entity.CONNECTION, wanted, links)
        return Counts(
            read=len(rows),
            created=sum(role[0] not in held for role in named),
            updated=sum(role[0] in held for role in named),
            unchanged=len(rows) - len(named),
        )

    def delete(self, ids: Sequence[str]) -> int:
        """O3: the role is gone with its record."""
        known = self.known(ids)
        self._context.marketing.mirrors.drop_connections(list(ids))
        self._context.state.waiting.stop_all(Entity.CONNECTION, list(ids))
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        return list(self._context.marketing.mirrors.versions("opportunityrole", [f"connection:{each}" for each in ids]))

    def count_known(self) -> int:
        # Not every role comes from a connection.
        return sum(1 for _ in self._context.marketing.mirrors.ids("opportunityrole"))

    def all_known(self) -> Iterable[str]:
        yield from self._context.marketing.mirrors.ids("opportunityrole")
        yield from self._context.state.waiting.unseen(Entity.CONNECTION)

    def _role(self, row: Any) -> tuple[str, str, str, str | None, Entity] | None:
        """(connection, opportunity, person, role id, table of the person), whichever end is the opportunity."""
        if self._state(row) == _INACTIVE:
            return None
        for here, there in (self._ends, self._ends[::-1]):
            kind = _PEOPLE.get(there[1](row))
            if here[1](row) == "opportunity" and kind and here[0](row) and there[0](row):
                return self._plan.id(row), here[0](row), there[0](row), there[2](row), kind
        return None
