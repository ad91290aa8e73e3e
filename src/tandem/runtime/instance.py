"""Tells the marketing database from a copy of it (rule S10).

Two copies that both push would overwrite each other's work in Dynamics. The database holds an instance id, a counter
that grows with every run and a fingerprint of where it lies; the home holds id and counter as well. The database is
written first: a kill in between leaves it one ahead, which is no copy. A clone of a whole machine cannot be told apart.
"""

import os
import secrets
from enum import StrEnum
from pathlib import Path

import msgspec

from tandem.model.errors import HaltStream
from tandem.runtime.subscription import Subscription

_SETTING = "instance"


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
        "Nothing was read or written. Go on with the database in its original place, or connect a new subscription: "
        "two copies at work on one organisation would undo each other's changes."
    )


def judge(database: Instance, home: Instance | None, *, fingerprint: str) -> Verdict:
    """Is this the database the home knows, in the place it was made?"""
    if database.fingerprint != fingerprint:
        return Verdict.MOVED
    if home is None or home.id != database.id:
        return Verdict.STRANGER
    if database.counter < home.counter:
        return Verdict.BEHIND
    return Verdict.SAME


_REASONS = {
    Verdict.MOVED: "lies in another place than the one it was made in: it was copied or moved",
    Verdict.BEHIND: "is older than this home remembers: it was restored from a backup",
    Verdict.STRANGER: "is not the one this home has worked with: it was copied here, or the home was replaced",
}


def begin(subscription: Subscription) -> None:
    """Give a new subscription its instance id; one that has it keeps it. Belongs into the transaction that binds it.

    Here the file is first: a kill in between leaves a file that the next connect replaces.
    """
    if subscription.state.setting(_SETTING) is None:
        made = Instance(id=secrets.token_hex(16), counter=0, fingerprint=subscription.database.fingerprint())
        _tell_home(subscription, made)
        subscription.state.put_setting(_SETTING, msgspec.to_builtins(made))


def check(subscription: Subscription) -> Instance:
    """What the database says of itself. Raises CopiedDatabase where the home, or the place, knows better."""
    stored = msgspec.convert(subscription.state.setting(_SETTING), Instance)
    fingerprint = subscription.database.fingerprint()
    verdict = judge(stored, _from_home(_file(subscription)), fingerprint=fingerprint)
    if verdict is not Verdict.SAME:
        raise CopiedDatabase(
            f"The database {subscription.database.place} {_REASONS[verdict]}.", subscription=subscription.name
        )
    return stored


def check_in(subscription: Subscription) -> None:
    """Count this run, or raise CopiedDatabase. Called under the subscription's lock, before anything is read."""
    stored = check(subscription)
    counted = msgspec.structs.replace(stored, counter=stored.counter + 1)
    with subscription.database.transaction():
        subscription.state.put_setting(_SETTING, msgspec.to_builtins(counted))
    _tell_home(subscription, counted)


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
