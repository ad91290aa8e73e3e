"""Open and closed rows, and who may own one (reference 5.1, 5.7, 8.5)."""

from typing import Any

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import NO_ROLES, Depth, grant

CLOSED = {"lead": (2, 4), "opportunity": (1, 3), "task": (1, 5)}
"""Tables that are made open and are read-only once closed, each with a closed pair."""
ENTITY_SETS = {"lead": "leads", "opportunity": "opportunities", "task": "tasks"}


def pair(row: Any) -> tuple[int, int]:
    """State and reason."""
    return row["statecode"], row["statuscode"]


@pytest.mark.parametrize("table", CLOSED)
def test_some_rows_are_made_open(writer: Any, table: str) -> None:
    """A closed state is refused on create; an open reason of choice is taken."""
    state, status = CLOSED[table]
    other_open = {"lead": 2, "opportunity": 2, "task": 3}[table]
    row_id = writer.create(table, statecode=0, statuscode=other_open)

    assert (400, "0x80048408") == writer.refusal("POST", ENTITY_SETS[table], {"statecode": state, "statuscode": status})
    assert (0, other_open) == pair(writer.row(table, row_id))


@pytest.mark.parametrize("table", CLOSED)
def test_a_closed_row_is_read_only_until_it_is_reopened(writer: Any, table: str) -> None:
    """0x80040230 for columns and for the owner; not for the state."""
    state, status = CLOSED[table]
    row_id = writer.create(table)
    path = f"{ENTITY_SETS[table]}({row_id})"
    writer.send("PATCH", path, {"description": "Last words", "statecode": state, "statuscode": status})
    closed = writer.row(table, row_id)

    assert ((state, status), "Last words") == (pair(closed), closed["description"])
    assert [(400, "0x80040230")] * 2 == [
        writer.refusal("PATCH", path, content)
        for content in ({"description": "x"}, {"ownerid@odata.bind": f"/systemusers({writer.user})"})
    ]
    writer.send("PATCH", path, {"statecode": 0})
    assert 204 == writer.send("PATCH", path, {"description": "x"}).status


@pytest.mark.parametrize(("table", "entity_set"), [("account", "accounts"), ("contact", "contacts")])
def test_other_rows_are_made_inactive_and_changed_while_they_are(writer: Any, table: str, entity_set: str) -> None:
    """Accounts and contacts accept it [k]."""
    row_id = writer.create(table, statecode=1, statuscode=2)
    writer.send("PATCH", f"{entity_set}({row_id})", {"fax": "1"})
    row = writer.row(table, row_id)

    assert ((1, 2), "1") == (pair(row), row["fax"])


@pytest.mark.parametrize("closing", [True, False], ids=["made inactive", "active"])
def test_an_inactive_customer_gets_no_opportunity(writer: Any, closing: bool) -> None:
    """0x80040517 when one is made, moved there or reopened (unconfirmed when else)."""
    account = writer.create("account", name="Contoso")
    bind = {"customerid_account@odata.bind": f"/accounts({account})"}
    won = writer.create("opportunity", customerid_account__bind=f"/accounts({account})")
    writer.send("PATCH", f"opportunities({won})", {"statecode": 1, "statuscode": 3})
    other = writer.create("opportunity")
    if closing:
        writer.send("PATCH", f"accounts({account})", {"statecode": 1})
    attempts = [
        writer.attempt("POST", "opportunities", bind),
        writer.attempt("PATCH", f"opportunities({other})", bind),
        writer.attempt("PATCH", f"opportunities({won})", {"statecode": 0}),
    ]

    assert attempts == ([(400, "0x80040517")] * 3 if closing else [204] * 3)


def colleague(writer: Any, **values: object) -> str:
    """Another user."""
    unit = f"/businessunits({writer.organisation.business_unit_id})"
    return str(writer.create("systemuser", lastname="Colleague", **{"businessunitid__bind": unit, **values}))


@pytest.mark.parametrize("privilege", [NO_ROLES, "prvReadLead"], ids=["no role", "no role that reads leads"])
@pytest.mark.parametrize("creating", [True, False], ids=["a new lead", "a lead"])
def test_who_cannot_read_a_row_cannot_own_it(writer: Any, privilege: str, creating: bool) -> None:
    """0x80040229 (reference 8.5; the code for it is unconfirmed)."""
    user = colleague(writer)
    row_id = writer.create("lead")
    with writer.organisation.transaction():
        grant(writer.organisation.connection, user, privilege, None)
    bind = {"ownerid@odata.bind": f"/systemusers({user})"}

    assert (400, "0x80040229") == (
        writer.refusal("POST", "leads", bind) if creating else writer.refusal("PATCH", f"leads({row_id})", bind)
    )


def test_what_follows_from_the_owner_follows(writer: Any) -> None:
    """The unit of a user, then of a team; nobody writes these columns."""
    root = f"/businessunits({writer.organisation.business_unit_id})"
    north = writer.create("businessunit", name="North", parentbusinessunitid__bind=root)
    user = colleague(writer, businessunitid__bind=f"/businessunits({north})")
    team = writer.create("team", name="Everybody")
    row_id = writer.create("lead", ownerid__bind=f"/systemusers({user})")
    names = ("owninguser", "owningteam", "owningbusinessunit")
    of_user = [writer.row("lead", row_id)[name] for name in names]
    writer.send("PATCH", f"leads({row_id})", {"ownerid@odata.bind": f"/teams({team})"})

    assert [user, None, north] == of_user
    assert [None, team, writer.organisation.business_unit_id] == [writer.row("lead", row_id)[name] for name in names]
    assert (400, "0x8004022E") == writer.refusal("PATCH", f"leads({row_id})", {"owningbusinessunit": None})


@pytest.mark.parametrize(
    ("depth", "own", "unit", "below", "elsewhere"),
    [
        (Depth.BASIC, 204, 403, 403, 403),
        (Depth.LOCAL, 204, 204, 403, 403),
        (Depth.DEEP, 204, 204, 204, 403),
        (Depth.GLOBAL, 204, 204, 204, 204),
    ],
    ids=lambda value: value.wire_name if isinstance(value, Depth) else "",
)
@pytest.mark.parametrize("act", ["Create", "Assign"])
def test_a_privilege_reaches_as_deep_as_it_says(
    organisation: Organisation, writer: Any, act: str, depth: Depth, own: int, unit: int, below: int, elsewhere: int
) -> None:
    """Own rows, the unit's, those of units below, anybody's; for a new row its owner tells."""

    def child(name: str, parent: str) -> str:
        bind = f"/businessunits({parent})"
        return str(writer.create("businessunit", name=name, parentbusinessunitid__bind=bind))

    north = child("North", organisation.business_unit_id)
    units = [north, child("Far north", north), child("South", organisation.business_unit_id)]
    owners = [colleague(writer, businessunitid__bind=f"/businessunits({each})") for each in units]
    organisation.update("systemuser", writer.user, {"businessunitid": north}, actor=writer.user)
    binds = [{"ownerid@odata.bind": f"/systemusers({owner})"} for owner in (writer.user, *owners)]
    rows = [writer.send("POST", "leads", bind).headers["OData-EntityId"].rpartition("/")[2] for bind in binds]
    with organisation.transaction():
        grant(organisation.connection, writer.user, f"prv{act}Lead", depth)
    statuses = [
        writer.attempt("POST", "leads", bind) if act == "Create" else writer.attempt("PATCH", row, binds[0])
        for bind, row in zip(binds, rows, strict=True)
    ]

    assert [own, unit, below, elsewhere] == [each if isinstance(each, int) else each[0] for each in statuses]


def test_backdating_is_for_creates_and_needs_its_privilege(writer: Any) -> None:
    """`overriddencreatedon` becomes `createdon` (reference 9.3)."""
    moment = {"overriddencreatedon": "2001-02-03T04:05:06Z"}
    row_id = writer.create("lead", **moment)
    with writer.organisation.transaction():
        grant(writer.organisation.connection, writer.user, "prvOverrideCreatedOnCreatedBy", None)

    assert "2001-02-03T04:05:06Z" == writer.row("lead", row_id)["createdon"]
    assert (400, "0x8004022E") == writer.refusal("PATCH", f"leads({row_id})", moment)
    assert (403, "0x80040220") == writer.refusal("POST", "leads", moment)
