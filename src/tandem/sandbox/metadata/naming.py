"""What the service makes of the names that a customer chooses.

An entity set's name cannot be computed by a client and must be read from the metadata; the one exception is here.
"""

import re

from tandem.sandbox.metadata.given import invalid_definition

_CUSTOM = re.compile(r"[A-Za-z][A-Za-z0-9]{1,7}_[A-Za-z0-9_]{1,90}")

_RESERVED = ("mscrm", "sqlite_")
"""What no name may begin with: the service's own, and the store's."""


def logical_name(schema_name: str) -> str:
    """The lower-case name of what a customer makes. Raises Refused (400) for a name without a prefix (`new_`)."""
    if not _CUSTOM.fullmatch(schema_name) or schema_name.lower().startswith(_RESERVED):
        raise invalid_definition(
            f"The schema name '{schema_name}' is not valid: it must begin with a customization prefix and '_', and hold"
            " letters, digits and underscores only."
        )
    return schema_name.lower()


def checked_name(name: str) -> str:
    """The name of a relationship, a navigation property or an entity set, which keeps its case.

    Raises Refused (400) for one of other characters than letters, digits and underscores.
    """
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise invalid_definition(f"The name '{name}' is not valid.")
    return name


def collection_name(name: str) -> str:
    """The plural that the service forms of a logical name: `new_boxes`, `new_cities`, `new_days` [k]."""
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    return f"{name}s"
