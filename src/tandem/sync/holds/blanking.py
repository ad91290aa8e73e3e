"""Holds a field that Dynamics emptied on improbably many records (rule R6).

A lost right, a broken form or a wrong import reads as thousands of honest deletions of one value. While a read goes on
such emptyings are kept back, together with what they would empty; at its end they are carried out or held.
"""

from collections import Counter
from collections.abc import Sequence

from tandem.model.entities import Entity
from tandem.rules.brakes import HoldKind
from tandem.sync.applier import Applier
from tandem.sync.context import Context
from tandem.sync.holds.settling import Settling
from tandem.sync.linking import FoldedPerson

_KIND = HoldKind.MASS_BLANK.value
_FEW = 10
"""Emptyings of one field on one page that are never worth a second look."""


def keep_back(context: Context, entity: Entity, people: Sequence[FoldedPerson], *, rows: int) -> None:
    """Keep back the emptyings of a page of `rows` that may be part of too many: the folds go on without them."""
    emptied = Counter(name for each in people for name, _, new in each.folded.changes if new is None)
    share = context.settings.brakes.blank_share
    for name, count in emptied.items():
        if count < _FEW or count <= rows * share:
            continue
        hold = context.state.journal.open_hold(_KIND, entity, field=name)
        if hold is None:
            hold = context.state.journal.add_hold(
                _KIND, entity, count=0, known=0, brake=0, at=context.now(), field=name
            )
        context.state.held_fields.hold([(each.id, name) for each in people if each.folded.put_back(name)], hold)


def settle(context: Context, entity: Entity, applier: Applier) -> None:
    """A read has ended: carry out what was kept back, where it is not too much. Belongs into its last transaction."""
    journal, brakes = context.state.journal, context.settings.brakes
    for hold in journal.open_holds(_KIND, entity):
        count, known = context.state.held_fields.count(hold.id), applier.count_known()
        if brakes.holds_blanks(count, known=known):
            limit = max(brakes.blank_floor - 1, int(known * brakes.blank_share))
            journal.set_hold_counts(hold.id, count=count, known=known, brake=limit)
        else:
            Settling(context.marketing, context.state).take_all(hold, at=context.now())
