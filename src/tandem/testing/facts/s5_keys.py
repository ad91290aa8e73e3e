"""Alternate keys in addresses, and upserts by them (reference 5.4, 5.5)."""

import time
from uuid import uuid4

from tandem.testing.facts.case import Need, NotSeen, fact, same, true
from tandem.testing.facts.s5_writes import REPRESENTATION
from tandem.testing.facts.stage import Stage
from tandem.testing.facts.subject import column, create, relationship

_LOOKS = 60
_PAUSE = 2.0


def key(stage: Stage, value: str) -> str:
    """The address of a row by the key of the suite's table, which must have become active by then. Raises NotSeen."""
    path = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Keys?$select=EntityKeyIndexStatus"
    for _ in range(_LOOKS):
        (found,) = stage.get(path).rows
        if found["EntityKeyIndexStatus"] == "Active":
            return f"{stage.subject.entity_set}({stage.subject.text}='{value}')"
        time.sleep(_PAUSE)
    raise NotSeen(f"The key's index was not active after {_LOOKS * _PAUSE:.0f} seconds.")


def unique() -> str:
    """A key value nobody has."""
    return f"k-{uuid4().hex[:16]}"


@fact("5.4", "{0} addresses a row by its alternate key", need=Need.SCHEMA, each=[("GET",), ("PATCH",), ("DELETE",)])
def by_key(stage: Stage, method: str) -> None:
    """Quoted text."""
    value = unique()
    row = stage.row(text=value)
    address = key(stage, value)
    if method == "GET":
        same("the row", stage.get(f"{address}?$select={stage.subject.text}").expect(200).json[stage.subject.id], row)
    else:
        stage.send(method, address, {stage.subject.whole: 5} if method == "PATCH" else None).expect(204)
        stage.get(f"{stage.address(row)}?$select=createdon").expect(200 if method == "PATCH" else 404)


@fact("5.4", "a key with no row is 404 0x80060891", need=Need.SCHEMA)
def no_row(stage: Stage) -> None:
    """Another code than by GUID."""
    stage.get(f"{key(stage, unique())}?$select={stage.subject.text}").expect(404, "0x80060891")


@fact("5.4", "columns that form no key are refused with 0x80060890", need=Need.ROWS)
def no_key(stage: Stage) -> None:
    """400 family."""
    stage.get(f"{stage.subject.entity_set}({stage.subject.name}='x')?$select=createdon").refused(
        "0x80060890", "0x80060888"
    )


@fact("5.4", "the primary key may not be spelled out", need=Need.ROWS)
def spelled_out(stage: Stage) -> None:
    """`accounts(accountid=...)`."""
    row = stage.row()
    stage.get(f"{stage.subject.entity_set}({stage.subject.id}={row})?$select=createdon").refused()


@fact("5.4", "`@odata.bind` takes a key", need=Need.SCHEMA)
def bound_by_key(stage: Stage) -> None:
    """Instead of a GUID."""
    subject, value = stage.subject, unique()
    parent = stage.row(text=value)
    bound = {subject.name: stage.mark, f"{subject.navigation}@odata.bind": f"/{key(stage, value)}"}
    child = stage.make(subject.entity_set, bound)
    row = stage.get(f"{stage.address(child)}?$select=_{subject.parent}_value").expect(200).json
    same("the parent", row[f"_{subject.parent}_value"], parent)


@fact("5.4", "a 204 after PATCH by key shows the key, not the GUID", need=Need.SCHEMA)
def key_shown(stage: Stage) -> None:
    """return=representation tells the GUID."""
    value = unique()
    stage.row(text=value)
    answer = stage.patch(key(stage, value), {stage.subject.whole: 5}).expect(204)
    true(f"{stage.subject.text}='{value}'" in answer.headers["odata-entityid"], "it shows something else")


@fact("5.5", "an upsert by key makes the row, with the key from the address", need=Need.SCHEMA)
def made_by_key(stage: Stage) -> None:
    """The body does not hold it."""
    subject, value = stage.subject, unique()
    path = f"{key(stage, value)}?$select={subject.text}"
    found = stage.patch(path, {subject.name: stage.mark}, prefer=REPRESENTATION).expect(201).json
    stage.taken_away(stage.address(found[subject.id]))
    same("the key column", found[subject.text], value)


@fact("5.5", "an upsert by key changes the row that is there", need=Need.SCHEMA)
def changed_by_key(stage: Stage) -> None:
    """200 with representation."""
    subject, value = stage.subject, unique()
    row = stage.row(text=value)
    path = f"{key(stage, value)}?$select={subject.whole}"
    found = stage.patch(path, {subject.whole: 7}, prefer=REPRESENTATION).expect(200).json
    same("the row", (found[subject.id], found[subject.whole]), (row, 7))


@fact("5.5", "key columns in the body are ignored where the row exists", need=Need.SCHEMA)
def key_ignored(stage: Stage) -> None:
    """The key stays."""
    subject, value = stage.subject, unique()
    row = stage.row(text=value)
    stage.patch(key(stage, value), {subject.text: unique(), subject.whole: 7}).expect(204)
    found = stage.get(f"{stage.address(row)}?$select={subject.text}").expect(200).json
    same("the key column", found[subject.text], value)


@fact("5.5", "If-Match: * on a key with no row makes nothing", need=Need.SCHEMA)
def not_made(stage: Stage) -> None:
    """404."""
    stage.patch(key(stage, unique()), {stage.subject.name: stage.mark}, if_match="*").expect(404)


@fact("5.5", "If-None-Match: * on a key with a row is 412", need=Need.SCHEMA)
def not_changed(stage: Stage) -> None:
    """Create only."""
    value = unique()
    stage.row(text=value)
    stage.patch(key(stage, value), {stage.subject.whole: 7}, if_none_match="*").expect(412)


@fact("5.5", "a key value in the body wins over the address where the row is new", need=Need.SCHEMA)
def body_wins(stage: Stage) -> None:
    """Of two."""
    subject, value = stage.subject, unique()
    path = f"{key(stage, unique())}?$select={subject.text}"
    found = stage.patch(path, {subject.name: stage.mark, subject.text: value}, prefer=REPRESENTATION).expect(201).json
    stage.taken_away(stage.address(found[subject.id]))
    same("the key column", found[subject.text], value)


@fact("5.4", "a lookup is set by PUT of `$ref` to a key", need=Need.SCHEMA)
def reference_by_key(stage: Stage) -> None:
    """`@odata.id` takes one too."""
    subject, value, row = stage.subject, unique(), stage.row()
    parent = stage.row(text=value)
    content = {"@odata.id": f"{stage.client.api}/{key(stage, value)}"}
    stage.send("PUT", f"{stage.address(row)}/{subject.navigation}/$ref", content).expect(204)
    found = stage.get(f"{stage.address(row)}?$select=_{subject.parent}_value").expect(200).json
    same("the parent", found[f"_{subject.parent}_value"], parent)


@fact("5.9", "a delete that a Restrict relation blocks is 405 0x80040227", need=Need.SCHEMA)
def restricted(stage: Stage) -> None:
    """By the documented mapping."""
    subject = stage.subject
    lookup = column("Lookup", "new_KeeperId")
    blocking = {
        **relationship(subject),
        "SchemaName": f"{subject.table}_keeper",
        "Lookup": lookup,
        "CascadeConfiguration": {
            "Delete": "Restrict",
            "Assign": "NoCascade",
            "Merge": "NoCascade",
            "Reparent": "NoCascade",
            "Share": "NoCascade",
            "Unshare": "NoCascade",
        },
    }
    create(stage.client, "RelationshipDefinitions", blocking)
    stage.taken_away(f"RelationshipDefinitions(SchemaName='{subject.table}_keeper')")
    keeper = stage.row()
    stage.make(subject.entity_set, {subject.name: stage.mark, "new_KeeperId@odata.bind": f"/{stage.address(keeper)}"})
    stage.delete(stage.address(keeper)).expect(405, "0x80040227")
