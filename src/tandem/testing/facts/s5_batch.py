"""`$batch`: multipart requests, change sets and their answers (reference 5.11)."""

import json
import re
from dataclasses import dataclass
from uuid import uuid4

from tandem.testing.facts.case import Differs, Mark, Need, fact, same, true
from tandem.testing.facts.client import API, Answer
from tandem.testing.facts.stage import Stage

_MOST = 1_000
GO_ON = "odata.continue-on-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One request inside a batch."""

    method: str
    url: str
    content: object = None
    headers: str = ""
    content_id: str | None = None

    def written(self) -> str:
        """With blank lines where they belong."""
        body = "" if self.content is None else json.dumps(self.content)
        kind = "Content-Type: application/json; type=entry\r\n" if body else "Accept: application/json\r\n"
        told = f"Content-ID: {self.content_id}\r\n" if self.content_id else ""
        return (
            f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{told}\r\n"
            f"{self.method} {self.url} HTTP/1.1\r\n{kind}{self.headers}\r\n{body}\r\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """One answer inside a batch's answer. `members` are the answers of a change set."""

    status: int
    headers: str
    body: str
    members: "tuple[Inner, ...]" = ()

    @property
    def code(self) -> str:
        """The error code in lower case."""
        return str(json.loads(self.body)["error"]["code"]).lower()


def get(path: str) -> Part:
    """A read."""
    return Part(method="GET", url=f"{API}/{path}")


def joined(boundary: str, parts: "list[str]") -> str:
    """A multipart body."""
    return "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"


def change_set(*parts: Part) -> str:
    """All of them or none."""
    boundary = f"changeset_{uuid4()}"
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n' + joined(
        boundary, [p.written() for p in parts]
    )


def send(stage: Stage, *parts: "Part | str", prefer: str = "", form: str = "{}", line: str = "\r\n") -> Answer:
    """A batch; `form` is how the boundary is written in the header, `line` what ends a line."""
    boundary = f"batch_{uuid4()}"
    body = joined(boundary, [part if isinstance(part, str) else part.written() for part in parts])
    headers = {"Content-Type": f"multipart/mixed; boundary={form.format(boundary)}", "Prefer": prefer or None}
    return stage.client.send("POST", "$batch", body.replace("\r\n", line).encode(), headers=headers)


def answers(answer: Answer) -> list[Inner]:
    """The answers in a batch's answer. Raises Differs where it is no multipart."""
    return _inner(answer.headers.get("content-type", ""), answer.text)


def _inner(content_type: str, text: str) -> list[Inner]:
    found = re.search(r'multipart/mixed;\s*boundary="?([^";\s]+)', content_type)
    if found is None:
        raise Differs(f"the content type is {content_type!r}, not multipart/mixed with a boundary")
    pieces = text.replace("\r\n", "\n").split(f"--{found[1]}")[1:-1]
    return [_one(piece.lstrip("\n")) for piece in pieces]


def _one(piece: str) -> Inner:
    head, _, rest = piece.partition("\n\n")
    kind = re.search(r"(?im)^content-type:\s*(multipart/mixed.*)$", head)
    if kind is not None:
        return Inner(status=0, headers=head, body="", members=tuple(_inner(kind[1], rest)))
    status, _, rest = rest.partition("\n")
    headers, _, body = rest.partition("\n\n")
    return Inner(status=int(status.split(" ")[1]), headers=f"{head}\n{headers}", body=body.strip())


def refusal(answer: Answer) -> str:
    """Status and code of a batch that is refused with less than 500, as a whole or by its last part. Raises Differs."""
    if not 400 <= answer.status < 500:
        raise Differs(f"answered with {answer.status}, the reference says that it is refused")
    whole = answer.headers.get("content-type", "").startswith("application/json")
    return f"{answer.status} {answer.code if whole else answers(answer)[-1].code}"


def creating(stage: Stage, row: str, content_id: str | None = None, **values: object) -> Part:
    """A create with an id of its own, taken away afterwards."""
    stage.taken_away(stage.address(row))
    subject = stage.subject
    content = {subject.id: row, **subject.values(name=stage.mark, **values)}
    return Part(method="POST", url=f"{API}/{subject.entity_set}", content=content, content_id=content_id)


def there(stage: Stage, *rows: str) -> list[bool]:
    """Which rows exist."""
    return [stage.get(f"{stage.address(row)}?$select=createdon").status == 200 for row in rows]


_READ = "organizations?$select=name"


@fact("5.11", "a batch answers 200 multipart, its parts in the order of the requests")
def in_order(stage: Stage) -> None:
    """Match by position."""
    found = answers(send(stage, get(_READ), get("WhoAmI")).expect(200))
    same("statuses", [each.status for each in found], [200, 200])
    true("WhoAmIResponse" in found[1].body and "WhoAmIResponse" not in found[0].body, "not in order")


@fact("5.11", "the boundary of the answer begins with `batchresponse_`")
def boundary(stage: Stage) -> None:
    """A GUID follows."""
    kind = send(stage, get(_READ)).expect(200).headers["content-type"]
    true("boundary=batchresponse_" in kind.replace('"', ""), f"the content type is {kind!r}")


@fact(
    "5.11",
    "a URL may be {0}",
    each=[
        ("absolute", "{api}/{path}"),
        ("a path from /api/data/", f"{API}/{{path}}"),
    ],
)
def urls(stage: Stage, _told: str, form: str) -> None:
    """Two spellings."""
    part = Part(method="GET", url=form.format(api=stage.client.api, path=_READ))
    same("the status", answers(send(stage, part).expect(200))[0].status, 200)


@fact("5.11", "a URL may be relative to the API", mark=Mark.KNOWN)
def relative_url(stage: Stage) -> None:
    """`GET WhoAmI`."""
    same("the status", answers(send(stage, Part(method="GET", url="WhoAmI")).expect(200))[0].status, 200)


@fact("5.11", "the boundary may be {0}", each=[("quoted", '"{}"'), ("bare", "{}")])
def boundaries(stage: Stage, _told: str, form: str) -> None:
    """In the content type."""
    same("the status", answers(send(stage, get(_READ), form=form).expect(200))[0].status, 200)


@fact("5.11", "whether lines may end with a bare LF", mark=Mark.UNCONFIRMED)
def bare_lf(stage: Stage) -> str:
    """CRLF throughout, the documentation says."""
    answer = send(stage, get(_READ), line="\n")
    return "they may" if answer.status == 200 else f"refused with {refusal(answer)}"


@fact("5.11", "headers of a part go under its request line", need=Need.ROWS)
def part_headers(stage: Stage) -> None:
    """If-Match, Prefer."""
    row = stage.row()
    part = Part(
        method="PATCH",
        url=f"{API}/{stage.address(row)}",
        content={stage.subject.text: "x"},
        headers='If-Match: W/"1"\r\n',
    )
    (found,) = answers(send(stage, part))
    same("the answer", (found.status, found.code), (412, "0x80060882"))


@fact("5.11", "a change set is carried out as a whole, with one answer for each part", need=Need.ROWS)
def whole(stage: Stage) -> None:
    """In a multipart of its own."""
    rows = [str(uuid4()), str(uuid4())]
    parts = (creating(stage, row, str(number)) for number, row in enumerate(rows, 1))
    (found,) = answers(send(stage, change_set(*parts)).expect(200))
    same("statuses", [each.status for each in found.members], [204, 204])
    same("the rows", there(stage, *rows), [True, True])


@fact("5.11", "the answers of a change set carry their Content-ID", need=Need.ROWS)
def content_ids(stage: Stage) -> None:
    """Match by it."""
    (found,) = answers(send(stage, change_set(creating(stage, str(uuid4()), "7"))).expect(200))
    true("Content-ID: 7" in found.members[0].headers, "no Content-ID: 7")


@fact("5.11", "the 204 of a create in a change set carries Location and OData-EntityId", need=Need.ROWS)
def locations(stage: Stage) -> None:
    """Both."""
    row = str(uuid4())
    (found,) = answers(send(stage, change_set(creating(stage, row, "1"))).expect(200))
    address = f"{stage.client.api}/{stage.address(row)}"
    for name in ("Location", "OData-EntityId"):
        true(f"{name}: {address}" in found.members[0].headers, f"no {name}: {address}")


@fact("5.11", "a change set that fails leaves nothing", need=Need.ROWS)
def rolled_back(stage: Stage) -> None:
    """All or nothing."""
    rows = [str(uuid4()), str(uuid4())]
    bad = creating(stage, rows[1], "2", text="x" * (stage.subject.length + 1))
    same("the refusal", refusal(send(stage, change_set(creating(stage, rows[0], "1"), bad))), "400 0x80044331")
    same("the rows", there(stage, *rows), [False, False])


@fact("5.11", "a failed change set is one part with the error", need=Need.ROWS)
def one_error(stage: Stage) -> None:
    """Not one for each member."""
    bad = creating(stage, str(uuid4()), "2", text="x" * (stage.subject.length + 1))
    (found,) = answers(send(stage, change_set(creating(stage, str(uuid4()), "1"), bad), prefer=GO_ON))
    same("the answer", (found.status, found.code, found.members), (400, "0x80044331", ()))


@fact("5.11", "a part of a change set without Content-ID is 400 0x80060888", need=Need.ROWS)
def no_content_id(stage: Stage) -> None:
    """Each needs one."""
    same("the refusal", refusal(send(stage, change_set(creating(stage, str(uuid4()))))), "400 0x80060888")


@fact("5.11", "a GET may not be in a change set")
def reading_refused(stage: Stage) -> None:
    """Writes only."""
    part = Part(method="GET", url=f"{API}/{_READ}", content_id="1")
    refusal(send(stage, change_set(part)))


@fact(
    "5.11",
    "`$1` refers to an earlier part in {0}",
    need=Need.ROWS,
    each=[
        ("`@odata.bind`",),
        ("a URL",),
        ("`@odata.id`",),
    ],
)
def references(stage: Stage, where: str) -> None:
    """Inside one change set."""
    subject, one, two = stage.subject, str(uuid4()), str(uuid4())
    first = creating(stage, one, "1")
    second = creating(stage, two, "2")
    if where == "`@odata.bind`":
        content = {subject.id: two, subject.name: stage.mark, f"{subject.navigation}@odata.bind": "$1"}
        parts = [first, Part(method="POST", url=f"{API}/{subject.entity_set}", content=content, content_id="2")]
    elif where == "a URL":
        patch = Part(method="PATCH", url="$1", content={subject.text: "x"}, headers="If-Match: *\r\n", content_id="3")
        parts = [first, patch]
    else:
        put = Part(method="PUT", url=f"$2/{subject.navigation}/$ref", content={"@odata.id": "$1"}, content_id="3")
        parts = [first, second, put]
    (found,) = answers(send(stage, change_set(*parts)).expect(200))
    same("statuses", [each.status for each in found.members], [204] * len(parts))
    names = f"{subject.text},_{subject.parent}_value"
    row = stage.get(f"{stage.address(one if where == 'a URL' else two)}?$select={names}").expect(200).json
    same("what came of it", row[subject.text] or row[f"_{subject.parent}_value"], "x" if where == "a URL" else one)


@fact("5.11", "a reference to no earlier part is 400", need=Need.ROWS)
def unknown_reference(stage: Stage) -> None:
    """`Content-ID Reference: '$9' does not exist in the batch context.`"""
    subject = stage.subject
    content = {subject.name: stage.mark, f"{subject.navigation}@odata.bind": "$9"}
    part = Part(method="POST", url=f"{API}/{subject.entity_set}", content=content, content_id="1")
    send(stage, change_set(part)).expect(400)


@fact("5.11", "the first failure ends the batch and gives its status to the whole, still in multipart")
def stopped(stage: Stage) -> None:
    """Parse multipart on 4xx too."""
    answer = send(stage, get(_READ), get("nosuchset"), get(_READ)).expect(404)
    same("statuses", [each.status for each in answers(answer)], [200, 404])


@fact("5.11", "with odata.continue-on-error every part is answered, and the whole is 200")
def continued(stage: Stage) -> None:
    """In order."""
    answer = send(stage, get(_READ), get("nosuchset"), get(_READ), prefer=GO_ON).expect(200)
    same("statuses", [each.status for each in answers(answer)], [200, 404, 200])


@fact("5.11", "an error in a part carries REQ_ID and JSON")
def error_part(stage: Stage) -> None:
    """As any error."""
    (found,) = answers(send(stage, get("nosuchset")))
    true("REQ_ID:" in found.headers, "no REQ_ID")
    same("the code", found.code, "0x8006088a")


@fact("5.11", "1,000 requests are answered")
def most(stage: Stage) -> None:
    """The most there may be."""
    send(stage, *[get("RetrieveVersion()")] * _MOST).expect(200)


@fact("5.11", "1,001 requests are refused")
def too_many(stage: Stage) -> None:
    """None of them is answered."""
    refusal(send(stage, *[get("RetrieveVersion()")] * (_MOST + 1)))


@fact("5.11", "a batch in a batch is refused")
def nested(stage: Stage) -> None:
    """No nesting."""
    inner = f"batch_{uuid4()}"
    part = (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"POST {API}/$batch HTTP/1.1\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n"
        + joined(inner, [get(_READ).written()])
    )
    refusal(send(stage, part))


@fact("6.4", "a URL of 40,000 characters is answered inside a batch", mark=Mark.CONFIRMED)
def long_url(stage: Stage) -> None:
    """65,536 there, 32,768 outside."""
    part = get(f"systemusers?$select=fullname&$filter=fullname%20ne%20'{'x' * 40_000}'")
    same("the status", answers(send(stage, part).expect(200))[0].status, 200)


@fact("5.11", "`Content-Length` in a part does no harm", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def content_length(stage: Stage) -> None:
    """One community report needed it."""
    row = str(uuid4())
    part = creating(stage, row)
    length = f"Content-Length: {len(json.dumps(part.content))}\r\n"
    told = Part(method=part.method, url=part.url, content=part.content, headers=length)
    same("the status", answers(send(stage, told).expect(200))[0].status, 204)


@fact("5.11", "`Prefer: return=representation` goes under the request line of a part", need=Need.ROWS)
def represented(stage: Stage) -> None:
    """201 with the row."""
    part = creating(stage, str(uuid4()))
    told = Part(method="POST", url=part.url, content=part.content, headers="Prefer: return=representation\r\n")
    (found,) = answers(send(stage, told).expect(200))
    same("the answer", (found.status, stage.subject.id in json.loads(found.body)), (201, True))


@fact("5.11", "whether a failed change set tells the Content-ID of the culprit", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def culprit(stage: Stage) -> str:
    """When known, it is said."""
    bad = creating(stage, str(uuid4()), "2", text="x" * (stage.subject.length + 1))
    (found,) = answers(send(stage, change_set(creating(stage, str(uuid4()), "1"), bad), prefer=GO_ON))
    true(found.status == 400, f"answered with {found.status}")
    return "it does" if "Content-ID: 2" in found.headers else "it does not"


@fact("5.11", "a change set that fails does not stop what follows it, with odata.continue-on-error", need=Need.ROWS)
def continued_after_set(stage: Stage) -> None:
    """Its one part stands where it would be."""
    bad = creating(stage, str(uuid4()), "1", text="x" * (stage.subject.length + 1))
    found = answers(send(stage, change_set(bad), get(_READ), prefer=GO_ON).expect(200))
    same("statuses", [each.status for each in found], [400, 200])


@fact("6.1", "a 429 can be an inner status of a batch", need=Need.DOOR)
def throttled_inside(stage: Stage) -> None:
    """Look at both."""
    stage.afterwards("the switch", lambda: stage.door("clear", switch="throttle-requests"))
    stage.door("fault", switch="throttle-requests", times=1, inner=True, seconds=1)
    found = answers(send(stage, get(_READ), get(_READ), prefer=GO_ON).expect(200))
    same("statuses", [each.status for each in found], [429, 200])
