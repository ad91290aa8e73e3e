"""`$metadata`: the whole model as CSDL, which generated clients believe to the letter (reference 2.1, 2.8).

A name that the document has and the service does not, or the other way round, breaks such a client far from its cause.
So the types come from the definitions that rule the rows, and no name is written that is not also defined.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.resources import files
from xml.etree.ElementTree import Element, SubElement, fromstring, indent, tostring

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.functions import FUNCTIONS, LISTED, UNVALUED
from tandem.sandbox.query.literals import edm_type
from tandem.sandbox.query.options import refuse_others
from tandem.sandbox.query.reading import Reading, json_response
from tandem.sandbox.store.catalogue import bulk_messages
from tandem.sandbox.tables import ColumnDefinition, Definitions, KeyDefinition, TableDefinition

_BASE = "mscrm.crmbaseentity"
_PRINCIPAL = "mscrm.principal"
_PRINCIPALS = frozenset({"systemuser", "team"})
"""The tables whose rows may own others; a lookup to either has their common type."""

_VOCABULARIES = {
    "OData.Community.Keys.V1": "https://vocabularies.odata.org/OData.Community.Keys.V1.xml",
    "Org.OData.Capabilities.V1": "https://vocabularies.odata.org/OASIS/Org.OData.Capabilities.V1.xml",
    "Org.OData.Core.V1": "https://vocabularies.odata.org/OASIS/Org.OData.Core.V1.xml",
}
_DEFINITION_SETS = {
    "EntityDefinitions": "EntityMetadata",
    "RelationshipDefinitions": "RelationshipMetadataBase",
    "GlobalOptionSetDefinitions": "OptionSetMetadataBase",
}
"""The sets that hold definitions instead of rows, with their types."""


def read_service_document(reading: Reading) -> Response:
    """The names of all sets (reference 2.1); that those of definitions are among them is general knowledge [k]."""
    refuse_others(reading.options, ())
    sets = (*(table.entity_set for table in reading.organisation.tables.values()), *_DEFINITION_SETS)
    items = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
    return json_response({"@odata.context": f"{reading.request.base}/$metadata", "value": items})


def read_csdl(reading: Reading) -> Response:
    """The document; with `?annotations=true` also what can be tracked and what is read-only.

    Clients ask for that by the preference for annotations, too. [k]
    """
    refuse_others(reading.options, ("annotations",))
    annotated = reading.options.get("annotations") or "false"
    if annotated not in ("true", "false"):
        raise Refused(400, "0x80060888", f"The query parameter 'annotations' must be true or false, not '{annotated}'.")
    preferred = reading.preferences.wants("Org.OData.Core.V1.Permissions")
    document = _document(reading.organisation.definitions, annotated=annotated == "true" or preferred)
    applied = reading.preferences.applied("odata.include-annotations")
    headers = {"Content-Type": "application/xml", "OData-Version": "4.0", **applied}
    return Response(status=200, headers=headers, body=document)


def _document(definitions: Definitions, *, annotated: bool) -> bytes:
    root = Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": "http://docs.oasis-open.org/odata/ns/edmx"})
    for namespace, uri in _VOCABULARIES.items():
        SubElement(SubElement(root, "edmx:Reference", Uri=uri), "edmx:Include", Namespace=namespace)
    schema = SubElement(
        SubElement(root, "edmx:DataServices"),
        "Schema",
        {"Namespace": "Microsoft.Dynamics.CRM", "Alias": "mscrm", "xmlns": "http://docs.oasis-open.org/odata/ns/edm"},
    )
    SubElement(schema, "EntityType", Name="crmbaseentity", Abstract="true")
    # In a tenant it has a key, `ownerid`, which the rows of users and teams repeat; the rows here do not. [k]
    SubElement(schema, "EntityType", Name="principal", BaseType=_BASE, Abstract="true")
    tables, navigations = definitions.tables, _navigations(definitions)
    for table in tables.values():
        schema.append(_entity_type(table, navigations[table.name], annotated=annotated))
    schema.extend(twin for element in _fragment("definitions.xml") for twin in _twins(element))
    operations = [*_fragment("messages.xml"), *_bulk_actions(tables)]
    schema.extend(operations)
    # Of no use but in a filter, so there is no import of them.
    schema.extend(_filter_function(name) for name in FUNCTIONS)
    schema.append(_container(tables, navigations, operations, annotated=annotated))
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _entity_type(table: TableDefinition, navigations: list[Element], *, annotated: bool) -> Element:
    base = _PRINCIPAL if table.name in _PRINCIPALS else _BASE
    entity = Element("EntityType", Name=table.name, BaseType=base)
    SubElement(SubElement(entity, "Key"), "PropertyRef", Name=table.primary_id)
    entity.extend(_property(table, column, annotated=annotated) for column in table.columns.values())
    entity.extend(navigations)
    keys = [key for key in table.keys if key.active]
    if keys:
        annotation = SubElement(entity, "Annotation", Term="OData.Community.Keys.V1.AlternateKeys")
        SubElement(annotation, "Collection").extend(_alternate_key(table, key) for key in keys)
    return entity


def _alternate_key(table: TableDefinition, key: KeyDefinition) -> Element:
    """A key by which rows can be addressed, in the vocabulary that clients know for it. [k]"""
    record = Element("Record", Type="OData.Community.Keys.V1.AlternateKey")
    references = SubElement(SubElement(record, "PropertyValue", Property="Key"), "Collection")
    for name in key.columns:
        reference = SubElement(references, "Record", Type="OData.Community.Keys.V1.PropertyRef")
        SubElement(reference, "PropertyValue", Property="Name", PropertyPath=table.columns[name].wire_name)
        SubElement(reference, "PropertyValue", Property="Alias", String=table.columns[name].wire_name)
    return record


def _property(table: TableDefinition, column: ColumnDefinition, *, annotated: bool) -> Element:
    element = Element("Property", Name=column.wire_name, Type=edm_type(column))
    if column.name == table.primary_id:
        element.set("Nullable", "false")
    if element.get("Type") == "Edm.Decimal":
        # As the service spells it; the standard has it in lower case. [k]
        element.set("Scale", "Variable")
    if annotated and (column.is_lookup or not (column.creatable or column.updatable)):
        SubElement(element, "Annotation", Term="Org.OData.Core.V1.Computed", Bool="true")
        permissions = SubElement(element, "Annotation", Term="Org.OData.Core.V1.Permissions")
        SubElement(permissions, "EnumMember").text = "Org.OData.Core.V1.Permission/Read"
    return element


def _navigations(definitions: Definitions) -> Mapping[str, list[Element]]:
    """The navigation properties of each table: what its lookups lead to, then who leads to it."""
    single: dict[str, list[Element]] = defaultdict(list)
    collections: dict[str, list[Element]] = defaultdict(list)
    tables = definitions.tables
    for table in tables.values():
        partners: dict[str, str] = {}
        for column in table.columns.values():
            # A column that only repeats another makes no relationship of its own.
            for target in () if column.derived is not None else column.targets:
                own, partner = column.navigation[target], table.relationship(column, target)
                partners[own] = partner
                collections[target].append(_navigation(partner, f"Collection(mscrm.{table.name})", own))
        for name, (column, targets) in table.by_navigation.items():
            if len(targets) > 1:
                single[table.name].append(_navigation(name, _PRINCIPAL))
                continue
            element = _navigation(name, f"mscrm.{targets[0]}", partners.get(name))
            SubElement(
                element,
                "ReferentialConstraint",
                Property=column.wire_name,
                ReferencedProperty=tables[targets[0]].primary_id,
            )
            single[table.name].append(element)
    for association in definitions.associations:
        for end, other in (association.ends, association.ends[::-1]):
            element = _navigation(end.navigation, f"Collection(mscrm.{end.other_table})", other.navigation)
            if end.own_table != end.other_table or end.navigation != other.navigation:
                collections[end.own_table].append(element)
    return {name: single[name] + collections[name] for name in tables}


def _navigation(name: str, type_name: str, partner: str | None = None) -> Element:
    return Element("NavigationProperty", {"Name": name, "Type": type_name} | ({"Partner": partner} if partner else {}))


def _fragment(name: str) -> Element:
    """A part of the document that no table makes."""
    return fromstring(files("tandem.sandbox.metadata").joinpath(name).read_text("utf-8"))


def _twins(element: Element) -> Iterator[Element]:
    """The element, and of an entity type its complex twin: RetrieveMetadataChanges answers with those (reference 2.7).

    A twin has no key, and what the entity type leads to it has in itself.
    """
    yield element
    if element.tag != "EntityType":
        return
    twin = Element("ComplexType", {name: _twin_name(name, value) for name, value in element.items()})
    for member in element:
        if member.tag == "Property":
            twin.append(member)
        elif member.tag == "NavigationProperty":
            SubElement(twin, "Property", {name: _twin_name(name, value) for name, value in member.items()})
    yield twin


def _twin_name(attribute: str, value: str) -> str:
    if attribute in ("BaseType", "Type"):
        return value.replace("mscrm.", "mscrm.Complex")
    return f"Complex{value}" if attribute == "Name" and value.endswith(("Metadata", "MetadataBase")) else value


def _bulk_actions(tables: Mapping[str, TableDefinition]) -> Iterator[Element]:
    for table in tables.values():
        for name in bulk_messages(table):
            yield _bulk_action(table, name)


def _bulk_action(table: TableDefinition, name: str) -> Element:
    action = Element("Action", Name=name, IsBound="true")
    for parameter in ("entityset", "Targets"):
        SubElement(action, "Parameter", Name=parameter, Type=f"Collection(mscrm.{table.name})", Nullable="false")
    if name == "CreateMultiple":
        SubElement(action, "ReturnType", Type=f"mscrm.{name}Response", Nullable="false")
    return action


def _filter_function(name: str) -> Element:
    function = Element("Function", Name=name)
    SubElement(function, "Parameter", Name="PropertyName", Type="Edm.String", Nullable="false")
    if name in LISTED:
        SubElement(function, "Parameter", Name="PropertyValues", Type="Collection(Edm.String)", Nullable="false")
    elif name not in UNVALUED:
        SubElement(function, "Parameter", Name="PropertyValue", Type="Edm.String", Nullable="false")
    SubElement(function, "ReturnType", Type="Edm.Boolean", Nullable="false")
    return function


def _container(
    tables: Mapping[str, TableDefinition],
    navigations: Mapping[str, list[Element]],
    operations: list[Element],
    *,
    annotated: bool,
) -> Element:
    container = Element("EntityContainer", Name="System")
    for table in tables.values():
        rows = SubElement(container, "EntitySet", Name=table.entity_set, EntityType=f"{NAMESPACE}{table.name}")
        for navigation in navigations[table.name]:
            target = navigation.get("Type", "").removeprefix("Collection(").rstrip(")").removeprefix("mscrm.")
            if target in tables:
                path = navigation.get("Name", "")
                SubElement(rows, "NavigationPropertyBinding", Path=path, Target=tables[target].entity_set)
        if annotated and table.change_tracking:
            tracking = SubElement(rows, "Annotation", Term="Org.OData.Capabilities.V1.ChangeTracking")
            SubElement(SubElement(tracking, "Record"), "PropertyValue", Property="Supported", Bool="true")
    for name, type_name in _DEFINITION_SETS.items():
        SubElement(container, "EntitySet", Name=name, EntityType=f"{NAMESPACE}{type_name}")
    for operation in operations:
        if operation.tag in ("Function", "Action") and operation.get("IsBound") != "true":
            name = operation.get("Name", "")
            SubElement(container, f"{operation.tag}Import", {"Name": name, operation.tag: f"{NAMESPACE}{name}"})
    return container
