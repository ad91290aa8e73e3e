"""Fault scripts: which requests their steps strike, whether they can be read, and how they get into a sandbox."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tandem.sandbox.door.control import control
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.faults import Armed, Faults, read_faults, script_table
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.service.switches import Reply
from tandem.sandbox.store.organisation import Organisation

SCRIPTS = sorted((Path(__file__).parents[1] / "data" / "faults").glob("*.json"))


def handle(request: Request) -> Response:
    return Response(status=200, body=b"{}")


def get(path: str = "leads") -> Request:
    return Request(method="GET", path=path, base="http://127.0.0.1:1234/api/data/v9.2")


def status(reply: Reply) -> int | None:
    return reply.response.status if reply.response else None


def struck(faults: Faults, requests: int, *, path: str = "leads") -> list[int]:
    """The numbers, from 1 on, of the requests that did not get their answer."""
    return [number for number in range(1, requests + 1) if status(faults.answer(get(path), handle)) != 200]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param({"after": 3, "until": 5}, [4, 5], id="from and until"),
        pytest.param({"until": 7, "every": 3}, [3, 6], id="until, each third"),
        pytest.param({"after": 2, "until": 9, "times": 3}, [3, 4, 5], id="until, but so often"),
        pytest.param({"until": 4, "method": "POST"}, [], id="of another method"),
    ],
)
def test_a_step_strikes_between_two_numbers(step: dict[str, Any], expected: list[int]) -> None:
    """They count the requests that match."""
    faults = Faults([msgspec.convert({"switch": "unexpected", "times": None, **step}, Armed)])

    assert expected == struck(faults, 12)


def test_a_step_that_is_over_is_off() -> None:
    """After its last request, not before."""
    faults = Faults([Armed(switch="unexpected", until=2, times=None)])
    on = []
    for _ in range(2):
        on.append(len(faults.armed()))
        faults.answer(get(), handle)

    assert ([1, 1], []) == (on, faults.armed())


def test_the_steps_of_a_script_follow_each_other() -> None:
    """Each counts what matches it, whoever strikes; where two are due the earlier one strikes."""
    script = [
        Armed(switch="unavailable", after=1, until=3, times=None),
        Armed(switch="throttle-time", after=2, until=5, times=None),
        Armed(switch="unexpected", after=5),
    ]
    faults = Faults(script)
    statuses = [status(faults.answer(get(), handle)) for _ in range(7)]

    assert [200, 503, 503, 429, 429, 500, 200] == statuses


def test_the_same_seed_strikes_the_same_requests() -> None:
    """Whatever else is asked for in between; another seed strikes others."""

    def chosen(seed: int, *, between: int = 0) -> list[int]:
        armed = Armed(switch="unexpected", probability=0.3, seed=seed, times=None, path="leads")
        faults = Faults([armed])
        numbers = []
        for number in range(1, 201):
            struck(faults, between, path="contacts")
            numbers += [number for _ in struck(faults, 1)]
        return numbers

    assert chosen(7) == chosen(7, between=2)
    assert chosen(7) != chosen(8)


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9])
def test_a_probability_is_met(probability: float) -> None:
    """Within four standard deviations of 4,000 requests; the seed is fixed."""
    faults = Faults([Armed(switch="unexpected", probability=probability, seed=1, times=None)])
    deviation = (probability * (1 - probability) / 4_000) ** 0.5

    assert abs(len(struck(faults, 4_000)) / 4_000 - probability) < 4 * deviation


def test_a_probability_counts_only_the_turns_of_every() -> None:
    """Each second request is in danger, no other."""
    numbers = struck(Faults([Armed(switch="unexpected", every=2, probability=0.5, seed=3, times=None)]), 100)

    assert 0 < len(numbers) < 50
    assert [] == [number for number in numbers if number % 2]


WRONG: dict[str, tuple[str, str]] = {
    "no JSON": ("[{", "faults.json: "),
    "no list": ('{"switch": "slow"}', r"faults\.json: Expected `array`"),
    "a step that is no object": ('[{"switch": "slow"}, 5]', r"faults\.json, step 2: Expected `object`"),
    "an unknown switch": ('[{"switch": "slow"}, {"switch": "sloow"}]', "step 2: unknown switch 'sloow'"),
    "an unknown member": ('[{"switch": "slow", "evry": 5}]', "step 1: .*`evry`"),
    "a step without a switch": ('[{"times": 5}]', "step 1: .*`switch`"),
    "a member of another type": ('[{"switch": "slow", "times": "5"}]', r"step 1: .*\$\.times"),
    "a probability above 1": ('[{"switch": "slow", "probability": 1.5}]', "step 1: 'probability'"),
    "a probability of 0": ('[{"switch": "slow", "probability": 0}]', "step 1: 'probability'"),
    "an end before the beginning": ('[{"switch": "slow", "after": 3, "until": 3}]', "step 1: 'until'"),
    "never": ('[{"switch": "slow", "times": 0}]', "step 1: 'every' and 'times'"),
    "a wait of less than nothing": ('[{"switch": "slow", "seconds": -1}]', "step 1: 'seconds'"),
    "a reply inside a batch": ('[{"switch": "truncate", "inner": true}]', "step 1: 'truncate' strikes a reply"),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_script_is_refused(tmp_path: Path, content: str, told: str) -> None:
    """With the file, the step and the reason."""
    path = tmp_path / "faults.json"
    path.write_text(content)

    with pytest.raises(ValueError, match=told) as caught:
        read_faults(path)
    assert "faults.json" in str(caught.value)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_examples_can_be_followed(path: Path) -> None:
    """Every step of each strikes within a thousand requests of each method, and spares most of them."""
    script = read_faults(path)
    for step in script:
        faults = Faults([step])
        request = Request(method=step.method or "GET", path=step.path, base=get().base)
        replies = [
            Reply(response=faults.answer_inner(request, handle)) if step.inner else faults.answer(request, handle)
            for _ in range(1_000)
        ]
        hit = [reply for reply in replies if reply != Reply(response=handle(request))]
        assert 0 < len(hit) <= 500, step
    assert [] != script


def test_the_examples_are_found() -> None:
    """The test above looks at them."""
    assert ["bad-day", "lost-replies", "outage"] == [path.stem for path in SCRIPTS]


def test_the_door_takes_a_whole_script(organisation: Organisation) -> None:
    """In place of what was on; a wrong one changes nothing."""
    faults = Faults([Armed(switch="slow")])
    levers = Levers(organisation=organisation, faults=faults, protection=Protection(), expire_tokens=lambda: None)

    def post(script: object) -> Response:
        body = json.dumps({"script": script}).encode()
        return control(levers, Request(method="POST", path="faults", body=body))

    wrong = post([{"switch": "unavailable"}, {"switch": "sloow"}])
    before = [armed.switch for armed in faults.armed()]
    right = post([{"switch": "unavailable", "times": None}, {"switch": "veto", "probability": 0.5}])

    assert (400, ["slow"]) == (wrong.status, before)
    assert "$.script[1]" in json.loads(wrong.body)["error"]["message"]
    assert [Armed(switch="unavailable", times=None), Armed(switch="veto", probability=0.5)] == faults.armed()
    assert ["unavailable", "veto"] == [armed["switch"] for armed in json.loads(right.body)]


def test_the_table_documents_every_member() -> None:
    """What the docs and the door print comes from the members."""
    table = script_table()

    assert [] == [field for field in Armed.__struct_fields__ if f"| `{field}` |" not in table]
