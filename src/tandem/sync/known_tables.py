"""The tables as they are by now: who answers, what is defined there, and what was chosen of it.

What another organisation holds must never be taken for news of this one, so nothing is asked before it is known who
answers (S9). Definitions cost requests and are kept; whatever they were read for or built from is looked at in every
cycle, so that a changed schema or selection is noticed in the next one (D6).
"""

from typing import Any

from tandem.mapping.fields import internal_columns
from tandem.model.entities import Entity
from tandem.model.errors import HaltStream
from tandem.model.schema import Table
from tandem.state.streams import Stream
from tandem.sync.context import Context
from tandem.sync.succession import store
from tandem.sync.tables import Metadata, Tables, build_tables, path_lookups, read_metadata, synced_entities


class OrganisationChanged(HaltStream):
    """The address answers with another organisation than the one this subscription is bound to."""

    code = "organisation-changed"
    advice = (
        "Nothing was written. If the address is wrong, connect with the right one. If this organisation was refreshed, "
        "or is a copy that takes the place of the other: `tandem relink`. One to be kept beside the other needs a "
        "subscription of its own: `tandem connect --name`."
    )


class KnownTables:
    """The tables of the subscription bound to `organization_id`, built again only where something has changed."""

    def __init__(self, context: Context, *, organization_id: str) -> None:
        self._context = context
        self._organization_id = organization_id
        self.schema: str | None = None
        """The mark of the definitions that the tables were built from."""
        self._metadata: Metadata | None = None
        self._chosen: Any = None
        self._tables: Tables | None = None

    def forget_definitions(self) -> None:
        """Dynamics spoke of other definitions than these: they are read again before the tables are used next."""
        self._metadata = None

    def now(self) -> Tables:
        """The tables as they are now. Raises OrganisationChanged before anything else is asked."""
        metadata = self.definitions()
        # Looked at before they are built from: what somebody chooses meanwhile is noticed in the next cycle.
        chosen = self._choices()
        if self._tables is None or self._chosen != chosen:
            self._tables = build_tables(self._context, metadata, organization_id=self._organization_id)
            self._chosen = chosen
        return self._tables

    def definitions(self) -> Metadata:
        """What is defined there, read again where it changed. Raises OrganisationChanged before more is asked."""
        look = self._context.dynamics.look(self._secured())
        identity, schema = look.identity, look.schema
        if identity.organization_id != self._organization_id:
            raise OrganisationChanged(
                f"{self._context.dynamics.root} answers as organisation {identity.organization_id}; this subscription "
                f"belongs to organisation {self._organization_id}.",
            )
        entities, metadata = synced_entities(self._context.state), self._metadata
        if (
            metadata is None
            or schema is None
            or schema != self.schema
            or look.rights.items() - metadata.rights.items()
            or not all(map(metadata.tells_of, entities))
        ):
            self._metadata = metadata = read_metadata(self._context, identity.user_id, entities)
            self.schema, self._tables = schema, None
        return metadata

    def _secured(self) -> list[Table]:
        """The tables of which a column that is wanted is secured: the right to read it comes and goes without any
        change of definitions, and what arrives without it looks emptied (D4, D7)."""
        found, state = list[Table](), self._context.state
        choices, lookups = state.choices(), path_lookups(state.customs.all())
        for entity in synced_entities(state):
            table = self._metadata.tables.get(entity.table) if self._metadata else None
            if table is None:
                continue
            wanted = {*internal_columns(entity), *([lookups[entity].column] if entity in lookups else [])}
            wanted.update(choice.column for choice in choices.get(entity, {}).values() if choice.selected)
            if any(column.secured and column.name in wanted for column in table.columns.values()):
                found.append(table)
        return found

    def _choices(self) -> Any:
        """What the tables are built by: what an administrator chose, and which columns each stream brings."""
        state = self._context.state
        streams, successors = state.streams.all(), state.streams.successors()
        places = [
            (each.entity, each.fingerprint, each.weak, each.state, each.reading, each.begun_at is None)
            for each in (*streams.values(), *successors.values())
        ]
        read = [(streams[entity].reads_finished, streams[entity].next_link is None) for entity in successors]
        quick_syncs = [(each.id, each.state, each.fingerprint) for each in state.quick_syncs.open()]
        return state.choices(), synced_entities(state), state.customs.all(), places, read, quick_syncs

    def settled(self, tables: Tables) -> tuple[dict[Entity, Stream], dict[Entity, Stream]]:
        """The tables' streams and their successors, once what was settled about them is stored."""
        state, changed = self._context.state, [each for each in tables.streams.values() if each.changed]
        if changed:
            with self._context.database.transaction():
                for each in changed:
                    store(self._context, each)
            self._tables = None
        streams = state.streams.all()
        return {entity: streams[entity] for entity in tables.plans}, state.streams.successors()
