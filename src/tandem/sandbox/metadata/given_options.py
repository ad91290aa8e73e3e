"""Options and option sets as a client gives them, made into definitions (reference 2.4, 8).

A column of a global set has no options of its own: a client that gave it some would see them change with the set.
"""

import re
from dataclasses import replace

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.finding import find_option_set
from tandem.sandbox.metadata.given import Given, invalid_definition
from tandem.sandbox.metadata.naming import logical_name
from tandem.sandbox.tables import (
    OPTIONED,
    ColumnDefinition,
    ColumnType,
    Definitions,
    OptionDefinition,
    OptionSetDefinition,
)

FIRST_OPTION = 100_000_000
"""The value of a customer's first option, where none is given; the publisher's prefix decides it (reference 8)."""

_UNUSED_OF_OPTIONS = frozenset({"Color", "Description", "ExternalValue", "ParentValues", "Tag", "IsHidden"})
_UNUSED_OF_SETS = frozenset(
    {
        "Name",
        "DisplayName",
        "Description",
        "IsGlobal",
        "IsCustomOptionSet",
        "OptionSetType",
        "ParentOptionSetName",
        "ExternalTypeName",
    }
)

_SET_ADDRESS = re.compile(r"(?:^|/)GlobalOptionSetDefinitions\((?P<arguments>.*)\)$")


def new_option_set(given: Given) -> OptionSetDefinition:
    """The global option set that a client wants made. Raises Refused."""
    name = given.text("Name")
    if given.text("OptionSetType", "Picklist") != "Picklist" or given.type_name not in ("", "OptionSetMetadata"):
        raise invalid_definition("A global option set holds options: its OptionSetType is Picklist.")
    made = OptionSetDefinition(name=logical_name(name), label=name, options=read_options(given.parts("Options")))
    return changed_option_set(made, given)


def changed_option_set(option_set: OptionSetDefinition, given: Given) -> OptionSetDefinition:
    """The global option set with the labels that a client wants; its options change by actions. Raises Refused."""
    changed = replace(
        option_set,
        label=given.label("DisplayName", option_set.label),
        description=given.label("Description", option_set.description),
    )
    given.parts("Options")
    given.done(_UNUSED_OF_SETS)
    return changed


def read_options(given: list[Given]) -> tuple[OptionDefinition, ...]:
    """The options of a set; one without a value gets the next. Raises Refused."""
    options: list[OptionDefinition] = []
    for each in given:
        value = each.integer("Value", None)
        option = OptionDefinition(value=next_value(options) if value is None else value, label=each.label("Label", ""))
        each.done(_UNUSED_OF_OPTIONS)
        if any(other.value == option.value for other in options):
            raise invalid_definition(f"The option value {option.value} is there twice.")
        options.append(option)
    return tuple(options)


def next_value(options: list[OptionDefinition] | tuple[OptionDefinition, ...]) -> int:
    """The value of the next option that is made without one."""
    return max([FIRST_OPTION - 1, *(option.value for option in options)]) + 1


def with_options(definitions: Definitions, column: ColumnDefinition, given: Given) -> ColumnDefinition:
    """The column with the options that a client gives: its own, or those of a global set. Raises Refused."""
    if column.type not in OPTIONED | {ColumnType.BOOLEAN}:
        return column
    address, own = given.bind("GlobalOptionSet"), given.part("OptionSet")
    if column.type is ColumnType.BOOLEAN:
        return column if own is None else replace(column, options=_two_options(column, own))
    if own is not None and own.boolean("IsGlobal", default=False):
        address = address or f"GlobalOptionSetDefinitions(Name='{own.text('Name')}')"
    if address is not None:
        found = _SET_ADDRESS.search(address)
        if found is None:
            raise Refused(400, "0x80060888", f"The address '{address}' does not name a global option set.")
        option_set = find_option_set(definitions, found["arguments"])
        return replace(column, option_set=option_set.name, options=option_set.options)
    if own is None:
        raise invalid_definition(f"The attribute '{column.name}' needs an OptionSet.")
    options = read_options(own.parts("Options"))
    own.done(_UNUSED_OF_SETS)
    return replace(column, options=options)


def _two_options(column: ColumnDefinition, given: Given) -> tuple[OptionDefinition, ...]:
    false, true = column.options
    for name, option in (("FalseOption", false), ("TrueOption", true)):
        each = given.part(name)
        if each is not None:
            named = replace(option, label=each.label("Label", option.label))
            each.done(_UNUSED_OF_OPTIONS | {"Value"})
            false, true = (named, true) if option.value == 0 else (false, named)
    given.done(_UNUSED_OF_SETS)
    return false, true
