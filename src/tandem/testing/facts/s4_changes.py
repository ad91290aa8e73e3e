"""Change tracking: positions, what changed, and what is gone (reference 4)."""

import re
from typing import Any
from uuid import uuid4

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s0_http import EVERYTHING
from tandem.testing.facts.s3_pages import walk
from tandem.testing.facts.stage import Stage

TRACK = "odata.track-changes"
_PAGE = 5_000
_EIGHT_DAYS = 8 * 86_400


def tracked(stage: Stage, columns: str = "") -> str:
    """The URL of a tracked reading of the subject; without columns its text."""
    return f"{stage.subject.entity_set}?$select={columns or stage.subject.text}"


def position(stage: Stage, columns: str = "") -> str:
    """The deltaLink of now, after a whole reading."""
    return str(first(stage, columns)[-1].json["@odata.deltaLink"])


def first(stage: Stage, columns: str = "") -> list[Answer]:
    """The pages of a first tracked reading. Raises NotSeen for a table too large for that."""
    return walk(stage, tracked(stage, columns), _PAGE, TRACK)


def changes(stage: Stage, link: str, size: int = _PAGE) -> list[dict[str, Any]]:
    """What changed since a deltaLink, of all pages."""
    return [row for page in walk(stage, link, size) for row in page.rows]


@fact(
    "4.1",
    "change tracking of {0} is on",
    mark=Mark.SHIPPED,
    each=[
        ("account",),
        ("contact",),
        ("lead",),
        ("opportunity",),
        ("systemuser",),
    ],
)
def switched_on(stage: Stage, table: str) -> None:
    """Usually."""
    found = stage.definition(table, "?$select=ChangeTrackingEnabled").json["ChangeTrackingEnabled"]
    same("ChangeTrackingEnabled", found, True)


@fact(
    "4.1",
    "whether change tracking of {0} is on",
    mark=Mark.UNCONFIRMED,
    each=[
        ("list",),
        ("listmember",),
        ("customeropportunityrole",),
    ],
)
def ships_on(stage: Stage, table: str) -> str:
    """Per environment."""
    return "on" if stage.definition(table, "?$select=ChangeTrackingEnabled").json["ChangeTrackingEnabled"] else "off"


@fact("4.1", "a table that is not tracked is refused with 0x80072491")
def not_tracked(stage: Stage) -> str:
    """Any such table."""
    query = "$select=EntitySetName,PrimaryIdAttribute&$filter=ChangeTrackingEnabled eq false and IsIntersect eq false"
    for table in stage.get(f"EntityDefinitions?{query}").rows:
        path = f"{table['EntitySetName']}?$select={table['PrimaryIdAttribute']}"
        if stage.get(f"{path}&$top=1").status == 200:
            return stage.get(path, prefer=TRACK).refused("0x80072491")
    raise NotSeen("Every readable table is tracked.")


@fact("4.1", "change tracking takes organisation-wide Read", need=Need.DOOR)
def global_read(stage: Stage) -> None:
    """Less is a privilege error."""
    stage.afterwards("prvReadLead", lambda: stage.door("privilege", privilege="prvReadLead", depth="Global"))
    stage.door("privilege", privilege="prvReadLead", depth="Deep")
    stage.get("leads?$select=lastname&$top=1").expect(200)
    stage.get("leads?$select=lastname", prefer=TRACK).refused("0x80040220")


@fact("4.2", "a tracked reading lists all rows, and its last page alone has a deltaLink", need=Need.ROWS)
def delta_link(stage: Stage) -> None:
    """Earlier pages have a nextLink."""
    rows = {stage.row(text=f"n{number}") for number in range(3)}
    size = 2 if stage.subject.table.startswith("new_") else _PAGE
    pages = walk(stage, tracked(stage), size, TRACK)
    true(rows <= {row[stage.subject.id] for page in pages for row in page.rows}, "rows are missing")
    found = ["@odata.deltaLink" in page.json for page in pages]
    same("pages with a deltaLink", found, [False] * (len(pages) - 1) + [True])


@fact("4.2", "the delta token is `<version>!<MM/dd/yyyy HH:mm:ss>`, percent-encoded in lower case", need=Need.ROWS)
def token_form(stage: Stage) -> None:
    """Opaque to clients."""
    link = position(stage)
    form = r"\$deltatoken=\d+%21\d\d%2f\d\d%2f\d{4}(%20|\+)\d\d%3a\d\d%3a\d\d$"
    true(re.search(form, link), f"the link is {link}")


@fact("4.2", "the deltaLink carries the `$select`", need=Need.ROWS)
def link_selects(stage: Stage) -> None:
    """Store the whole of it."""
    link = position(stage)
    true(f"select={stage.subject.text}" in link, f"the link is {link}")


@fact("4.2", "the first reading includes inactive rows", need=Need.ROWS)
def inactive_included(stage: Stage) -> None:
    """No filter is implied."""
    row = stage.row()
    stage.patch(stage.address(row), {"statecode": 1, "statuscode": 2}, if_match="*").expect(204)
    found = [each[stage.subject.id] for page in first(stage) for each in page.rows]
    true(row in found, "the inactive row is missing")


@fact("4.2", "what changes while pages are read is in the next delta", need=Need.SCHEMA)
def fixed_at_the_start(stage: Stage) -> None:
    """The position is the start's."""
    rows = [stage.row(text=f"n{number}") for number in range(3)]
    page = stage.get(tracked(stage), prefer=f"{TRACK},odata.maxpagesize=2").expect(200)
    read = page.rows[0][stage.subject.id]
    stage.patch(stage.address(read), {stage.subject.text: "later"}, if_match="*").expect(204)
    rest = walk(stage, page.json["@odata.nextLink"], 2)
    found = changes(stage, rest[-1].json["@odata.deltaLink"])
    true(read in rows and read in [row.get(stage.subject.id) for row in found], "the change is lost")


@fact("4.3", "a delta's context ends with `/$delta`", need=Need.ROWS)
def delta_context(stage: Stage) -> None:
    """`$metadata#accounts(name)/$delta`."""
    context = stage.get(position(stage)).expect(200).json["@odata.context"]
    true(context.endswith(f"#{tracked(stage).replace('?$select=', '(')})/$delta"), f"@odata.context is {context}")


@fact("4.3", "with nothing new a delta is empty, with a fresh deltaLink", need=Need.SCHEMA)
def nothing_new(stage: Stage) -> None:
    """Store that."""
    found = stage.get(position(stage)).expect(200).json
    same("rows", found["value"], [])
    true(found["@odata.deltaLink"], "no deltaLink")


@fact("4.3", "{0} is in the delta", need=Need.ROWS, each=[("a new row",), ("a changed row",)])
def in_the_delta(stage: Stage, what: str) -> None:
    """They look alike."""
    row = stage.row(text="before") if what == "a changed row" else None
    link = position(stage)
    if row is None:
        row = stage.row(text="after")
    else:
        stage.patch(stage.address(row), {stage.subject.text: "after"}, if_match="*").expect(204)
    texts = [each[stage.subject.text] for each in changes(stage, link) if each.get(stage.subject.id) == row]
    same("the row", texts, ["after"])


@fact("4.3", "a changed row carries every selected column", need=Need.ROWS)
def every_column(stage: Stage) -> None:
    """Not only the changed ones."""
    subject, row = stage.subject, stage.row(text="kept", whole=1)
    link = position(stage, f"{subject.text},{subject.whole}")
    stage.patch(stage.address(row), {subject.whole: 2}, if_match="*").expect(204)
    (found,) = [each for each in changes(stage, link) if each.get(subject.id) == row]
    same("the values", (found[subject.text], found[subject.whole]), ("kept", 2))


@fact("4.3", "a deleted row is `{{@odata.context, id, reason}}` and nothing else", need=Need.ROWS)
def deleted(stage: Stage) -> None:
    """`.../$deletedEntity`, a bare GUID, `deleted`."""
    row = stage.row()
    link = position(stage)
    stage.delete(stage.address(row)).expect(204)
    (found,) = [each for each in changes(stage, link) if each.get("id") == row]
    context = f"{stage.client.api}/$metadata#{stage.subject.entity_set}/$deletedEntity"
    same("the item", found, {"@odata.context": context, "id": row, "reason": "deleted"})


@fact("4.3", "changed rows come by version, then deletions", need=Need.ROWS)
def in_order(stage: Stage) -> None:
    """At the end."""
    gone, one, two = (stage.row() for _ in range(3))
    link = position(stage)
    stage.delete(stage.address(gone)).expect(204)
    for row in (two, one):
        stage.patch(stage.address(row), {stage.subject.whole: 1}, if_match="*").expect(204)
    found = [each.get("id") or each[stage.subject.id] for each in changes(stage, link)]
    same("the order", [row for row in found if row in (gone, one, two)], [two, one, gone])


@fact("4.3", "a row made and deleted in between comes as a deletion", need=Need.ROWS)
def never_seen(stage: Stage) -> None:
    """Of an id nobody saw."""
    link = position(stage)
    row = stage.row()
    stage.delete(stage.address(row)).expect(204)
    same("the deletions", [each["id"] for each in changes(stage, link) if each.get("id") == row], [row])


@fact("4.3", "a delta has pages, and its deltaLink is on the last", need=Need.ROWS)
def delta_pages(stage: Stage) -> None:
    """Deletions page too."""
    gone = stage.row()
    link = position(stage)
    rows = [stage.row() for _ in range(2)]
    stage.delete(stage.address(gone)).expect(204)
    pages = walk(stage, link, 1)
    found = [each.get("id") or each[stage.subject.id] for page in pages for each in page.rows]
    true({*rows, gone} <= set(found), "changes are missing")
    same("deltaLinks", ["@odata.deltaLink" in page.json for page in pages], [False] * (len(pages) - 1) + [True])


@fact("4.3", "an old deltaLink gives everything since then again", mark=Mark.OSS, need=Need.ROWS)
def replay(stage: Stage) -> None:
    """Crash recovery."""
    link = position(stage)
    row = stage.row()
    for _ in range(2):
        true(row in [each.get(stage.subject.id) for each in changes(stage, link)], "the row is missing")


@fact("4.3", "annotations may be asked for in a delta", need=Need.ROWS)
def annotated(stage: Stage) -> None:
    """As anywhere."""
    link = position(stage, "_ownerid_value")
    row = stage.row()
    rows = stage.get(link, prefer=EVERYTHING).rows
    (found,) = [each for each in rows if each.get(stage.subject.id) == row]
    same("the owner's table", found["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "systemuser")


@fact(
    "4.4",
    "`{0}` is refused while changes are tracked",
    each=[
        ("$filter", "fullname ne null"),
        ("$orderby", "fullname"),
        ("$expand", "businessunitid($select=name)"),
        ("$top", "1"),
    ],
)
def forbidden(stage: Stage, option: str, value: str) -> None:
    """400, and the message names it."""
    answer = stage.get(f"systemusers?$select=fullname&{option}={value}", prefer=TRACK)
    true(answer.refused().startswith("400"), f"refused with {answer.status}")
    true(option[1:] in answer.error["message"].lower(), f"the message is {answer.error['message']!r}")


@fact("4.4", "the code that refuses an option while changes are tracked", mark=Mark.UNCONFIRMED)
def forbidden_code(stage: Stage) -> str:
    """Probably 0x80060888."""
    return stage.get("systemusers?$select=fullname&$filter=fullname ne null", prefer=TRACK).refused()


@fact("4.4", "`/$count?$deltatoken=` tells the number of changes", need=Need.SCHEMA)
def counted(stage: Stage) -> None:
    """Deletions too."""
    gone = stage.row()
    token = position(stage).partition("$deltatoken=")[2]
    stage.row()
    stage.delete(stage.address(gone)).expect(204)
    answer = stage.get(f"{stage.subject.entity_set}/$count?$deltatoken={token}").expect(200)
    same("the number", answer.text.lstrip("\ufeff"), "2")


@fact("4.4", "whether a token may be put behind another `$select`", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def spliced(stage: Stage) -> str:
    """Tokens look independent of columns."""
    token = position(stage).partition("$deltatoken=")[2]
    stage.row(whole=7)
    answer = stage.get(f"{tracked(stage, stage.subject.whole)}&$deltatoken={token}")
    return f"refused with {answer.refused()}" if answer.status >= 400 else f"it may: {len(answer.rows)} rows"


@fact(
    "4.4",
    "`{0}` may be selected",
    need=Need.ROWS,
    each=[
        ("versionnumber",),
        ("modifiedon",),
        ("_modifiedby_value",),
        ("statecode",),
    ],
)
def selectable(stage: Stage, column: str) -> None:
    """Any column that can be read."""
    stage.get(tracked(stage, column), prefer=f"{TRACK},odata.maxpagesize=1").expect(200)


@fact(
    "4.5",
    "{0} is a change",
    need=Need.ROWS,
    each=[
        ("the caller's own write", {"text": "x"}),
        ("a write of a column that is not selected", {"flag": True}),
        ("the same value again", {"whole": 1}),
    ],
)
def is_change(stage: Stage, _told: str, values: dict[str, object]) -> None:
    """Whatever raises the version."""
    row = stage.row(whole=1)
    link = position(stage)
    stage.patch(stage.address(row), stage.subject.values(**values), if_match="*").expect(204)
    true(row in [each.get(stage.subject.id) for each in changes(stage, link)], "the row is missing")


@fact("4.5", "deactivating is a change, not a deletion", need=Need.ROWS)
def deactivated(stage: Stage) -> None:
    """`statecode` 1."""
    row = stage.row()
    link = position(stage, "statecode")
    stage.patch(stage.address(row), {"statecode": 1, "statuscode": 2}, if_match="*").expect(204)
    states = [each["statecode"] for each in changes(stage, link) if each.get(stage.subject.id) == row]
    same("its state", states, [1])


@fact("4.5", "renaming a row that is looked up changes only that row", need=Need.ROWS)
def label_only(stage: Stage) -> None:
    """A label elsewhere is no change."""
    parent = stage.row()
    child = stage.row(parent=parent)
    link = position(stage)
    stage.patch(stage.address(parent), {stage.subject.name: f"{stage.mark} renamed"}, if_match="*").expect(204)
    found = [each.get(stage.subject.id) for each in changes(stage, link)]
    same("parent and child", (parent in found, child in found), (True, False))


@fact("4.6", "the log of deletions is kept for 7 days", mark=Mark.SHIPPED)
def kept_days(stage: Stage) -> None:
    """Settable, 0 to 365."""
    row = stage.get("organizations?$select=expirechangetrackingindays").rows[0]
    same("expirechangetrackingindays", row["expirechangetrackingindays"], 7)


@fact("4.6", "what an expired deltaLink answers", mark=Mark.UNCONFIRMED, need=Need.DOOR)
def expired(stage: Stage) -> str:
    """Best candidate 0x80044352."""
    link = position(stage)
    stage.afterwards("the clock", lambda: stage.door("advance", seconds=-_EIGHT_DAYS))
    stage.door("advance", seconds=_EIGHT_DAYS)
    return stage.get(link).refused("0x80044352")


@fact("4.6", "what a damaged delta token answers", mark=Mark.UNCONFIRMED)
def damaged(stage: Stage) -> str:
    """Cursor lost, whatever it says."""
    return stage.get("systemusers?$select=fullname&$deltatoken=rubbish").refused()


@fact("4.6", "what a delta token of years ago answers", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def of_years_ago(stage: Stage) -> str:
    """The same as an expired one, if the token's own time is looked at."""
    token = "1%2101%2f01%2f2015%2000%3a00%3a00"
    answer = stage.get(f"{tracked(stage)}&$deltatoken={token}")
    return answer.refused() if answer.status >= 400 else f"{len(answer.rows)} rows"


@fact("4.6", "a row that is gone is 404 0x80040217 when it is read", need=Need.ROWS)
def verified(stage: Stage) -> None:
    """A full resync verifies each missing id so."""
    stage.get(f"{stage.address(str(uuid4()))}?$select={stage.subject.text}").expect(404, "0x80040217")
