"""`$metadata`: a model that is whole in itself and true to what the service does (reference 2.1, 2.8)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, fromstring

import pytest

from tandem.sandbox.actions.calling import ACTIONS, BOUND_ACTIONS
from tandem.sandbox.functions.calling import BOUND_FUNCTIONS, FUNCTIONS
from tandem.sandbox.metadata.actions import DEFINITION_ACTIONS
from tandem.sandbox.query.functions import FUNCTIONS as FILTERS

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"
TYPES = ("EntityType", "ComplexType", "EnumType")


@dataclass(frozen=True, slots=True)
class Model:
    """A document as a client reads it."""

    root: Element

    @property
    def schema(self) -> Element:
        (schema,) = self.root.iter(f"{EDM}Schema")
        return schema

    @property
    def container(self) -> Element:
        (container,) = self.all("EntityContainer")
        return container

    def all(self, tag: str) -> list[Element]:
        return self.schema.findall(f"{EDM}{tag}")

    def type(self, name: str) -> Element:
        (found,) = [each for tag in TYPES for each in self.all(tag) if each.get("Name") == local(name)]
        return found

    def lineage(self, name: str) -> Iterator[Element]:
        """The type and the types it derives from."""
        while name:
            found = self.type(name)
            yield found
            name = found.get("BaseType", "")

    def members(self, name: str, *tags: str) -> dict[str, Element]:
        """The properties of a type, inherited ones included."""
        kinds = tags or ("Property", "NavigationProperty")
        found = [each for type_ in self.lineage(name) for tag in kinds for each in type_.findall(f"{EDM}{tag}")]
        assert len({each.get("Name") for each in found}) == len(found), f"{name} has a name twice"
        return {each.get("Name", ""): each for each in found}

    def sets(self) -> dict[str, str]:
        """The type of each entity set."""
        return {each.get("Name", ""): each.get("EntityType", "") for each in self.container.findall(f"{EDM}EntitySet")}


def local(name: str) -> str:
    """A type's own name, out of its collection and its namespace."""
    inner = name.removeprefix("Collection(").removesuffix(")")
    return inner.removeprefix("mscrm.").removeprefix("Microsoft.Dynamics.CRM.")


@pytest.fixture
def model(reader) -> Model:
    """The document with annotations, which holds all that the one without has."""
    return Model(fromstring(reader.get("$metadata?annotations=true").body))


def test_the_document_is_xml_of_odata_4(reader) -> None:
    """Content type, version, namespace and alias (reference 2.1)."""
    response = reader.get("$metadata")
    root = fromstring(response.body)

    assert (200, "application/xml") == (response.status, response.headers["Content-Type"])
    assert (f"{EDMX}Edmx", "4.0") == (root.tag, root.get("Version"))
    assert ("Microsoft.Dynamics.CRM", "mscrm") == (
        Model(root).schema.get("Namespace"),
        Model(root).schema.get("Alias"),
    )


def test_every_type_that_is_named_is_defined(model) -> None:
    """Of properties, parameters, answers, bases and sets."""
    defined = {each.get("Name") for tag in TYPES for each in model.all(tag)}
    named = {
        value
        for element in model.schema.iter()
        for attribute in ("Type", "BaseType", "EntityType")
        if element.tag not in (f"{EDM}Record", f"{EDM}Annotation") and (value := element.get(attribute)) is not None
    }

    assert set() == {local(name) for name in named if not local(name).startswith("Edm.")} - defined


def test_no_name_is_defined_twice(model) -> None:
    """Types, the container and the imports; of the operations only those may repeat that are bound to other types."""
    names = Counter(each.get("Name") for tag in (*TYPES, "EntityContainer") for each in model.all(tag))
    operations = Counter(
        (each.get("Name"), parameters[0].get("Type") if each.get("IsBound") and parameters else None)
        for tag in ("Function", "Action")
        for each in model.all(tag)
        for parameters in [each.findall(f"{EDM}Parameter")]
    )
    contained = Counter(each.get("Name") for each in model.container)

    assert {1} == {*names.values(), *operations.values(), *contained.values()}
    assert names.keys().isdisjoint({name for name, _ in operations})
    for element in model.all("EntityType"):
        model.members(element.get("Name", ""))


def test_every_key_is_a_property_that_is_never_null(model) -> None:
    """One key in each line of descent, of every type that is not abstract."""
    for element in model.all("EntityType"):
        name = element.get("Name", "")
        keys = [ref.get("Name", "") for each in model.lineage(name) for ref in each.iter(f"{EDM}PropertyRef")]
        if element.get("Abstract") != "true":
            assert 1 == len(keys), name
            assert "false" == model.members(name)[keys[0]].get("Nullable"), name


def test_every_partner_exists_and_points_back(model) -> None:
    """A navigation and its partner name each other, and the partner leads to this type or its base."""
    count = 0
    for element in model.all("EntityType"):
        name = element.get("Name", "")
        for navigation in element.findall(f"{EDM}NavigationProperty"):
            partner = navigation.get("Partner")
            if partner is None:
                continue
            count += 1
            other = model.members(local(navigation.get("Type", "")), "NavigationProperty")[partner]
            assert local(other.get("Type", "")) in {each.get("Name") for each in model.lineage(name)}
            assert other.get("Partner") in (None, navigation.get("Name"))

    assert count > 100


def test_every_constraint_joins_two_properties_of_one_type(model) -> None:
    """The lookup's property and the key it refers to (reference 0.5)."""
    constraints = 0
    for element in model.all("EntityType"):
        for navigation in element.findall(f"{EDM}NavigationProperty"):
            for constraint in navigation.findall(f"{EDM}ReferentialConstraint"):
                constraints += 1
                own = model.members(element.get("Name", ""))[constraint.get("Property", "")]
                other = model.members(local(navigation.get("Type", "")))[constraint.get("ReferencedProperty", "")]
                assert "Edm.Guid" == own.get("Type") == other.get("Type")

    assert constraints > 100


def test_every_binding_leads_from_a_navigation_to_the_set_of_its_type(model) -> None:
    """And every import to an operation that is not bound."""
    sets = model.sets()
    for entity_set in model.container.findall(f"{EDM}EntitySet"):
        navigations = model.members(local(entity_set.get("EntityType", "")), "NavigationProperty")
        for binding in entity_set.findall(f"{EDM}NavigationPropertyBinding"):
            target = navigations[binding.get("Path", "")].get("Type", "")
            assert local(target) == local(sets[binding.get("Target", "")])
    for kind in ("Function", "Action"):
        unbound = {each.get("Name") for each in model.all(kind) if each.get("IsBound") != "true"} - FILTERS.keys()
        imported = {local(each.get(kind, "")) for each in model.container.findall(f"{EDM}{kind}Import")}
        assert unbound == imported


def test_every_annotation_is_of_a_vocabulary_that_is_referred_to(model) -> None:
    """A client looks the terms up where the document says."""
    included = {each.get("Namespace") for each in model.root.iter(f"{EDMX}Include")}
    terms = {each.get("Term", "").rpartition(".")[0] for each in model.schema.iter(f"{EDM}Annotation")}

    assert terms
    assert terms <= included


def test_every_function_and_action_is_declared_and_no_other(model) -> None:
    """What can be called is in the document, bound to what it can be called on."""

    def bound(kind: str) -> set[tuple[str, str]]:
        return {
            (local(parameter.get("Type", "")), each.get("Name", ""))
            for each in model.all(kind)
            if each.get("IsBound") == "true"
            for parameter in each.findall(f"{EDM}Parameter")[:1]
            if not parameter.get("Type", "").startswith("Collection(")
        }

    def unbound(kind: str) -> set[str]:
        return {each.get("Name", "") for each in model.all(kind) if each.get("IsBound") != "true"}

    assert (FUNCTIONS.keys() | FILTERS.keys(), set(BOUND_FUNCTIONS)) == (unbound("Function"), bound("Function"))
    assert (ACTIONS.keys() | DEFINITION_ACTIONS.keys(), set(BOUND_ACTIONS)) == (unbound("Action"), bound("Action"))


def test_every_parameter_of_a_function_is_declared(model) -> None:
    """By the names that the function takes."""
    declared = {
        each.get("Name"): tuple(parameter.get("Name") for parameter in each.findall(f"{EDM}Parameter"))
        for each in model.all("Function")
    }

    assert {name: function.parameters for name, function in FUNCTIONS.items()} == {
        name: declared[name] for name in FUNCTIONS
    }
    assert {name: ("entity", *function.parameters) for (_, name), function in BOUND_FUNCTIONS.items()} == {
        name: declared[name] for _, name in BOUND_FUNCTIONS
    }


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_function_takes_the_parameters_that_are_declared(organisation, model, reader, name: str) -> None:
    """Some property of an account can be given to each, with a value of its kind where one is declared."""
    organisation.add_column("account", "new_tags", "choices")
    values = {
        "createdon": "2025-03-04",
        "modifiedon": "2",
        "new_tags": "1",
        "accountid": organisation.user_id,
        "_ownerid_value": organisation.user_id,
        "_owningbusinessunit_value": organisation.business_unit_id,
    }
    (declared,) = [each for each in model.all("Function") if each.get("Name") == name]
    given = {each.get("Name", ""): each.get("Type", "") for each in declared.findall(f"{EDM}Parameter")}

    def status(column: str, value: str) -> int:
        told = {
            "PropertyName": f"'{column}'",
            "PropertyValue": f"'{value}'",
            "PropertyValues": f"['{value}','{value}']",
        }
        inside = ",".join(f"{parameter}={told[parameter]}" for parameter in given)
        return reader.get(f"accounts?$select=name&$filter=Microsoft.Dynamics.CRM.{name}({inside})").status

    assert 200 in {status(column, value) for column, value in values.items()}


@pytest.mark.parametrize(
    ("table", "name", "type_name"),
    [
        ("lead", "leadid", "Edm.Guid"),
        ("lead", "lastname", "Edm.String"),
        ("lead", "description", "Edm.String"),
        ("lead", "donotemail", "Edm.Boolean"),
        ("lead", "numberofemployees", "Edm.Int32"),
        ("lead", "statuscode", "Edm.Int32"),
        ("lead", "versionnumber", "Edm.Int64"),
        ("lead", "revenue", "Edm.Decimal"),
        ("lead", "exchangerate", "Edm.Decimal"),
        ("lead", "estimatedvalue", "Edm.Double"),
        ("lead", "estimatedclosedate", "Edm.Date"),
        ("lead", "createdon", "Edm.DateTimeOffset"),
        ("lead", "_customerid_value", "Edm.Guid"),
    ],
)
def test_a_column_has_the_edm_type_of_its_kind(model, table: str, name: str, type_name: str) -> None:
    """The table of reference 2.8."""
    assert type_name == model.members(table)[name].get("Type")


def test_a_lookup_has_one_navigation_for_each_table_it_leads_to(model) -> None:
    """And an owner one for both, of the type that users and teams share."""
    members = model.members("lead", "NavigationProperty")

    assert ["mscrm.account", "mscrm.contact"] == [
        members[name].get("Type") for name in ("customerid_account", "customerid_contact")
    ]
    assert "mscrm.principal" == members["ownerid"].get("Type")
    assert {"mscrm.principal"} == {model.type(name).get("BaseType") for name in ("systemuser", "team")}
    assert "Collection(mscrm.contact)" == model.members("account")["contact_customer_accounts"].get("Type")


def test_every_property_can_be_selected(organisation, model, reader) -> None:
    """A client asks for what the document offers; every table's set answers."""
    for table in organisation.tables.values():
        properties = ",".join(model.members(table.name, "Property"))
        assert 200 == reader.get(f"{table.entity_set}?$select={properties}&$top=1").status, table.name


def test_every_navigation_can_be_expanded(organisation, model, reader) -> None:
    """Single or a collection, by the name that the document gives it; at most 15 in one query (reference 3.4)."""
    for table in organisation.tables.values():
        names = list(model.members(table.name, "NavigationProperty"))
        for start in range(0, len(names), 15):
            expanded = ",".join(names[start : start + 15])
            url = f"{table.entity_set}?$select={table.primary_id}&$top=1&$expand={expanded}"
            assert 200 == reader.get(url).status, (table.name, reader.get(url).body)


def test_every_definition_shows_the_properties_of_its_type(model, reader) -> None:
    """EntityDefinitions and its kin are in the document like any other set (reference 2.2-2.6)."""
    path = "EntityDefinitions(LogicalName='lead')"
    shown = [
        ("EntityMetadata", reader.page(path)),
        *(("OneToManyRelationshipMetadata", each) for each in reader.page(f"{path}/ManyToOneRelationships")["value"]),
        *(("ManyToManyRelationshipMetadata", each) for each in reader.page(f"{path}/ManyToManyRelationships")["value"]),
        *((local(each["@odata.type"][1:]), each) for each in reader.page(f"{path}/Attributes")["value"]),
    ]
    assert {"StringAttributeMetadata", "MoneyAttributeMetadata"} <= {name for name, _ in shown}
    for name, shape in shown:
        assert model.members(name, "Property").keys() == {each for each in shape if "@" not in each}, name


def test_every_entity_type_of_definitions_has_a_complex_twin(model, reader) -> None:
    """RetrieveMetadataChanges answers in their shape, with what the entity types lead to in them (reference 2.7)."""
    query = '{"Properties":{"AllProperties":true}}'
    (lead,) = [
        each
        for each in reader.page(f"RetrieveMetadataChanges(Query=@p)?@p={query}")["EntityMetadata"]
        if each["LogicalName"] == "lead"
    ]

    assert model.members("ComplexEntityMetadata").keys() == lead.keys()
    assert "Collection(mscrm.ComplexAttributeMetadata)" == (
        model.members("ComplexEntityMetadata")["Attributes"].get("Type")
    )
    for column in lead["Attributes"]:
        name = local(column["@odata.type"][1:])
        assert model.members(name).keys() == {each for each in column if "@" not in each}, name


def test_the_sets_are_those_of_the_service_document(model, reader) -> None:
    """The same names in both."""
    listed = reader.page("")["value"]

    assert list(model.sets()) == [each["name"] for each in listed]
    assert all(each["kind"] == "EntitySet" and each["url"] == each["name"] for each in listed)


def test_annotations_tell_what_is_read_only_and_what_is_tracked(organisation, reader) -> None:
    """Only where they are asked for (reference 2.1)."""
    organisation.set_change_tracking("lead", enabled=False)
    plain = Model(fromstring(reader.get("$metadata").body))
    model = Model(fromstring(reader.get("$metadata?annotations=true").body))
    lead = model.members("lead", "Property")

    def terms(element: Element) -> set[str]:
        return {each.get("Term", "").rpartition(".")[2] for each in element.findall(f"{EDM}Annotation")}

    tracked = {
        each.get("Name") for each in model.container.findall(f"{EDM}EntitySet") if "ChangeTracking" in terms(each)
    }

    assert not any("Core" in each.get("Term", "") for each in plain.schema.iter(f"{EDM}Annotation"))
    assert [set(), {"Computed", "Permissions"}, {"Computed", "Permissions"}] == [
        terms(lead[name]) for name in ("lastname", "createdon", "_customerid_value")
    ]
    assert ("contacts" in tracked, "leads" in tracked) == (True, False)


def test_the_preference_for_annotations_brings_them_too(reader) -> None:
    """Some clients ask for everything that is read in one way."""
    asked = reader.get("$metadata", prefer='odata.include-annotations="*"')

    assert reader.get("$metadata?annotations=true").body == asked.body != reader.get("$metadata").body
    assert 'odata.include-annotations="*"' == asked.headers["Preference-Applied"]


def test_a_new_column_is_in_the_next_document(organisation, reader) -> None:
    """The document is that of the moment."""
    before = Model(fromstring(reader.get("$metadata").body)).members("lead")
    organisation.add_column("lead", "new_score", "integer")
    after = Model(fromstring(reader.get("$metadata").body)).members("lead")

    assert {"new_score"} == after.keys() - before.keys()
    assert "Edm.Int32" == after["new_score"].get("Type")


def test_an_alternate_key_is_told_while_it_can_be_used(make_key, reader) -> None:
    """In the vocabulary of alternate keys, by the names of properties."""
    make_key("lead", "emailaddress1", "ownerid")
    make_key("lead", "subject", active=False)
    lead = Model(fromstring(reader.get("$metadata").body)).type("lead")

    assert ["emailaddress1", "_ownerid_value"] == [
        each.get("PropertyPath") for each in lead.iter(f"{EDM}PropertyValue") if each.get("Property") == "Name"
    ]


def test_a_new_table_is_in_the_next_document(definer, reader) -> None:
    """With its set, its columns, what leads to it and its bulk actions."""
    definer.table("new_Ticket", definer.column("Decimal", "new_Weight"))
    model = Model(fromstring(reader.get("$metadata").body))
    bulk = [
        each.get("Name")
        for each in model.all("Action")
        for parameter in each.findall(f"{EDM}Parameter")[:1]
        if parameter.get("Type") == "Collection(mscrm.new_ticket)"
    ]

    assert "Microsoft.Dynamics.CRM.new_ticket" == model.sets()["new_tickets"]
    assert "Edm.Decimal" == model.members("new_ticket")["new_weight"].get("Type")
    assert "mscrm.principal" == model.members("new_ticket")["ownerid"].get("Type")
    assert ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"] == bulk


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("$metadata?annotations=some", (400, "0x80060888")),
        ("$metadata?$filter=Name eq 'lead'", (400, "0x80060888")),
        ("$metadata/EntityType", (404, "0x8006088a")),
    ],
)
def test_what_the_document_cannot_be_asked_is_refused(reader, url: str, refusal: tuple[int, str]) -> None:
    """It is all or nothing."""
    assert refusal == reader.refusal(url)
