"""The entities, their two names, and the order in which they are copied."""

import pytest

from tandem.model.entities import STANDARD, Entity


def test_leads_and_contacts_are_the_people():
    """Every other entity is copied one way."""
    assert [entity for entity in STANDARD if entity.is_person] == [Entity.LEAD, Entity.CONTACT]
    assert {entity.marketing_name for entity in STANDARD if entity.is_person} == {"person"}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(Entity.USER, Entity.TEAM_MEMBERSHIP, id="users before memberships"),
        pytest.param(Entity.TEAM, Entity.TEAM_MEMBERSHIP, id="teams before memberships"),
        pytest.param(Entity.ACCOUNT, Entity.CONTACT, id="accounts before contacts"),
        pytest.param(Entity.LEAD, Entity.CONTACT, id="leads before contacts"),
        pytest.param(Entity.CONTACT, Entity.OPPORTUNITY, id="contacts before opportunities"),
        pytest.param(Entity.OPPORTUNITY, Entity.CONNECTION, id="opportunities before their roles"),
    ],
)
def test_what_others_refer_to_is_copied_first(first, then):
    """The order of the members is the order of the first copy."""
    order = STANDARD

    assert order.index(first) < order.index(then)


def test_a_path_is_read_under_a_name_of_its_own_and_names_its_table():
    """So that the table between may be an entity itself, standard or custom."""
    path = Entity.via("opportunity", "customerid:account")

    assert path is Entity("via:opportunity.customerid:account")
    assert ("opportunity", True) == (path.table, path.is_path)
    assert not path.is_standard
    assert ("opportunity", False) == (Entity.OPPORTUNITY.table, Entity.OPPORTUNITY.is_path)
    assert ("new_order", "new_order") == (Entity("new_order").table, Entity("new_order").marketing_name)
