"""All tables and relationships of an organisation in one request, and how much of each may be read."""

import pytest

from tandem.dynamics.errors import MissingPrivilege, NotDataverse
from tandem.rules.offers import Readable
from tandem.rules.paths import Step

USER = "4026be43-6b69-e111-8f65-78e7d1620f5e"
TABLES = (
    "EntityDefinitions?$select=LogicalName,DisplayName,IsCustomEntity,IsActivity,IsIntersect,"
    "TableType,ChangeTrackingEnabled,Privileges"
)
CLASS = "RelationshipDefinitions/Microsoft.Dynamics.CRM."
LOOKUPS = f"{CLASS}OneToManyRelationshipMetadata?$select=ReferencingEntity,ReferencingAttribute,ReferencedEntity"
PAIRS = f"{CLASS}ManyToManyRelationshipMetadata?$select=SchemaName,IntersectEntityName"


def table(name: str, *, reading: str | None, **facts: object) -> dict[str, object]:
    labels = [{"Label": name.title(), "LanguageCode": 1033}, {"Label": f"{name} auf Deutsch", "LanguageCode": 1031}]
    privileges = [{"Name": f"prvWrite{name}", "PrivilegeType": "Write"}]
    if reading:
        privileges.append({"Name": reading, "PrivilegeType": "Read", "PrivilegeId": "p"})
    return {
        "MetadataId": "m",
        "LogicalName": name,
        "DisplayName": {"LocalizedLabels": labels, "UserLocalizedLabel": labels[0]},
        "IsCustomEntity": name.startswith("new_"),
        "IsActivity": False,
        "IsIntersect": False,
        "TableType": "Standard",
        "ChangeTrackingEnabled": True,
        "Privileges": privileges,
        **facts,
    }


@pytest.fixture
def organisation(service, json_answer):
    granted = {
        "prvReadnew_Order": "Global",
        "prvReadUser": "Deep",
        "prvReadActivity": "Global",
        "prvWritenew_a": "Global",
    }
    service.routes = {
        f"systemusers({USER})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()": json_answer(
            {
                "RolePrivileges": [
                    {"Depth": depth, "PrivilegeId": "p", "PrivilegeName": name} for name, depth in granted.items()
                ]
            }
        ),
        TABLES: json_answer(
            {
                "value": [
                    table("new_order", reading="prvReadnew_order"),
                    table("systemuser", reading="prvReadUser", ChangeTrackingEnabled=False),
                    table("task", reading="prvReadActivity", IsActivity=True),
                    table("new_a", reading=None, TableType="Elastic", DisplayName=None),
                    table("new_order_lead", reading=None, IsIntersect=True),
                ]
            }
        ),
        LOOKUPS: json_answer(
            {
                "value": [
                    {"ReferencingEntity": "new_order", "ReferencingAttribute": "new_payerid", "ReferencedEntity": end}
                    for end in ("account", "contact")
                ]
            }
        ),
        PAIRS: json_answer({"value": [{"SchemaName": "new_Order_Lead", "IntersectEntityName": "new_order_lead"}]}),
    }
    return service


def test_C1_all_relationships_come_with_two_requests(dynamics, organisation):
    """One asks the user's privileges; a lookup is one for each table it may point to."""
    found = dynamics.relationships(USER)

    assert 2 == dynamics.requests
    assert {
        Step(table="new_order", column="new_payerid", target="account"),
        Step(table="new_order", column="new_payerid", target="contact"),
    } == found.lookups
    assert {"new_Order_Lead", "new_order_lead"} == found.many_to_many
    assert {"new_order", "systemuser", "task", "new_a"} == set(found.tables)


def test_C2_how_much_of_a_table_may_be_read_is_told_by_the_privilege_the_table_names(dynamics, organisation):
    """Not by one of its name: users and activities have others. Letter case does not matter."""
    found = dynamics.relationships(USER, 1031).tables

    assert {
        "new_order": Readable.ALL,
        "systemuser": Readable.PART,
        "task": Readable.ALL,
        "new_a": Readable.NOTHING,
    } == {name: each.readable for name, each in found.items()}
    assert ("new_order auf Deutsch", True, True) == (
        found["new_order"].label,
        found["new_order"].custom,
        found["new_order"].change_tracking,
    )
    assert ("new_a", "Elastic") == (found["new_a"].label, found["new_a"].kind)
    assert (True, False) == (found["task"].activity, found["systemuser"].change_tracking)


def test_C2_who_may_not_read_definitions_is_told(dynamics, organisation, failure):
    organisation.routes[LOOKUPS] = failure("0x80040220", "missing prvReadEntity privilege", 403)

    with pytest.raises(MissingPrivilege):
        dynamics.relationships(USER)


def test_an_answer_of_another_shape_is_no_list_of_relationships(dynamics, organisation, json_answer):
    organisation.routes[PAIRS] = json_answer({"value": [{"Schema": "x"}]})

    with pytest.raises(NotDataverse):
        dynamics.relationships(USER)
