"""The fault switches: who is struck, how often, and what the client sees."""

import json
from pathlib import Path

import pytest

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.faults import Armed, Faults, read_faults
from tandem.sandbox.service.switches import SWITCHES, Reply, switch_table

BASE = "http://127.0.0.1:1234/api/data/v9.2"


class Service:
    """Counts what was executed."""

    def __init__(self) -> None:
        self.executed = 0

    def handle(self, request: Request) -> Response:
        self.executed += 1
        return Response(status=200, body=b'{"value":[]}')


def get(path: str = "leads", query: str = "") -> Request:
    return Request(method="GET", path=path, query=query, base=BASE)


def strike(armed: Armed, request: Request) -> tuple[Reply, int]:
    """The reply to a request under one armed switch, and how often the service executed something."""
    service, faults = Service(), Faults()
    faults.arm(armed)
    return faults.answer(request, service.handle), service.executed


def statuses(armed: Armed, requests: list[Request]) -> list[int | None]:
    service, faults = Service(), Faults()
    faults.arm(armed)
    replies = [faults.answer(request, service.handle) for request in requests]
    return [reply.response.status if reply.response else None for reply in replies]


def test_without_a_switch_the_service_answers() -> None:
    """Nothing armed, nothing changed."""
    service = Service()

    assert 200 == Faults().answer(get(), service.handle).response.status  # type: ignore[union-attr]
    assert 1 == service.executed


@pytest.mark.parametrize(
    ("switch", "code"),
    [
        ("throttle-requests", "0x80072322"),
        ("throttle-time", "0x80072321"),
        ("throttle-concurrency", "0x80072326"),
    ],
)
def test_throttling_says_how_long_to_wait_and_executes_nothing(switch: str, code: str) -> None:
    """429, Retry-After in seconds, one of the three codes (reference 6.1)."""
    reply, executed = strike(Armed(switch=switch, seconds=27), get())

    assert reply.response is not None
    assert (429, "27", code, 0) == (
        reply.response.status,
        reply.response.headers["Retry-After"],
        json.loads(reply.response.body)["error"]["code"],
        executed,
    )


@pytest.mark.parametrize(
    ("armed", "expected"),
    [
        pytest.param(Armed(switch="unexpected", times=2), [500, 500, 200, 200, 200, 200], id="two times"),
        pytest.param(Armed(switch="unexpected", times=None, every=3), [200, 200, 500, 200, 200, 500], id="every third"),
        pytest.param(Armed(switch="unexpected", after=4), [200, 200, 200, 200, 500, 200], id="after four"),
    ],
)
def test_a_switch_strikes_as_often_as_it_was_armed_for(armed: Armed, expected: list[int]) -> None:
    """`times`, `every` and `after` count matching requests."""
    assert expected == statuses(armed, [get()] * 6)


def test_a_switch_strikes_only_what_it_was_narrowed_to() -> None:
    """Other methods and paths pass."""
    armed = Armed(switch="unavailable", method="GET", path="contacts")

    assert [200, 503] == statuses(armed, [get("leads"), get("contacts(1)")])


def test_a_switch_can_be_turned_off() -> None:
    """Clearing one switch leaves the others on."""
    faults = Faults()
    faults.arm(Armed(switch="slow"))
    faults.arm(Armed(switch="unexpected"))
    faults.clear("slow")

    assert ["unexpected"] == [armed.switch for armed in faults.armed()]


def test_a_reset_before_commit_executes_nothing() -> None:
    """The connection is cut and the service never saw the request."""
    assert (Reply(response=None), 0) == strike(Armed(switch="reset-before"), get())


def test_a_reset_after_commit_executes_the_request() -> None:
    """The client cannot tell this from a reset before."""
    assert (Reply(response=None), 1) == strike(Armed(switch="reset-after"), get())


def test_an_error_after_the_commit_executes_the_request() -> None:
    """500 0x80040216, as for a request that was never executed."""
    after, executed = strike(Armed(switch="unexpected-after"), get())
    before, not_executed = strike(Armed(switch="unexpected"), get())

    assert (1, 0) == (executed, not_executed)
    assert after.response is not None
    assert before.response is not None
    assert (500, before.response.body) == (after.response.status, after.response.body)


@pytest.mark.parametrize(
    ("condition", "status"),
    [({"if-match": 'W/"5"'}, 412), ({"if-match": "*"}, 200), ({}, 200)],
    ids=["a version", "any version", "no condition"],
)
def test_a_version_mismatch_strikes_only_who_names_a_version(condition: dict[str, str], status: int) -> None:
    """412 0x80060882 in place of the answer."""
    request = Request(method="PATCH", path="leads(1)", headers=condition, base=BASE)

    assert [status] == statuses(Armed(switch="version-mismatch"), [request])


def test_a_truncated_body_ends_half_way() -> None:
    """Half of the bytes leave."""
    reply, executed = strike(Armed(switch="truncate"), get())

    assert (6, 1) == (reply.sent, executed)


def test_latency_delays_the_reply() -> None:
    """The reply is ready at once; the connection waits."""
    reply, executed = strike(Armed(switch="slow", seconds=2.5), get())

    assert (2.5, 1) == (reply.delay, executed)


def test_an_expired_delta_token_spares_other_requests() -> None:
    """Only a request with a $deltatoken is refused, with 0x80044352 (reference 4.6)."""
    armed = Armed(switch="expired-delta-token", times=None)

    assert [200, 400] == statuses(armed, [get(), get(query="$deltatoken=1%2101")])


def test_an_expired_version_stamp_spares_the_first_call() -> None:
    """Only a RetrieveMetadataChanges with a ClientVersionStamp is refused, with 0x80044352 (reference 2.7)."""
    armed = Armed(switch="expired-version-stamp", times=None)
    first, later = (
        get(path="RetrieveMetadataChanges(Query=@q)"),
        get(path="RetrieveMetadataChanges(Query=@q,ClientVersionStamp=@s)"),
    )

    assert [200, 400] == statuses(armed, [first, later])


def test_inside_a_batch_only_inner_switches_strike() -> None:
    """An `inner` switch spares the wire."""
    service, faults = Service(), Faults()
    faults.arm(Armed(switch="throttle-time", inner=True))

    assert 200 == faults.answer(get(), service.handle).response.status  # type: ignore[union-attr]
    assert 429 == faults.answer_inner(get(), service.handle).status


@pytest.mark.parametrize("switch", ["slow", "truncate"])
def test_inside_a_batch_no_part_has_a_reply_of_its_own_to_strike(switch: str) -> None:
    """Arming such a switch for inner requests is refused."""
    with pytest.raises(ValueError, match="reply"):
        Armed(switch=switch, inner=True)


def test_a_fault_file_arms_switches(tmp_path: Path) -> None:
    """A JSON list of settings."""
    path = tmp_path / "faults.json"
    path.write_text('[{"switch": "slow", "every": 5, "times": null}]')

    assert [Armed(switch="slow", every=5, times=None)] == read_faults(path)


@pytest.mark.parametrize(
    "content", ['[{"switch": "sloow"}]', '[{"switch": "slow", "evry": 5}]', '[{"switch": "slow", "every": 0}]']
)
def test_a_fault_file_with_a_mistake_is_refused(tmp_path: Path, content: str) -> None:
    """An unknown switch or setting is never ignored; the file is named."""
    path = tmp_path / "faults.json"
    path.write_text(content)

    with pytest.raises(ValueError, match=r"faults\.json"):
        read_faults(path)


def test_the_table_documents_every_switch() -> None:
    """What the docs and the door print comes from the switches."""
    table = switch_table()

    assert [] == [name for name in SWITCHES if f"`{name}`" not in table]
