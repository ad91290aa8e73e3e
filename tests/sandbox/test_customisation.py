"""The log of changed definitions: replayed at every start, taken back with its transaction, never misread."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import apsw
import pytest

from tandem.sandbox.metadata.changing import make_column
from tandem.sandbox.store.customisation import (
    ActivateKey,
    ChangeOptionSet,
    MakeKey,
    RemoveColumn,
    UnreadableCustomisation,
)
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import SHIPPED, KeyDefinition, TableDefinition
from tandem.sandbox.tables.custom import custom_column
from tandem.sandbox.writing.payload import table_of_set

TICKET = "EntityDefinitions(LogicalName='new_ticket')"


@pytest.fixture
def organisation(tmp_path: Path) -> Iterator[Organisation]:
    """An organisation that is kept in a file."""
    organisation = Organisation(tmp_path / "organisation.db")
    yield organisation
    organisation.close()


def customise(definer: Any) -> None:
    """Every kind of change once."""
    namespace = "Microsoft.Dynamics.CRM."
    definer.table()
    definer.table("new_Doomed")
    definer.done("DELETE", "EntityDefinitions(LogicalName='new_doomed')")
    definer.done("PUT", TICKET, {"DisplayName": definer.label("Case"), "Description": definer.label("A case")})
    definer.add("Money", "new_Fee")
    definer.add("Boolean", "new_Open", DefaultValue=True)
    definer.add("DateTime", "new_Due", DateTimeBehavior={"Value": "TimeZoneIndependent"})
    definer.add("String", "new_Gone")
    definer.done("DELETE", f"{TICKET}/Attributes(LogicalName='new_gone')")
    definer.done("PUT", f"{TICKET}/Attributes(LogicalName='new_name')", {"MaxLength": 7})
    definer.done("POST", "GlobalOptionSetDefinitions", {"Name": "new_colours", **definer.options(Red=1)})
    definer.done("POST", "GlobalOptionSetDefinitions", {"Name": "new_doomed", **definer.options(Red=1)})
    definer.done("DELETE", "GlobalOptionSetDefinitions(Name='new_doomed')")
    bound = {"GlobalOptionSet@odata.bind": "/GlobalOptionSetDefinitions(Name='new_colours')"}
    definer.add("Picklist", "new_Colour", DefaultFormValue=1, **bound)
    definer.send(
        "POST", "InsertOptionValue", {"OptionSetName": "new_colours", "Label": definer.label("Blue"), "Value": 2}
    )
    definer.done("POST", f"{TICKET}/Keys", {"SchemaName": "new_ByName", "KeyAttributes": ["new_name"]})
    definer.done("POST", f"{TICKET}/Keys", {"SchemaName": "new_Doomed", "KeyAttributes": ["new_colour"]})
    definer.done("DELETE", f"{TICKET}/Keys(LogicalName='new_doomed')")
    pairing = {"SchemaName": "new_Ticket_Leads", "Entity1LogicalName": "new_ticket", "Entity2LogicalName": "lead"}
    kind = {"@odata.type": f"{namespace}ManyToManyRelationshipMetadata"}
    definer.done("POST", "RelationshipDefinitions", {**kind, **pairing})
    lookup = {"SchemaName": "new_account_Tickets", "ReferencedEntity": "account", "ReferencingEntity": "new_ticket"}
    definer.done("POST", "RelationshipDefinitions", {**lookup, "Lookup": definer.column("Lookup", "new_AccountId")})


def test_every_change_survives_a_restart(organisation, definer, tmp_path: Path) -> None:
    """The definitions are equal, and rows of them can be read and written."""
    customise(definer)
    row = definer.done("POST", "new_tickets", {"new_name": "First", "new_fee": 2.5, "new_colour": 2})
    before = organisation.definitions, organisation.metadata_version, organisation.get("new_ticket", row)
    organisation.close()
    reopened = Organisation(tmp_path / "organisation.db")
    after = reopened.definitions, reopened.metadata_version, reopened.get("new_ticket", row)
    reopened.insert("new_ticket", "00000000-0000-4000-8000-000000000001", {}, actor=reopened.user_id)
    other = reopened.get("new_ticket", "00000000-0000-4000-8000-000000000001") or {}
    reopened.close()

    assert before == after
    assert (True, 1) == (other["new_open"], other["new_colour"])


def test_the_definitions_of_any_version_can_be_had_again(organisation, definer) -> None:
    """What RetrieveMetadataChanges compares (reference 2.7)."""
    seen = {0: SHIPPED}
    for name in ("new_one", "new_two"):
        organisation.add_column("lead", name, "text")
        seen[organisation.metadata_version] = organisation.definitions
    organisation.customise(MakeKey("lead", KeyDefinition(name="k", schema_name="K", label="", columns=("new_one",))))

    assert {0, 1, 2} == set(seen)
    assert seen == {version: organisation.definitions_at(version) for version in seen}
    assert organisation.definitions == organisation.definitions_at(None)


def test_a_rolled_back_change_leaves_nothing(organisation, definer, reader) -> None:
    """A change set that fails takes its definitions back, in the store and in every answer."""
    before = organisation.definitions
    seen: list[bool] = []

    def fail_after_a_change() -> None:
        with organisation.transaction():
            make_column(organisation, organisation.tables["lead"], custom_column("new_score", "integer"))
            seen.append("new_score" in organisation.tables["lead"].columns)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_change()

    assert [True] == seen
    assert (before, 0) == (organisation.definitions, organisation.metadata_version)
    assert (400, "0x80060888") == reader.refusal("leads?$select=new_score")
    organisation.add_column("lead", "new_score", "text")
    assert 200 == reader.get("leads?$select=new_score").status


def test_others_see_a_change_when_it_is_committed(organisation) -> None:
    """Another thread's query must not name a column that its connection does not have."""
    seen: list[bool] = []

    def look() -> None:
        seen.append("new_score" in organisation.tables["lead"].columns)

    def another_looks() -> None:
        thread = Thread(target=look)
        thread.start()
        thread.join(timeout=10)

    with organisation.transaction():
        organisation.add_column("lead", "new_score", "integer")
        another_looks()
    another_looks()

    assert [False, True] == seen


def test_a_column_that_goes_while_it_is_read_is_unknown(organisation, reader, monkeypatch) -> None:
    """The answer is of one moment: what the query named is judged again, by the definitions of now."""
    organisation.add_column("lead", "new_score", "integer")

    def goes_after_the_table_is_found(organisation: Organisation, entity_set: str) -> TableDefinition:
        table = table_of_set(organisation, entity_set)
        if "new_score" in table.columns:
            organisation.customise(RemoveColumn("lead", "new_score"))
        return table

    monkeypatch.setattr("tandem.sandbox.service.app.table_of_set", goes_after_the_table_is_found)

    assert (400, "0x80060888") == reader.refusal("leads?$select=new_score")


def test_a_restore_takes_definitions_back(organisation, definer, reader) -> None:
    """With the rows, in place."""
    organisation.add_column("lead", "new_score", "integer")
    organisation.back_up()
    organisation.add_column("lead", "new_tier", "text")
    definer.table()
    organisation.restore()

    assert 200 == reader.get("leads?$select=new_score").status
    assert (400, "0x80060888") == reader.refusal("leads?$select=new_tier")
    assert (404, "0x8006088a") == reader.refusal("new_tickets")
    assert 1 == organisation.metadata_version


def test_a_key_that_failed_has_no_index(organisation) -> None:
    """Rows may go on to be alike until it is active."""
    key = KeyDefinition(name="k", schema_name="K", label="", columns=("accountnumber",), active=False)
    organisation.customise(MakeKey("account", key))
    organisation.load("account", [{"accountid": f"{n}0000000-0000-4000-8000-000000000000"} for n in (1, 2)])
    organisation.customise(ActivateKey("account", "k"))
    organisation.load("account", [{"accountid": "30000000-0000-4000-8000-000000000000", "accountnumber": "A"}])

    with pytest.raises(apsw.ConstraintError):
        organisation.load("account", [{"accountid": "40000000-0000-4000-8000-000000000000", "accountnumber": "a"}])


def test_a_changed_global_set_changes_every_column_of_it(organisation, definer) -> None:
    """In all tables."""
    definer.done("POST", "GlobalOptionSetDefinitions", {"Name": "new_colours", **definer.options(Red=1)})
    bound = {"GlobalOptionSet@odata.bind": "/GlobalOptionSetDefinitions(Name='new_colours')"}
    for table in ("lead", "contact"):
        definer.add("Picklist", "new_Colour", table=table, **bound)
    option_set = organisation.definitions.option_sets["new_colours"]
    organisation.customise(ChangeOptionSet(type(option_set)(name="new_colours", label="Colours", options=())))

    assert [(), ()] == [organisation.tables[table].columns["new_colour"].options for table in ("lead", "contact")]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("INSERT INTO setting (name, value) VALUES ('customisation', '{}')", id="the older form"),
        pytest.param(
            "INSERT INTO customisation (made_on, change) VALUES ('', '{\"type\": \"PaintTable\"}')", id="a later form"
        ),
    ],
)
def test_what_another_version_wrote_is_not_opened(organisation, tmp_path: Path, statement: str) -> None:
    """A clear word, in place of definitions that are silently other ones."""
    organisation.connection.execute(statement)
    organisation.close()

    with pytest.raises(UnreadableCustomisation):
        Organisation(tmp_path / "organisation.db")


def test_the_log_tells_when_each_change_was_made(organisation) -> None:
    """Its version and its moment."""
    organisation.add_column("lead", "new_score", "integer")
    ((version, made_on, change),) = organisation.connection.execute(
        "SELECT version, made_on, change FROM customisation"
    )

    assert (1, "MakeColumn") == (version, json.loads(str(change))["type"])
    assert organisation.tables["lead"].columns["new_score"].created_at == version
    assert str(made_on).endswith("Z")
