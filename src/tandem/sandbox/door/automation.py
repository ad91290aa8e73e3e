"""The operations of the control door that put business logic around an organisation's writes, and take it away.

Kept beside the other operations, because these are the customer's own doing: what a tenant has, not what befalls it.
"""

import msgspec

from tandem.sandbox.automation.duplicates import DuplicateRule
from tandem.sandbox.automation.plug_ins import AnyPlugIn
from tandem.sandbox.automation.settling import settle
from tandem.sandbox.door.levers import Levers, Operation


class ArmPlugIn(Operation):
    """let a stand-in for the customer's automation act on creates and updates, whoever makes them: a `kind` of the
    fourth table with its `table`, and narrowed by a `column` that the write must set and by `when`, the values by
    column that the row must then have; `step` is an id by which a client may ask for it to be skipped"""

    plug_in: AnyPlugIn

    def run(self, levers: Levers) -> object:
        """The stand-ins that are armed."""
        levers.organisation.logic.arm(self.plug_in)
        return levers.organisation.logic.kept.plug_ins


class Unplug(Operation):
    """take all stand-ins away, or those of one table; what they left for later is still carried out"""

    table: str | None = None

    def run(self, levers: Levers) -> object:
        """The stand-ins that are still armed."""
        levers.organisation.logic.disarm(self.table)
        return levers.organisation.logic.kept.plug_ins


class Settle(Operation):
    """carry out what stand-ins left for later, as another user; what that sets in motion waits for the next of the
    `rounds`, and after the last for the next `settle` or `advance`"""

    rounds: int = 1
    user: str | None = None

    def run(self, levers: Levers) -> object:
        """How many acts were done, failed and wait."""
        return settle(levers.organisation, lambda: self.user or levers.other_user(), rounds=self.rounds)


class PutRule(DuplicateRule, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """publish a duplicate detection rule, or change the one of that `name`; it is run for writes that ask for it and
    answers a duplicate with `status` 412 or 500. Its `columns` are names, or objects: a `column`, the one it is like in
    the `matching_table` (`matching`), and how many of the `first` or `last` characters count. Empty columns are alike
    only with `ignore_blanks` false"""

    def run(self, levers: Levers) -> object:
        """Every rule."""
        levers.organisation.logic.put_rule(DuplicateRule(**msgspec.structs.asdict(self)))
        return levers.organisation.logic.kept.rules


class DetectDuplicates(Operation):
    """run the duplicate detection rules of a table, or with `enabled` false none of them; at first all are run"""

    table: str
    enabled: bool = True

    def run(self, levers: Levers) -> object:
        """The tables for which none is run."""
        levers.organisation.logic.detect(self.table, enabled=self.enabled)
        return sorted(levers.organisation.logic.kept.undetected)


class PublishRule(Operation):
    """publish the duplicate detection rule of that name, or with `published` false unpublish it; `Leads with the same
    e-mail address`, `Contacts ...` and `Accounts ...` exist from the start, unpublished"""

    name: str
    published: bool = True

    def run(self, levers: Levers) -> object:
        """Every rule."""
        logic = levers.organisation.logic
        logic.put_rule(msgspec.structs.replace(logic.rule(self.name), published=self.published))
        return logic.kept.rules


class Lock(Operation):
    """let a row refuse every change with 0x8004022E, or with `locked` false accept them again"""

    table: str
    id: str
    locked: bool = True

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.organisation.logic.lock(self.table, self.id, locked=self.locked)
        return {}
