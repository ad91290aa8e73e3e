"""What the service says of its limits (reference 6.1, 6.2)."""

from itertools import pairwise

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s5_batch import get, send
from tandem.testing.facts.s9_values import somebody
from tandem.testing.facts.stage import Stage

_THROTTLED = (
    ("requests", "throttle-requests", "0x80072322", "Number of requests exceeded the limit of 6000"),
    ("combined execution time", "throttle-time", "0x80072321", "Combined execution time of incoming requests exceeded"),
    ("concurrent requests", "throttle-concurrency", "0x80072326", "Number of concurrent requests exceeded the limit"),
)


@fact(
    "6.1",
    "{0} over the limit: 429 {2} with Retry-After in seconds",
    need=Need.DOOR,
    each=[(told, switch, code, text) for told, switch, code, text in _THROTTLED],
)
def throttled(stage: Stage, _told: str, switch: str, code: str, text: str) -> None:
    """Not executed: safe to repeat."""
    answer = _struck(stage, switch)
    answer.expect(429, code)
    true(answer.headers.get("retry-after", "").isdigit(), "no Retry-After in seconds")
    true(answer.error["message"].startswith(text), f"the message is {answer.error['message']!r}")


def _struck(stage: Stage, switch: str) -> Answer:
    stage.afterwards("the switch", lambda: stage.door("clear", switch=switch))
    stage.door("fault", switch=switch, times=1, seconds=1)
    return stage.client.send("GET", "WhoAmI", patient=False)


@fact("6.1", "a refused request counts as not executed", need=Need.DOOR)
def not_executed(stage: Stage) -> None:
    """A write that met 429 is not there."""
    stage.afterwards("the switch", lambda: stage.door("clear", switch="throttle-requests"))
    row = stage.row(text="kept")
    stage.door("fault", switch="throttle-requests", times=1, seconds=1)
    stage.client.send("PATCH", stage.address(row), {stage.subject.text: "x"}, patient=False).expect(429)
    found = stage.get(f"{stage.address(row)}?$select={stage.subject.text}").expect(200).json
    same("the text", found[stage.subject.text], "kept")


@fact(
    "6.1",
    "answers carry `x-ms-ratelimit-{0}-remaining-xrm-requests`, {1}",
    each=[
        ("burst", "a number"),
        ("time", "seconds, with thousands separated"),
    ],
)
def remaining(stage: Stage, what: str, _told: str) -> None:
    """For debugging only."""
    found = stage.get("WhoAmI").expect(200).headers.get(f"x-ms-ratelimit-{what}-remaining-xrm-requests", "")
    true(float(found.replace(",", "")) >= 0, f"it is {found!r}")


@fact("6.1", "a `$batch` counts as one request", need=Need.DOOR)
def batch_is_one(stage: Stage) -> None:
    """Of whatever length."""
    name = "x-ms-ratelimit-burst-remaining-xrm-requests"
    before = int(stage.get("WhoAmI").expect(200).headers[name])
    send(stage, *[get("RetrieveVersion()")] * 20).expect(200)
    after = int(stage.get("WhoAmI").expect(200).headers[name])
    true(0 < before - after <= 2, f"{before - after} requests were counted")


@fact("6.2", "WhoAmI advises a degree of parallelism in `x-ms-dop-hint`")
def parallelism(stage: Stage) -> None:
    """A number."""
    found = stage.get("WhoAmI").expect(200).headers.get("x-ms-dop-hint", "")
    true(found.isdigit() and int(found) > 0, f"it is {found!r}")


@fact("6.2", "what the affinity cookie is called", mark=Mark.UNCONFIRMED)
def affinity(stage: Stage) -> str:
    """ARRAffinity or another."""
    stage.client.forget_cookies()
    found = stage.get("WhoAmI").expect(200).headers.get("set-cookie", "")
    return found.partition("=")[0] or "there is none"


@fact("6.2", "answers are compressed where gzip is accepted", mark=Mark.KNOWN)
def compressed(stage: Stage) -> None:
    """Allow it."""
    answer = stage.get("EntityDefinitions(LogicalName='account')/Attributes", **{"Accept-Encoding": "gzip"}).expect(200)
    same("Content-Encoding", answer.headers.get("content-encoding"), "gzip")


def _limited(stage: Stage, **limits: object) -> None:
    """Set the limits of the service lower, until after the fact. Raises NotSeen."""
    stage.afterwards("the limits", lambda: stage.door("protect"))
    stage.door("protect", **limits)


@fact("6.1", "the request over the limit is refused, and the ones before it are answered", need=Need.DOOR)
def over_the_limit(stage: Stage) -> None:
    """By the service's own count."""
    stage.get("WhoAmI").expect(200)
    _limited(stage, requests=3)
    found = [stage.client.send("GET", "WhoAmI", patient=False) for _ in range(4)]
    same("statuses", [answer.status for answer in found], [200, 200, 200, 429])
    same("the code", found[-1].code, "0x80072322")


@fact("6.1", "carrying on while limited lengthens Retry-After", need=Need.DOOR)
def lengthened(stage: Stage) -> None:
    """Wait the full time."""
    stage.get("WhoAmI").expect(200)
    _limited(stage, requests=1)
    found = [stage.client.send("GET", "WhoAmI", patient=False) for _ in range(30)]
    waits = [int(answer.headers["retry-after"]) for answer in found if answer.status == 429]
    true(waits == sorted(waits) and waits[-1] > waits[0], f"the pauses are {waits}")


@fact("6.1", "the remaining requests count down", need=Need.DOOR)
def counted_down(stage: Stage) -> None:
    """One for each request."""
    stage.get("WhoAmI").expect(200)
    _limited(stage, requests=100)
    name = "x-ms-ratelimit-burst-remaining-xrm-requests"
    found = [int(stage.get("WhoAmI").expect(200).headers[name]) for _ in range(3)]
    same("the steps", [one - two for one, two in pairwise(found)], [1, 1])


@fact("6.2", "without cookies the load spreads over the servers, and their limits add up", need=Need.DOOR)
def spread(stage: Stage) -> None:
    """Three servers of two requests."""
    stage.get("WhoAmI").expect(200)
    _limited(stage, requests=2, servers=3)
    found = []
    for _ in range(7):
        stage.client.forget_cookies()
        found.append(stage.client.send("GET", "WhoAmI", patient=False).status)
    same("statuses", found, [200] * 6 + [429])


@fact("6.2", "the affinity cookie pins a client to one server, and so to its limit", need=Need.DOOR)
def pinned(stage: Stage) -> None:
    """For what is read after it was written."""
    stage.get("WhoAmI").expect(200)
    stage.client.forget_cookies()
    _limited(stage, requests=2, servers=3)
    found = [stage.client.send("GET", "WhoAmI", patient=False).status for _ in range(3)]
    same("statuses", found, [200, 200, 429])


@fact("9.1", "whose limits count under impersonation", mark=Mark.UNCONFIRMED)
def whose_limits(stage: Stage) -> str:
    """By the remaining requests: a fresh number is the other user's."""
    name = "x-ms-ratelimit-burst-remaining-xrm-requests"
    for _ in range(5):
        own = int(stage.get("WhoAmI").expect(200).headers[name])
    answer = stage.get("organizations?$select=name", MSCRMCallerID=somebody(stage)["systemuserid"])
    if answer.status == 403:
        raise NotSeen(f"The caller or the other user may not: {answer.error['message']}")
    return "the caller's" if int(answer.expect(200).headers[name]) < own else "the other user's"
