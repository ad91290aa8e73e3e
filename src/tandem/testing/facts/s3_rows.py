"""What a row, a property and a function look like when they are read (reference 3.1, 3.6, 3.7)."""

import re

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.s0_http import EVERYTHING
from tandem.testing.facts.stage import Stage

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
MISSING = "00000000-0000-4000-8000-00000000dead"


@fact(
    "3.1",
    "the option `{0}` is refused, not passed over",
    each=[
        ("$skip=1",),
        ("$search=ann",),
        ("$format=json",),
    ],
)
def options_refused(stage: Stage, option: str) -> None:
    """An error, not silence."""
    stage.get(f"systemusers?$select=fullname&{option}").refused()


@fact("3.1", "the primary key comes whether it is selected or not")
def key_always(stage: Stage) -> None:
    """On each row of a collection."""
    true(all("systemuserid" in row for row in stage.get("systemusers?$select=fullname&$top=2").rows), "no systemuserid")


@fact("3.1", "each row of a collection carries its `@odata.etag`")
def etags(stage: Stage) -> None:
    """`W/"n"`."""
    rows = stage.get("systemusers?$select=fullname&$top=2").rows
    true(all(re.fullmatch(r'W/"\d+"', row["@odata.etag"]) for row in rows), "an ETag of another form")


@fact("3.1", "the context of a collection names the set and the selected columns")
def collection_context(stage: Stage) -> None:
    """`$metadata#systemusers(fullname)`."""
    found = stage.get("systemusers?$select=fullname,createdon&$top=1").expect(200).json["@odata.context"]
    same("@odata.context", found, f"{stage.client.api}/$metadata#systemusers(fullname,createdon)")


@fact("3.1", "the context of one row ends with `/$entity`")
def row_context(stage: Stage) -> None:
    """`$metadata#systemusers(fullname)/$entity`."""
    found = stage.get(f"systemusers({stage.user})?$select=fullname").expect(200).json["@odata.context"]
    same("@odata.context", found, f"{stage.client.api}/$metadata#systemusers(fullname)/$entity")


@fact("3.1", "without `$select` every readable column comes")
def all_columns(stage: Stage) -> None:
    """Hundreds."""
    row = stage.get(f"systemusers({stage.user})").expect(200).json
    true({"fullname", "createdon", "isdisabled", "_businessunitid_value"} <= set(row), "columns are missing")


@fact("3.1", "a selected empty column is null", need=Need.ROWS)
def empty_column(stage: Stage) -> None:
    """Not left out."""
    row = stage.get(f"{stage.address(stage.row())}?$select={stage.subject.text}").expect(200).json
    true(stage.subject.text in row and row[stage.subject.text] is None, "the column is left out")


@fact("3.1", "selecting money adds `_transactioncurrencyid_value`", need=Need.ROWS)
def money_adds_currency(stage: Stage) -> None:
    """Money means nothing without."""
    row = stage.get(f"{stage.address(stage.row(money=5))}?$select={stage.subject.money}").expect(200).json
    true("_transactioncurrencyid_value" in row, "no _transactioncurrencyid_value")


@fact("3.1", "an annotated lookup tells its `{0}`", each=[(FORMATTED,), (LOOKUP,), (NAVIGATION,)])
def lookup_annotations(stage: Stage, name: str) -> None:
    """Label, table and navigation property."""
    path = f"systemusers({stage.user})?$select=_businessunitid_value"
    row = stage.get(path, prefer=EVERYTHING).expect(200).json
    true(row.get(f"_businessunitid_value@{name}"), f"no {name}")


@fact("3.1", "an owner's annotation tells whether it is a user or a team", need=Need.ROWS)
def owner_annotation(stage: Stage) -> None:
    """The only place that does."""
    path = f"{stage.address(stage.row())}?$select=_ownerid_value"
    same("the table", stage.get(path, prefer=EVERYTHING).expect(200).json[f"_ownerid_value@{LOOKUP}"], "systemuser")


@fact(
    "3.1",
    "a customer's annotations tell that it is {0}, and the navigation to it",
    need=Need.SALES,
    each=[
        ("an account", "account", "accounts", "name"),
        ("a contact", "contact", "contacts", "lastname"),
    ],
)
def customer_annotations(stage: Stage, _told: str, table: str, entity_set: str, name: str) -> None:
    """One column, two tables."""
    bound = f"/{entity_set}({stage.make(entity_set, {name: stage.mark})})"
    contact = stage.make("contacts", {"lastname": stage.mark, f"parentcustomerid_{table}@odata.bind": bound})
    path = f"contacts({contact})?$select=_parentcustomerid_value"
    row, column = stage.get(path, prefer=EVERYTHING).expect(200).json, "_parentcustomerid_value"
    same("the table", row[f"{column}@{LOOKUP}"], table)
    same("the navigation", row[f"{column}@{NAVIGATION}"], f"parentcustomerid_{table}")
    same("the label", row[f"{column}@{FORMATTED}"], stage.mark)


@fact(
    "3.1",
    "{0} has a formatted value",
    each=[
        ("a choice", "accessmode"),
        ("yes or no", "isdisabled"),
        ("a moment", "createdon"),
        ("versionnumber", "versionnumber"),
    ],
)
def formatted(stage: Stage, _told: str, column: str) -> None:
    """For people."""
    row = stage.get(f"systemusers({stage.user})?$select={column}", prefer=EVERYTHING).expect(200).json
    true(isinstance(row.get(f"{column}@{FORMATTED}"), str), "no formatted value")


@fact("3.1", "a text has no formatted value", mark=Mark.INFERRED)
def unformatted(stage: Stage) -> None:
    """It is one."""
    row = stage.get(f"systemusers({stage.user})?$select=fullname", prefer=EVERYTHING).expect(200).json
    true(f"fullname@{FORMATTED}" not in row, "it has one")


@fact("3.1", "no annotation comes unasked")
def no_annotations(stage: Stage) -> None:
    """Only with Prefer."""
    row = stage.get(f"systemusers({stage.user})?$select=_businessunitid_value,isdisabled").expect(200).json
    same("annotations", [name for name in row if "@" in name and not name.startswith("@odata")], [])


@fact("3.1", "only the annotations asked for come")
def one_annotation(stage: Stage) -> None:
    """One kind."""
    prefer = f'odata.include-annotations="{LOOKUP}"'
    row = stage.get(f"systemusers({stage.user})?$select=_businessunitid_value", prefer=prefer).expect(200).json
    same(
        "annotations",
        [name for name in row if name.startswith("_") and "@" in name],
        [f"_businessunitid_value@{LOOKUP}"],
    )


@fact(
    "3.1",
    "`{0}` cannot be selected: 400 0x80060888",
    each=[
        ("firstnme",),
        ("parentsystemuseridname",),
    ],
)
def unknown_column(stage: Stage, column: str) -> None:
    """Unknown columns and shadows give one error."""
    stage.get(f"systemusers?$select={column}&$top=1").expect(400, "0x80060888")


@fact("3.1", "a navigation property cannot be selected", mark=Mark.UNCONFIRMED)
def navigation_selected(stage: Stage) -> str:
    """`$select=ownerid` is an error; its code is not printed."""
    return stage.get("accounts?$select=ownerid&$top=1").refused()


@fact("3.1", "the refusal of an unknown column names it and the type")
def unknown_column_text(stage: Stage) -> None:
    """As far as it is English."""
    text = stage.get("contacts?$select=firstnme&$top=1").expect(400).error["message"]
    true("firstnme" in text and "Microsoft.Dynamics.CRM.contact" in text, f"the message is {text!r}")


@fact("3.1", "an unknown set is 404 0x8006088a")
def unknown_set(stage: Stage) -> None:
    """`ontacts`."""
    stage.get("ontacts?$select=fullname").expect(404, "0x8006088a")


@fact("3.1", "a missing row is 404 0x80040217")
def missing_row(stage: Stage) -> None:
    """Does Not Exist."""
    stage.get(f"contacts({MISSING})?$select=lastname").expect(404, "0x80040217")


@fact("3.1", "one property is read as `value`")
def one_property(stage: Stage) -> None:
    """In an object of its own."""
    found = stage.get(f"systemusers({stage.user})/isdisabled").expect(200).json
    same("value", found["value"], False)


@fact("3.1", "one empty property is 204", need=Need.ROWS)
def empty_property(stage: Stage) -> None:
    """No body."""
    stage.get(f"{stage.address(stage.row())}/{stage.subject.text}").expect(204)


@fact("3.1", "`/$value` gives the raw text")
def raw_value(stage: Stage) -> None:
    """No JSON."""
    row = stage.get(f"systemusers({stage.user})?$select=fullname").expect(200).json
    same("the text", stage.get(f"systemusers({stage.user})/fullname/$value").expect(200).text, row["fullname"])


@fact("3.1", "`/$ref` of a collection gives addresses only", need=Need.ROWS)
def references(stage: Stage) -> None:
    """`@odata.id` each."""
    parent = stage.row()
    child = stage.row(parent=parent)
    (found,) = stage.get(f"{stage.address(parent)}/{stage.subject.children}/$ref").rows
    same("the reference", found, {"@odata.id": f"{stage.client.api}/{stage.address(child)}"})


@fact("3.1", "a single navigation property leads to the row", need=Need.ROWS)
def single_navigation(stage: Stage) -> None:
    """And to nothing where it is empty."""
    subject, parent = stage.subject, stage.row(text="parent")
    child = stage.row(parent=parent)
    found = stage.get(f"{stage.address(child)}/{subject.navigation}?$select={subject.text}").expect(200).json
    same("the parent", found[subject.text], "parent")


@fact("3.1", "an empty single navigation property is 204", mark=Mark.KNOWN, need=Need.ROWS)
def empty_navigation(stage: Stage) -> None:
    """No body."""
    stage.get(f"{stage.address(stage.row())}/{stage.subject.navigation}").expect(204)


@fact("3.1", "a collection navigation property lists the rows, with options of its own", need=Need.ROWS)
def collection_navigation(stage: Stage) -> None:
    """As any collection."""
    subject, parent = stage.subject, stage.row()
    for text in ("one", "two"):
        stage.row(text=text, parent=parent)
    path = f"{stage.address(parent)}/{subject.children}"
    rows = stage.get(f"{path}?$select={subject.text}&$filter={subject.text} eq 'two'").rows
    same("the children", [row[subject.text] for row in rows], ["two"])


@fact("3.6", "versionnumber equals the number of the ETag")
def version_is_etag(stage: Stage) -> None:
    """On standard tables."""
    row = stage.get(f"systemusers({stage.user})?$select=versionnumber").expect(200).json
    same("the ETag", row["@odata.etag"], f'W/"{row["versionnumber"]}"')


@fact("3.6", "versionnumber can be filtered and sorted by", mark=Mark.INFERRED, need=Need.ROWS)
def version_filtered(stage: Stage) -> None:
    """Unconfirmed as a supported pattern."""
    subject, older = stage.subject, stage.row()
    newer = stage.row()
    version = stage.get(f"{stage.address(older)}?$select=versionnumber").expect(200).json["versionnumber"]
    rows = stage.get(
        f"{subject.entity_set}?$select=versionnumber&$filter=versionnumber ge {version}&$orderby=versionnumber"
    ).rows
    found = [row[subject.id] for row in rows]
    true(older in found and newer in found and found.index(older) < found.index(newer), "not in this order")


@fact("3.6", "every write raises the version, over all tables: one growing sequence", need=Need.SALES)
def one_sequence(stage: Stage) -> None:
    """For the whole environment."""
    rows = (
        ("accounts", stage.make("accounts", {"name": stage.mark})),
        ("contacts", stage.make("contacts", {"lastname": stage.mark})),
        ("leads", stage.make("leads", {"lastname": stage.mark})),
    )
    found = [stage.get(f"{name}({row})?$select=versionnumber").expect(200).json["versionnumber"] for name, row in rows]
    true(found == sorted(found) and len(set(found)) == 3, f"the versions are {found}")


@fact("3.7", "a bound function needs its namespace")
def namespace_needed(stage: Stage) -> None:
    """Without it there is no such segment."""
    stage.get(f"systemusers({stage.user})/RetrieveUserPrivileges()").refused()


@fact("3.7", "an unbound function answers without the namespace, by GET")
def unbound_function(stage: Stage) -> None:
    """`{API}/<Name>`."""
    stage.get("RetrieveVersion()").expect(200)


@fact("3.7", "a function cannot be called by POST", mark=Mark.INFERRED)
def function_by_post(stage: Stage) -> str:
    """Functions are GET, actions POST."""
    return stage.post("RetrieveVersion()").refused()


@fact("3.7", "an action cannot be called by GET", mark=Mark.INFERRED)
def action_by_get(stage: Stage) -> str:
    """Functions are GET, actions POST."""
    return stage.get("Merge").refused()


@fact("3.1", "what selecting a column twice comes to", mark=Mark.UNCONFIRMED)
def selected_twice(stage: Stage) -> str:
    """Refused, or answered once."""
    answer = stage.get(f"systemusers({stage.user})?$select=fullname,fullname")
    return f"refused with {answer.refused()}" if answer.status >= 400 else "answered once"


@fact("3.1", "`/$count` of a collection navigation counts the rows", mark=Mark.KNOWN, need=Need.ROWS)
def collection_count(stage: Stage) -> None:
    """A plain number."""
    parent = stage.row()
    stage.row(parent=parent)
    same("the number", stage.get(f"{stage.address(parent)}/{stage.subject.children}/$count").text.lstrip("\ufeff"), "1")


@fact("3.6", "`createdon` and `modifiedon` of a new row are equal", mark=Mark.KNOWN, need=Need.ROWS)
def stamped(stage: Stage) -> None:
    """To the second."""
    row = stage.get(f"{stage.address(stage.row())}?$select=createdon,modifiedon").expect(200).json
    same("modifiedon", row["modifiedon"], row["createdon"])


@fact("3.1", "an unknown option that begins with `$` is refused", mark=Mark.KNOWN)
def unknown_option(stage: Stage) -> None:
    """An error, not silence."""
    stage.get("systemusers?$select=fullname&$nosuchoption=1").refused()
