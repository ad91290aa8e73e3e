"""FetchXML and its pages (reference 3.8)."""

import re
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, quoteattr

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s0_http import EVERYTHING
from tandem.testing.facts.s3_filters import family
from tandem.testing.facts.s3_rows import MISSING
from tandem.testing.facts.stage import Stage

COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "@Microsoft.Dynamics.CRM.morerecords"


def fetch(stage: Stage, conditions: str = "", inner: str = "", **attributes: str) -> Answer:
    """The answer to a query for this run's rows in the subject; `{text}` and the like are its columns."""
    subject = stage.subject
    names = {name: getattr(subject, name) for name in subject.__slots__}
    told = "".join(f" {name.replace('_', '-')}={quoteattr(value)}" for name, value in attributes.items())
    body = inner or "<attribute name='{text}'/><attribute name='{whole}'/><order attribute='{whole}'/>"
    xml = (
        f"<fetch{told}><entity name='{subject.table}'>{body.format(**names)}<filter>"
        f"<condition attribute='{subject.name}' operator='like' value='{escape(stage.mark)}%'/>"
        f"{conditions.format(**names)}</filter></entity></fetch>"
    )
    return stage.get(f"{subject.entity_set}?fetchXml={quote(xml)}", prefer=EVERYTHING)


def texts(stage: Stage, answer: Answer) -> list[Any]:
    """The texts of the rows found."""
    return [row.get(stage.subject.text) for row in answer.rows]


@fact("3.8", "`fetchXml` is an option without `$`")
def fetched(stage: Stage) -> None:
    """Of the set of its root."""
    xml = "<fetch count='1'><entity name='systemuser'><attribute name='fullname'/></entity></fetch>"
    same("rows", len(stage.get(f"systemusers?fetchXml={quote(xml)}").rows), 1)


@fact("3.8", "the set must be that of the root entity")
def other_set(stage: Stage) -> None:
    """Refused."""
    xml = "<fetch count='1'><entity name='systemuser'><attribute name='fullname'/></entity></fetch>"
    stage.get(f"accounts?fetchXml={quote(xml)}").refused()


@fact("3.8", "empty columns are left out", need=Need.ROWS)
def nulls_left_out(stage: Stage) -> None:
    """Not null as elsewhere."""
    family(stage)
    rows = fetch(stage).rows
    same("the first row has the text", stage.subject.text in rows[0], False)


@fact("3.8", "a full page tells `morerecords` and a paging cookie", need=Need.ROWS)
def more_records(stage: Stage) -> None:
    """With annotations."""
    family(stage)
    found = fetch(stage, count="2", page="1").expect(200).json
    same("morerecords", found[MORE], True)
    true(re.search(r'pagingcookie="', found[COOKIE]), f"the cookie is {found.get(COOKIE)!r}")


@fact("3.8", "there is no `@odata.nextLink`", need=Need.ROWS)
def no_next_link(stage: Stage) -> None:
    """The cookie takes its place."""
    family(stage)
    true("@odata.nextLink" not in fetch(stage, count="2").expect(200).json, "there is one")


@fact("3.8", "the cookie's `pagingcookie`, decoded twice, leads to the next page", need=Need.ROWS)
def next_page(stage: Stage) -> None:
    """As `paging-cookie` of the fetch."""
    family(stage)
    first = fetch(stage, count="2", page="1")
    found = re.search(r'pagingcookie="([^"]*)"', first.json[COOKIE])
    true(found, "no pagingcookie")
    cookie = unquote(unquote(found[1])) if found else ""
    second = fetch(stage, count="2", page="2", paging_cookie=cookie)
    same("the texts", texts(stage, first) + texts(stage, second), [None, "a-1", "B_2"])


@fact("3.8", "the last page tells `morerecords` false, or nothing", need=Need.ROWS)
def last_page(stage: Stage) -> None:
    """No more."""
    family(stage)
    true(not fetch(stage, count="5").expect(200).json.get(MORE), "there are more")


@fact("3.8", "an unknown column is 0x80041103", need=Need.ROWS)
def unknown_column(stage: Stage) -> None:
    """Another code than for `$select`."""
    fetch(stage, inner="<attribute name='nosuchcolumn'/>").refused("0x80041103")


@fact(
    "3.8",
    "the operator `{0}`",
    mark=Mark.KNOWN,
    need=Need.ROWS,
    each=[
        ("eq", "<condition attribute='{text}' operator='eq' value='a-1'/>", ["a-1"]),
        (
            "ne",
            "<condition attribute='{whole}' operator='ne' value='1'/>"
            "<condition attribute='{whole}' operator='not-null'/>",
            ["B_2"],
        ),
        ("gt", "<condition attribute='{whole}' operator='gt' value='1'/>", ["B_2"]),
        ("like", "<condition attribute='{text}' operator='like' value='b%'/>", ["B_2"]),
        (
            "in",
            "<condition attribute='{whole}' operator='in'><value>1</value><value>2</value></condition>",
            ["a-1", "B_2"],
        ),
        (
            "between",
            "<condition attribute='{whole}' operator='between'><value>2</value><value>9</value></condition>",
            ["B_2"],
        ),
        ("null", "<condition attribute='{text}' operator='null'/>", [None]),
        ("not-null", "<condition attribute='{text}' operator='not-null'/>", ["a-1", "B_2"]),
        ("last-x-hours", "<condition attribute='createdon' operator='last-x-hours' value='4'/>", [None, "a-1", "B_2"]),
        ("eq-userid", "<condition attribute='ownerid' operator='eq-userid'/>", [None, "a-1", "B_2"]),
    ],
)
def operators(stage: Stage, _name: str, condition: str, said: list[str | None]) -> None:
    """In a condition."""
    family(stage)
    same("the texts", texts(stage, fetch(stage, condition)), said)


@fact("3.8", "`top` caps the rows", mark=Mark.KNOWN, need=Need.ROWS)
def top(stage: Stage) -> None:
    """Instead of `count`."""
    family(stage)
    same("rows", len(fetch(stage, top="1").rows), 1)


@fact("3.8", "a linked entity's column comes under its alias", mark=Mark.KNOWN, need=Need.ROWS)
def linked(stage: Stage) -> None:
    """`alias.column`."""
    family(stage)
    inner = (
        "<attribute name='{text}'/><link-entity name='{table}' from='{id}' to='{parent}' alias='above'>"
        "<attribute name='{text}' alias='parents'/></link-entity>"
    )
    (row,) = fetch(stage, inner=inner).rows
    same("the child and its parent", (row[stage.subject.text], row["parents"]), ("B_2", "a-1"))


@fact("3.8", "`aggregate` counts", mark=Mark.KNOWN, need=Need.ROWS)
def aggregate(stage: Stage) -> None:
    """Under an alias."""
    family(stage)
    inner = "<attribute name='{id}' alias='n' aggregate='count'/>"
    (row,) = fetch(stage, inner=inner, aggregate="true").rows
    same("the count", row["n"], 3)


@fact("3.8", "a set answers a read-only SQL query", need=Need.ROWS)
def sql(stage: Stage) -> None:
    """`?sql=`."""
    family(stage)
    subject = stage.subject
    condition = f"{subject.whole} = 2 AND {subject.name} = '{stage.mark}'"
    query = f"SELECT TOP 10 {subject.text} FROM {subject.table} WHERE {condition}"  # noqa: S608
    same("the texts", texts(stage, stage.get(f"{subject.entity_set}?sql={quote(query)}")), ["B_2"])


@fact("3.8", "a saved view is run by `savedQuery`")
def saved_view(stage: Stage) -> None:
    """By the view's id."""
    views = stage.get("savedqueries?$select=savedqueryid&$filter=returnedtypecode eq 'account'&$top=1")
    if views.status != 200 or not views.rows:
        raise NotSeen("There is no saved view of account that the caller may read.")
    stage.get(f"accounts?savedQuery={views.rows[0]['savedqueryid']}").expect(200)


@fact("3.8", "a saved view that is not there is refused")
def no_saved_view(stage: Stage) -> None:
    """404 or 400."""
    stage.get(f"accounts?savedQuery={MISSING}").refused()


@fact(
    "3.8", "`?sql={0}` is refused", need=Need.DOOR, each=[("DELETE FROM account",), ("UPDATE account SET name = 'x'",)]
)
def sql_writes(stage: Stage, query: str) -> None:
    """A read-only subset; never tried on a real organisation."""
    stage.get(f"accounts?sql={quote(query)}").refused()


@fact("3.8", "damaged FetchXML is refused")
def damaged(stage: Stage) -> None:
    """No empty answer."""
    stage.get(f"systemusers?fetchXml={quote('<fetch><entity')}").refused()


@fact("3.8", "what `count` above 5,000 comes to", mark=Mark.UNCONFIRMED)
def large_count(stage: Stage) -> str:
    """At most 5,000."""
    xml = "<fetch count='6000'><entity name='systemuser'><attribute name='fullname'/></entity></fetch>"
    answer = stage.get(f"systemusers?fetchXml={quote(xml)}")
    return f"refused with {answer.refused()}" if answer.status >= 400 else "answered"
