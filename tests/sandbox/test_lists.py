"""Marketing lists and their members: how they come and go, and what a list refuses (reference 8.7)."""

import json
from typing import Any

import pytest

from tandem.sandbox.store.privileges import grant

CRM = "Microsoft.Dynamics.CRM"
CODES = {"account": 1, "contact": 2, "lead": 4}


def a_list(writer: Any, kind: str = "contact", **values: object) -> str:
    """The id of a new list of members of that kind."""
    return str(writer.create("list", listname="News", createdfromcode=CODES[kind], **values))


def members(reader: Any, list_id: str) -> list[Any]:
    """The rows of listmembers of a list."""
    rows = reader.page(f"listmembers?$filter=_listid_value eq {list_id}")["value"]
    assert isinstance(rows, list)
    return rows


def ref(table: str, row_id: str) -> dict[str, object]:
    """A row as a parameter names it."""
    return {"@odata.type": f"{CRM}.{table}", f"{table}id": row_id}


def add(list_id: str, *rows: tuple[str, str]) -> dict[str, object]:
    """The body of AddListMembersList."""
    return {"List": ref("list", list_id), "Members": [ref(*row) for row in rows]}


def add_one(writer: Any, list_id: str, member: str) -> Any:
    """The answer of AddMemberList, decoded."""
    answer = writer.send("POST", f"lists({list_id})/{CRM}.AddMemberList", {"EntityId": member})
    assert 200 == answer.status
    return json.loads(answer.body)


def test_a_new_list_is_active_with_status_zero(writer: Any, reader: Any) -> None:
    """Status 0 is a value and comes back as one; the member type mirrors the code it was made from."""
    row = reader.page(f"lists({a_list(writer, 'lead')})")

    assert (0, 0, 4, 0, False, True) == (
        row["statecode"],
        row["statuscode"],
        row["membertype"],
        row["membercount"],
        row["type"],
        row["donotsendonoptout"],
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param({"createdfromcode": 2}, (400, "0x80040203"), id="without a name"),
        pytest.param({"listname": "News"}, (400, "0x80040203"), id="without a member type"),
        pytest.param({"listname": "News", "createdfromcode": 3}, (400, "0x8004431A"), id="of opportunities"),
        pytest.param({"listname": "N" * 129, "createdfromcode": 2}, (400, "0x80044331"), id="of too long a name"),
        pytest.param(
            {"listname": "News", "createdfromcode": 2, "membercount": 5}, (400, "0x8004022E"), id="with a count"
        ),
    ],
)
def test_a_list_that_cannot_be_is_refused(writer: Any, content: dict[str, object], expected: tuple[int, str]) -> None:
    """Name and member type bind the service; its own columns nobody writes."""
    assert expected == writer.refusal("POST", "lists", content)


def test_the_member_type_of_a_list_stays(writer: Any) -> None:
    """Create only."""
    assert (400, "0x8004022E") == writer.refusal("PATCH", f"lists({a_list(writer)})", {"createdfromcode": 4})


def test_one_member_is_added_by_its_id(writer: Any, reader: Any) -> None:
    """AddMemberList answers with the id of the membership, which says whose and which it is."""
    list_id, contact = a_list(writer), writer.create("contact", firstname="Ann", lastname="Ek")
    answer = add_one(writer, list_id, contact)
    (row,) = members(reader, list_id)

    assert answer["@odata.context"].endswith(f"/$metadata#{CRM}.AddMemberListResponse")
    assert (answer["Id"], contact, 2, "Ann Ek") == (
        row["listmemberid"],
        row["_entityid_value"],
        row["entitytype"],
        row["name"],
    )


def test_many_members_are_added_at_once(writer: Any, reader: Any) -> None:
    """AddListMembersList: all of them, or none where one is of another kind."""
    list_id = a_list(writer)
    contacts = [writer.create("contact", lastname=name) for name in "AB"]
    lead = writer.create("lead", lastname="C")
    one_wrong = add(list_id, ("contact", contacts[0]), ("lead", lead))

    assert (400, "0x80040301") == writer.refusal("POST", "AddListMembersList", one_wrong)
    assert [] == members(reader, list_id)
    assert 204 == writer.attempt("POST", "AddListMembersList", add(list_id, *(("contact", row) for row in contacts)))
    assert set(contacts) == {row["_entityid_value"] for row in members(reader, list_id)}


@pytest.mark.parametrize("kind", CODES)
def test_members_are_added_and_removed_by_reference(writer: Any, reader: Any, kind: str) -> None:
    """The collections of the list and of the member are two ends of one thing."""
    list_id, member = a_list(writer, kind), writer.create(kind)
    navigation = f"list{kind}_association"
    writer.send("POST", f"lists({list_id})/{navigation}/$ref", {"@odata.id": f"{kind}s({member})"})
    there = reader.page(f"lists({list_id})/{navigation}?$select={kind}id")["value"]
    back = reader.page(f"{kind}s({member})/{navigation}?$select=listname")["value"]

    assert [member] == [row[f"{kind}id"] for row in there]
    assert [list_id] == [row["listid"] for row in back]

    writer.send("DELETE", f"lists({list_id})/{navigation}({member})/$ref")

    assert [] == reader.page(f"lists({list_id})/{navigation}")["value"]


def test_a_list_shows_only_members_of_the_kind_asked_for(writer: Any, reader: Any) -> None:
    """A contact and a lead of one id are two: the intersect table tells which it means."""
    contact = writer.create("contact", lastname="Ek")
    writer.create("lead", leadid=contact, lastname="Ek")
    contacts, leads = a_list(writer), a_list(writer, "lead")
    add_one(writer, contacts, contact)
    add_one(writer, leads, contact)

    assert [contacts] == [row["listid"] for row in reader.page(f"contacts({contact})/listcontact_association")["value"]]
    assert [] == reader.page(f"lists({leads})/listcontact_association")["value"]

    writer.send("DELETE", f"leads({contact})")

    assert (1, 0) == (len(members(reader, contacts)), len(members(reader, leads)))


def test_a_membership_can_be_made_and_deleted_as_a_row(writer: Any, reader: Any) -> None:
    """Create and Delete are the two writes that listmember knows."""
    list_id, lead = a_list(writer, "lead"), writer.create("lead", lastname="Ek")
    row_id = writer.create("listmember", listid__bind=f"/lists({list_id})", entityid_lead__bind=f"/leads({lead})")

    again = {"listid@odata.bind": f"lists({list_id})", "entityid_lead@odata.bind": f"leads({lead})"}

    assert (412, "0x80040237") == writer.refusal("POST", "listmembers", again)
    assert [row_id] == [row["listmemberid"] for row in members(reader, list_id)]
    assert (405, "0x80040315") == writer.refusal("PATCH", f"listmembers({row_id})", {"name": "x"})
    assert (405, "0x80040315") == reader.refusal(f"listmembers({row_id})")
    assert 204 == writer.attempt("DELETE", f"listmembers({row_id})")
    assert [] == members(reader, list_id)


@pytest.mark.parametrize("way", ["one", "many", "reference"])
def test_who_is_on_the_list_already_is_added_silently(writer: Any, reader: Any, way: str) -> None:
    """There is one membership (unconfirmed)."""
    list_id, contact = a_list(writer), writer.create("contact", lastname="Ek")
    first = add_one(writer, list_id, contact)["Id"]
    if way == "one":
        assert first == add_one(writer, list_id, contact)["Id"]
    elif way == "many":
        writer.send("POST", "AddListMembersList", add(list_id, ("contact", contact)))
    else:
        address = {"@odata.id": f"contacts({contact})"}
        writer.send("POST", f"lists({list_id})/listcontact_association/$ref", address)

    assert [first] == [row["listmemberid"] for row in members(reader, list_id)]


@pytest.mark.parametrize("by_membership", [False, True], ids=["by the member", "by the membership"])
def test_a_member_is_removed_by_action(writer: Any, reader: Any, by_membership: bool) -> None:
    """RemoveMemberList takes either body; who is no member cannot be removed."""
    list_id, contact = a_list(writer), writer.create("contact", lastname="Ek")
    membership = add_one(writer, list_id, contact)["Id"]
    body = {"ListMember": {"listmemberid": membership}} if by_membership else {"EntityId": contact}
    path = f"lists({list_id})/{CRM}.RemoveMemberList"

    assert 204 == writer.attempt("POST", path, body)
    assert [] == members(reader, list_id)
    assert (400, "0x80048458") == writer.refusal("POST", path, {"EntityId": contact})


@pytest.mark.parametrize(
    ("values", "code"),
    [
        pytest.param({"lockstatus": True}, "0x80040302", id="locked"),
        pytest.param({"type": True, "query": "<fetch/>"}, "0x8004F701", id="dynamic"),
    ],
)
@pytest.mark.parametrize("way", ["one", "many", "reference", "row"])
def test_a_list_that_is_locked_or_dynamic_takes_nobody(
    writer: Any, reader: Any, values: dict[str, object], code: str, way: str
) -> None:
    """By no way."""
    list_id, contact = a_list(writer, **values), writer.create("contact", lastname="Ek")
    ways: dict[str, tuple[str, dict[str, object]]] = {
        "one": (f"lists({list_id})/{CRM}.AddMemberList", {"EntityId": contact}),
        "many": ("AddListMembersList", add(list_id, ("contact", contact))),
        "reference": (f"lists({list_id})/listcontact_association/$ref", {"@odata.id": f"contacts({contact})"}),
        "row": (
            "listmembers",
            {"listid@odata.bind": f"lists({list_id})", "entityid_contact@odata.bind": f"contacts({contact})"},
        ),
    }

    assert (400, code) == writer.refusal("POST", *ways[way])
    assert [] == members(reader, list_id)


def test_a_locked_list_keeps_its_members(writer: Any, reader: Any) -> None:
    """Until the member itself is deleted."""
    list_id, contact = a_list(writer), writer.create("contact", lastname="Ek")
    membership = add_one(writer, list_id, contact)["Id"]
    writer.send("PATCH", f"lists({list_id})", {"lockstatus": True})

    assert (400, "0x80040302") == writer.refusal("DELETE", f"listmembers({membership})")

    writer.send("DELETE", f"contacts({contact})")

    assert [] == members(reader, list_id)


def test_the_members_are_counted_without_a_change_of_the_list(writer: Any, reader: Any) -> None:
    """A delta of lists does not tell that somebody came or went."""
    list_id = a_list(writer)
    contacts = [writer.create("contact", lastname=name) for name in "AB"]
    version = writer.version("list", list_id)
    writer.send("POST", "AddListMembersList", add(list_id, *(("contact", row) for row in contacts)))

    assert 2 == reader.page(f"lists({list_id})?$select=membercount")["membercount"]

    writer.send("DELETE", f"contacts({contacts[0]})")

    assert 1 == reader.page(f"lists({list_id})?$select=membercount")["membercount"]
    assert version == writer.version("list", list_id)


@pytest.mark.parametrize("privilege", ["prvWriteList", "prvAppendToList", "prvAppendToContact"])
def test_adding_a_member_needs_rights_on_the_list_and_on_the_member(
    organisation: Any, writer: Any, privilege: str
) -> None:
    """403 0x80040220; a right to create lists is not asked for."""
    list_id, one, other = a_list(writer), writer.create("contact"), writer.create("contact")
    with organisation.transaction():
        grant(organisation.connection, writer.user, "prvCreateList", None)
    add_one(writer, list_id, one)
    with organisation.transaction():
        grant(organisation.connection, writer.user, privilege, None)
    content = {"EntityId": other}

    assert (403, "0x80040220") == writer.refusal("POST", f"lists({list_id})/{CRM}.AddMemberList", content)


def test_an_action_at_the_wrong_place_is_unknown(writer: Any) -> None:
    """AddListMembersList is bound to nothing, AddMemberList to a list."""
    list_id = a_list(writer)

    assert (404, "0x8006088a") == writer.refusal("POST", f"lists({list_id})/{CRM}.AddListMembersList", {})
    assert (404, "0x8006088a") == writer.refusal("POST", "AddMemberList", {})


def test_changes_of_membership_can_be_followed_once_tracking_is_on(organisation: Any, writer: Any, reader: Any) -> None:
    """Off from the start (unconfirmed): 0x80072492. On, a removal is a deletion."""
    list_id, contact = a_list(writer), writer.create("contact", lastname="Ek")
    membership = add_one(writer, list_id, contact)["Id"]
    tracked = {"prefer": "odata.track-changes"}

    assert (400, "0x80072492") == reader.refusal("listmembers", **tracked)

    organisation.set_change_tracking("listmember", enabled=True)
    delta = reader.page("listmembers", **tracked)["@odata.deltaLink"]
    writer.send("POST", f"lists({list_id})/{CRM}.RemoveMemberList", {"EntityId": contact})

    assert [(membership, "deleted")] == [(row["id"], row["reason"]) for row in reader.page(delta)["value"]]
