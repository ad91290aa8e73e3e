"""People are told of what becomes of the cycles: each thing once, and when it is over (rules N5, P17, R6)."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tandem.dynamics.credentials import Credentials
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, OurBug, TandemError
from tandem.runtime import connecting, syncing
from tandem.runtime.settings import load
from tandem.runtime.subscription import opened
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.sandbox.door.operations import BecomeCopy, Disable, Privilege, Secure
from tandem.state.notices import Notice
from tandem.sync.cycle import Engine
from tandem.sync.telling import tell_digest
from tandem.testing.world import World


class Clock:
    """What time it is, for one subscription."""

    def __init__(self, world: World) -> None:
        self.at = "2026-03-01T12:00:00Z"
        world.subscription.now = lambda: self.at


@pytest.fixture
def clock(world: World) -> Clock:
    """The world's clock in marketing, standing still."""
    return Clock(world)


def notices(world: World) -> list[Notice]:
    """What people were told, oldest first."""
    return world.subscription.state.notices.newest(limit=100)[::-1]


def told(world: World) -> list[tuple[str, str]]:
    """Of what kind, and about what, oldest first; the first copy left out."""
    return [(each.kind, each.about) for each in notices(world) if each.kind != "initial-sync"]


def failing_cycle(world: World) -> TandemError:
    """One cycle that cannot come to its end, and why."""
    with pytest.raises(TandemError) as stopped:
        world.cycle()
    return stopped.value


# The first copy -----------------------------------------------------------------------------------------------------


def test_N5_the_end_of_the_first_copy_is_told_once(world: World) -> None:
    """Not before everything was copied, and never again."""
    world.create("contact", lastname="Ek")
    with world.engine(stopping=lambda: True) as (engine, _):
        engine.cycle()
    assert [] == notices(world)

    world.sync()
    world.cycle()

    (notice,) = notices(world)
    assert ("initial-sync", "sync") == (notice.kind, notice.about)
    assert "first copy is complete" in notice.message


# Everything is down -------------------------------------------------------------------------------------------------


def refuse_credentials(world: World) -> Iterator[None]:
    """The sync user is disabled, and enabled again."""
    world.do(Disable())
    yield
    world.do(Disable(disabled=False))


def refuse_everything(world: World) -> Iterator[None]:
    """The address answers as another organisation, and as the right one again."""
    own = world.organisation.organization_id
    world.become_a_copy()
    yield
    world.do(BecomeCopy(id=own))


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        pytest.param(refuse_credentials, "user-disabled", id="the sync user is disabled"),
        pytest.param(refuse_everything, "organisation-changed", id="the organisation is another one"),
    ],
)
def test_N5_the_sync_being_down_is_told_once_and_its_recovery_once(
    world: World, trouble: Callable[[World], Iterator[None]], code: str
) -> None:
    """Not every cycle; and when it is down again, again."""
    world.sync()
    for _ in range(2):
        happens = trouble(world)
        next(happens)
        problems = [failing_cycle(world) for _ in range(3)]
        next(happens, None)
        world.cycle()
        world.cycle()

    assert {code} == {each.code for each in problems}
    assert [("sync-down", f"sync:{code}"), ("recovered", "sync")] * 2 == told(world)
    down = notices(world)[-2]
    assert problems[0].message in down.message
    assert problems[0].remedy == down.advice


def test_N5_a_second_reason_is_told_too_and_one_recovery_ends_both(world: World) -> None:
    """Whoever repairs the first must know that there is another."""
    world.sync()
    own = world.organisation.organization_id
    world.do(Disable())
    failing_cycle(world)
    world.do(Disable(disabled=False))
    world.become_a_copy()
    failing_cycle(world)
    world.do(BecomeCopy(id=own))
    world.cycle()

    assert [("sync-down", "sync:user-disabled"), ("sync-down", "sync:organisation-changed"), ("recovered", "sync")] == (
        told(world)
    )


def test_N5_credentials_that_are_refused_are_told_and_new_ones_end_it(world: World) -> None:
    """The secret was changed in Entra; `tandem connect --rotate` is what helps."""
    world.sync()
    right = world.credentials
    store(world, Credentials(right.client_id, client_secret="old", authority=right.authority))
    failing_cycle(world)
    connecting.rotate(world.settings, right)
    world.cycle()

    assert [("sync-down", "sync:dynamics-unauthorised"), ("recovered", "sync")] == told(world)


def store(world: World, credentials: Credentials) -> None:
    """Replace the stored credentials without trying them."""
    subscription = world.subscription
    sealed = subscription.vault.seal(msgspec.json.encode(asdict(credentials)))
    with subscription.database.transaction():
        binding = subscription.connection()
        subscription.bind(msgspec.structs.replace(binding, credentials=sealed))


def test_N5_a_copied_database_tells_so_itself(make_world: Callable[..., World], tmp_path: Path) -> None:
    """It refuses to start, so nobody would hear of it from a cycle; the original is told nothing."""
    world = make_world().connect()
    world.sync()
    copy = tmp_path / "copy"
    copy.mkdir()
    for each in world.settings.home.iterdir():
        if each.is_file():
            shutil.copy2(each, copy / each.name)

    with opened(load(environ={"TANDEM_HOME": str(copy)})) as subscription:
        for _ in range(2):
            with pytest.raises(TandemError):
                syncing.engine_of(subscription).__enter__()
        (notice, _) = subscription.state.notices.newest(limit=10)

    assert ("sync-down", "sync:copied-database") == (notice.kind, notice.about)
    assert [] == told(world)


def test_N5_what_passes_by_itself_is_told_when_it_lasts_for_an_hour(world: World, clock: Clock) -> None:
    """A minute without Dynamics is nobody's business, a morning is."""
    world.sync()
    for clock.at in ("2026-03-01T13:00:00Z", "2026-03-01T13:59:59Z"):
        unavailable(world)
    assert [] == told(world)
    clock.at = "2026-03-01T14:00:00Z"
    unavailable(world)
    unavailable(world)
    clock.at = "2026-03-01T15:00:00Z"
    world.cycle()

    assert [("sync-down", "sync:dynamics-unavailable"), ("recovered", "sync")] == told(world)
    assert "has not worked since 2026-03-01T13:00:00Z" in notices(world)[1].message


def unavailable(world: World) -> None:
    """A cycle that Dynamics does not answer."""
    world.fault("unavailable", times=None, seconds=0)
    failing_cycle(world)
    world.faults.clear()


def test_N5_a_fault_of_tandem_s_own_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody watches the screen at night."""
    world.sync()

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Engine, "tables", broken)
        with pytest.raises(ZeroDivisionError):
            world.cycle()

    assert [("sync-down", f"sync:{OurBug.code}")] == told(world)


# One table ----------------------------------------------------------------------------------------------------------


def test_N5_a_table_that_cannot_be_read_is_told_once_and_its_recovery_once(world: World) -> None:
    """With the advice; the rest goes on and nothing is said of it."""
    world.sync()
    world.do(Privilege(privilege="prvReadContact", depth=None))
    world.cycle()
    world.cycle()
    world.do(Privilege(privilege="prvReadContact", depth="Global"))
    world.cycle()
    world.cycle()

    assert [("sync-down", "contact"), ("recovered", "contact")] == told(world)
    down, recovered = notices(world)[1:]
    assert "contact" in down.message
    assert "privilege" in down.advice.lower()
    assert down.at in recovered.message


def test_N5_an_unreadable_filter_is_told_as_the_table_that_stands_still(world: World) -> None:
    """It is found before anything of the table is asked (D7)."""
    world.filter_column("account")
    world.sync()
    world.do(Secure(table="account", column="new_synctomkto"))
    world.cycle()
    world.cycle()
    world.do(Secure(table="account", column="new_synctomkto", secured=False))
    world.cycle()

    assert [("sync-down", "account"), ("recovered", "account")] == told(world)


def test_N5_a_cycle_of_one_table_says_nothing_of_another(world: World) -> None:
    """What was not looked at has not recovered."""
    world.sync()
    world.do(Privilege(privilege="prvReadContact", depth=None))
    world.cycle()
    with world.engine() as (engine, _):
        engine.cycle([Entity.LEAD])

    assert [("sync-down", "contact")] == told(world)


# Holds --------------------------------------------------------------------------------------------------------------


def test_R6_a_hold_is_told_once_and_the_next_one_again(world: World) -> None:
    """With what is held and where to look."""
    contacts = [world.create("contact", lastname=f"N{number}") for number in range(60)]
    world.sync()
    for some in (contacts[:21], contacts[21:42]):
        for contact in some:
            world.delete("contact", contact)
        world.cycle()
        world.cycle()
        (hold,) = world.open_holds()
        world.cancel(hold)
        world.cycle()

    assert ["hold", "hold"] == [kind for kind, _ in told(world)]
    notice = notices(world)[1]
    assert "contact" in notice.message
    assert "mass-delete: 21 of 60" in notice.message
    assert "tandem holds" in notice.advice
    assert [] == [each for each in notices(world) if each.settled_at is None]


def test_N5_a_field_of_one_person_that_waits_is_no_news(make_world: Callable[..., World]) -> None:
    """`tandem holds` lists them; a message for each would hide the others."""
    world = make_world(consent_wins="true").connect()
    contact = world.create("contact", lastname="Ek", donotemail=True)
    world.sync()
    world.edit("contact", contact, donotemail=False)
    world.cycle()

    assert ["consent"] == [each.kind for each in world.open_holds()]
    assert [] == told(world)


# The digest ---------------------------------------------------------------------------------------------------------


def fail(world: World, record: str, number: str) -> None:
    """Let the record of a contact fail: its phone number is too long for Dynamics."""
    world.edit_person("contact", record, mobilePhone=number * 60)
    world.cycle()


def test_N5_records_that_failed_are_told_together_once_a_day(world: World, clock: Clock) -> None:
    """By cause, with how many and what to do; a day without a failure has no digest."""
    first, second = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ng")
    world.sync()
    for clock.at, record in (("2026-03-01T18:00:00Z", first), ("2026-03-01T19:00:00Z", second)):
        fail(world, record, "1")
    clock.at = "2026-03-02T11:59:59Z"
    world.cycle()
    assert [] == told(world)

    for clock.at in ("2026-03-02T12:00:00Z", "2026-03-02T12:05:00Z", "2026-03-03T13:00:00Z"):
        world.cycle()
    assert [("digest", "2026-03-02")] == told(world)
    digest = notices(world)[1]
    assert "2 records failed to sync since 2026-03-01T12:00:00Z" in digest.message
    assert "- 2 x contact" in digest.message
    assert "[too-long]" in digest.message
    assert "tandem errors" in digest.advice

    fail(world, first, "2")
    clock.at = "2026-03-04T13:00:00Z"
    world.cycle()
    assert [("digest", "2026-03-02"), ("digest", "2026-03-04")] == told(world)
    assert "1 records failed to sync since 2026-03-03T13:00:00Z" in notices(world)[2].message


def test_N5_what_failed_in_the_very_first_cycle_is_in_the_first_digest(world: World) -> None:
    """The day begins with the cycle, which may last for hours, and not with its end."""
    subscription = world.subscription
    journal, problem = subscription.state.journal, NeedsPerson("No.")
    with subscription.database.transaction():
        number = journal.begin_cycle(at="2026-03-01T12:00:00Z")
        journal.add_error(
            problem, entity=Entity.LEAD, operation="create", at="2026-03-01T13:00:00Z", level="record", crm_id="1"
        )
        journal.end_cycle(number, outcome="done", requests=0, counts={}, at="2026-03-01T15:00:00Z")
        for at in ("2026-03-01T15:00:00Z", "2026-03-02T12:00:00Z"):
            tell_digest(subscription.state, at=at)

    (digest,) = notices(world)
    assert "1 records failed to sync since 2026-03-01T12:00:00Z" in digest.message


def test_R5_what_a_plug_in_says_of_a_person_is_not_sent_around(world: World, clock: Clock) -> None:
    """It stands in the errors, which are erased with the person; the digest says where to look."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.plug_in(Refuse(table="contact", column="mobilephone", message="Ann Ek may not be called."))
    world.edit_person("contact", contact, mobilePhone="1")
    world.cycle()
    assert "Ann Ek" in world.subscription.state.journal.errors()[0]["message"]

    clock.at = "2026-03-02T12:00:00Z"
    world.cycle()

    assert [("digest", "2026-03-02")] == told(world)
    assert "Ann Ek" not in notices(world)[1].message
    assert "1 x contact, update: Dynamics refused, and said why. [dynamics-refused]" in notices(world)[1].message


def test_N5_a_stop_that_was_asked_for_is_no_failure(world: World, clock: Clock) -> None:
    """However long Dynamics had kept everybody waiting before."""
    world.sync()
    clock.at = "2026-03-01T13:00:00Z"
    unavailable(world)
    clock.at = "2026-03-01T14:30:00Z"
    world.fault("unavailable", times=None, seconds=0)
    with world.engine(stopping=lambda: True) as (engine, _), pytest.raises(TandemError):
        engine.cycle()
    world.faults.clear()

    assert [] == told(world)


def test_P17_what_waits_for_a_reactivation_is_kept_out_of_the_digest(world: World, clock: Clock) -> None:
    """It will be sent by itself; nobody has to do anything."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.lock("contact", contact)
    world.edit_person("contact", contact, mobilePhone="1")
    world.cycle()
    assert ["record-inactive"] == [each["code"] for each in world.subscription.state.journal.errors()]

    clock.at = "2026-03-02T12:00:00Z"
    world.cycle()

    assert [] == told(world)
