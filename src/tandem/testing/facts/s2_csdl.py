"""The CSDL, and the types it gives to columns (reference 2.1, 2.8, 5.4)."""

from xml.etree.ElementTree import Element, fromstring

from tandem.testing.facts.case import Need, NotSeen, fact, same, true
from tandem.testing.facts.stage import Stage

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_NAMESPACE = "Microsoft.Dynamics.CRM"


def schema(stage: Stage) -> Element:
    """The one schema in the namespace Microsoft.Dynamics.CRM."""
    every = fromstring(stage.csdl.body).iter(f"{_EDM}Schema")
    ours = [each for each in every if each.get("Namespace") == _NAMESPACE]
    same(f"schemas of the namespace {_NAMESPACE}", len(ours), 1)
    return ours[0]


def entity_type(stage: Stage, name: str) -> Element:
    """The entity type of a table. Raises NotSeen where there is none."""
    found = [each for each in schema(stage).iter(f"{_EDM}EntityType") if each.get("Name") == name]
    if not found:
        raise NotSeen(f"There is no entity type {name} here.")
    return found[0]


def property_type(stage: Stage, table: str, name: str) -> str | None:
    """The Edm type of a table's property, None where it has no such property."""
    properties = {each.get("Name"): each.get("Type") for each in entity_type(stage, table).iter(f"{_EDM}Property")}
    return properties.get(name)


@fact("2.1", "`$metadata` is CSDL in XML")
def csdl(stage: Stage) -> None:
    """Many megabytes."""
    true("xml" in stage.csdl.headers.get("content-type", ""), "the content type is not XML")
    true(fromstring(stage.csdl.body).tag.endswith("}Edmx"), "the root is not Edmx")


@fact("2.1", "the CSDL's namespace is Microsoft.Dynamics.CRM, its alias mscrm")
def namespace(stage: Stage) -> None:
    """Both name the same types."""
    same("the alias", schema(stage).get("Alias"), "mscrm")


@fact("2.1", "every entity set of the service document stands in the CSDL")
def sets_in_csdl(stage: Stage) -> None:
    """Two lists of one thing."""
    listed = {each["name"] for each in stage.get("").rows if each["kind"] == "EntitySet"}
    described = {each.get("Name") for each in schema(stage).iter(f"{_EDM}EntitySet")}
    same("sets that the CSDL does not have", sorted(listed - described), [])


@fact(
    "2.1",
    "`?annotations=true` adds `{0}`",
    each=[
        ("Org.OData.Capabilities.V1.ChangeTracking",),
        ("Org.OData.Core.V1.Computed",),
    ],
)
def annotated(stage: Stage, term: str) -> None:
    """What can be tracked, and what is read-only."""
    path = "$metadata?annotations=true"
    answer = stage.client.send("GET", path, headers={"Accept": "application/xml"}).expect(200)
    true(f'Term="{term}"' in answer.text, f"no {term}")


@fact("2.1", "without `annotations` the CSDL has no vocabulary annotations")
def plain(stage: Stage) -> None:
    """They double its size."""
    true('Term="Org.OData.Capabilities.V1.ChangeTracking"' not in stage.csdl.text, "it has")


@fact(
    "2.8",
    "{0} is {2} in the CSDL",
    each=[
        ("yes or no", "creditonhold", "Edm.Boolean"),
        ("a whole number", "numberofemployees", "Edm.Int32"),
        ("a choice", "industrycode", "Edm.Int32"),
        ("a state", "statecode", "Edm.Int32"),
        ("a status", "statuscode", "Edm.Int32"),
        ("versionnumber", "versionnumber", "Edm.Int64"),
        ("money", "creditlimit", "Edm.Decimal"),
        ("a text", "name", "Edm.String"),
        ("a memo", "description", "Edm.String"),
        ("a moment", "createdon", "Edm.DateTimeOffset"),
        ("a unique identifier", "accountid", "Edm.Guid"),
        ("a lookup", "_primarycontactid_value", "Edm.Guid"),
    ],
)
def types(stage: Stage, _told: str, name: str, kind: str) -> None:
    """Of account."""
    same("the type", property_type(stage, "account", name), kind)


@fact("2.8", "a date without a time is Edm.Date in the CSDL")
def date(stage: Stage) -> None:
    """`contact.birthdate`."""
    same("the type", property_type(stage, "contact", "birthdate"), "Edm.Date")


@fact("2.8", "a double is Edm.Double in the CSDL")
def double(stage: Stage) -> None:
    """`lead.estimatedvalue`."""
    same("the type", property_type(stage, "lead", "estimatedvalue"), "Edm.Double")


@fact(
    "2.8",
    "{0} of a new table is {2} in the CSDL",
    need=Need.SCHEMA,
    each=[
        ("a decimal number", "new_decimal", "Edm.Decimal"),
        ("several choices", "new_choices", "Edm.String"),
        ("a big whole number", "new_big", "Edm.Int64"),
        ("a date", "new_day", "Edm.Date"),
        ("a typed moment", "new_typed", "Edm.DateTimeOffset"),
    ],
)
def new_types(stage: Stage, _told: str, name: str, kind: str) -> None:
    """The document follows the schema."""
    same("the type", property_type(stage, stage.subject.table, name), kind)


@fact("2.1", "a shadow column is no property in the CSDL")
def shadows(stage: Stage) -> None:
    """Such as `primarycontactidname`: it cannot be addressed."""
    same("the type", property_type(stage, "account", "primarycontactidname"), None)


@fact("5.4", "the key of {0} in the CSDL is {1}", each=[("account", "accountid"), ("contact", "contactid")])
def keys(stage: Stage, table: str, name: str) -> None:
    """By which a row is addressed."""
    found = [each.get("Name") for each in entity_type(stage, table).iter(f"{_EDM}PropertyRef")]
    same("the key", found, [name])
