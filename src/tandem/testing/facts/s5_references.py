"""Lookups, states, owners, and what headers do to a write (reference 5.6, 5.7, 5.8)."""

from tandem.testing.facts.case import Differs, Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.s3_rows import LOOKUP, MISSING
from tandem.testing.facts.s5_keys import key, unique
from tandem.testing.facts.s5_writes import etag
from tandem.testing.facts.stage import Stage


def parent_of(stage: Stage, row: str) -> str | None:
    """The id in the row's lookup."""
    name = f"_{stage.subject.parent}_value"
    found = stage.get(f"{stage.address(row)}?$select={name}").expect(200).json[name]
    return None if found is None else str(found)


@fact(
    "5.6",
    "a lookup is set by `@odata.bind` to {0}",
    need=Need.ROWS,
    each=[
        ("an address with a leading slash", "/{set}({id})"),
        ("an address without one", "{set}({id})"),
        ("a full URL", "{api}/{set}({id})"),
    ],
)
def bound(stage: Stage, _told: str, form: str) -> None:
    """Three spellings."""
    subject, parent, row = stage.subject, stage.row(), stage.row()
    address = form.format(set=subject.entity_set, id=parent, api=stage.client.api)
    stage.patch(stage.address(row), {f"{subject.navigation}@odata.bind": address}, if_match="*").expect(204)
    same("the parent", parent_of(stage, row), parent)


@fact(
    "5.6",
    "a lookup is emptied by {0}",
    need=Need.ROWS,
    each=[
        ("`@odata.bind` with null", "PATCH", "{navigation}@odata.bind"),
        ("its navigation with null", "PATCH", "{navigation}"),
        ("DELETE of `$ref`", "DELETE", ""),
    ],
)
def unbound(stage: Stage, _told: str, method: str, name: str) -> None:
    """Three ways."""
    row = stage.row(parent=stage.row())
    if method == "PATCH":
        content = {name.format(navigation=stage.subject.navigation): None}
        stage.patch(stage.address(row), content, if_match="*").expect(204)
    else:
        stage.delete(f"{stage.address(row)}/{stage.subject.navigation}/$ref").expect(204)
    same("the parent", parent_of(stage, row), None)


@fact("5.6", "a lookup is set by PUT of `$ref`", need=Need.ROWS)
def put_reference(stage: Stage) -> None:
    """`@odata.id` in the body."""
    parent, row = stage.row(), stage.row()
    content = {"@odata.id": f"{stage.client.api}/{stage.address(parent)}"}
    stage.send("PUT", f"{stage.address(row)}/{stage.subject.navigation}/$ref", content).expect(204)
    same("the parent", parent_of(stage, row), parent)


@fact("5.6", "a row joins a collection by POST to its `$ref`", need=Need.ROWS)
def post_reference(stage: Stage) -> None:
    """Of a one-to-many relation too."""
    parent, row = stage.row(), stage.row()
    content = {"@odata.id": f"{stage.client.api}/{stage.address(row)}"}
    stage.post(f"{stage.address(parent)}/{stage.subject.children}/$ref", content).expect(204)
    same("the parent", parent_of(stage, row), parent)


@fact(
    "5.6",
    "a row leaves a collection by DELETE of {0}",
    need=Need.ROWS,
    each=[
        ("`<collection>(<id>)/$ref`", "({id})/$ref"),
        ("`<collection>/$ref?$id=`", "/$ref?$id={api}/{set}({id})"),
    ],
)
def delete_reference(stage: Stage, _told: str, form: str) -> None:
    """Two spellings."""
    parent = stage.row()
    row = stage.row(parent=parent)
    ending = form.format(id=row, api=stage.client.api, set=stage.subject.entity_set)
    stage.delete(f"{stage.address(parent)}/{stage.subject.children}{ending}").expect(204)
    same("the parent", parent_of(stage, row), None)


@fact("5.6", "setting one navigation of a customer lookup replaces the other", need=Need.SALES)
def customer_replaced(stage: Stage) -> None:
    """It is one column."""
    account = stage.make("accounts", {"name": stage.mark})
    other = stage.make("contacts", {"lastname": stage.mark})
    contact = stage.make(
        "contacts",
        {
            "lastname": stage.mark,
            "parentcustomerid_account@odata.bind": f"/accounts({account})",
        },
    )
    bind = {"parentcustomerid_contact@odata.bind": f"/contacts({other})"}
    stage.patch(f"contacts({contact})", bind, if_match="*").expect(204)
    path = f"contacts({contact})?$select=_parentcustomerid_value"
    row = stage.get(path, prefer='odata.include-annotations="*"').expect(200).json
    found = (row["_parentcustomerid_value"], row[f"_parentcustomerid_value@{LOOKUP}"])
    same("the customer", found, (other, "contact"))


@fact("5.6", "binding a missing row is refused with 0x80040217", need=Need.ROWS)
def missing_target(stage: Stage) -> None:
    """404 or 400."""
    content = stage.subject.values(name=stage.mark, parent=MISSING)
    stage.post(stage.subject.entity_set, content).refused("0x80040217")


@fact("5.6", "the status of binding a missing row", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def missing_target_status(stage: Stage) -> str:
    """404 or 400."""
    return stage.post(stage.subject.entity_set, stage.subject.values(name=stage.mark, parent=MISSING)).refused()


@fact(
    "5.6",
    "{0} is refused with 400 0x80048d19",
    need=Need.SALES,
    each=[
        ("a navigation in the wrong case", {"Parentcustomerid_Account@odata.bind": "/accounts({a})"}),
        ("a polymorphic lookup without its target", {"parentcustomerid@odata.bind": "/accounts({a})"}),
        ("`_parentcustomerid_value` written", {"_parentcustomerid_value": "{a}"}),
    ],
)
def wrong_navigation(stage: Stage, _told: str, content: dict[str, str]) -> None:
    """Undeclared properties."""
    account = stage.make("accounts", {"name": stage.mark})
    told = {name: value.format(a=account) for name, value in content.items()}
    stage.post("contacts", {"lastname": stage.mark, **told}).expect(400, "0x80048d19")


@fact("5.6", "ownerid has one navigation for users and teams", need=Need.ROWS)
def owner_bound(stage: Stage) -> None:
    """`ownerid@odata.bind`."""
    subject = stage.subject
    content = {subject.name: stage.mark, "ownerid@odata.bind": f"/systemusers({stage.user})"}
    stage.make(subject.entity_set, content)


@fact("5.7", "`statecode` and `statuscode` are changed by PATCH", need=Need.ROWS)
def state_changed(stage: Stage) -> None:
    """No other message is needed."""
    row = stage.row()
    stage.patch(stage.address(row), {"statecode": 1, "statuscode": 2}, if_match="*").expect(204)
    found = stage.get(f"{stage.address(row)}?$select=statecode,statuscode").expect(200).json
    same("the state", (found["statecode"], found["statuscode"]), (1, 2))


@fact("5.7", "`statecode` alone picks the state's default status", need=Need.ROWS)
def default_status(stage: Stage) -> None:
    """2 for inactive."""
    row = stage.row()
    stage.patch(stage.address(row), {"statecode": 1}, if_match="*").expect(204)
    same("statuscode", stage.get(f"{stage.address(row)}?$select=statuscode").expect(200).json["statuscode"], 2)


@fact(
    "5.7",
    "{0} is refused with 0x80048408",
    need=Need.ROWS,
    each=[
        ("a mismatching pair", {"statecode": 1, "statuscode": 1}),
        ("a status of another state alone", {"statuscode": 2}),
    ],
)
def bad_pair(stage: Stage, _told: str, content: dict[str, int]) -> None:
    """Send both."""
    stage.patch(stage.address(stage.row()), content, if_match="*").refused("0x80048408")


@fact(
    "5.7", "by how much the version rises when owner and state change in one update", mark=Mark.INFERRED, need=Need.ROWS
)
def passes(stage: Stage) -> str:
    """Separate steps inside."""
    row = stage.row()
    before = int(etag(stage, row)[3:-1])
    content = {
        stage.subject.text: "x",
        "ownerid@odata.bind": f"/systemusers({stage.user})",
        "statecode": 1,
        "statuscode": 2,
    }
    stage.patch(stage.address(row), content, if_match="*").expect(204)
    after = int(etag(stage, row)[3:-1])
    true(after > before, "it does not rise")
    return f"by {after - before}"


@fact(
    "5.7",
    "whether an inactive {0} takes a change of another column",
    mark=Mark.KNOWN,
    need=Need.SALES,
    each=[
        ("account", "accounts", "name"),
        ("contact", "contacts", "lastname"),
    ],
)
def inactive(stage: Stage, _table: str, entity_set: str, column: str) -> str:
    """account and contact accept most."""
    row = stage.make(entity_set, {column: stage.mark})
    stage.patch(f"{entity_set}({row})", {"statecode": 1, "statuscode": 2}, if_match="*").expect(204)
    answer = stage.patch(f"{entity_set}({row})", {"telephone1": "1"}, if_match="*")
    true(answer.status == 204, f"refused with {answer.status}")
    return "it does"


@fact("5.7", "a disqualified lead is read-only until it is reopened", need=Need.SALES)
def closed_lead(stage: Stage) -> None:
    """Reactivate, change, close."""
    lead = stage.make("leads", {"lastname": stage.mark})
    stage.patch(f"leads({lead})", {"statecode": 2, "statuscode": 4}, if_match="*").expect(204)
    stage.patch(f"leads({lead})", {"jobtitle": "x"}, if_match="*").refused()
    stage.patch(f"leads({lead})", {"statecode": 0, "statuscode": 1}, if_match="*").expect(204)
    stage.patch(f"leads({lead})", {"jobtitle": "x"}, if_match="*").expect(204)


@fact("5.8", "the rules for duplicates are skipped unless a write asks for them", need=Need.SALES)
def duplicates_skipped(stage: Stage) -> None:
    """Two contacts with one address."""
    for _ in range(2):
        stage.make("contacts", {"lastname": stage.mark, "emailaddress1": f"{stage.mark[-12:]}@example.org"})


def _publish_rule(stage: Stage) -> None:
    rule = "Contacts with the same e-mail address"
    stage.afterwards(rule, lambda: stage.door("publish-rule", name=rule, published=False))
    stage.door("publish-rule", name=rule)


@fact("5.8", "status and code of a write that a rule for duplicates refuses", mark=Mark.UNCONFIRMED, need=Need.SALES)
def duplicates_found(stage: Stage) -> str:
    """412 or 500; 0x80040333 either way."""
    if Need.DOOR in stage.allowed:
        _publish_rule(stage)
    content = {"lastname": stage.mark, "emailaddress1": f"{stage.mark[-12:]}@example.org"}
    stage.make("contacts", content)
    answer = stage.post("contacts", content, **{"MSCRM.SuppressDuplicateDetection": "false"})
    if answer.status == 204:
        stage.taken_away(f"contacts({answer.row_id})")
        raise NotSeen("No rule for contacts with the same address is published.")
    return answer.refused("0x80040333")


@fact("5.8", "a published rule refuses a duplicate with 0x80040333, asked for by the header", need=Need.DOOR)
def rule_obeyed(stage: Stage) -> None:
    """And no other write."""
    _publish_rule(stage)
    content = {"lastname": stage.mark, "emailaddress1": f"{stage.mark[-12:]}@example.org"}
    stage.make("contacts", content)
    stage.make("contacts", content)
    stage.post("contacts", content, **{"MSCRM.SuppressDuplicateDetection": "false"}).refused("0x80040333")


@fact("5.8", "a violated alternate key is 412 0x80060892", need=Need.SCHEMA)
def key_violated(stage: Stage) -> None:
    """The message names the key."""
    value = unique()
    key(stage, value)
    stage.row(text=value)
    stage.post(stage.subject.entity_set, stage.subject.values(name=stage.mark, text=value)).expect(412, "0x80060892")


@fact(
    "5.8",
    "`{0}: {1}` is accepted from a caller with the privilege",
    need=Need.ROWS,
    each=[
        ("MSCRM.SuppressDuplicateDetection", "true"),
        ("MSCRM.BypassBusinessLogicExecution", "CustomSync"),
        ("MSCRM.BypassBusinessLogicExecution", "CustomAsync"),
        ("MSCRM.BypassBusinessLogicExecution", "CustomSync,CustomAsync"),
        ("MSCRM.BypassCustomPluginExecution", "true"),
        ("MSCRM.SuppressCallbackRegistrationExpanderJob", "true"),
    ],
)
def bypassed(stage: Stage, name: str, value: str) -> None:
    """Optional parameters of a write."""
    subject = stage.subject
    answer = stage.post(subject.entity_set, {subject.name: stage.mark}, **{name: value})
    if answer.status == 403:
        raise NotSeen("The caller has no privilege to bypass logic.")
    stage.taken_away(stage.address(answer.expect(204).row_id))


@fact("5.8", "`?tag=` is accepted on a write", need=Need.ROWS)
def tagged(stage: Stage) -> None:
    """A harmless marker."""
    subject = stage.subject
    stage.taken_away(
        stage.address(stage.post(f"{subject.entity_set}?tag=x", {subject.name: stage.mark}).expect(204).row_id)
    )


@fact("5.8", "what a bypass answers to a caller without the privilege", mark=Mark.UNCONFIRMED, need=Need.DOOR)
def not_bypassed(stage: Stage) -> str:
    """403 expected."""
    name = "prvBypassCustomBusinessLogic"
    stage.afterwards(name, lambda: stage.door("privilege", privilege=name, depth="Global"))
    stage.door("privilege", privilege=name)
    headers = {"MSCRM.BypassBusinessLogicExecution": "CustomSync"}
    answer = stage.post(stage.subject.entity_set, {stage.subject.name: stage.mark}, **headers)
    if answer.status == 204:
        stage.taken_away(stage.address(answer.row_id))
        raise Differs("the write is carried out")
    return answer.refused()
