"""The fields of the marketing database as the last sync defined them, without asking Dynamics.

Editing and showing people must work while the sync runs and while Dynamics cannot be reached; asking for metadata
first would make a look at one person depend on both.
"""

from collections.abc import Iterable

import msgspec

from tandem.mapping.fields import Field, default_fields
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import FieldDefinition
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType, Option
from tandem.state import SyncState
from tandem.state.state import FieldChoice


def definition_key(entity: Entity) -> str:
    """What the definitions of a table's fields are filed under (see `FieldDefinition.entity`)."""
    return entity.value if entity.is_person else entity.marketing_name


def definition(field: Field) -> FieldDefinition:
    """A field as the marketing database keeps it."""
    options = [[option.value, option.label] for option in field.options]
    return FieldDefinition(
        entity=definition_key(field.entity),
        api_name=field.api_name,
        label=field.label,
        type=field.type.value,
        max_length=field.max_length,
        precision=field.precision,
        options=msgspec.json.encode(options).decode() if options else None,
    )


def defined_fields(marketing: MarketingDatabase, state: SyncState) -> dict[Entity, list[Field]]:
    """Every field that was ever selected and read, by table, the default map's first; nothing before the first sync."""
    definitions = {(each.entity, each.api_name): each for each in marketing.field_definitions()}
    return {
        entity: [
            Field(
                entity=entity,
                column=choice.column,
                api_name=choice.api_name,
                label=found.label,
                type=ColumnType(found.type),
                direction=choice.direction,
                precision=found.precision,
                max_length=found.max_length,
                options=_options(found.options),
            )
            for choice in _in_order(entity, choices.values())
            if (found := definitions.get((definition_key(entity), choice.api_name)))
        ]
        for entity, choices in state.choices().items()
    }


def field_named(fields: Iterable[Field], name: str) -> Field | None:
    """The first field that either side calls `name`, ignoring case."""
    lowered = name.strip().lower()
    return next((each for each in fields if lowered in (each.api_name.lower(), each.column)), None)


def _in_order(entity: Entity, choices: Iterable[FieldChoice]) -> list[FieldChoice]:
    place = {row.column: index for index, row in enumerate(default_fields(entity))}
    return sorted(choices, key=lambda choice: (place.get(choice.column, len(place)), choice.column))


def _options(text: str | None) -> tuple[Option, ...]:
    return tuple(Option(value=value, label=label) for value, label in msgspec.json.decode(text or "[]"))
