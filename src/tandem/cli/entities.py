"""Entities as a person names them: by Dynamics' word or marketing's."""

from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import NeedsPerson


def both_names(entity: Entity) -> str:
    """Dynamics' name, and marketing's where it is another."""
    same = entity.value == entity.marketing_name
    return entity.value if same else f"{entity.value} ({entity.marketing_name})"


class UnknownEntity(NeedsPerson):
    """No entity, or more than one, has this name."""

    code = "unknown-entity"
    advice = (
        "The entities are: "
        + ", ".join(
            entity.value if entity.value == entity.marketing_name else f"{entity.value} ({entity.marketing_name})"
            for entity in STANDARD
        )
        + "."
    )


def entities_named(name: str) -> list[Entity]:
    """The tables behind a name; `person` means two. Raises UnknownEntity."""
    lowered = name.strip().lower()
    found = [entity for entity in STANDARD if lowered == entity.value]
    found = found or [entity for entity in STANDARD if lowered == entity.marketing_name]
    if not found:
        raise UnknownEntity(f"There is no entity {name!r}.", entity=name)
    return found


def entity_named(name: str) -> Entity:
    """The one table of that name. Raises UnknownEntity."""
    found = entities_named(name)
    if len(found) > 1:
        words = " or ".join(entity.value for entity in found)
        raise UnknownEntity(f"{name!r} is more than one table.", advice=f"Name one of them: {words}.", entity=name)
    return found[0]
