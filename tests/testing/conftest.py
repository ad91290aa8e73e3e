"""Organisations under test: the fake one, and the sandbox behind the real client."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from tandem.dynamics.client import Dynamics
from tandem.testing.fake import FakeDynamics
from tandem.testing.fake_world import FakeWorld
from tandem.testing.lying import Lie, LyingDynamics
from tandem.testing.world import World

if TYPE_CHECKING:
    from tandem.testing.conformance import Peer

# The suite's assertions shall explain themselves as those of any test.
pytest.register_assert_rewrite("tandem.testing.conformance")


class FakePeer(FakeWorld):
    """The fake organisation, behind a line that can break."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.dynamics = LyingDynamics(FakeDynamics(self.organisation))

    def lose_reply(self, *, carried_out: bool) -> None:
        self.dynamics.tell(Lie.LOSE_REPLY if carried_out else Lie.LOSE_REQUEST)


class SandboxPeer(World):
    """The sandbox on loopback, behind the real client."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._line = contextlib.ExitStack()
        client = Dynamics(self.sandbox.url, self.credentials, sleep=lambda _seconds: None)
        self.dynamics = self._line.enter_context(client)
        return self

    def __exit__(self, *args: object) -> None:
        self._line.close()
        super().__exit__(*args)

    def lose_reply(self, *, carried_out: bool) -> None:
        self.fault("reset-after" if carried_out else "reset-before")


@pytest.fixture(params=[FakePeer, SandboxPeer], ids=["fake", "sandbox"])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator["Peer"]:
    """A new organisation without people."""
    with request.param(tmp_path) as made:
        yield made
