"""Which columns of which table a measurement reads."""

from dataclasses import dataclass

from tandem.mapping.fields import Field
from tandem.model.entities import Entity
from tandem.model.schema import Table
from tandem.sync.plan import TablePlan

_ORGANIZATION_ID = "00000000-0000-4000-8000-0000000be9c4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A table and the fields selected of it."""

    entity: Entity
    table: Table
    fields: tuple[Field, ...]

    def plan(self) -> TablePlan:
        """What the engine makes of this selection."""
        return TablePlan(self.entity, self.table, self.fields, organization_id=_ORGANIZATION_ID, unreadable=())
