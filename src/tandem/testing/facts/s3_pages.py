"""Order, counts, what is expanded, and pages (reference 3.3, 3.4, 3.5)."""

from typing import Any

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s0_http import EVERYTHING
from tandem.testing.facts.s3_filters import family
from tandem.testing.facts.stage import Stage

CAP = 5_000
MOST_PAGES = 20
_LARGE = ("contacts", "leads", "accounts")


def own(stage: Stage, options: str = "") -> str:
    """The URL of the rows of this run in the subject, with more options."""
    subject = stage.subject
    return f"{subject.entity_set}?$select={subject.whole}&$filter=startswith({subject.name},'{stage.mark}'){options}"


def large(stage: Stage) -> str:
    """A set of more rows than a page or a count holds. Raises NotSeen where the organisation has none."""
    for entity_set in _LARGE:
        if int(stage.get(f"{entity_set}/$count").expect(200).text.lstrip("\ufeff")) >= CAP:
            return entity_set
    raise NotSeen(f"No table of {', '.join(_LARGE)} has {CAP:,} rows.")


@fact(
    "3.3",
    "rows come in the order of `$orderby`, {0}",
    need=Need.ROWS,
    each=[
        ("ascending", "{0}", [1, 2]),
        ("descending", "{0} desc", [2, 1]),
        ("`asc` spelled out", "{0} asc", [1, 2]),
    ],
)
def ordered(stage: Stage, _told: str, order: str, values: list[int]) -> None:
    """Ascending unless told."""
    family(stage)
    column = stage.subject.whole
    rows = stage.get(own(stage, f"&$orderby={order.format(column)},{stage.subject.id}")).rows
    same("the values", [row[column] for row in rows if row[column] is not None], values)


@fact("3.3", "rows are sorted by several columns", need=Need.ROWS)
def ordered_by_two(stage: Stage) -> None:
    """The first counts most."""
    rows, subject = family(stage), stage.subject
    found = stage.get(own(stage, f"&$orderby={subject.flag},{subject.whole} desc,{subject.id}")).rows
    letters = {row_id: letter for letter, row_id in rows.items()}
    same("the order", "".join(letters[row[subject.id]] for row in found), "BCA")


@fact("3.3", "a choice is sorted by number or by label", mark=Mark.UNCONFIRMED, need=Need.SCHEMA)
def choices_sorted(stage: Stage) -> str:
    """One 1, Two 2, Three 3."""
    subject = stage.subject
    for value in (1, 2, 3):
        stage.row(choice=value, whole=value)
    values = [row[subject.whole] for row in stage.get(own(stage, f"&$orderby={subject.choice}")).rows]
    answers = {(1, 2, 3): "by number", (1, 3, 2): "by label"}
    true(tuple(values) in answers, f"in the order {values}")
    return answers[tuple(values)]


@fact("3.3", "`$top` caps the result", need=Need.ROWS)
def top(stage: Stage) -> None:
    """And gives no nextLink."""
    family(stage)
    found = stage.get(own(stage, "&$top=2")).expect(200).json
    same("rows, and a link", (len(found["value"]), "@odata.nextLink" in found), (2, False))


@fact("3.3", "`$top` is ignored where odata.maxpagesize is asked for", need=Need.ROWS)
def top_ignored(stage: Stage) -> None:
    """Never both."""
    family(stage)
    found = stage.get(own(stage, "&$top=1"), prefer="odata.maxpagesize=2").expect(200).json
    same("rows, and a link", (len(found["value"]), "@odata.nextLink" in found), (2, True))


@fact("3.3", "`$count=true` adds `@odata.count`", need=Need.ROWS)
def counted(stage: Stage) -> None:
    """Of all rows, not of the page."""
    family(stage)
    found = stage.get(own(stage, "&$count=true"), prefer="odata.maxpagesize=1").expect(200).json
    same("@odata.count", found["@odata.count"], 3)


@fact("3.3", "without `$count` totalrecordcount is -1")
def uncounted(stage: Stage) -> None:
    """Annotated all the same."""
    found = stage.get("organizations?$select=name", prefer=EVERYTHING).expect(200).json
    same("totalrecordcount", found["@Microsoft.Dynamics.CRM.totalrecordcount"], -1)
    same("its limit", found["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"], False)


@fact("3.3", "with `$count=true` totalrecordcount is the count")
def counted_twice(stage: Stage) -> None:
    """And tells whether it was cut."""
    found = stage.get("organizations?$select=name&$count=true", prefer=EVERYTHING).expect(200).json
    same("totalrecordcount", found["@Microsoft.Dynamics.CRM.totalrecordcount"], 1)


@fact("3.3", "`/$count` answers a plain number, with a filter too", need=Need.ROWS)
def count_path(stage: Stage) -> None:
    """text/plain."""
    family(stage)
    subject = stage.subject
    answer = stage.get(f"{subject.entity_set}/$count?$filter=startswith({subject.name},'{stage.mark}')").expect(200)
    true(answer.headers.get("content-type", "").startswith("text/plain"), "not text/plain")
    same("the number", answer.text.lstrip("\ufeff"), "3")


@fact("3.3", "`/$count` ends at 5,000")
def count_capped(stage: Stage) -> None:
    """And says nothing of it."""
    same("the number", stage.get(f"{large(stage)}/$count").expect(200).text.lstrip("\ufeff"), str(CAP))


@fact("3.3", "`@odata.count` ends at 5,000, and totalrecordcountlimitexceeded tells")
def counts_capped(stage: Stage) -> None:
    """Only annotated."""
    path = f"{large(stage)}?$select=createdon&$count=true"
    found = stage.get(path, prefer=f"odata.maxpagesize=1,{EVERYTHING}").expect(200).json
    names = ("@odata.count", "@Microsoft.Dynamics.CRM.totalrecordcount")
    same("the counts", [found[name] for name in names], [CAP, CAP])


@fact("3.3", "RetrieveTotalRecordCount gives a dictionary of counts")
def total_count(stage: Stage) -> None:
    """A snapshot up to a day old."""
    path = 'RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact"]'
    found = stage.get(path).expect(200).json["EntityRecordCountCollection"]
    same("keys", sorted(found["Keys"]), ["account", "contact"])
    same("members", (found["Count"], found["IsReadOnly"], len(found["Values"])), (2, False, 2))


@fact(
    "3.3",
    "`$apply` aggregates: {0}",
    need=Need.ROWS,
    each=[
        ("a count", "aggregate($count as n)", [{"n": 3}]),
        ("a sum", "aggregate({whole} with sum as n)", [{"n": 3}]),
        ("a maximum", "aggregate({whole} with max as n)", [{"n": 2}]),
        ("a minimum", "aggregate({whole} with min as n)", [{"n": 1}]),
    ],
)
def aggregated(stage: Stage, _told: str, apply: str, rows: list[dict[str, int]]) -> None:
    """Of what a filter leaves."""
    family(stage)
    subject = stage.subject
    told = apply.format(whole=subject.whole)
    found = stage.get(f"{subject.entity_set}?$apply=filter(startswith({subject.name},'{stage.mark}'))/{told}").rows
    same("the rows", [{name: row[name] for name in row if "@" not in name} for row in found], rows)


@fact("3.3", "`$apply` groups", need=Need.ROWS)
def grouped(stage: Stage) -> None:
    """By a column, each with its count."""
    family(stage)
    subject = stage.subject
    apply = f"filter(startswith({subject.name},'{stage.mark}'))/groupby(({subject.flag}),aggregate($count as n))"
    found = {row[subject.flag]: row["n"] for row in stage.get(f"{subject.entity_set}?$apply={apply}").rows}
    same("counts by group", found, {True: 1, False: 2})


def expanded(stage: Stage, expand: str) -> dict[str, dict[str, Any]]:
    """The three rows by their letters, with what is expanded; `{0}` is the parent, `{1}` the children."""
    rows, subject = family(stage), stage.subject
    told = expand.format(subject.navigation, subject.children, subject.text, subject.whole)
    found = {row[subject.id]: row for row in stage.get(own(stage, f"&$expand={told}")).rows}
    return {letter: found[row_id] for letter, row_id in rows.items()}


@fact("3.4", "a single navigation expands to an object, or to null", need=Need.ROWS)
def expanded_single(stage: Stage) -> None:
    """Selected as asked."""
    found = expanded(stage, "{0}($select={2})")
    name = stage.subject.navigation
    same("the parents", (found["B"][name][stage.subject.text], found["A"][name]), ("a-1", None))


@fact("3.4", "a collection expands to an array", need=Need.ROWS)
def expanded_collection(stage: Stage) -> None:
    """Empty where there is nothing."""
    found = expanded(stage, "{1}($select={2})")
    name, text = stage.subject.children, stage.subject.text
    same("the children", [[child[text] for child in found[letter][name]] for letter in "AB"], [["B_2"], []])


@fact("3.4", "several navigations expand with commas", need=Need.ROWS)
def expanded_both(stage: Stage) -> None:
    """One and many."""
    found = expanded(stage, "{0}($select={2}),{1}($select={2})")
    true(found["B"][stage.subject.navigation] and found["A"][stage.subject.children], "not both")


@fact(
    "3.4",
    "inner options separate with `;`: {0}",
    need=Need.ROWS,
    each=[
        ("$orderby", "$orderby={3} desc", 1),
        ("$top", "$top=1", 1),
    ],
)
def inner_options(stage: Stage, _told: str, option: str, number: int) -> None:
    """Of a collection."""
    found = expanded(stage, "{1}($select={2};" + option + ")")
    same("children", len(found["A"][stage.subject.children]), number)


@fact("3.4", "expansions nest", need=Need.ROWS)
def nested(stage: Stage) -> None:
    """The child's parent is the row itself."""
    found = expanded(stage, "{1}($select={2};$expand={0}($select={2}))")
    (child,) = found["A"][stage.subject.children]
    same("the child's parent", child[stage.subject.navigation][stage.subject.text], "a-1")


@fact("3.4", "an expanded row carries its `@odata.etag`", mark=Mark.KNOWN, need=Need.ROWS)
def expanded_etag(stage: Stage) -> None:
    """As any row."""
    found = expanded(stage, "{0}($select={2})")
    true("@odata.etag" in found["B"][stage.subject.navigation], "no @odata.etag")


@fact("3.4", "one row expands too", need=Need.ROWS)
def expanded_row(stage: Stage) -> None:
    """Not only collections."""
    rows, subject = family(stage), stage.subject
    path = f"{stage.address(rows['B'])}?$select={subject.text}&$expand={subject.navigation}($select={subject.text})"
    same("the parent", stage.get(path).expect(200).json[subject.navigation][subject.text], "a-1")


@fact("3.4", "an unknown navigation cannot be expanded")
def unknown_navigation(stage: Stage) -> None:
    """400."""
    stage.get("accounts?$select=name&$top=1&$expand=nosuchthing($select=name)").refused()


@fact("3.4", "more than 15 expansions are refused", need=Need.ROWS)
def too_many(stage: Stage) -> None:
    """15 parts per query; nested ones count."""
    subject = stage.subject
    expand = f"{subject.navigation}($select={subject.text})"
    for _ in range(15):
        expand = f"{subject.navigation}($select={subject.text};$expand={expand})"
    stage.get(f"{subject.entity_set}?$select={subject.text}&$top=1&$expand={expand}").refused()


def walk(stage: Stage, path: str, size: int, *preferences: str) -> list[Answer]:
    """The pages of a reading, each link asked for as it came. Raises NotSeen where there are too many."""
    prefer = ",".join((*preferences, f"odata.maxpagesize={size}"))
    pages = [stage.get(path, prefer=prefer).expect(200)]
    while (link := pages[-1].json.get("@odata.nextLink")) is not None:
        if len(pages) == MOST_PAGES:
            raise NotSeen(f"There are more than {MOST_PAGES} pages to read; --allow-schema makes a small table.")
        pages.append(stage.get(link, prefer=prefer).expect(200))
    return pages


@fact("3.5", "odata.maxpagesize makes pages smaller, and nextLinks lead through all rows once", need=Need.ROWS)
def pages(stage: Stage) -> None:
    """Until there is no link."""
    rows, subject = family(stage), stage.subject
    found = [row[subject.id] for page in walk(stage, own(stage, f"&$orderby={subject.whole}"), 2) for row in page.rows]
    same("the rows", sorted(found), sorted(rows.values()))


@fact("3.5", "the nextLink carries an encoded `$skiptoken`", need=Need.ROWS)
def skiptoken(stage: Stage) -> None:
    """Opaque, ready to be asked for."""
    family(stage)
    link = stage.get(own(stage), prefer="odata.maxpagesize=1").expect(200).json["@odata.nextLink"]
    true(link.startswith(stage.client.api) and "$skiptoken=%3Ccookie" in link, f"the link is {link}")
    true(all(character not in link for character in ' "<>'), "the link is not encoded")


@fact("3.5", "without odata.maxpagesize in a later request the page has the usual size", need=Need.ROWS)
def size_not_carried(stage: Stage) -> None:
    """The link does not carry it."""
    family(stage)
    link = stage.get(own(stage), prefer="odata.maxpagesize=1").expect(200).json["@odata.nextLink"]
    same("rows of the second page", len(stage.get(link).rows), 2)


@fact("3.5", "a page asked for twice is the same", need=Need.ROWS)
def page_again(stage: Stage) -> None:
    """A link can be repeated."""
    family(stage)
    link = stage.get(own(stage), prefer="odata.maxpagesize=1").expect(200).json["@odata.nextLink"]
    once, again = (stage.get(link, prefer="odata.maxpagesize=1").rows for _ in range(2))
    same("the page", again, once)


@fact("3.5", "a page holds 5,000 rows unless less is asked for")
def default_page(stage: Stage) -> None:
    """Default and maximum."""
    same("rows", len(stage.get(f"{large(stage)}?$select=createdon").rows), CAP)


@fact("3.5", "odata.maxpagesize above 5,000 is treated as 5,000")
def largest_page(stage: Stage) -> None:
    """Not refused."""
    same("rows", len(stage.get(f"{large(stage)}?$select=createdon", prefer="odata.maxpagesize=6000").rows), CAP)


@fact("3.5", "a damaged `$skiptoken` is refused", mark=Mark.UNCONFIRMED)
def damaged_token(stage: Stage) -> str:
    """400; the code is unconfirmed."""
    found = stage.get("systemusers?$select=fullname&$skiptoken=rubbish").refused()
    true(found.startswith("400"), f"refused with {found}")
    return found


@fact("3.5", "whether a full last page has a nextLink", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def full_last_page(stage: Stage) -> str:
    """It may lead to an empty page."""
    family(stage)
    found = [len(page.rows) for page in walk(stage, own(stage), 3)]
    true(found in ([3], [3, 0]), f"pages of {found}")
    return "no" if found == [3] else "yes, to an empty page"


@fact("3.3", "a shadow column cannot be sorted by")
def shadow_order(stage: Stage) -> None:
    """`primarycontactidname`."""
    stage.get("accounts?$select=name&$top=1&$orderby=primarycontactidname").refused()


@fact("3.5", "what Preference-Applied says of a page size above 5,000", mark=Mark.UNCONFIRMED)
def size_applied(stage: Stage) -> str:
    """What is obeyed, or what was asked for."""
    answer = stage.get("systemusers?$select=fullname", prefer="odata.maxpagesize=6000").expect(200)
    return answer.headers.get("preference-applied", "nothing")


@fact("3.3", "rows without a value come first in ascending order", mark=Mark.KNOWN, need=Need.ROWS)
def empty_first(stage: Stage) -> None:
    """As SQL Server has it."""
    family(stage)
    column = stage.subject.whole
    rows = stage.get(own(stage, f"&$orderby={column},{stage.subject.id}")).rows
    same("the values", [row[column] for row in rows], [None, 1, 2])


@fact("3.4", "an expanded collection can be filtered", mark=Mark.KNOWN, need=Need.ROWS)
def expanded_filter(stage: Stage) -> None:
    """By an inner option as well."""
    found = expanded(stage, "{1}($select={2};$filter={3} eq 9)")
    same("the children", found["A"][stage.subject.children], [])
