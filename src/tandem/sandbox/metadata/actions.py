"""The actions that change definitions: options one by one, customer columns, keys, several tables at once. [k]

An option that is removed stays in the rows that hold it, as a number without a label; that is what a sync meets.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tandem.sandbox.messages import Response
from tandem.sandbox.metadata import changing
from tandem.sandbox.metadata.columns import column_id
from tandem.sandbox.metadata.finding import find_key, find_option_set, find_table
from tandem.sandbox.metadata.given import Given, already_exists, invalid_definition
from tandem.sandbox.metadata.given_options import next_value
from tandem.sandbox.metadata.given_relationships import new_customer
from tandem.sandbox.metadata.given_tables import new_table
from tandem.sandbox.metadata.relationships import relationship_id
from tandem.sandbox.metadata.writes import DefinitionWrite, done
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.reading import json_response
from tandem.sandbox.store.customisation import ChangeOptionSet
from tandem.sandbox.tables import (
    ColumnDefinition,
    ColumnType,
    OptionDefinition,
    OptionSetDefinition,
    TableDefinition,
)

_UNUSED = frozenset({"SolutionUniqueName", "Description", "ExternalValue", "Color", "ParentValues"})

Answer = Mapping[str, object] | None
Options = tuple[OptionDefinition, ...]


def call_definition_action(write: DefinitionWrite, name: str) -> Response:
    """Call one of the DEFINITION_ACTIONS. Raises Refused."""
    answer = DEFINITION_ACTIONS[name](write, write.given())
    if answer is None:
        return done()
    return json_response({"@odata.context": f"{write.request.base}/$metadata#{NAMESPACE}{name}Response", **answer})


class _OptionsOf:
    """The options that an action means: a global set's, or those of one column."""

    def __init__(self, write: DefinitionWrite, given: Given) -> None:
        self._organisation = write.organisation
        self._set: OptionSetDefinition | None = None
        self._column: tuple[TableDefinition, ColumnDefinition] | None = None
        name = given.text("OptionSetName", "")
        table, column = given.text("EntityLogicalName", ""), given.text("AttributeLogicalName", "")
        if name:
            write.demand("OptionSet", "Write")
            self._set = find_option_set(write.definitions, f"Name='{name}'")
            self.options: Options = self._set.options
        else:
            write.demand("Attribute", "Write")
            self._column = _find_column(write, table, column)
            self.options = self._column[1].options

    @property
    def type(self) -> ColumnType:
        """What kind of column has the options."""
        return ColumnType.CHOICE if self._column is None else self._column[1].type

    def index(self, value: int | None) -> int:
        """The place of an option. Raises Refused (400) where there is none of the value."""
        for place, option in enumerate(self.options):
            if option.value == value:
                return place
        raise invalid_definition(f"The option value {value} does not exist.")

    def become(self, options: Options) -> None:
        """Put these options in the place of those that are there."""
        if self._column is not None:
            changing.change_options(self._organisation, *self._column, options)
        elif self._set is not None:
            self._organisation.customise(ChangeOptionSet(replace(self._set, options=options)))


def _insert_option(write: DefinitionWrite, given: Given) -> Answer:
    target = _OptionsOf(write, given)
    if target.type in (ColumnType.STATE, ColumnType.STATUS):
        raise invalid_definition("A status option is inserted by InsertStatusValue, a state cannot be.")
    return _inserted(target, given, state=None)


def _insert_status(write: DefinitionWrite, given: Given) -> Answer:
    target = _OptionsOf(write, given)
    state = given.integer("StateCode", None)
    if target.type is not ColumnType.STATUS or state not in {option.state for option in target.options}:
        raise invalid_definition(f"InsertStatusValue needs a status column and one of its states, not {state}.")
    return _inserted(target, given, state=state)


def _inserted(target: _OptionsOf, given: Given, *, state: int | None) -> Answer:
    value = given.integer("Value", None)
    option = OptionDefinition(
        value=next_value(target.options) if value is None else value, label=given.label("Label", ""), state=state
    )
    given.done(_UNUSED)
    if any(other.value == option.value for other in target.options):
        raise already_exists(f"The option value {option.value}")
    target.become((*target.options, option))
    return {"NewOptionValue": option.value}


def _update_option(write: DefinitionWrite, given: Given) -> Answer:
    target = _OptionsOf(write, given)
    place = target.index(given.integer("Value", None))
    option = target.options[place]
    changed = replace(option, label=given.label("Label", option.label))
    given.done(_UNUSED | {"MergeLabels"})
    target.become((*target.options[:place], changed, *target.options[place + 1 :]))
    return None


def _delete_option(write: DefinitionWrite, given: Given) -> Answer:
    target = _OptionsOf(write, given)
    place = target.index(given.integer("Value", None))
    given.done(_UNUSED)
    gone = target.options[place]
    if target.type is ColumnType.STATE or (gone.state is not None and _is_last(target.options, gone)):
        raise invalid_definition(f"The option {gone.value} cannot be deleted: a state needs its status.")
    target.become((*target.options[:place], *target.options[place + 1 :]))
    return None


def _is_last(options: Options, status: OptionDefinition) -> bool:
    return sum(option.state == status.state for option in options) == 1


def _order_options(write: DefinitionWrite, given: Given) -> Answer:
    target = _OptionsOf(write, given)
    values = given.integers("Values")
    given.done(_UNUSED)
    if sorted(values) != sorted(option.value for option in target.options):
        raise invalid_definition("Values must name every option once.")
    target.become(tuple(target.options[target.index(value)] for value in values))
    return None


def _create_customer(write: DefinitionWrite, given: Given) -> Answer:
    write.demand("Relationship")
    lookup, relationships = given.part("Lookup"), given.parts("OneToManyRelationships")
    given.done({"SolutionUniqueName"})
    if lookup is None:
        raise invalid_definition("Required field 'Lookup' is missing.")
    made = new_customer(write.definitions, lookup, relationships)
    changing.make_column(write.organisation, made.table, made.column)
    table = write.organisation.tables[made.table.name]
    column = table.columns[made.column.name]
    return {
        "AttributeId": column_id(table, column),
        "RelationshipIds": [relationship_id(table.relationship(column, target), column) for target in column.targets],
    }


def _create_tables(write: DefinitionWrite, given: Given) -> Answer:
    """What it answers with is unconfirmed; Microsoft's SDK does not read it."""
    write.demand("Entity")
    tables = given.parts("Entities")
    given.done({"SolutionUniqueName"})
    for each in tables:
        changing.make_table(write.organisation, new_table(write.definitions, each))
    return None


def _reactivate_key(write: DefinitionWrite, given: Given) -> Answer:
    write.demand("EntityKey", "Write")
    table = find_table(write.definitions, f"LogicalName='{given.text('EntityLogicalName')}'")
    key = find_key(table, f"LogicalName='{given.text('EntityKeyLogicalName')}'")
    given.done(())
    changing.reactivate_key(write.organisation, table, key)
    return None


def _publish(write: DefinitionWrite, given: Given) -> Answer:
    """Changes are in effect at once, so nothing is left to do."""
    given.done({"ParameterXml"})
    return None


def _find_column(write: DefinitionWrite, table: str, column: str) -> tuple[TableDefinition, ColumnDefinition]:
    found = find_table(write.definitions, f"LogicalName='{table}'")
    if column not in found.columns:
        raise invalid_definition(f"The attribute '{column}' of '{table}' does not exist.")
    return found, found.columns[column]


DEFINITION_ACTIONS: Mapping[str, Callable[[DefinitionWrite, Given], Answer]] = {
    "CreateEntities": _create_tables,
    "CreateCustomerRelationships": _create_customer,
    "InsertOptionValue": _insert_option,
    "InsertStatusValue": _insert_status,
    "UpdateOptionValue": _update_option,
    "DeleteOptionValue": _delete_option,
    "OrderOption": _order_options,
    "ReactivateEntityKey": _reactivate_key,
    "PublishXml": _publish,
    "PublishAllXml": _publish,
}
"""The unbound actions that change definitions."""
