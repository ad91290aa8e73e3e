"""What every request and answer has in common (reference 0)."""

import re
from uuid import uuid4

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.client import HEADERS
from tandem.testing.facts.stage import Stage

EVERYTHING = 'odata.include-annotations="*"'


@fact(
    "0.1",
    "a request is answered with {0}",
    each=[
        ("`If-None-Match: null`", "null"),
        ("no If-None-Match", None),
    ],
)
def null_is_no_condition(stage: Stage, _told: str, value: str | None) -> None:
    """Microsoft's C# client always sends it, the Python SDK never."""
    stage.client.send("GET", "WhoAmI", headers={"If-None-Match": value}).expect(200)


@fact("0.1", "the header `{0}` may be left out", mark=Mark.KNOWN, each=[(name,) for name in HEADERS])
def header_left_out(stage: Stage, name: str) -> None:
    """Clients differ in what they send."""
    stage.client.send("GET", "WhoAmI", headers={name: None}).expect(200)


@fact("0.1", "`Consistency: Strong` is accepted on a read")
def strong_consistency(stage: Stage) -> None:
    """It forces a read past stale caches."""
    stage.get("systemusers?$select=fullname&$top=1", consistency="Strong").expect(200)


@fact("0.1", "`{0}` is accepted", each=[("x-ms-client-request-id",), ("x-ms-correlation-id",)])
def request_ids(stage: Stage, name: str) -> None:
    """Microsoft's Python SDK sends both."""
    stage.client.send("GET", "WhoAmI", headers={name: str(uuid4())}).expect(200)


@fact(
    "0.1",
    "`Prefer: {0}` is echoed in Preference-Applied",
    each=[("odata.maxpagesize=2",), (EVERYTHING,), ("odata.track-changes",)],
)
def preference_applied(stage: Stage, preference: str) -> None:
    """The answer says what was honoured."""
    answer = stage.get("systemusers?$select=fullname", prefer=preference).expect(200)
    true(preference in answer.headers.get("preference-applied", ""), "Preference-Applied does not name it")


@fact("0.1", "several preferences go in one header, joined with commas")
def joined_preferences(stage: Stage) -> None:
    """One header line."""
    answer = stage.get("systemusers?$select=fullname", prefer=f"odata.maxpagesize=1,{EVERYTHING}").expect(200)
    applied = answer.headers.get("preference-applied", "")
    true("odata.maxpagesize=1" in applied and EVERYTHING in applied, f"Preference-Applied is {applied!r}")


@fact("0.2", "JSON comes as `application/json; odata.metadata=minimal`")
def content_type(stage: Stage) -> None:
    """Errors and rows alike."""
    found = stage.get(f"systemusers({stage.user})?$select=fullname").expect(200).headers.get("content-type", "")
    true(found.replace(" ", "").startswith("application/json;odata.metadata=minimal"), f"Content-Type is {found!r}")


@fact("0.2", "a collection's content type says `odata.streaming=true`")
def streamed(stage: Stage) -> None:
    """A collection is streamed."""
    found = stage.get("systemusers?$select=fullname&$top=1").expect(200).headers.get("content-type", "")
    true("odata.streaming=true" in found.replace(" ", ""), f"Content-Type is {found!r}")


@fact("0.2", "every answer carries `{0}`", each=[("odata-version",), ("req_id",), ("x-ms-service-request-id",)])
def always_there(stage: Stage, name: str) -> None:
    """The version of the protocol, and the id that Microsoft's support asks for."""
    found = stage.get("WhoAmI").expect(200).headers.get(name)
    true(found, f"no {name}")


@fact("0.2", "the `OData-Version` of an answer is 4.0")
def version_of_answers(stage: Stage) -> None:
    """Also where it has no body."""
    same("OData-Version", stage.get("WhoAmI").expect(200).headers.get("odata-version"), "4.0")


@fact("0.2", "the ETag of a single row stands in the header and in the body, and they agree")
def etag_twice(stage: Stage) -> None:
    """The body's is what clients of collections know."""
    answer = stage.get(f"systemusers({stage.user})?$select=fullname").expect(200)
    same("the ETag", answer.headers.get("etag"), answer.json["@odata.etag"])


@fact(
    "0.3",
    "GET of {0} answers 200",
    each=[
        ("a collection", "organizations?$select=name"),
        ("a function", "RetrieveVersion()"),
        ("a definition", "EntityDefinitions(LogicalName='account')?$select=LogicalName"),
    ],
)
def gets(stage: Stage, _told: str, path: str) -> None:
    """What is there is 200."""
    stage.get(path).expect(200)


@fact(
    "0.3",
    "{0} answers {3}",
    need=Need.ROWS,
    each=[
        ("POST of a row", "POST", None, 204),
        ("POST with return=representation", "POST", "return=representation", 201),
        ("PATCH of a row", "PATCH", None, 204),
        ("PATCH with return=representation", "PATCH", "return=representation", 200),
        ("DELETE of a row", "DELETE", None, 204),
    ],
)
def statuses(stage: Stage, _told: str, method: str, prefer: str | None, status: int) -> None:
    """The normal statuses of writes."""
    subject, row_id = stage.subject, str(uuid4())
    address = stage.taken_away(stage.address(row_id))
    headers = {"prefer": prefer} if prefer else {}
    if method == "POST":
        stage.post(subject.entity_set, {subject.id: row_id, subject.name: stage.mark}, **headers).expect(status)
        return
    stage.post(subject.entity_set, {subject.id: row_id, subject.name: stage.mark}).expect(204)
    content = None if method == "DELETE" else {subject.text: "changed"}
    stage.send(method, address, content, headers=headers).expect(status)


@fact("0.3", "a method that a resource does not take is 405", mark=Mark.KNOWN)
def wrong_method(stage: Stage) -> None:
    """405 is among the documented failures; that POST to a row gives it is general knowledge."""
    stage.post(f"organizations({stage.organization})", {}).expect(405)


@fact("0.4", "a system query option in other letters is no option: `{0}` is refused", each=[("$Select",), ("$FILTER",)])
def options_have_a_case(stage: Stage, option: str) -> None:
    """Names are case-sensitive."""
    value = "fullname" if option == "$Select" else "fullname ne null"
    stage.get(f"systemusers?{option}={value}").refused()


@fact("0.4", "what a system query option without its `$` comes to", mark=Mark.UNCONFIRMED)
def options_carry_a_dollar(stage: Stage) -> str:
    """It must carry one; refused, or passed over as any custom option such as `?tag=`."""
    answer = stage.get(f"systemusers({stage.user})?select=fullname")
    return "refused" if answer.status >= 400 else "passed over"


@fact("0.4", "entity set names are case-sensitive")
def sets_have_a_case(stage: Stage) -> None:
    """`SystemUsers` is none."""
    stage.get("SystemUsers?$select=fullname").expect(404, "0x8006088a")


@fact("0.4", "column names are case-sensitive")
def columns_have_a_case(stage: Stage) -> None:
    """Columns are in lower case."""
    stage.get("systemusers?$select=FullName").expect(400, "0x80060888")


@fact("0.4", "a quote in a text literal is doubled")
def doubled_quote(stage: Stage) -> None:
    """O'Brien would end the literal."""
    stage.get("systemusers?$select=fullname&$filter=lastname eq 'O''Brien'").expect(200)


@fact("0.4", "a GUID literal is bare")
def bare_guid(stage: Stage) -> None:
    """No quotes around it."""
    rows = stage.get(f"systemusers?$select=fullname&$filter=systemuserid eq {stage.user}").rows
    same("rows found", len(rows), 1)


@fact("0.4", "a parameter alias stands for a value in a filter")
def alias(stage: Stage) -> None:
    """`@n` is defined beside the options."""
    rows = stage.get(f"systemusers?$select=fullname&$filter=systemuserid eq @n&@n={stage.user}").rows
    same("rows found", len(rows), 1)


@fact("0.4", "a row is addressed by its GUID in {0}", each=[("lower case", str.lower), ("upper case", str.upper)])
def guid_in_any_case(stage: Stage, _told: str, spelled: "type[str]") -> None:
    """Without quotes and braces, any case."""
    found = stage.get(f"systemusers({spelled(stage.user)})?$select=fullname").expect(200).json
    same("the row", found["systemuserid"].lower(), stage.user.lower())


@fact("0.4", "`%24` is as good as `$`, and `+` is a blank", mark=Mark.KNOWN)
def escaped_dollar(stage: Stage) -> None:
    """Many HTTP libraries encode options so."""
    rows = stage.get(f"systemusers?%24select=fullname&%24filter=systemuserid+eq+{stage.user}").rows
    same("rows found", len(rows), 1)


@fact("0.4", "a URL over 32,768 characters is refused", mark=Mark.KNOWN)
def longest_url(stage: Stage) -> str:
    """The status is not documented."""
    answer = stage.get(f"systemusers?$select=fullname&$filter=fullname ne '{'x' * 33_000}'")
    true(400 <= answer.status < 500, f"answered with {answer.status}")
    return f"HTTP {answer.status}"


@fact("0.5", "a lookup is read as `_<name>_value`, a GUID")
def lookup_read(stage: Stage) -> None:
    """The navigation's name is another thing."""
    row = stage.get(f"systemusers({stage.user})?$select=_businessunitid_value").expect(200).json
    true(re.fullmatch(r"[0-9a-fA-F-]{36}", row["_businessunitid_value"]), "_businessunitid_value is no GUID")


@fact(
    "0.5",
    "{0} is read as {1}",
    each=[
        ("a text", "a JSON string", "fullname", str),
        ("a choice", "an integer", "accessmode", int),
        ("yes or no", "a JSON boolean", "isdisabled", bool),
        ("versionnumber", "a JSON number", "versionnumber", int),
    ],
)
def kinds_read(stage: Stage, _kind: str, _told: str, column: str, kind: type) -> None:
    """Values come as what they are."""
    row = stage.get(f"systemusers({stage.user})?$select={column}").expect(200).json
    same(f"the type of {column}", type(row[column]).__name__, kind.__name__)


@fact("0.5", "a moment is read as `yyyy-MM-ddTHH:mm:ssZ`")
def moment_read(stage: Stage) -> None:
    """UTC to the second."""
    row = stage.get(f"systemusers({stage.user})?$select=createdon").expect(200).json
    true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["createdon"]), f"createdon is {row['createdon']!r}")


@fact(
    "0.5",
    "{0} is written and read as {2!r}",
    need=Need.SCHEMA,
    each=[
        ("a text", "new_text", "Ann"),
        ("a choice", "new_choice", 2),
        ("a set of choices", "new_choices", "1,3"),
        ("yes or no", "new_flag", True),
        ("a whole number", "new_whole", 7),
        ("a decimal number", "new_decimal", 1.25),
        ("a floating point number", "new_double", 2.5),
        ("money", "new_money", 5.25),
        ("a date", "new_day", "2025-03-04"),
        ("a moment", "new_moment", "2025-03-04T05:06:07Z"),
        ("an empty value", "new_memo", None),
    ],
)
def kinds_written(stage: Stage, _told: str, column: str, value: object) -> None:
    """What is written comes back."""
    row_id = stage.make(stage.subject.entity_set, {stage.subject.name: stage.mark, column: value})
    same(column, stage.get(f"{stage.address(row_id)}?$select={column}").expect(200).json[column], value)
