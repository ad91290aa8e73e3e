"""A client that only ever met a healthy server loses data on the first unhealthy one.

A fault script tells when which switch strikes (switches.py): on which requests, how often, and by what chance. The same
script strikes the same requests.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, get_args, get_type_hints
from urllib.parse import unquote

import msgspec

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.switches import SWITCHES, Handle, Reply


def _told(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Armed(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A switch that is on, and for which requests: one step of a fault script. The members say what they mean."""

    switch: Annotated[str, _told("the switch, by its name in the second table")]
    method: Annotated[str | None, _told("only requests of this method match")] = None
    path: Annotated[str, _told("only requests match whose decoded path, below the API root, has this part")] = ""
    inner: Annotated[bool, _told("requests inside a `$batch` match, instead of those on the wire")] = False
    after: Annotated[int, _told("so many matching requests pass first")] = 0
    until: Annotated[int | None, _told("the last matching request that can be struck, by its number from 1 on")] = None
    every: Annotated[int, _told("of those, only each second (2), each third (3) and so on is struck")] = 1
    probability: Annotated[float, _told("how likely each of these is struck, from 0 to 1")] = 1.0
    seed: Annotated[int, _told("the same seed strikes the same of these again, by their number")] = 0
    times: Annotated[int | None, _told("so many strikes, then the switch is off; null: until it is cleared")] = 1
    seconds: Annotated[float | None, _told("the latency, or the Retry-After")] = None

    def __post_init__(self) -> None:
        if self.switch not in SWITCHES:
            raise ValueError(f"unknown switch '{self.switch}'; known: {', '.join(sorted(SWITCHES))}")
        if self.every < 1 or self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("'every' and 'times' must be at least 1 and 'after' at least 0")
        if self.until is not None and self.until <= self.after:
            raise ValueError("'until' must be more than 'after'")
        if not 0 < self.probability <= 1:
            raise ValueError("'probability' must be more than 0 and at most 1")
        if self.seconds is not None and self.seconds < 0:
            raise ValueError("'seconds' must be at least 0")
        if self.inner and SWITCHES[self.switch].wire:
            raise ValueError(f"'{self.switch}' strikes a reply on its way; a part of a $batch has none of its own")

    def matches(self, request: Request, *, inner: bool) -> bool:
        """Whether this switch could strike the request."""
        return (
            self.inner == inner
            and self.method in (None, request.method)
            and self.path in unquote(request.path)
            and SWITCHES[self.switch].only(request)
        )

    def strikes(self, number: int) -> bool:
        """Whether the matching request of that number, from 1 on, is to be struck; always the same answer."""
        turn = number - self.after
        if turn < 1 or turn % self.every or (self.until is not None and number > self.until):
            return False
        return self.probability == 1.0 or Random(f"{self.seed} {number}").random() < self.probability


class _ConnectionCut(Exception):
    """The connection ends inside a `$batch`: what is done is done, no later part is run, nobody is answered."""


@dataclass(slots=True)
class _Count:
    """How many matching requests an armed switch has seen, and how often it struck."""

    armed: Armed
    seen: int = 0
    struck: int = 0

    def is_due(self) -> bool:
        """Count one more matching request; whether it is to be struck."""
        self.seen += 1
        return self.armed.strikes(self.seen)

    @property
    def left(self) -> int | None:
        return None if self.armed.times is None else self.armed.times - self.struck

    @property
    def over(self) -> bool:
        """Whether it will never strike again."""
        return self.left == 0 or (self.armed.until is not None and self.seen >= self.armed.until)


class Faults:
    """The switches that are on, from the steps of a `script` at first. Safe to use from several threads.

    Each counts every request that matches it, whoever strikes; of those that are due the earliest armed one strikes.
    """

    def __init__(self, script: Iterable[Armed] = ()) -> None:
        self._counts = [_Count(armed) for armed in script]
        self._lock = threading.Lock()

    def arm(self, armed: Armed) -> None:
        """Turn a switch on."""
        with self._lock:
            self._counts.append(_Count(armed))

    def replace(self, script: Iterable[Armed]) -> None:
        """Turn off what is on, and on what the script says, in one step."""
        with self._lock:
            self._counts = [_Count(armed) for armed in script]

    def clear(self, switch: str | None = None) -> None:
        """Turn one switch off, or all."""
        with self._lock:
            self._counts = [count for count in self._counts if switch not in (None, count.armed.switch)]

    def armed(self) -> list[Armed]:
        """The switches that are on, `times` being the strikes they have left."""
        with self._lock:
            return [msgspec.structs.replace(count.armed, times=count.left) for count in self._counts]

    def answer(self, request: Request, handle: Handle) -> Reply:
        """Answer a request that came over the wire, struck by the switch that is due, if any."""
        armed = self._due(request, inner=False)
        try:
            if armed is None:
                return Reply(response=handle(request))
            return SWITCHES[armed.switch].strike(request, handle, armed.seconds)
        except _ConnectionCut:
            return Reply(response=None)

    def answer_inner(self, request: Request, handle: Handle) -> Response:
        """Answer a request inside a `$batch`, struck by the `inner` switch that is due, if any."""
        armed = self._due(request, inner=True)
        if armed is None:
            return handle(request)
        response = SWITCHES[armed.switch].strike(request, handle, armed.seconds).response
        if response is None:
            raise _ConnectionCut
        return response

    def _due(self, request: Request, *, inner: bool) -> Armed | None:
        if not self._counts:
            return None
        with self._lock:
            due = [count for count in self._counts if count.armed.matches(request, inner=inner) and count.is_due()]
            if due:
                due[0].struck += 1
            self._counts = [count for count in self._counts if not count.over]
        return due[0].armed if due else None


def read_faults(path: Path) -> list[Armed]:
    """The steps of a fault script: a JSON list of objects with the members of `Armed`.

    Raises ValueError with the file, the step (from 1 on) and what is wrong with it, and OSError.
    """
    try:
        steps = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from error
    script = []
    for number, step in enumerate(steps, 1):
        try:
            script.append(msgspec.json.decode(step, type=Armed))
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path}, step {number}: {error}") from error
    return script


def script_table() -> str:
    """The members of a step of a fault script as a Markdown table."""
    lines = ["| member | unless given | means |", "|---|---|---|"]
    hints = get_type_hints(Armed, include_extras=True)
    for member in msgspec.structs.fields(Armed):
        (meta,) = get_args(hints[member.name])[1:]
        default = "" if member.required else f"`{msgspec.json.encode(member.default).decode()}`"
        lines.append(f"| `{member.name}` | {default} | {meta.description} |")
    return "\n".join([*lines, ""])
