"""Lookups, owners, states, rights and cascades: how rows hang together (reference 1.7, 1.8, 5.6, 5.7, 8)."""

from typing import Any
from uuid import uuid4

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, grant

ABSENT = "00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
def contoso(writer: Any) -> str:
    """An account."""
    return str(writer.create("account", name="Contoso"))


@pytest.mark.parametrize(
    "address", ["/accounts({})", "accounts({})", "http://127.0.0.1:1234/api/data/v9.2/accounts({})"]
)
def test_a_bind_sets_a_lookup(writer: Any, contoso: str, address: str) -> None:
    """The leading slash is optional and a full URL is taken."""
    row_id = writer.create("contact", lastname="Ek", parentcustomerid_account__bind=address.format(contoso))
    row = writer.row("contact", row_id)

    assert (contoso, "account", contoso) == (
        row["parentcustomerid"],
        row["parentcustomerid_type"],
        row["accountid"],
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("parentcustomerid_account@odata.bind", f"/accounts({ABSENT})", (404, "0x80040217")),
        ("parentcustomerid_Account@odata.bind", f"/accounts({ABSENT})", (400, "0x80048d19")),
        ("parentcustomerid@odata.bind", f"/accounts({ABSENT})", (400, "0x80048d19")),
        ("parentcustomerid_account@odata.bind", "Contoso", (400, "0x80060888")),
        ("parentcustomerid_account@odata.bind", f"/acounts({ABSENT})", (404, "0x8006088a")),
        ("originatingleadid@odata.bind", "CONTOSO", (400, "0x80048d19")),
    ],
    ids=[
        "a missing row",
        "a name in the wrong case",
        "a polymorphic column by its own name",
        "an address that is none",
        "an unknown set",
        "a row of another table",
    ],
)
def test_a_bad_bind_is_refused(writer: Any, contoso: str, name: str, value: str, expected: tuple[int, str]) -> None:
    """Each with its own code."""
    content = {"lastname": "Ek", name: value.replace("CONTOSO", f"/accounts({contoso})")}

    assert expected == writer.refusal("POST", "contacts", content)


@pytest.mark.parametrize("name", ["parentcustomerid_account@odata.bind", "parentcustomerid"])
def test_a_lookup_is_cleared_by_null(writer: Any, contoso: str, name: str) -> None:
    """By the bind or by the column."""
    row_id = writer.create("contact", parentcustomerid_account__bind=f"/accounts({contoso})")
    writer.send("PATCH", f"contacts({row_id})", {name: None})
    row = writer.row("contact", row_id)

    assert (None, None) == (row["parentcustomerid"], row["parentcustomerid_type"])


def test_a_reference_can_be_put_and_deleted(writer: Any, contoso: str) -> None:
    """`$ref` sets and clears a single-valued navigation property."""
    row_id = writer.create("contact", lastname="Ek")
    writer.send("PUT", f"accounts({contoso})/primarycontactid/$ref", {"@odata.id": f"/contacts({row_id})"})
    put = writer.row("account", contoso)["primarycontactid"]
    writer.send("DELETE", f"accounts({contoso})/primarycontactid/$ref")

    assert (row_id, None) == (put, writer.row("account", contoso)["primarycontactid"])


def test_a_row_is_added_to_and_taken_from_a_collection(writer: Any, contoso: str) -> None:
    """The other end of a lookup; what is not in the collection cannot be taken from it."""
    row_id = writer.create("contact", lastname="Ek")
    path = f"accounts({contoso})/contact_customer_accounts"
    writer.send("POST", f"{path}/$ref", {"@odata.id": f"/contacts({row_id})"})
    added = writer.row("contact", row_id)
    writer.send("DELETE", f"{path}({row_id})/$ref")

    assert (contoso, "account") == (added["parentcustomerid"], added["parentcustomerid_type"])
    assert writer.row("contact", row_id)["parentcustomerid"] is None
    assert (404, "0x80040217") == writer.refusal("DELETE", f"{path}({row_id})/$ref")


@pytest.mark.parametrize(
    ("method", "part", "content", "expected"),
    [
        pytest.param("PUT", "nosuch", {}, (404, "0x8006088a"), id="a name that is none"),
        pytest.param("POST", "primarycontactid", {}, (405, "0x8006088a"), id="POST of a single reference"),
        pytest.param("PUT", "contact_customer_accounts", {}, (405, "0x8006088a"), id="PUT of a collection"),
        pytest.param("DELETE", "contact_customer_accounts", None, (400, "0x80060888"), id="DELETE without a row"),
        pytest.param(
            "POST",
            "contact_customer_accounts",
            {"@odata.id": "ACCOUNT"},
            (400, "0x80048d19"),
            id="a row of another table",
        ),
    ],
)
def test_a_bad_reference_is_refused(
    writer: Any, contoso: str, method: str, part: str, content: dict[str, str] | None, expected: tuple[int, str]
) -> None:
    """Each with its own code."""
    filled = content and {name: value.replace("ACCOUNT", f"/accounts({contoso})") for name, value in content.items()}

    assert expected == writer.refusal(method, f"accounts({contoso})/{part}/$ref", filled or content)


def test_team_members_come_and_go_by_association(organisation: Organisation, writer: Any) -> None:
    """`teammembership_association/$ref` makes and removes the rows of `teammembership` (reference 13)."""
    team = writer.create("team", name="North")
    path = f"teams({team})/teammembership_association"
    content = {"@odata.id": f"/systemusers({writer.user})"}
    writer.send("POST", f"{path}/$ref", content)

    assert len(organisation.find("teammembership", "teamid", team)) == 1
    assert (412, "0x80040237") == writer.refusal("POST", f"{path}/$ref", content)

    writer.send("DELETE", f"{path}({writer.user})/$ref")

    assert organisation.find("teammembership", "teamid", team) == []
    assert (404, "0x80040217") == writer.refusal("DELETE", f"{path}({writer.user})/$ref")


def test_members_are_added_and_removed_by_action_too(organisation: Organisation, writer: Any) -> None:
    """AddMembersTeam and RemoveMembersTeam [k]; `$ref?$id=` removes as well."""
    team = writer.create("team", name="North")
    members = {"Members": [{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "systemuserid": writer.user}]}
    counts = []
    for action in ("AddMembersTeam", "RemoveMembersTeam", "AddMembersTeam"):
        writer.send("POST", f"teams({team})/Microsoft.Dynamics.CRM.{action}", members)
        counts.append(len(organisation.find("teammembership", "teamid", team)))
    writer.send(
        "DELETE",
        f"teams({team})/teammembership_association/$ref",
        query=f"$id=http://127.0.0.1/api/data/v9.2/systemusers({writer.user})",
    )

    assert [1, 0, 1, 0] == [*counts, len(organisation.find("teammembership", "teamid", team))]


def test_owner_and_state_each_raise_the_version_once_more(organisation: Organisation, writer: Any) -> None:
    """Columns, then owner, then state: three passes (reference 5.7)."""
    team = writer.create("team", name="North")
    row_id = writer.create("lead", lastname="Ek")
    before = organisation.version
    writer.send(
        "PATCH",
        f"leads({row_id})",
        {"jobtitle": "CTO", "ownerid@odata.bind": f"/teams({team})", "statecode": 2, "statuscode": 4},
    )
    row = writer.row("lead", row_id)

    assert (before + 3, "CTO", team, None, team, 2, 4) == (
        row["versionnumber"],
        row["jobtitle"],
        row["ownerid"],
        row["owninguser"],
        row["owningteam"],
        row["statecode"],
        row["statuscode"],
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param({"statecode": 1}, (1, 2), id="a state alone takes its default reason"),
        pytest.param({"statecode": 1, "statuscode": 2}, (1, 2), id="a pair"),
        pytest.param({"statecode": 1, "statuscode": 1}, None, id="a pair that does not match"),
        pytest.param({"statuscode": 2}, None, id="a reason alone"),
        pytest.param({"statecode": None}, None, id="no state"),
    ],
)
def test_state_and_reason_must_be_a_pair(
    writer: Any, content: dict[str, object], expected: tuple[int, int] | None
) -> None:
    """Else 0x80048408."""
    row_id = writer.create("contact", lastname="Ek")
    if expected is None:
        refusal = writer.refusal("PATCH", f"contacts({row_id})", content)
        assert refusal in [(400, "0x80048408"), (400, "0x80040203")]
        return
    writer.send("PATCH", f"contacts({row_id})", content)
    row = writer.row("contact", row_id)

    assert expected == (row["statecode"], row["statuscode"])


@pytest.mark.parametrize(("state", "status"), [(1, 3), (2, 4)], ids=["qualified", "disqualified"])
def test_a_closed_lead_refuses_changes_until_it_is_reopened(writer: Any, state: int, status: int) -> None:
    """0x80040230; reopening and changing takes two requests."""
    row_id = writer.create("lead", lastname="Ek")
    writer.send("PATCH", f"leads({row_id})", {"statecode": state, "statuscode": status})
    reopened_and_changed = {"statecode": 0, "statuscode": 1, "jobtitle": "CTO"}

    assert [(400, "0x80040230")] * 2 == [
        writer.refusal("PATCH", f"leads({row_id})", content) for content in ({"jobtitle": "CTO"}, reopened_and_changed)
    ]

    writer.send("PATCH", f"leads({row_id})", {"statecode": 0, "statuscode": 1})
    writer.send("PATCH", f"leads({row_id})", {"jobtitle": "CTO"})

    assert "CTO" == writer.row("lead", row_id)["jobtitle"]


@pytest.mark.parametrize("table", ["contact", "account"])
def test_an_inactive_contact_or_account_accepts_changes(writer: Any, table: str) -> None:
    """They accept most [k]."""
    row_id = writer.create(table)
    writer.send("PATCH", f"{table}s({row_id})", {"statecode": 1})
    writer.send("PATCH", f"{table}s({row_id})", {"fax": "1"})

    assert "1" == writer.row(table, row_id)["fax"]


def test_a_lead_is_created_open(writer: Any) -> None:
    """Reference 5.1: create open, then change."""
    assert (400, "0x80048408") == writer.refusal("POST", "leads", {"statecode": 2, "statuscode": 4})


@pytest.mark.parametrize(
    ("table", "values", "code"),
    [
        ("systemuser", {"lastname": "Gone", "isdisabled": True}, "0x8004022B"),
        ("team", {"name": "Access", "teamtype": 1}, "0x80040229"),
    ],
    ids=["a disabled user", "an access team"],
)
def test_not_everybody_can_own_a_row(writer: Any, table: str, values: dict[str, object], code: str) -> None:
    """The owner must be able to (reference 8.5)."""
    owner = writer.create(table, businessunitid__bind=unit_of(writer), **values)
    row_id = writer.create("lead", lastname="Ek")

    assert (400, code) == writer.refusal("PATCH", f"leads({row_id})", {"ownerid@odata.bind": f"/{table}s({owner})"})


def unit_of(writer: Any) -> str:
    """The address of the root business unit."""
    return f"/businessunits({writer.organisation.business_unit_id})"


@pytest.mark.parametrize(
    ("privilege", "method", "content"),
    [
        ("prvCreateContact", "POST", {"lastname": "Ny"}),
        ("prvWriteContact", "PATCH", {"lastname": "Ny"}),
        ("prvDeleteContact", "DELETE", None),
        ("prvAssignContact", "PATCH", {"ownerid@odata.bind": "/systemusers(USER)"}),
        ("prvAppendContact", "PATCH", {"parentcustomerid_account@odata.bind": "/accounts(ACCOUNT)"}),
        ("prvAppendToAccount", "PATCH", {"parentcustomerid_account@odata.bind": "/accounts(ACCOUNT)"}),
    ],
)
def test_a_missing_privilege_refuses_the_write(
    organisation: Organisation,
    writer: Any,
    contoso: str,
    privilege: str,
    method: str,
    content: dict[str, str] | None,
) -> None:
    """403 0x80040220, and nothing is written."""
    row_id = writer.create("contact", lastname="Ek")
    with organisation.transaction():
        grant(organisation.connection, writer.user, privilege, None)
    before = organisation.version
    filled = content and {
        name: value.replace("USER", writer.user).replace("ACCOUNT", contoso) for name, value in content.items()
    }
    path = "contacts" if method == "POST" else f"contacts({row_id})"

    assert (403, "0x80040220") == writer.refusal(method, path, filled)
    assert before == organisation.version


def test_a_basic_privilege_covers_own_rows_only(organisation: Organisation, writer: Any) -> None:
    """Depth Basic writes what the caller owns and nothing else."""
    colleague = writer.create("systemuser", lastname="Colleague", businessunitid__bind=unit_of(writer))
    own = writer.create("lead", lastname="Ek")
    other = writer.create("lead", lastname="Ek", ownerid__bind=f"/systemusers({colleague})")
    with organisation.transaction():
        grant(organisation.connection, writer.user, "prvWriteLead", Depth.BASIC)

    assert writer.send("PATCH", f"leads({own})", {"lastname": "Ny"}).status == 204
    assert (403, "0x80040220") == writer.refusal("PATCH", f"leads({other})", {"lastname": "Ny"})


def test_a_secured_column_refuses_writes(organisation: Organisation, writer: Any) -> None:
    """403: 0x8004f502 on create, 0x8004f507 on update; the whole write fails (reference 1.8)."""
    row_id = writer.create("lead", lastname="Ek")
    organisation.secure_column("lead", "jobtitle")

    assert (403, "0x8004f502") == writer.refusal("POST", "leads", {"jobtitle": "CTO"})
    assert (403, "0x8004f507") == writer.refusal("PATCH", f"leads({row_id})", {"lastname": "Ny", "jobtitle": "CTO"})
    assert "Ek" == writer.row("lead", row_id)["lastname"]


def test_deleting_an_account_takes_and_loosens(organisation: Organisation, writer: Any, contoso: str) -> None:
    """Rows whose customer it is go; other lookups lose the link, which is an update (reference 8.1, 8.14)."""
    customer = {"customerid_account__bind": f"/accounts({contoso})"}
    gone = [
        ("lead", writer.create("lead", **customer)),
        ("opportunity", writer.create("opportunity", **customer)),
        ("contact", writer.create("contact", parentcustomerid_account__bind=f"/accounts({contoso})")),
    ]
    kept = writer.create("lead", parentaccountid__bind=f"/accounts({contoso})")
    version = writer.version("lead", kept)
    writer.send("DELETE", f"accounts({contoso})")

    assert [False] * 3 == [organisation.exists(table, row_id) for table, row_id in gone]
    assert writer.row("lead", kept)["parentaccountid"] is None
    assert writer.version("lead", kept) > version


def test_a_restricting_relationship_refuses_the_delete(writer: Any) -> None:
    """405 0x80040227: a currency in use stays."""
    writer.create("lead", revenue=1)

    assert (405, "0x80040227") == writer.refusal("DELETE", f"transactioncurrencies({writer.organisation.currency_id})")


def test_users_are_never_deleted(writer: Any) -> None:
    """Only disabled (reference 8.5)."""
    assert (405, "0x80040315") == writer.refusal("DELETE", f"systemusers({writer.user})")


def test_a_connection_has_a_twin(organisation: Organisation, writer: Any, contoso: str) -> None:
    """The mirrored row is made, changed and deleted with it; exactly one is master (reference 8.9)."""
    person = writer.create("contact", lastname="Ek")
    row_id = writer.create(
        "connection",
        record1id_contact__bind=f"/contacts({person})",
        record2id_account__bind=f"/accounts({contoso})",
    )
    row = writer.row("connection", row_id)
    twin = writer.row("connection", str(row["relatedconnectionid"]))
    writer.send("PATCH", f"connections({row_id})", {"description": "Buyer", "statecode": 1})
    changed = writer.row("connection", str(row["relatedconnectionid"]))

    assert (person, contoso, True) == (row["record1id"], row["record2id"], row["ismaster"])
    assert (contoso, "account", person, "contact", False, row_id) == (
        twin["record1id"],
        twin["record1id_type"],
        twin["record2id"],
        twin["record2id_type"],
        twin["ismaster"],
        twin["relatedconnectionid"],
    )
    assert ("Buyer", 1, 2) == (changed["description"], changed["statecode"], changed["statuscode"])

    writer.send("DELETE", f"connections({row_id})")

    assert not organisation.exists("connection", str(row["relatedconnectionid"]))


@pytest.mark.parametrize(
    ("table", "parent"),
    [("account", "parentaccountid"), ("businessunit", "parentbusinessunitid")],
    ids=["accounts", "business units"],
)
def test_no_row_comes_to_be_above_itself(writer: Any, table: str, parent: str) -> None:
    """Neither at once nor over another one."""
    entity_set = writer.organisation.tables[table].entity_set
    top = writer.create(table, name="Top")
    below = writer.create(table, name="Below", **{f"{parent}__bind": f"/{entity_set}({top})"})

    for each in (top, below):
        bind = {f"{parent}@odata.bind": f"/{entity_set}({each})"}
        assert (400, "0x80040203") == writer.refusal("PATCH", f"{entity_set}({top})", bind)
    assert 204 == writer.attempt("PATCH", f"{entity_set}({below})", {f"{parent}@odata.bind": f"/{entity_set}({top})"})


def test_units_that_were_loaded_in_a_circle_are_far_away(organisation: Organisation, writer: Any) -> None:
    """Whose rows they hold is still decided."""
    units = [str(uuid4()) for _ in range(2)]
    organisation.load(
        "businessunit",
        [
            {"businessunitid": unit, "name": "Unit", "parentbusinessunitid": above}
            for unit, above in zip(units, reversed(units), strict=True)
        ],
    )
    team, row_id = str(uuid4()), str(uuid4())
    organisation.load("team", [{"teamid": team, "name": "Team", "businessunitid": units[0]}])
    organisation.load("lead", [{"leadid": row_id, "ownerid": team, "ownerid_type": "team"}])
    with organisation.transaction():
        grant(organisation.connection, writer.user, "prvWriteLead", Depth.DEEP)

    assert (403, "0x80040220") == writer.refusal("PATCH", f"leads({row_id})", {"jobtitle": "CTO"})
