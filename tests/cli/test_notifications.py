"""`tandem notifications`, and what an outside monitor looks at (rule N5)."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.runtime import syncing
from tandem.runtime.settings import load
from tandem.runtime.subscription import opened
from tandem.sandbox.door.operations import Disable
from tandem.state.notices import NoticeKind

SIGNING = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A webhook and a heartbeat at one receiver that is set up; what it was asked, in order."""
    seen = list[str]()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            seen.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(500 if self.path == "/broken" else 204)
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815 (the names of the base class)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("TANDEM_WEBHOOK_URL", f"{url}/hook")
        monkeypatch.setenv("TANDEM_WEBHOOK_SECRET", SIGNING)
        monkeypatch.setenv("TANDEM_HEARTBEAT_URL", f"{url}/{{subscription}}")
        yield seen
        server.shutdown()
        thread.join(10)


def test_N5_notifications_are_seen_without_any_channel(terminal: Any) -> None:
    """In the app, newest first, with what to do."""
    assert "Nothing was told yet." in terminal.connected().run("notifications").out
    terminal.run("sync", "--enable")

    ended, found = terminal.run("notifications"), terminal.run("notifications", "--json").json

    assert (ExitCode.DONE, "") == (ended.code, ended.told)
    assert "No channel is set up" in ended.out
    assert "initial-sync" in ended.out
    (notice,) = found["notifications"]
    assert ("initial-sync", False, []) == (notice["kind"], notice["open"], notice["sent"])
    assert ([], None) == (found["channels"], found["heartbeat"])


def test_N5_a_sync_delivers_what_it_has_to_tell_and_beats(terminal: Any, receiver: list[str]) -> None:
    """Once it is over; the next one only beats."""
    terminal.synced()
    assert {"POST /hook", "GET /default"} == set(receiver)
    assert 1 == receiver.count("POST /hook")
    receiver.clear()

    terminal.run("sync")

    assert {"GET /default"} == set(receiver)
    assert "webhook: delivered" in terminal.run("notifications").out


def test_N5_run_delivers_between_its_cycles_and_while_the_sync_is_off(
    own_terminal: Any, receiver: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each good cycle a heartbeat; switched off, only what is left to tell."""
    own_terminal.synced()
    receiver.clear()
    heard = list[list[str]]()

    def wait(stop: Any, _seconds: float) -> None:
        for thread in threading.enumerate():
            if thread.name == "tandem-notifying":
                thread.join(10)
        heard.append(list(receiver))
        receiver.clear()
        with opened(load()) as subscription:
            syncing.enable(subscription, False)
            with subscription.database.transaction():
                subscription.state.notices.tell(NoticeKind.QUICK_SYNC, "phone", "Done.", at=subscription.now())
        if len(heard) == 2:
            stop.event.set()

    monkeypatch.setattr("tandem.runtime.syncing.Stop.wait", wait)
    ended = own_terminal.run("run")

    assert ExitCode.DONE == ended.code, ended.told
    assert [["GET /default"], ["POST /hook"]] == heard
    assert ["POST /hook"] == receiver


def test_N5_the_reason_why_a_sync_could_not_begin_or_go_on_is_delivered(own_terminal: Any, receiver: list[str]) -> None:
    """The process ends with it, so nothing may wait for the next cycle; and no heartbeat says that all is well."""
    own_terminal.synced()
    receiver.clear()
    own_terminal.world.do(Disable())

    ended = own_terminal.run("sync")

    assert ExitCode.FAILED == ended.code
    assert ["POST /hook"] == receiver
    listed = own_terminal.run("notifications").out
    assert "sync-down, still so" in listed
    assert "Enable the sync user in Dynamics." in listed


def test_N5_what_was_not_delivered_says_why_and_when_it_is_tried_again(
    terminal: Any, receiver: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that it was given up, in the end."""
    url = load().webhook_url
    assert url
    monkeypatch.setenv("TANDEM_WEBHOOK_URL", url.url.replace("/hook", "/broken"))
    terminal.synced()

    assert "1 attempts in vain, the last: http://127.0.0.1" in terminal.run("notifications").out
    (sent,) = terminal.run("notifications", "--json").json["notifications"][0]["sent"]
    assert ("waiting", 1, True) == (sent["state"], sent["attempts"], sent["due_at"] > "2")
    with opened(load()) as subscription, subscription.database.transaction():
        subscription.state.notices.give_up("webhook", before="9999")
    assert "webhook: given up; 1 attempts in vain" in terminal.run("notifications").out


def test_N5_a_test_says_how_each_channel_did(
    terminal: Any, receiver: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1 when one fails, or when there is none to try."""
    terminal.connected()
    ended = terminal.run("notifications", "--test")
    assert (ExitCode.DONE, ["POST /hook", "GET /default"]) == (ended.code, receiver)
    assert ["delivered", "delivered"] == [line.rpartition(": ")[2] for line in ended.out.splitlines()]

    monkeypatch.setenv("TANDEM_HEARTBEAT_URL", "http://127.0.0.1:9/T0KEN")
    failed = terminal.run("notifications", "--test", "--json")
    assert ExitCode.FAILED == failed.code
    assert [None, "http://127.0.0.1:9: it cannot be reached."] == [each["problem"] for each in failed.json["attempts"]]
    assert "T0KEN" not in failed.out + terminal.kept()

    for name in ("TANDEM_HEARTBEAT_URL", "TANDEM_WEBHOOK_URL"):
        monkeypatch.delenv(name)
    nothing = terminal.run("notifications", "--test")
    assert (ExitCode.FAILED, "") == (nothing.code, nothing.out)
    assert "No channel is set up" in nothing.told


def test_N5_all_of_them_are_listed_when_asked_for(terminal: Any) -> None:
    """Else the newest twenty."""
    terminal.connected()
    with opened(load()) as subscription, subscription.database.transaction():
        for number in range(25):
            subscription.state.notices.tell(NoticeKind.QUICK_SYNC, f"{number}", f"Number {number}.", at="2026-03-01")

    def listed(*more: str) -> list[str]:
        found = terminal.run("notifications", "--json", *more).json["notifications"]
        return [each["about"] for each in found]

    assert [str(number) for number in range(24, 4, -1)] == listed()
    assert [str(number) for number in range(24, -1, -1)] == listed("--all")


def test_N5_an_address_without_a_mail_server_is_pointed_out(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or somebody would wait for mails that nothing sends."""
    without = terminal.connected().run("enable", "--notify", "ann@example.com")
    monkeypatch.setenv("TANDEM_SMTP_HOST", "mail.example.com")
    ended = terminal.run("enable", "--notify", "ann@example.com")

    assert (ExitCode.DONE, True) == (without.code, "No mail server is set (smtp_host)" in without.told)
    assert (ExitCode.DONE, "") == (ended.code, ended.told)


def test_N5_an_address_is_refused_where_it_is_given(terminal: Any) -> None:
    """Not by the first alarm."""
    ended = terminal.connected().run("enable", "--notify", "ann at example.com")

    assert ExitCode.FAILED == ended.code
    assert "[address-wrong]" in ended.told
    assert "disabled" == terminal.status()["state"]


def test_N5_a_monitor_sees_by_the_status_that_cycles_do_not_come_to_their_end(
    own_terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Dynamics and without a running Tandem; a failed cycle does not count."""
    never = own_terminal.connected().run("status", "--fail-after", "60")
    assert (ExitCode.FAILED, True) == (never.code, "No good cycle yet" in never.told)
    assert ExitCode.DONE == own_terminal.run("sync", "--enable").code
    own_terminal.world.do(Disable())
    assert ExitCode.FAILED == own_terminal.run("sync").code

    fresh = own_terminal.run("status", "--fail-after", "60", "--json")
    assert (ExitCode.DONE, "") == (fresh.code, fresh.told)
    monkeypatch.setattr("tandem.runtime.subscription.now", lambda: "2999-01-01T00:00:00Z")
    late = own_terminal.run("status", "--fail-after", "60", "--json")

    assert ExitCode.FAILED == late.code
    assert late.json["last_good_cycle_at"] in late.told
    assert "The state is: halted." in late.told


@pytest.mark.parametrize("minutes", ["0", "-5", "soon", "1e99"])
def test_N5_minutes_that_are_none_are_a_usage_error(terminal: Any, minutes: str) -> None:
    """A monitor that is set up wrongly must not look well."""
    assert ExitCode.USAGE == terminal.run("status", "--fail-after", minutes).code


def test_R5_a_secret_in_the_settings_is_in_no_log(
    terminal: Any, receiver: list[str], make_terminal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor on the screen, when a channel fails."""
    monkeypatch.setenv("TANDEM_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("TANDEM_SMTP_PORT", "9")
    monkeypatch.setenv("TANDEM_SMTP_SECURITY", "none")
    monkeypatch.setenv("TANDEM_SMTP_USER", "tandem")
    monkeypatch.setenv("TANDEM_SMTP_PASSWORD", "hunter2")
    terminal.connected().run("enable", "--notify", "ann@example.com")

    ended = terminal.run("--verbose", "notifications", "--test")

    assert "email (ann@example.com by 127.0.0.1:9): 127.0.0.1: it cannot be reached" in ended.out
    assert not [each for each in ("hunter2", SIGNING) if each in ended.out + ended.told + terminal.kept()]
