"""*Change Owner in Microsoft*: gives a person's record to a user or a team (rules F2, P13, U1).

The owner is the one value of a record that edits never send, so nothing else would notice a write that got lost, or an
owner that somebody else set meanwhile. The record is read first, written under the version it had then, and looked at
again after a lost answer.

    the record                       | outcome
    ---------------------------------+---------------------------------------------------------------------------------
    was made for this request        | created, with that owner from the start
    belongs to the owner             | owner changed, where this request sent it; else it was the owner already
    belongs to somebody else         | is written; changed by anybody since it was read: once more
    is gone, or has another person   | the next cycle takes that over first, then it goes on
"""

from tandem.actions import arguments
from tandem.actions.carrying import NotYet, carry_out, creation_of, read_record, record_of
from tandem.actions.owners import find_owner
from tandem.actions.requests import Acted, Request
from tandem.actions.sync_person import pusher_of, why_not_yet
from tandem.dynamics.errors import DynamicsError, NotAnswered, RowNotFound, Unavailable, VersionMismatch
from tandem.dynamics.writes import RowWrite
from tandem.model.errors import TandemError
from tandem.state.links import Link
from tandem.state.queues import Intent, IntentKind
from tandem.sync.applier import How
from tandem.sync.pushing.balance import Balance

_OWNER = "ownerid"
_SENT = "sent"
_TRIES = 3


def change_owner(request: Request) -> Acted:
    """Give the record to the owner, at once; it is made first where there is none.

    Raises UnknownPerson, WriteUnderWay, and what concerns the whole organisation.
    """
    return carry_out(request, lambda: _change_owner(request))


def _change_owner(request: Request) -> None:
    asked, database = request.asked(arguments.ChangeOwner), request.context.database
    owner = find_owner(request.context.marketing.mirrors, asked.owner)
    with database.transaction():
        request.note(owner=owner[1])
    for _ in range(_TRIES):
        link = record_of(request, asked.made_as, owner=asked.owner)
        row = read_record(request, link)
        if getattr(row, _OWNER) == owner[1]:
            with database.transaction():
                request.finish(_found(request), owner=owner[1])
            return
        if _write(request, link._replace(version=row.versionnumber), owner):
            return
    raise NotYet(f"Its {link.entity.value} keeps changing in Dynamics.")


def _found(request: Request) -> str:
    """The outcome where the record has the owner already."""
    if request.context.state.actions.of(creation_of(request)) is not None:
        return "created with this owner"
    return "owner changed" if _SENT in request.details() else "already the owner"


def _write(request: Request, link: Link, owner: tuple[str, str]) -> bool:
    """One write under the version the record was read at; False where it is to be looked at again."""
    context, plan = request.context, request.plans[link.entity]
    intent = Intent(link.crm_id, link.entity, request.person_id, IntentKind.UPDATE, {}, owner, request.id)
    balance = Balance(context.state, context.settings.brakes, context.now)
    with context.database.transaction():
        now = request.link()
        if now is None or (now.crm_id, now.state, now.version) != (link.crm_id, link.state, link.version):
            return False
        if _SENT not in request.details():
            balance.changed(1)
        if not balance.allows(link.entity, 1):
            raise NotYet(why_not_yet(context.state, link.entity))
        request.note(**{_SENT: True})
        context.state.intents.begin([intent], at=context.now())
    write = RowWrite(table=plan.table, id=link.crm_id, values={_OWNER: owner}, version=link.version)
    try:
        (answer,) = context.dynamics.write([write], plan.decoder)
    except NotAnswered:
        answer = None
    except TandemError:
        _withdraw(request, intent)
        raise
    if answer is None or isinstance(answer, Unavailable):
        # It may have been carried out: the record is read back, and then looked at like any other.
        pusher_of(request).recover()
        return False
    if isinstance(answer, DynamicsError):
        _withdraw(request, intent)
        if isinstance(answer, RowNotFound):
            read_record(request, link)  # It is there: so the owner is gone.
        if isinstance(answer, VersionMismatch):
            return False
        raise answer
    with context.database.transaction():
        request.tables.people()[link.entity].apply([answer], How.ANSWER)
        context.state.intents.end([intent])
        balance.wrote(link.entity, 1)
        request.finish("owner changed", owner=owner[1])
    return True


def _withdraw(request: Request, intent: Intent) -> None:
    """It was certainly not carried out."""
    with request.context.database.transaction():
        request.context.state.intents.end([intent])
