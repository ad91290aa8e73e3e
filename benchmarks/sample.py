"""One page as an organisation would answer it, to be multiplied.

Columns, metadata, values and their gaps come from the sandbox, so the benchmark cannot drift away from what the
engine reads in earnest.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from benchmarks.selection import Selection
from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.rows import wire_name
from tandem.mapping.selection import offered_fields
from tandem.model.entities import Entity
from tandem.model.schema import Table
from tandem.sandbox.data.generate import generate
from tandem.sandbox.messages import Request
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation

COLUMNS = 40
"""The width of every read, internal columns included."""
_PEOPLE = 6_000
_SEED = 20
_ALONE = {"_originatingleadid_value": None, "_masterid_value": None, "merged": False, "new_synctomkto": True}
"""What would tie a multiplied row to rows that are not there, or keep it out."""
_ROWS = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of a table as they stand on the wire."""

    selection: Selection
    rows: tuple[dict[str, Any], ...]


def take_samples(entities: Sequence[Entity]) -> dict[Entity, Sample]:
    """A sample of each entity, `COLUMNS` wide: the default fields, then those that most rows have a value for."""
    organisation = Organisation()
    try:
        for table, rows in generate(_PEOPLE, _SEED):
            organisation.load(table, rows)
        tables = _tables(organisation, entities)
        return {each: _sample(organisation, each, tables[each.value]) for each in entities}
    finally:
        organisation.close()


def _tables(organisation: Organisation, entities: Sequence[Entity]) -> dict[str, Table]:
    with Sandbox(organisation) as sandbox:
        door = sandbox.description()
        credentials = Credentials(
            door["client_id"], client_secret=door["client_secret"], tenant=door["tenant"], authority=door["token_url"]
        )
        with Dynamics(door["url"], credentials) as dynamics:
            return dynamics.tables([each.value for each in entities])


def _sample(organisation: Organisation, entity: Entity, table: Table) -> Sample:
    offers = offered_fields(entity, table)
    chosen = [each.field for each in offers if each.default]
    others = [each.field for each in offers if not each.default]
    everything = _page(organisation, Selection(entity=entity, table=table, fields=(*chosen, *others)))
    filled = Counter(name for row in everything for name, value in row.items() if value is not None)
    others.sort(key=lambda field: -filled[wire_name(table, field.column)])
    while True:
        selection = Selection(entity=entity, table=table, fields=tuple(chosen))
        if not others or len(selection.plan().decoder.select) >= COLUMNS:
            break
        chosen.append(others.pop(0))
    rows = _page(organisation, selection)
    alone = tuple(row | {name: value for name, value in _ALONE.items() if name in row} for row in rows)
    return Sample(selection=selection, rows=alone)


def _page(organisation: Organisation, selection: Selection) -> list[dict[str, Any]]:
    decoder = selection.plan().decoder
    request = Request(
        method="GET",
        path=selection.table.entity_set,
        query=f"$select={','.join(decoder.select)}",
        headers={"prefer": f'odata.maxpagesize=5000,odata.include-annotations="{decoder.annotations}"'},
        caller=organisation.user_id,
    )
    answer = Application(organisation, Faults()).handle(request)
    rows: list[dict[str, Any]] = _ROWS.decode(answer.body)["value"]
    return rows
