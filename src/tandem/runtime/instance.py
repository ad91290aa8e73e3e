"""Tells the marketing database from a copy of it (rule S10).

Two copies that both push would overwrite each other's work in Dynamics. The database holds an instance id, a counter
that grows with every cycle and a fingerprint of where it lies; the home holds id and counter as well. The database is
written first: a kill in between leaves it one ahead, which is no copy. A clone of a whole machine cannot be told apart.

A database that is refused is adopted or made a fork of. Nobody can say how old it is: a home that was saved and put
back as a whole agrees with itself. So both begin a review, and nothing is written before Dynamics was read once more.
"""

import getpass
import os
import secrets
from enum import StrEnum
from pathlib import Path

import msgspec

from tandem.model.errors import HaltStream, NeedsPerson
from tandem.runtime.subscription import NotConnected, Subscription
from tandem.state.reviews import ReviewKind
from tandem.state.state import INSTANCE
from tandem.sync.review import begin_review


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says of itself; the home's file holds the same without the fingerprint."""

    id: str
    counter: int
    fingerprint: str = ""


class Verdict(StrEnum):
    """What the two memories say together."""

    SAME = "same"
    MOVED = "moved"
    BEHIND = "behind"
    STRANGER = "stranger"


class CopiedDatabase(HaltStream):
    """The database is a copy, was moved, or was restored from a backup."""

    code = "copied-database"
    advice = (
        "Nothing was read or written: two copies at work on one organisation would undo each other's changes. "
        "`tandem adopt`, if this is the one that goes on and no other does; `tandem fork` to give it a life of its own."
    )


class OriginalDatabase(NeedsPerson):
    """A fork was to be made of the database that this home works with."""

    code = "original-database"
    advice = "Nothing was changed. Copy the database to another place first, and make a fork of the copy there."


def judge(database: Instance, home: Instance | None, *, fingerprint: str) -> Verdict:
    """Is this the database the home knows, in the place it was made?"""
    if database.fingerprint != fingerprint:
        return Verdict.MOVED
    if home is None or home.id != database.id:
        return Verdict.STRANGER
    if database.counter < home.counter:
        return Verdict.BEHIND
    return Verdict.SAME


REASONS = {
    Verdict.SAME: "lies where it was made and is as new as this home remembers",
    Verdict.MOVED: "lies in another place than the one it was made in: it was copied or moved",
    Verdict.BEHIND: "is older than this home remembers: it was restored from a backup",
    Verdict.STRANGER: "is not the one this home has worked with: it was copied here, or the home was replaced",
}
"""What is to be said of the database."""
_ADVICE = {
    Verdict.MOVED: CopiedDatabase.advice,
    Verdict.BEHIND: (
        "Nothing was read or written. `tandem adopt` goes on with it: Dynamics is read once more, what it holds by now "
        "wins over what this older database remembers, and nothing is made twice."
    ),
    Verdict.STRANGER: CopiedDatabase.advice,
}
_ADOPTED = {
    Verdict.SAME: "The database was adopted although it was in its place.",
    Verdict.MOVED: "The database was adopted in another place.",
    Verdict.BEHIND: "The database was restored from a backup and adopted.",
    Verdict.STRANGER: "The database was adopted in another home.",
}


def begin(subscription: Subscription) -> None:
    """Give a new subscription its instance id; one that has it keeps it. Belongs into the transaction that binds it.

    Here the file is first: a kill in between leaves a file that the next connect replaces.
    """
    if subscription.state.setting(INSTANCE) is None:
        made = Instance(id=secrets.token_hex(16), counter=0, fingerprint=subscription.database.fingerprint())
        _tell_home(subscription, made)
        subscription.state.put_setting(INSTANCE, msgspec.to_builtins(made))


def check(subscription: Subscription) -> Instance:
    """What the database says of itself. Raises CopiedDatabase where the home, or the place, knows better."""
    verdict = look(subscription)
    if verdict is not Verdict.SAME:
        raise CopiedDatabase(
            f"The database {subscription.database.place} {REASONS[verdict]}.",
            advice=_ADVICE[verdict],
            subscription=subscription.name,
        )
    return _stored(subscription)


def look(subscription: Subscription) -> Verdict:
    """Is this database the one that its home knows, in the place it was made? Raises NotConnected for a new one."""
    home = _from_home(_file(subscription))
    return judge(_stored(subscription), home, fingerprint=subscription.database.fingerprint())


def adopt(subscription: Subscription) -> Verdict:
    """This database is the one that goes on, here, whatever it was before. Returns that. Dynamics is not asked.

    The original must not be at work any more; nobody can check that. Raises InUse, BeingWritten, NotConnected.
    """
    with subscription.exclusive(), subscription.writing():
        verdict = look(subscription)
        stored, home = _stored(subscription), _from_home(_file(subscription))
        counter = max(stored.counter, home.counter if home else 0) + 1
        adopted = Instance(id=stored.id, counter=counter, fingerprint=subscription.database.fingerprint())
        with subscription.database.transaction():
            subscription.state.put_setting(INSTANCE, msgspec.to_builtins(adopted))
            _review(subscription, ReviewKind.ADOPT, _ADOPTED[verdict])
        _tell_home(subscription, adopted)
    return verdict


def fork(subscription: Subscription) -> None:
    """This database is a copy that begins a life of its own: another instance, switched off, without credentials.

    What the original was about to write is given up here. Raises OriginalDatabase where this is the original, InUse,
    BeingWritten, NotConnected.
    """
    with subscription.exclusive(), subscription.writing():
        if look(subscription) in (Verdict.SAME, Verdict.BEHIND):
            raise OriginalDatabase(f"The database {subscription.database.place} is the one that this home works with.")
        fingerprint = subscription.database.fingerprint()
        forked = Instance(id=secrets.token_hex(16), counter=0, fingerprint=fingerprint)
        with subscription.database.transaction():
            subscription.state.put_setting(INSTANCE, msgspec.to_builtins(forked))
            subscription.state.put_setting("enabled", False)
            if subscription.binding is not None:
                subscription.bind(msgspec.structs.replace(subscription.binding, credentials=None))
            _review(subscription, ReviewKind.FORK, "The database is a fork.")
        _tell_home(subscription, forked)


def account() -> str:
    """Who is at work, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run under a number that has no name.
        return str(os.getuid())


def _review(subscription: Subscription, kind: ReviewKind, reason: str) -> None:
    begin_review(subscription.state, subscription.marketing, kind, reason, by=account(), at=subscription.now())


def _stored(subscription: Subscription) -> Instance:
    stored = subscription.state.setting(INSTANCE)
    if stored is None:
        raise NotConnected(f"Subscription {subscription.name!r} was never connected.")
    return msgspec.convert(stored, Instance)


def check_in(subscription: Subscription) -> None:
    """Count this cycle, or raise CopiedDatabase. Called under the subscription's lock, before anything is read."""
    stored = check(subscription)
    counted = msgspec.structs.replace(stored, counter=stored.counter + 1)
    with subscription.database.transaction():
        subscription.state.put_setting(INSTANCE, msgspec.to_builtins(counted))
    _tell_home(subscription, counted)


def expect_newer(subscription: Subscription) -> None:
    """Let the home take the database for an older one from now on: it is about to be replaced by one."""
    home = _from_home(_file(subscription))
    if home is not None:
        _tell_home(subscription, msgspec.structs.replace(home, counter=home.counter + 1))


def _tell_home(subscription: Subscription, instance: Instance) -> None:
    path = _file(subscription)
    scratch = path.with_suffix(".new")
    with scratch.open("wb") as file:
        file.write(msgspec.json.encode({"id": instance.id, "counter": instance.counter}))
        file.flush()
        # A file that a power cut left empty would look like another home's.
        os.fsync(file.fileno())
    os.replace(scratch, path)


def _file(subscription: Subscription) -> Path:
    return subscription.settings.home / f"{subscription.name}.instance"


def _from_home(path: Path) -> Instance | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Instance)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
