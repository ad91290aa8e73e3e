"""Which rows a filter finds (reference 3.2)."""

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.stage import Stage

_DATAVERSE = "Microsoft.Dynamics.CRM."


def family(stage: Stage) -> dict[str, str]:
    """Three rows by their letters: A and B with values, B below A, and C with nothing."""
    a = stage.row(text="a-1", whole=1, flag=True, choice=1, money=10)
    b = stage.row(text="B_2", whole=2, flag=False, choice=2, money=20.5, parent=a)
    return {"A": a, "B": b, "C": stage.row(flag=False)}


def found(stage: Stage, rows: dict[str, str], condition: str) -> str:
    """The letters of the rows that a condition finds; `{text}` and the like in it are the subject's columns."""
    subject = stage.subject
    names = {name: getattr(subject, name) for name in subject.__slots__}
    told = condition.format(**names, a=rows["A"], user=stage.user)
    query = f"$select={subject.id}&$filter=({told}) and startswith({subject.name},'{stage.mark}')"
    ids = {row[subject.id] for row in stage.get(f"{subject.entity_set}?{query}").rows}
    return "".join(letter for letter, row_id in rows.items() if row_id in ids)


@fact(
    "3.2",
    "{0}",
    need=Need.ROWS,
    each=[
        ("`eq` on a text", "{text} eq 'a-1'", "A"),
        ("a text is compared without regard to case", "{text} eq 'A-1'", "A"),
        ("`eq` takes wildcards literally", "{text} eq 'B_2'", "B"),
        ("`gt` on a number", "{whole} gt 1", "B"),
        ("`ge` on a number", "{whole} ge 1", "AB"),
        ("`lt` on a number", "{whole} lt 2", "A"),
        ("`le` on a number", "{whole} le 2", "AB"),
        ("`eq` on a choice", "{choice} eq 2", "B"),
        ("`eq` on yes or no", "{flag} eq true", "A"),
        ("`gt` on money", "{money} gt 10.25", "B"),
        ("`eq null`", "{text} eq null", "C"),
        ("`ne null`", "{text} ne null", "AB"),
        ("`and`", "{whole} ge 1 and {choice} eq 1", "A"),
        ("`or`", "{whole} eq 1 or {text} eq null", "AC"),
        ("`and` binds before `or`", "{whole} eq 1 or {whole} eq 2 and {choice} eq 1", "A"),
        ("parentheses", "({whole} eq 1 or {whole} eq 2) and {choice} eq 2", "B"),
        ("`not`", "not ({text} eq null)", "AB"),
        ("`contains`", "contains({text},'-')", "A"),
        ("`startswith`", "startswith({text},'b')", "B"),
        ("`endswith`", "endswith({text},'2')", "B"),
        ("`not contains`", "{text} ne null and not contains({text},'-')", "B"),
        ("`_` in `contains` is a wildcard", "contains({text},'a_1')", "A"),
        ("`%` in `startswith` is a wildcard", "startswith({text},'%2')", "B"),
        ("`[_]` in `contains` is the character", "contains({text},'[_]')", "B"),
        ("a lookup by id", "_{parent}_value eq {a}", "B"),
        ("an empty lookup", "_{parent}_value eq null", "AC"),
        ("a column behind a single navigation", "{navigation}/{text} eq 'a-1'", "B"),
        ("the owner behind its navigation", "ownerid/ownerid eq {user}", "ABC"),
        ("`any` over a collection", "{children}/any(c:c/{whole} eq 2)", "A"),
        ("`any` that no child meets", "{children}/any(c:c/{whole} eq 1)", ""),
        ("a moment in UTC", "createdon gt 2020-01-01T00:00:00Z", "ABC"),
    ],
)
def filters(stage: Stage, _told: str, condition: str, letters: str) -> None:
    """A finds what it says of the three rows."""
    same("rows found", found(stage, family(stage), condition), letters)


@fact(
    "3.2",
    "the function `{0}`",
    need=Need.ROWS,
    each=[
        ("In", 'In(PropertyName=\'{text}\',PropertyValues=["a-1","x"])', "A"),
        ("NotIn", "NotIn(PropertyName='{text}',PropertyValues=[\"a-1\"])", "B"),
        ("Between", 'Between(PropertyName=\'{whole}\',PropertyValues=["2","9"])', "B"),
        ("LastXHours", "LastXHours(PropertyName='createdon',PropertyValue=4)", "ABC"),
        ("OnOrAfter", "OnOrAfter(PropertyName='createdon',PropertyValue='2020-01-01')", "ABC"),
        ("EqualUserId", "EqualUserId(PropertyName='ownerid')", "ABC"),
    ],
)
def functions(stage: Stage, _name: str, condition: str, letters: str) -> None:
    """Those that the reference shows."""
    same("rows found", found(stage, family(stage), f"{_DATAVERSE}{condition}"), letters)


@fact(
    "3.2",
    "the function `{0}`, of which only the name is known",
    mark=Mark.KNOWN,
    need=Need.ROWS,
    each=[
        ("NotBetween", 'NotBetween(PropertyName=\'{whole}\',PropertyValues=["2","9"])', "A"),
        ("NotEqualUserId", "NotEqualUserId(PropertyName='ownerid')", ""),
        ("EqualBusinessId", "EqualBusinessId(PropertyName='owningbusinessunit')", "ABC"),
        ("On", "On(PropertyName='createdon',PropertyValue='2020-01-01')", ""),
        ("OnOrBefore", "OnOrBefore(PropertyName='createdon',PropertyValue='2020-01-01')", ""),
        ("Last7Days", "Last7Days(PropertyName='createdon')", "ABC"),
        ("LastXDays", "LastXDays(PropertyName='createdon',PropertyValue=2)", "ABC"),
        ("LastXWeeks", "LastXWeeks(PropertyName='createdon',PropertyValue=2)", "ABC"),
        ("LastXMonths", "LastXMonths(PropertyName='createdon',PropertyValue=2)", "ABC"),
        ("LastXYears", "LastXYears(PropertyName='createdon',PropertyValue=2)", "ABC"),
        ("LastYear", "LastYear(PropertyName='createdon')", ""),
        ("NextYear", "NextYear(PropertyName='createdon')", ""),
        ("Tomorrow", "Tomorrow(PropertyName='createdon')", ""),
        ("OlderThanXDays", "OlderThanXDays(PropertyName='createdon',PropertyValue=2)", ""),
        ("OlderThanXMonths", "OlderThanXMonths(PropertyName='createdon',PropertyValue=2)", ""),
        ("OlderThanXYears", "OlderThanXYears(PropertyName='createdon',PropertyValue=2)", ""),
    ],
)
def other_functions(stage: Stage, _name: str, condition: str, letters: str) -> None:
    """Some of the fifty more."""
    same("rows found", found(stage, family(stage), f"{_DATAVERSE}{condition}"), letters)


@fact("3.2", "whether `ne` with a value finds empty columns", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def unequal(stage: Stage) -> str:
    """SQL says no, OData yes."""
    letters = found(stage, family(stage), "{text} ne 'a-1'")
    true(letters in ("B", "BC"), f"found {letters}")
    return "it does" if letters == "BC" else "it does not"


@fact("3.2", "whether `all` finds rows without children", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def all_of_none(stage: Stage) -> str:
    """OData says yes."""
    letters = found(stage, family(stage), "{children}/all(c:c/{whole} eq 2)")
    true("A" in letters, f"found {letters}")
    return "it does" if "C" in letters else "it does not"


@fact("3.2", "whether trailing blanks count in `eq`", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def trailing_blanks(stage: Stage) -> str:
    """SQL rule."""
    return "they do not" if found(stage, family(stage), "{text} eq 'a-1  '") == "A" else "they do"


@fact("3.2", "whether `eq` regards accents", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def accents(stage: Stage) -> str:
    """The database's collation decides."""
    subject, row_id = stage.subject, stage.row(text="Ängel")
    query = f"$select={subject.id}&$filter={subject.text} eq 'Angel' and {subject.id} eq {row_id}"
    return "it does not" if stage.get(f"{subject.entity_set}?{query}").rows else "it does"


@fact(
    "3.2",
    "a filter by {0} is refused",
    each=[
        ("an unknown column", "nosuchcolumn eq 1"),
        ("an unknown function", "nosuchfunction(fullname)"),
        ("half a comparison", "fullname eq"),
        ("a text for a number", "accessmode eq 'four'"),
    ],
)
def refused_filters(stage: Stage, _told: str, condition: str) -> None:
    """Never an empty answer."""
    true(stage.get(f"systemusers?$select=fullname&$filter={condition}").refused().startswith("400"), "not with 400")
