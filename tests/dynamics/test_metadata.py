"""Definitions: every type with its details, and columns the user cannot read."""

import pytest

from tandem.dynamics.errors import MissingPrivilege
from tandem.dynamics.identity import ColumnRights
from tandem.model.schema import Column, ColumnType, DateBehavior, Option, Required

USER = "4026be43-6b69-e111-8f65-78e7d1620f5e"
ADMINISTRATORS = "572329c1-a042-4e22-be47-367c6374ea45"
BASE = "EntityDefinitions(LogicalName='lead')"
TABLE = (
    f"{BASE}?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,"
    "ChangeTrackingEnabled,IsOptimisticConcurrencyEnabled,DisplayName"
)
ATTRIBUTES = (
    f"{BASE}/Attributes?$select=LogicalName,AttributeType,AttributeTypeName,IsValidForRead,"
    "IsValidForCreate,IsValidForUpdate,RequiredLevel,IsSecured,IsCustomAttribute,AttributeOf,DisplayName"
)
RELATIONSHIPS = (
    f"{BASE}/ManyToOneRelationships?$select=ReferencingAttribute,ReferencedEntity,"
    "ReferencingEntityNavigationPropertyName"
)
OPTIONS = "&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"


def cast(name, query):
    return f"{BASE}/Attributes/Microsoft.Dynamics.CRM.{name}AttributeMetadata?$select=LogicalName{query}"


def label(english, german=None):
    labels = [{"Label": english, "LanguageCode": 1033}]
    if german:
        labels.append({"Label": german, "LanguageCode": 1031})
    return {"LocalizedLabels": labels, "UserLocalizedLabel": labels[0]}


def attribute(name, kind, **facts):
    return {
        "@odata.type": "#Microsoft.Dynamics.CRM.AnyAttributeMetadata",
        "MetadataId": "m",
        "LogicalName": name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "IsValidForRead": True,
        "IsValidForCreate": True,
        "IsValidForUpdate": True,
        "RequiredLevel": {"Value": "None", "CanBeChanged": True},
        "IsSecured": False,
        "IsCustomAttribute": False,
        "AttributeOf": None,
        "DisplayName": label(name.title()),
        **facts,
    }


def option(value, text, **facts):
    return {"Value": value, "Color": None, "Label": label(*text.split("/")), **facts}


@pytest.fixture
def lead(service, json_answer):
    """A lead table that has a column of every type."""
    columns = [
        attribute("leadid", "Uniqueidentifier", IsValidForUpdate=False, RequiredLevel={"Value": "SystemRequired"}),
        attribute(
            "lastname",
            "String",
            RequiredLevel={"Value": "ApplicationRequired"},
            IsSecured=True,
            DisplayName=label("Last Name", "Nachname"),
        ),
        attribute("description", "Memo"),
        attribute("numberofemployees", "Integer"),
        attribute("versionnumber", "BigInt", IsValidForCreate=False, IsValidForUpdate=False),
        attribute("new_score", "Decimal", IsCustomAttribute=True),
        attribute("estimatedvalue", "Double"),
        attribute("revenue", "Money"),
        attribute("donotemail", "Boolean"),
        attribute("createdon", "DateTime"),
        attribute("estimatedclosedate", "DateTime"),
        attribute("leadsourcecode", "Picklist", RequiredLevel={"Value": "Recommended"}),
        attribute("new_size", "Picklist"),
        attribute("new_topics", "Virtual", AttributeTypeName={"Value": "MultiSelectPicklistType"}),
        attribute("entityimage", "Virtual", AttributeTypeName={"Value": "ImageType"}),
        attribute("statecode", "State"),
        attribute("statuscode", "Status"),
        attribute("customerid", "Customer"),
        attribute("ownerid", "Owner"),
        attribute("campaignid", "Lookup"),
        attribute("campaignidname", "String", AttributeOf="campaignid", DisplayName={"LocalizedLabels": []}),
        attribute("processid", "EntityName", DisplayName=None),
    ]
    numbers = {"MinValue": 0, "MaxValue": 1000000}
    details = {
        cast("String", ",MaxLength"): [{"LogicalName": "lastname", "MaxLength": 50}],
        cast("Memo", ",MaxLength"): [{"LogicalName": "description", "MaxLength": 2000}],
        cast("Integer", ",MinValue,MaxValue"): [{"LogicalName": "numberofemployees", **numbers}],
        cast("Decimal", ",MinValue,MaxValue,Precision"): [{"LogicalName": "new_score", **numbers, "Precision": 2}],
        cast("Double", ",MinValue,MaxValue,Precision"): [{"LogicalName": "estimatedvalue", **numbers, "Precision": 2}],
        cast("Money", ",MinValue,MaxValue,Precision"): [{"LogicalName": "revenue", **numbers, "Precision": 4}],
        cast("DateTime", ",DateTimeBehavior"): [
            {"LogicalName": "createdon", "DateTimeBehavior": {"Value": "UserLocal"}},
            {"LogicalName": "estimatedclosedate", "DateTimeBehavior": {"Value": "DateOnly"}},
        ],
        cast("Lookup", ",Targets"): [
            {"LogicalName": "customerid", "Targets": ["account", "contact"]},
            {"LogicalName": "ownerid", "Targets": ["systemuser", "team"]},
            {"LogicalName": "campaignid", "Targets": ["campaign"]},
        ],
        cast("Picklist", OPTIONS): [
            {
                "LogicalName": "leadsourcecode",
                "OptionSet": {"Options": [option(1, "Advertisement/Anzeige"), option(8, "Web")]},
                "GlobalOptionSet": None,
            },
            {"LogicalName": "new_size", "OptionSet": None, "GlobalOptionSet": {"Options": [option(100000000, "S")]}},
        ],
        cast("MultiSelectPicklist", OPTIONS): [
            {"LogicalName": "new_topics", "OptionSet": {"Options": [option(1, "A")]}, "GlobalOptionSet": None}
        ],
        cast("State", "&$expand=OptionSet($select=Options)"): [
            {"LogicalName": "statecode", "OptionSet": {"Options": [option(0, "Open")]}}
        ],
        cast("Status", "&$expand=OptionSet($select=Options)"): [
            {"LogicalName": "statuscode", "OptionSet": {"Options": [option(3, "Qualified", State=1)]}}
        ],
        cast("Boolean", "&$expand=OptionSet($select=TrueOption,FalseOption)"): [
            {
                "LogicalName": "donotemail",
                "OptionSet": {"TrueOption": option(1, "Do Not Allow"), "FalseOption": option(0, "Allow")},
            }
        ],
    }
    service.routes |= {
        TABLE: json_answer(
            {
                "LogicalName": "lead",
                "EntitySetName": "leads",
                "PrimaryIdAttribute": "leadid",
                "PrimaryNameAttribute": "fullname",
                "ChangeTrackingEnabled": True,
                "IsOptimisticConcurrencyEnabled": True,
                "DisplayName": label("Lead", "Interessent"),
                "MetadataId": "m",
            }
        ),
        ATTRIBUTES: json_answer({"value": columns}),
        RELATIONSHIPS: json_answer(
            {
                "value": [
                    {
                        "ReferencingAttribute": "customerid",
                        "ReferencedEntity": "account",
                        "ReferencingEntityNavigationPropertyName": "customerid_account",
                    },
                    {"ReferencingAttribute": "x", "ReferencedEntity": "y"},
                ]
            }
        ),
        **{path: json_answer({"value": rows}) for path, rows in details.items()},
    }


@pytest.mark.usefixtures("lead")
def test_D3_a_table_is_read_with_all_types(dynamics):
    """Two batches give the whole definition."""
    table = dynamics.tables(["lead"])["lead"]

    assert (table.name, table.entity_set, table.primary_id, table.primary_name, table.label) == (
        "lead",
        "leads",
        "leadid",
        "fullname",
        "Lead",
    )
    assert (table.change_tracking, table.optimistic_concurrency) == (True, True)
    assert table.navigation == {("customerid", "account"): "customerid_account"}
    assert {name: column.type for name, column in table.columns.items()} == {
        "leadid": ColumnType.GUID,
        "lastname": ColumnType.TEXT,
        "description": ColumnType.MEMO,
        "numberofemployees": ColumnType.INTEGER,
        "versionnumber": ColumnType.BIGINT,
        "new_score": ColumnType.DECIMAL,
        "estimatedvalue": ColumnType.DOUBLE,
        "revenue": ColumnType.MONEY,
        "donotemail": ColumnType.BOOLEAN,
        "createdon": ColumnType.DATETIME,
        "estimatedclosedate": ColumnType.DATE,
        "leadsourcecode": ColumnType.CHOICE,
        "new_size": ColumnType.CHOICE,
        "new_topics": ColumnType.CHOICES,
        "entityimage": ColumnType.UNSUPPORTED,
        "statecode": ColumnType.STATE,
        "statuscode": ColumnType.STATUS,
        "customerid": ColumnType.LOOKUP,
        "ownerid": ColumnType.LOOKUP,
        "campaignid": ColumnType.LOOKUP,
        "campaignidname": ColumnType.UNSUPPORTED,
        "processid": ColumnType.UNSUPPORTED,
    }
    assert dynamics.requests == 2


@pytest.mark.usefixtures("lead")
@pytest.mark.parametrize(
    "expected",
    [
        Column(
            name="lastname",
            type=ColumnType.TEXT,
            label="Last Name",
            secured=True,
            required=Required.APPLICATION,
            max_length=50,
        ),
        Column(name="leadid", type=ColumnType.GUID, label="Leadid", updatable=False, required=Required.SYSTEM),
        Column(
            name="new_score",
            type=ColumnType.DECIMAL,
            label="New_Score",
            custom=True,
            minimum=0.0,
            maximum=1000000.0,
            precision=2,
        ),
        Column(name="createdon", type=ColumnType.DATETIME, label="Createdon", behavior=DateBehavior.USER_LOCAL),
        Column(
            name="estimatedclosedate",
            type=ColumnType.DATE,
            label="Estimatedclosedate",
            behavior=DateBehavior.DATE_ONLY,
        ),
        Column(
            name="leadsourcecode",
            type=ColumnType.CHOICE,
            label="Leadsourcecode",
            required=Required.RECOMMENDED,
            options=(Option(value=1, label="Advertisement"), Option(value=8, label="Web")),
        ),
        Column(
            name="new_size",
            type=ColumnType.CHOICE,
            label="New_Size",
            options=(Option(value=100000000, label="S"),),
        ),
        Column(
            name="statuscode",
            type=ColumnType.STATUS,
            label="Statuscode",
            options=(Option(value=3, label="Qualified", state=1),),
        ),
        Column(
            name="donotemail",
            type=ColumnType.BOOLEAN,
            label="Donotemail",
            options=(Option(value=0, label="Allow"), Option(value=1, label="Do Not Allow")),
        ),
        Column(name="customerid", type=ColumnType.LOOKUP, label="Customerid", targets=("account", "contact")),
    ],
    ids=lambda column: column.name,
)
def test_D3_a_column_carries_its_details(dynamics, expected):
    """Length, range, options (local or global), targets, behaviour and rights."""
    assert dynamics.tables(["lead"])["lead"].columns[expected.name] == expected


@pytest.mark.usefixtures("lead")
def test_D3_labels_come_in_the_configured_language(dynamics):
    """Where a label has no translation the user's own stands in."""
    table = dynamics.tables(["lead"], language=1031)["lead"]

    assert (table.label, table.columns["lastname"].label) == ("Interessent", "Nachname")
    assert [option.label for option in table.columns["leadsourcecode"].options] == ["Anzeige", "Web"]
    assert table.columns["revenue"].label == "Revenue"
    assert {table.columns[name].label for name in ("campaignidname", "processid")} == {""}


@pytest.mark.usefixtures("lead")
def test_a_table_that_does_not_exist_is_absent(dynamics):
    """An organisation need not have every app installed."""
    assert set(dynamics.tables(["lead", "campaign"])) == {"lead"}


def test_any_other_refusal_of_a_definition_is_raised(dynamics, service, failure):
    """A missing right is not a missing table."""
    for path in (TABLE, ATTRIBUTES, RELATIONSHIPS):
        service.routes[path] = failure("0x80040220", status=403)

    with pytest.raises(MissingPrivilege):
        dynamics.tables(["lead"])


class TestColumnSecurity:
    """What arrives as null or masked must be known beforehand (reference 1.8)."""

    OWN = f"systemusers({USER})/systemuserprofiles_association?$select=fieldsecurityprofileid"
    TEAMS = (
        f"systemusers({USER})/teammembership_association?$select=teamid"
        "&$expand=teamprofiles_association($select=fieldsecurityprofileid)"
    )
    MASKS = "attributemaskingrules?$select=attributelogicalname&$filter=entityname eq 'lead'"
    ALL = ("salary", "ssn", "plan", "note")
    RIGHTS = (
        "fieldpermissions?$select=attributelogicalname,canread,cancreate,canupdate,_fieldsecurityprofileid_value"
        "&$filter=entityname eq 'lead'"
    )

    @pytest.fixture
    def table(self, make_table):
        secured = {name: Column(name=name, type=ColumnType.TEXT, secured=True) for name in self.ALL}
        return make_table("lead", {**secured, "fullname": ColumnType.TEXT})

    @pytest.fixture
    def profiles(self, service, json_answer):
        """The user has profile p1, its team p2; p3 is somebody else's."""

        def right(column, canread, profile, *, cancreate=0, canupdate=0):
            return {
                "attributelogicalname": column,
                "canread": canread,
                "cancreate": cancreate,
                "canupdate": canupdate,
                "_fieldsecurityprofileid_value": profile,
            }

        service.routes |= {
            self.OWN: json_answer({"value": [{"fieldsecurityprofileid": "P1"}]}),
            self.TEAMS: json_answer(
                {"value": [{"teamid": "t1", "teamprofiles_association": [{"fieldsecurityprofileid": "P2"}]}]}
            ),
            self.RIGHTS: json_answer(
                {
                    "value": [
                        right("salary", 4, "p1", cancreate=4),
                        right("salary", 4, "p2", canupdate=4),
                        right("ssn", 4, "p2", canupdate=4),
                        right("plan", 0, "p1"),
                        right("note", 4, "p3"),
                    ]
                }
            ),
        }

    @pytest.mark.usefixtures("profiles")
    def test_D4_rights_come_from_own_and_team_profiles(self, dynamics, table):
        """Not granted, or granted to somebody else, is unreadable."""
        assert dynamics.column_rights(USER, table).unreadable == {"plan", "note"}

    @pytest.mark.usefixtures("profiles")
    def test_D1_a_column_is_writable_where_it_may_be_set_and_changed(self, dynamics, table):
        """By one profile or by several; one without the other is not enough for a two-way field."""
        rights = dynamics.column_rights(USER, table)

        assert rights.unwritable == {"ssn", "plan", "note"}
        narrowed = rights.narrow(table).columns
        assert {"salary", "fullname", "leadid"} >= {name for name, each in narrowed.items() if each.updatable}
        assert {"salary", "fullname"} <= {name for name, each in narrowed.items() if each.creatable}

    @pytest.mark.usefixtures("profiles")
    def test_D4_a_masked_column_is_unreadable(self, dynamics, service, json_answer, table):
        """Stars are not a value."""
        service.routes[self.MASKS] = json_answer({"value": [{"attributelogicalname": "ssn"}]})

        assert dynamics.column_rights(USER, table).unreadable == {"plan", "note", "ssn"}

    @pytest.mark.usefixtures("profiles")
    def test_D4_an_administrator_reads_everything(self, dynamics, service, json_answer, table):
        """The built-in profile needs no permissions."""
        service.routes[self.OWN] = json_answer({"value": [{"fieldsecurityprofileid": ADMINISTRATORS.upper()}]})

        assert dynamics.column_rights(USER, table).unreadable == frozenset()

    @pytest.mark.usefixtures("profiles")
    @pytest.mark.parametrize("closed", [OWN, RIGHTS])
    def test_D4_what_cannot_be_found_out_is_unreadable(self, dynamics, service, failure, table, closed):
        """A user that may not look at profiles may not see secured columns either, as far as Tandem knows."""
        service.routes[closed] = failure("0x80040220", status=403)

        assert dynamics.column_rights(USER, table).unreadable == {"salary", "ssn", "plan", "note"}

    @pytest.mark.usefixtures("profiles")
    def test_D4_unreadable_team_profiles_grant_nothing(self, dynamics, service, failure, table):
        """Only what is certain counts."""
        service.routes[self.TEAMS] = failure("0x80040220", status=403)

        assert dynamics.column_rights(USER, table).unreadable == {"ssn", "plan", "note"}

    @pytest.mark.usefixtures("profiles")
    def test_D4_a_look_tells_the_rights_of_whoever_answers(self, dynamics, service, json_answer, table):
        """In the one request that every cycle begins with; of somebody else they are asked once more."""
        who = {"BusinessUnitId": "7A0E", "OrganizationId": "883278F5"}
        service.routes["WhoAmI"] = [json_answer({**who, "UserId": user}) for user in (USER, USER, USER, "somebody")]
        service.routes["businessunits?$select=businessunitid&$top=1"] = json_answer({"value": []})

        looks = [dynamics.look() for _ in range(2)]
        before = dynamics.requests
        looks.append(dynamics.look([table]))
        assert 1 == dynamics.requests - before
        looks.append(dynamics.look([table]))

        assert [{}, {}, {"lead": {"plan", "note"}}, {"lead": set(self.ALL)}] == [
            {name: set(rights.unreadable) for name, rights in each.rights.items()} for each in looks
        ]

    def test_a_table_without_secured_columns_costs_no_request(self, dynamics, make_table):
        """Most tables have none."""
        assert dynamics.column_rights(USER, make_table()) == ColumnRights()
        assert dynamics.requests == 0
