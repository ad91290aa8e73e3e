"""Creating, changing and deleting one row, with and without a condition (reference 5.1, 5.2, 5.3, 5.9)."""

from uuid import uuid4

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.stage import Stage

REPRESENTATION = "return=representation"
STALE = 'W/"1"'
_CONDITIONS = (
    ("PATCH", None, None, True, 204, None),
    ("PATCH", None, None, False, 204, None),
    ("PATCH", "If-Match", "*", True, 204, None),
    ("PATCH", "If-Match", "*", False, 404, "0x80040217"),
    ("PATCH", "If-None-Match", "*", True, 412, "0x80040237"),
    ("PATCH", "If-None-Match", "*", False, 204, None),
    ("PATCH", "If-Match", "the row's ETag", True, 204, None),
    ("PATCH", "If-Match", "another ETag", True, 412, "0x80060882"),
    ("PATCH", "If-Match", "another ETag", False, 404, "0x80040217"),
    ("DELETE", "If-Match", "the row's ETag", True, 204, None),
    ("DELETE", "If-Match", "another ETag", True, 412, "0x80060882"),
    ("DELETE", "If-Match", "another ETag", False, 404, "0x80040217"),
    ("DELETE", "If-Match", "*", True, 204, None),
    ("GET", "If-None-Match", "the row's ETag", True, 304, None),
    ("GET", "If-None-Match", "another ETag", True, 200, None),
    ("GET", "If-None-Match", "another ETag", False, 404, "0x80040217"),
)


def etag(stage: Stage, row: str) -> str:
    """The row's ETag."""
    found = stage.get(f"{stage.address(row)}?$select={stage.subject.text}").expect(200).json["@odata.etag"]
    return str(found)


@fact("5.1", "a create answers 204 with the row's address in OData-EntityId, and no body", need=Need.ROWS)
def created(stage: Stage) -> None:
    """The id is in the header."""
    answer = stage.post(stage.subject.entity_set, {stage.subject.name: stage.mark}).expect(204)
    stage.taken_away(stage.address(answer.row_id))
    same("the body", answer.body, b"")
    same("OData-EntityId", answer.headers["odata-entityid"], f"{stage.client.api}/{stage.address(answer.row_id)}")


@fact("5.1", "with return=representation a create answers 201 with the row", need=Need.ROWS)
def created_represented(stage: Stage) -> None:
    """And says that it did."""
    subject, row = stage.subject, str(uuid4())
    stage.taken_away(stage.address(row))
    path = f"{subject.entity_set}?$select={subject.name},versionnumber"
    answer = stage.post(path, {subject.id: row, subject.name: stage.mark}, prefer=REPRESENTATION).expect(201)
    found = answer.json
    same("the row", (found[subject.id], found[subject.name]), (row, stage.mark))
    same("the ETag", found["@odata.etag"], f'W/"{found["versionnumber"]}"')
    true(REPRESENTATION in answer.headers.get("preference-applied", ""), "Preference-Applied does not name it")


@fact("5.1", "with return=representation a create has no OData-EntityId", need=Need.ROWS)
def no_entity_id(stage: Stage) -> None:
    """The id is in the body."""
    subject, row = stage.subject, str(uuid4())
    stage.taken_away(stage.address(row))
    answer = stage.post(subject.entity_set, {subject.id: row, subject.name: stage.mark}, prefer=REPRESENTATION)
    true("odata-entityid" not in answer.expect(201).headers, "there is one")


@fact("5.1", "a row may be given its own GUID", need=Need.ROWS)
def own_guid(stage: Stage) -> None:
    """In the body."""
    row = str(uuid4())
    stage.taken_away(stage.address(row))
    content = {stage.subject.id: row, stage.subject.name: stage.mark}
    same("the id", stage.post(stage.subject.entity_set, content).expect(204).row_id, row)


@fact("5.1", "a create with a GUID that exists is 412 0x80040237", need=Need.ROWS)
def guid_taken(stage: Stage) -> None:
    """A create repeated after a lost reply does no harm."""
    row = stage.row()
    content = {stage.subject.id: row, stage.subject.name: stage.mark}
    stage.post(stage.subject.entity_set, content).expect(412, "0x80040237")


@fact("5.1", "a nested object creates a related row", need=Need.ROWS)
def deep_insert(stage: Stage) -> None:
    """In the same transaction."""
    subject = stage.subject
    content = {subject.name: stage.mark, subject.navigation: {subject.name: stage.mark, subject.text: "parent"}}
    child = stage.post(subject.entity_set, content).expect(204).row_id
    stage.taken_away(stage.address(child))
    parent = stage.get(f"{stage.address(child)}/{subject.navigation}?$select={subject.text}").expect(200).json
    stage.taken_away(stage.address(parent[subject.id]))
    same("the parent", parent[subject.text], "parent")


@fact("5.1", "a nested array creates related rows", need=Need.ROWS)
def deep_insert_many(stage: Stage) -> None:
    """Under a collection's name."""
    subject = stage.subject
    children = [{subject.name: stage.mark, subject.text: text} for text in ("one", "two")]
    parent = stage.post(subject.entity_set, {subject.name: stage.mark, subject.children: children}).expect(204).row_id
    stage.taken_away(stage.address(parent))
    rows = stage.get(f"{stage.address(parent)}/{subject.children}?$select={subject.text}").rows
    for row in rows:
        stage.taken_away(stage.address(row[subject.id]))
    same("the children", sorted(row[subject.text] for row in rows), ["one", "two"])


@fact("5.1", "a nested row that is refused takes the outer one with it", mark=Mark.INFERRED, need=Need.ROWS)
def deep_insert_refused(stage: Stage) -> None:
    """One transaction."""
    subject, row = stage.subject, str(uuid4())
    stage.taken_away(stage.address(row))
    nested = {subject.name: stage.mark, subject.text: "x" * (subject.length + 1)}
    content = {subject.id: row, subject.name: stage.mark, subject.navigation: nested}
    stage.post(subject.entity_set, content).refused("0x80044331")
    stage.get(f"{stage.address(row)}?$select={subject.text}").expect(404)


@fact("5.1", "an existing row joins a collection by `@odata.bind` with an array", need=Need.ROWS)
def bound_collection(stage: Stage) -> None:
    """Of addresses."""
    subject, child = stage.subject, stage.row()
    bound = {f"{subject.children}@odata.bind": [f"/{stage.address(child)}"]}
    parent = stage.make(subject.entity_set, {subject.name: stage.mark, **bound})
    row = stage.get(f"{stage.address(child)}?$select=_{subject.parent}_value").expect(200).json
    same("the parent", row[f"_{subject.parent}_value"], parent)


@fact("5.2", "an update answers 204 and leaves other columns alone", need=Need.ROWS)
def updated(stage: Stage) -> None:
    """Send only what changed."""
    subject, row = stage.subject, stage.row(text="kept", whole=1)
    stage.patch(stage.address(row), {subject.whole: 2}, if_match="*").expect(204)
    found = stage.get(f"{stage.address(row)}?$select={subject.text},{subject.whole}").expect(200).json
    same("the values", (found[subject.text], found[subject.whole]), ("kept", 2))


@fact("5.2", "an update's 204 carries OData-EntityId", need=Need.ROWS)
def update_address(stage: Stage) -> None:
    """Of the row."""
    row = stage.row()
    same("the row", stage.patch(stage.address(row), {stage.subject.text: "x"}, if_match="*").expect(204).row_id, row)


@fact("5.2", "with return=representation an update answers 200 with the row as it is now", need=Need.ROWS)
def update_represented(stage: Stage) -> None:
    """`$select` says which columns."""
    subject, row = stage.subject, stage.row()
    path = f"{stage.address(row)}?$select={subject.text}"
    found = stage.patch(path, {subject.text: "new"}, if_match="*", prefer=REPRESENTATION).expect(200).json
    same("the value", found[subject.text], "new")


@fact("5.2", "PATCH without If-Match makes the row that is missing", need=Need.ROWS)
def upserted(stage: Stage) -> None:
    """A deleted row comes back as a stub."""
    subject, row = stage.subject, str(uuid4())
    stage.taken_away(stage.address(row))
    stage.patch(stage.address(row), {subject.name: stage.mark}).expect(204)
    stage.get(f"{stage.address(row)}?$select={subject.name}").expect(200)


@fact("5.2", "null empties a column", need=Need.ROWS)
def emptied(stage: Stage) -> None:
    """204 as any value."""
    row = stage.row(text="x")
    stage.patch(stage.address(row), {stage.subject.text: None}, if_match="*").expect(204)
    stage.get(f"{stage.address(row)}/{stage.subject.text}").expect(204)


@fact("5.2", "an empty text is stored as null", mark=Mark.KNOWN, need=Need.ROWS)
def empty_text(stage: Stage) -> None:
    """Normalise before comparing."""
    row = stage.row(text="x")
    stage.patch(stage.address(row), {stage.subject.text: ""}, if_match="*").expect(204)
    found = stage.get(f"{stage.address(row)}?$select={stage.subject.text}").expect(200).json
    same("the text", found[stage.subject.text], None)


@fact("5.2", "whether blanks around a text are kept", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def blanks(stage: Stage) -> str:
    """No trim is documented."""
    row = stage.row(text=" x ")
    found = stage.get(f"{stage.address(row)}?$select={stage.subject.text}").expect(200).json[stage.subject.text]
    true(found.strip() == "x", f"found {found!r}")
    return f"stored as {found!r}"


@fact("5.2", "PUT of one property sets it", need=Need.ROWS)
def put_property(stage: Stage) -> None:
    """`{"value": ...}`."""
    row = stage.row()
    address = f"{stage.address(row)}/{stage.subject.text}"
    stage.send("PUT", address, {"value": "x"}).expect(204)
    same("the value", stage.get(address).expect(200).json["value"], "x")


@fact("5.2", "DELETE of one property empties it, and leaves the row", need=Need.ROWS)
def delete_property(stage: Stage) -> None:
    """Mind the difference."""
    row = stage.row(text="x")
    address = f"{stage.address(row)}/{stage.subject.text}"
    stage.delete(address).expect(204)
    stage.get(address).expect(204)


@fact("5.2", "every update raises the version", mark=Mark.KNOWN, need=Need.ROWS)
def version_raised(stage: Stage) -> None:
    """Also one with the same value."""
    row = stage.row(text="x")
    before = etag(stage, row)
    stage.patch(stage.address(row), {stage.subject.text: "x"}, if_match="*").expect(204)
    true(etag(stage, row) != before, "the ETag is the same")


@fact(
    "5.3",
    "{0} with {1}: {2}, row {3}: {4}",
    need=Need.ROWS,
    each=[
        (
            method,
            header or "no condition",
            value or "-",
            "there" if there else "missing",
            status,
            code,
            header,
            value,
            there,
        )
        for method, header, value, there, status, code in _CONDITIONS
    ],
)
def conditions(
    stage: Stage,
    method: str,
    _told: str,
    _value: str,
    _row: str,
    status: int,
    code: str | None,
    header: str | None,
    value: str | None,
    there: bool,
) -> None:
    """The table of conditional headers."""
    subject = stage.subject
    row = stage.row() if there else str(uuid4())
    stage.taken_away(stage.address(row))
    values = {"the row's ETag": lambda: etag(stage, row), "another ETag": lambda: STALE}
    told = {header: values[value]() if value in values else value} if header and value else {}
    content = {subject.name: stage.mark} if method == "PATCH" else None
    path = stage.address(row) if method != "GET" else f"{stage.address(row)}?$select={subject.text}"
    stage.client.send(method, path, content, headers=told).expect(status, code)


@fact("5.3", "a 304 has no body", need=Need.ROWS)
def not_modified(stage: Stage) -> None:
    """Nothing changed."""
    row = stage.row()
    headers = {"If-None-Match": etag(stage, row)}
    answer = stage.client.send("GET", f"{stage.address(row)}?$select={stage.subject.text}", headers=headers)
    same("the body", answer.expect(304).body, b"")


@fact("5.3", "a conditional GET is not obeyed where annotations are asked for", need=Need.ROWS)
def annotated_condition(stage: Stage) -> None:
    """The row comes."""
    row = stage.row()
    headers = {"If-None-Match": etag(stage, row), "Prefer": 'odata.include-annotations="*"'}
    stage.client.send("GET", f"{stage.address(row)}?$select={stage.subject.text}", headers=headers).expect(200)


@fact("5.3", "a refused condition changes nothing", mark=Mark.INFERRED, need=Need.ROWS)
def refused_condition(stage: Stage) -> None:
    """412 is before the write."""
    row = stage.row(text="kept")
    stage.patch(stage.address(row), {stage.subject.text: "x"}, if_match=STALE).expect(412)
    same("the value", stage.get(f"{stage.address(row)}/{stage.subject.text}").expect(200).json["value"], "kept")


@fact("5.3", "return=representation of an upsert tells 201 created from 200 updated", need=Need.ROWS)
def upsert_told(stage: Stage) -> None:
    """A plain 204 does not."""
    subject, row = stage.subject, str(uuid4())
    address = stage.taken_away(stage.address(row))
    for status in (201, 200):
        stage.patch(address, {subject.name: stage.mark}, prefer=REPRESENTATION).expect(status)


@fact("5.9", "a delete is 204, and the second one 404 0x80040217", need=Need.ROWS)
def deleted(stage: Stage) -> None:
    """Gone is gone."""
    row = stage.row()
    stage.delete(stage.address(row)).expect(204)
    stage.delete(stage.address(row)).expect(404, "0x80040217")


@fact(
    "5.1",
    "what a computed column in a body comes to: `{0}`",
    mark=Mark.UNCONFIRMED,
    need=Need.SALES,
    each=[
        ("fullname", "x"),
        ("versionnumber", 1),
        ("merged", True),
    ],
)
def computed(stage: Stage, column: str, value: object) -> str:
    """An error, or ignored."""
    answer = stage.post("contacts", {"lastname": stage.mark, column: value})
    if answer.status >= 400:
        return f"refused with {answer.refused()}"
    stage.taken_away(f"contacts({answer.row_id})")
    found = stage.get(f"contacts({answer.row_id})?$select={column}").expect(200).json[column]
    true(found != value, "it is set")
    return "ignored"


@fact("5.1", "state and status may be given at creation", need=Need.ROWS)
def created_inactive(stage: Stage) -> None:
    """For ordinary tables."""
    subject = stage.subject
    row = stage.make(subject.entity_set, {subject.name: stage.mark, "statecode": 1, "statuscode": 2})
    same("statecode", stage.get(f"{stage.address(row)}?$select=statecode").expect(200).json["statecode"], 1)


@fact("5.2", "`$expand` is ignored in the representation of an update", need=Need.ROWS)
def expand_ignored(stage: Stage) -> None:
    """The row alone."""
    subject, row = stage.subject, stage.row()
    path = f"{stage.address(row)}?$select={subject.text}&$expand={subject.navigation}($select={subject.text})"
    found = stage.patch(path, {subject.whole: 1}, if_match="*", prefer=REPRESENTATION).expect(200).json
    true(subject.navigation not in found, "it is expanded")


@fact("5.3", "a conditional GET is not obeyed with `$expand`", need=Need.ROWS)
def expanded_condition(stage: Stage) -> None:
    """The row comes."""
    subject, row = stage.subject, stage.row()
    path = f"{stage.address(row)}?$select={subject.text}&$expand={subject.navigation}($select={subject.text})"
    stage.client.send("GET", path, headers={"If-None-Match": etag(stage, row)}).expect(200)
