"""Rules D1, D2, D4, D7: which columns can be chosen, under which names, and which are read."""

from dataclasses import replace

import pytest

from tandem.mapping.fields import FILTER_COLUMN, Direction, Policy, default_fields
from tandem.mapping.selection import (
    UnknownField,
    find_offer,
    offered_fields,
    read_columns,
    with_direction,
    with_policy,
)
from tandem.model.entities import STANDARD, Entity
from tandem.model.schema import Column, ColumnType, Option, Required, Table


def column(name: str, kind: ColumnType = ColumnType.TEXT, **facts: object) -> Column:
    return Column(name=name, type=kind, label=f"Label of {name}", **facts)


def table(entity: Entity, *columns: Column) -> Table:
    return Table(
        name=entity.value,
        entity_set=f"{entity.value}s",
        primary_id=f"{entity.value}id",
        primary_name=None,
        change_tracking=True,
        columns={each.name: each for each in (column(f"{entity.value}id", ColumnType.GUID), *columns)},
    )


CUSTOM = column("new_shoesize", ColumnType.CHOICE, custom=True, options=(Option(value=1, label="Small"),))
LEAD = table(
    Entity.LEAD,
    column("emailaddress1", max_length=100),
    column("revenue", ColumnType.MONEY, precision=2),
    column("createdon", ColumnType.DATETIME, creatable=False, updatable=False),
    column("statecode", ColumnType.STATE),
    column("nickname"),
    column("masterid", ColumnType.LOOKUP),
    column("versionnumber", ColumnType.BIGINT),
    column(FILTER_COLUMN, ColumnType.BOOLEAN, custom=True),
    CUSTOM,
)


def offers(entity: Entity = Entity.LEAD, definition: Table = LEAD, unreadable: frozenset[str] = frozenset()):
    return {each.field.column: each for each in offered_fields(entity, definition, unreadable)}


def test_D1_the_default_is_the_default_map_and_every_custom_column():
    """Other columns can be chosen and are not; those the organisation lacks are no error."""
    assert {name: each.default for name, each in offers().items()} == {
        "emailaddress1": True,
        "revenue": True,
        "createdon": True,
        "statecode": True,
        "new_shoesize": True,
        "nickname": False,
    }


def test_C4_the_default_of_a_custom_entity_is_its_name_and_every_custom_column():
    """Whatever else it has can be chosen; a table that ships with Dynamics has a name that is no custom column."""
    incident = Entity("incident")
    columns = (
        *(column("title"), column("new_level", custom=True), column("description")),
        *(column("modifiedon", ColumnType.DATETIME), column(FILTER_COLUMN, ColumnType.BOOLEAN, custom=True)),
    )

    found = offers(incident, replace(table(incident, *columns), primary_name="title")).values()

    assert {"title", "new_level"} == {offer.field.column for offer in found if offer.default}
    assert {"description", "modifiedon"} == {offer.field.column for offer in found if not offer.default}
    assert {Direction.FROM} == {offer.field.direction for offer in found}


def test_D1_the_default_map_comes_first_and_the_rest_by_name():
    """The list a person reads has one order."""
    assert list(offers()) == ["emailaddress1", "statecode", "revenue", "createdon", "new_shoesize", "nickname"]


@pytest.mark.parametrize("entity", STANDARD)
def test_D1_every_column_of_the_default_map_is_offered_where_it_exists(entity):
    """Under the map's names, for every table."""
    rows = [row for row in default_fields(entity) if row.column != f"{entity.value}id"]
    found = offers(entity, table(entity, *[column(row.column) for row in rows]))

    assert [(found[row.column].field.api_name, found[row.column].field.label) for row in rows] == [
        (row.api_name, row.label) for row in rows
    ]


@pytest.mark.parametrize(
    ("facts", "entity", "expected"),
    [
        pytest.param({}, Entity.LEAD, Direction.BOTH, id="a column it can write goes both ways"),
        pytest.param({"creatable": False}, Entity.LEAD, Direction.FROM, id="one it cannot set on create is pulled"),
        pytest.param({"updatable": False}, Entity.LEAD, Direction.FROM, id="one it cannot change is pulled"),
        pytest.param({}, Entity.ACCOUNT, Direction.FROM, id="a column of a one-way table is pulled"),
    ],
)
def test_D1_columns_that_cannot_be_written_are_pulled_only(facts, entity, expected):
    """However they are mapped."""
    each = offers(entity, table(entity, column("nickname", **facts)))["nickname"].field

    assert each.direction is expected


def test_D2_a_custom_column_becomes_a_field_of_the_matching_type():
    """It keeps its logical name; length, decimals and options come with it."""
    each = offers()["new_shoesize"].field

    assert (each.api_name, each.label, each.type) == ("new_shoesize", "Label of new_shoesize", ColumnType.CHOICE)
    assert each.options == CUSTOM.options
    assert offers()["revenue"].field.precision == 2
    assert offers()["emailaddress1"].field.max_length == 100


def test_D2_a_column_without_a_label_is_called_by_its_name():
    """Metadata may lack the configured language."""
    definition = table(Entity.LEAD, replace(CUSTOM, label=""))

    assert offers(definition=definition)["new_shoesize"].field.label == "new_shoesize"


@pytest.mark.parametrize(
    ("entity", "name", "expected"),
    [
        pytest.param(Entity.CONTACT, "company", "microsoftCompany", id="a contact's company is a telephone number"),
        pytest.param(
            Entity.LEAD, "numberofemployees", "microsoftNumberofemployees", id="a lead's is not the company's headcount"
        ),
        pytest.param(Entity.CONTACT, "fax", "fax", id="a contact's fax is the field a lead calls fax"),
        pytest.param(Entity.ACCOUNT, "fax", "fax", id="a company has a fax of its own"),
    ],
)
def test_D1_a_column_never_takes_a_name_that_means_another_field(entity, name, expected):
    """A person and its private company are one record, so a person's fields avoid the company's names (P14)."""
    assert offers(entity, table(entity, column(name)))[name].field.api_name == expected


@pytest.mark.parametrize("entity", STANDARD)
def test_D1_no_two_fields_of_a_table_share_a_name(entity):
    """Even where the organisation has columns named like the default map's API names, in any case."""
    names = {row.column for row in default_fields(entity)} | {row.api_name.lower() for row in default_fields(entity)}
    found = offers(entity, table(entity, *[column(name) for name in sorted(names)]))
    api_names = [each.field.api_name.lower() for each in found.values()]

    assert len(set(api_names)) == len(api_names)


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(column("emailaddress1", readable=False), id="one the metadata calls unreadable"),
        pytest.param(column("emailaddress1", ColumnType.UNSUPPORTED), id="an image or a file"),
    ],
)
def test_D1_columns_that_cannot_be_read_are_not_offered(hidden):
    """Offering one would pull nothing, or what looks like nothing."""
    assert "emailaddress1" not in offers(definition=table(Entity.LEAD, hidden))


@pytest.mark.parametrize("name", ["emailaddress1", "new_shoesize", "nickname"])
def test_D4_a_secured_column_the_sync_user_cannot_read_is_never_offered_nor_read(name):
    """It arrives as null: taken for emptied it would blank marketing's values."""
    hidden = frozenset({name})
    fields = [each.field for each in offers(unreadable=hidden).values()]

    assert name not in {each.column for each in fields}
    assert name not in read_columns(Entity.LEAD, LEAD, fields, hidden)


def test_D4_an_unreadable_internal_column_is_not_read():
    """Selecting it would bring null for every row: a merge that never was."""
    assert "masterid" in read_columns(Entity.LEAD, LEAD, [])
    assert "masterid" not in read_columns(Entity.LEAD, LEAD, [], {"masterid"})


def test_D7_the_filter_is_read_where_it_exists_and_never_chosen():
    """It is obeyed without being selected, and no field ever writes it."""
    assert FILTER_COLUMN in read_columns(Entity.LEAD, LEAD, [])
    assert FILTER_COLUMN not in offers()
    assert FILTER_COLUMN not in read_columns(Entity.LEAD, table(Entity.LEAD), [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("modifiedon", True, id="the time of the last change can"),
        pytest.param("ownerid", False, id="the owner cannot: only its own actions write it"),
        pytest.param("parentcontactid", False, id="what only the rules need cannot"),
        pytest.param("merged", False, id="nor can what tells of merges"),
        pytest.param("leadid", False, id="nor can the record's id"),
    ],
)
def test_D1_columns_that_only_the_rules_need_are_not_offered(name, expected):
    """They are read anyway; as fields they would say nothing to anybody."""
    assert (name in offers(definition=table(Entity.LEAD, column(name)))) is expected


def test_D1_a_read_selects_each_column_once():
    """Internal columns first; the primary id comes by itself."""
    account = table(Entity.ACCOUNT, column("statecode", ColumnType.STATE), column("name"))
    fields = [each.field for each in offers(Entity.ACCOUNT, account).values()]

    assert read_columns(Entity.ACCOUNT, account, fields) == ["versionnumber", "statecode", "name"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("emailaddress1", id="the logical name"),
        pytest.param("email", id="the API name"),
        pytest.param(" EMAIL ", id="in any case"),
    ],
)
def test_D1_a_field_is_found_by_the_name_of_either_side(name):
    """Commands take both."""
    assert find_offer(list(offers().values()), name).field.column == "emailaddress1"


def test_D1_an_unknown_field_name_is_refused():
    """By name, with the table and what to do."""
    with pytest.raises(UnknownField) as caught:
        find_offer(list(offers().values()), "shoesize")

    assert caught.value.message == "There is no field 'shoesize' to choose on lead."
    assert caught.value.context == {"field": "shoesize", "entity": "lead"}
    assert "`tandem fields ENTITY`" in caught.value.remedy


@pytest.mark.parametrize("direction", Direction)
def test_P4_a_field_that_can_be_written_takes_any_direction(direction):
    """Each two-way field has a direction."""
    assert with_direction(offers()["statecode"].field, direction).direction is direction


@pytest.mark.parametrize(
    ("entity", "facts", "reason"),
    [
        pytest.param(Entity.ACCOUNT, {}, "the table is copied one way, from Dynamics", id="a one-way table"),
        pytest.param(Entity.LEAD, {"updatable": False}, "the column is read-only", id="a read-only column"),
    ],
)
@pytest.mark.parametrize("direction", [Direction.BOTH, Direction.TO])
def test_S5_a_field_that_cannot_be_written_stays_pull_only(entity, facts, reason, direction):
    """Blocking it is allowed, writing it is not."""
    each = offers(entity, table(entity, column("nickname", **facts)))["nickname"].field

    assert with_direction(each, Direction.BLOCKED).pulled is False
    with pytest.raises(UnknownField) as caught:
        with_direction(each, direction)
    assert caught.value.message == f"nickname of {entity.value} cannot be written: {reason}."


def test_P7_a_field_knows_the_limits_of_its_column():
    """What does not fit is found before it is sent."""
    definition = table(
        Entity.LEAD,
        column("age", ColumnType.INTEGER, minimum=0.0, maximum=150.0, required=Required.APPLICATION),
        column("campaignid", ColumnType.LOOKUP, targets=("campaign",)),
    )
    found = {name: each.field for name, each in offers(definition=definition).items()}

    assert (found["age"].minimum, found["age"].maximum, found["age"].required) == (0.0, 150.0, Required.APPLICATION)
    assert (found["campaignid"].targets, found["campaignid"].pushed) == (("campaign",), True)


@pytest.mark.parametrize(
    "each",
    [
        pytest.param(
            column("parent", ColumnType.LOOKUP, targets=("account", "contact")), id="a lookup into several tables"
        ),
        pytest.param(
            column("transactioncurrencyid", ColumnType.LOOKUP, targets=("transactioncurrency",)), id="currency"
        ),
    ],
)
def test_D3_what_an_id_alone_cannot_say_and_the_currency_are_pull_only(each):
    """They can be selected, and are never written."""
    found = offers(definition=table(Entity.LEAD, each))[each.name].field

    assert (found.direction, found.writable, found.pushed) == (Direction.FROM, False, False)


@pytest.mark.parametrize("policy", [*Policy, None])
def test_P4_a_policy_is_chosen_for_a_field(policy):
    """Adding up for plain numbers only, and none is taken back with None."""
    definition = table(Entity.LEAD, column("age", ColumnType.INTEGER), column("nickname"))
    found = {name: each.field for name, each in offers(definition=definition).items()}

    assert with_policy(found["age"], policy).policy is policy
    if policy is not Policy.ADD:
        assert with_policy(found["nickname"], policy).policy is policy


@pytest.mark.parametrize(
    ("kind", "facts", "policy"),
    [
        pytest.param(ColumnType.MONEY, {}, Policy.ADD, id="amounts of two currencies are not added up"),
        pytest.param(ColumnType.TEXT, {}, Policy.ADD, id="texts are not added up"),
        pytest.param(ColumnType.TEXT, {"updatable": False}, Policy.MARKETING, id="a pull-only field has no collisions"),
    ],
)
def test_P4_a_policy_that_makes_no_sense_is_refused(kind, facts, policy):
    """With the choices that do."""
    found = offers(definition=table(Entity.LEAD, column("x", kind, **facts)))["x"].field

    with pytest.raises(UnknownField) as refused:
        with_policy(found, policy)
    assert "Choose" in refused.value.remedy
