"""Delete Person, Change Data Value and Merge People: the actions of marketing alone (rule F5).

They are the same acts as by hand, under a request's id: the act and its outcome are one transaction, so a repeated
request finds either nothing or the outcome. Dynamics is not asked, so they work while it is away, and for a person whom
the sync filter keeps out: what a cycle makes of them is told where the acts are (rules D8, P9, P16).
"""

from tandem.actions import arguments
from tandem.actions.requests import Acted, Request, RequestState
from tandem.sync.edits import Edits
from tandem.sync.removing import Removing


def delete_person(request: Request) -> Acted:
    """Delete the person. Raises UnknownPerson, WriteUnderWay."""
    context, asked = request.context, request.asked(arguments.DeletePerson)
    with context.database.transaction():
        request.begin()
        _removing(request).delete(request.person_id, never_return=asked.never_return, at=context.now())
        request.settle(RequestState.DONE, "deleted")
    return request.stored()


def change_data_value(request: Request) -> Acted:
    """Set one field. Raises UnknownPerson, UnknownField, NotEditable, BadValue."""
    context, asked = request.context, request.asked(arguments.ChangeDataValue)
    edits = Edits(context.database, context.marketing, context.state, fanout_limit=context.settings.fanout_limit)
    with context.database.transaction():
        request.begin()
        changes = edits.edit(request.person_id, [(asked.field, asked.value)], at=context.now())
        request.settle(RequestState.DONE, f"changed {changes[0].name}" if changes else "nothing to change")
    return request.stored()


def merge_people(request: Request) -> Acted:
    """Make the person a part of the winner. Raises UnknownPerson, NotMergeable, WriteUnderWay."""
    context, asked = request.context, request.asked(arguments.MergePeople)
    with context.database.transaction():
        request.begin()
        merged = _removing(request).merge(asked.winner, request.person_id, at=context.now())
        aside = f"; its {merged.set_aside.entity.value} is set aside" if merged.set_aside else ""
        request.settle(RequestState.DONE, f"part of person {asked.winner}{aside}")
    return request.stored()


def _removing(request: Request) -> Removing:
    context = request.context
    return Removing(context.database, context.marketing, context.state, sum_scores=context.settings.sum_scores)
