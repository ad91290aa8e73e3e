"""Entities as a person names them: by Dynamics' word or marketing's."""

from collections.abc import Collection

from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import NeedsPerson


def both_names(entity: Entity) -> str:
    """Dynamics' name, and marketing's where it is another."""
    same = entity.value == entity.marketing_name
    return entity.value if same else f"{entity.value} ({entity.marketing_name})"


class UnknownEntity(NeedsPerson):
    """No entity, or more than one, has this name."""

    code = "unknown-entity"
    advice = "`tandem status` lists the entities that are synced; `tandem entities --enable` adds a custom one."


def entities_named(name: str, entities: Collection[Entity] = STANDARD) -> list[Entity]:
    """Those of `entities` behind a name; `person` means two. Raises UnknownEntity."""
    lowered = name.strip().lower()
    found = [entity for entity in entities if lowered == entity.value]
    found = found or [entity for entity in entities if lowered == entity.marketing_name]
    if not found:
        listed = ", ".join(map(both_names, entities))
        raise UnknownEntity(f"There is no entity {name!r}.", advice=f"The entities are: {listed}.", entity=name)
    return found


def entity_named(name: str, entities: Collection[Entity] = STANDARD) -> Entity:
    """The one of `entities` of that name. Raises UnknownEntity."""
    found = entities_named(name, entities)
    if len(found) > 1:
        words = " or ".join(entity.value for entity in found)
        raise UnknownEntity(f"{name!r} is more than one table.", advice=f"Name one of them: {words}.", entity=name)
    return found[0]
