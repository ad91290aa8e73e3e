"""What a customer has put around the writes of an organisation: stand-ins for plug-ins, duplicate rules, locks.

Every write asks here, so it is held in memory and costs nothing while there is nothing; it is kept in the database,
so a restart or a restored backup has it too. `records.py` is the only one that asks, `settling.py` carries out what
is left for later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tandem.sandbox.automation.duplicates import SHIPPED_RULES, DuplicateRule, refuse_duplicate
from tandem.sandbox.automation.plug_ins import AnyPlugIn, PlugIn, Row, Values
from tandem.sandbox.messages import Refused
from tandem.sandbox.tables import TableDefinition

if TYPE_CHECKING:
    from tandem.sandbox.store.organisation import Organisation

_SETTING = "logic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypass:
    """The stand-ins that a write asks to skip: those of the same write, those of later, or single steps."""

    synchronous: bool = False
    later: bool = False
    steps: frozenset[str] = frozenset()

    def skips(self, plug_in: PlugIn) -> bool:
        """Whether that stand-in does not act."""
        return (self.later if plug_in.later else self.synchronous) or (plug_in.step or "").lower() in self.steps


NO_BYPASS = Bypass()


class Logic(msgspec.Struct, frozen=True):
    """All of it, as it is kept.

    `undetected` holds the tables for which no duplicate rule is run; `locked` the (table, id) of rows that refuse
    changes.
    """

    plug_ins: tuple[AnyPlugIn, ...] = ()
    rules: tuple[DuplicateRule, ...] = SHIPPED_RULES
    undetected: frozenset[str] = frozenset()
    locked: frozenset[tuple[str, str]] = frozenset()


class BusinessLogic:
    """The business logic of one organisation. Changed at the control door only."""

    def __init__(self, organisation: "Organisation") -> None:
        self._organisation = organisation
        self.reload()

    def reload(self) -> None:
        """Take over what the database has, as after a restore."""
        self.kept = msgspec.convert(self._organisation.setting(_SETTING) or {}, Logic)

    # Changing it

    def arm(self, plug_in: AnyPlugIn) -> None:
        """Add a stand-in. Raises KeyError, ValueError or Refused for one that could never act."""
        plug_in.check(self._organisation.tables[plug_in.table])
        self._keep(plug_ins=(*self.kept.plug_ins, plug_in))

    def disarm(self, table: str | None = None) -> None:
        """Take the stand-ins of a table away, or all. What they have left for later is still carried out."""
        self._keep(plug_ins=tuple(each for each in self.kept.plug_ins if table not in (None, each.table)))

    def rule(self, name: str) -> DuplicateRule:
        """The rule of that name. Raises KeyError."""
        return {rule.name: rule for rule in self.kept.rules}[name]

    def put_rule(self, rule: DuplicateRule) -> None:
        """Add a rule, in place of the one of that name. Raises KeyError and ValueError as its check does."""
        rule.check(self._organisation.tables)
        self._keep(rules=(*(each for each in self.kept.rules if each.name != rule.name), rule))

    def detect(self, table: str, *, enabled: bool) -> None:
        """Let the rules of a table be run, or not. Raises KeyError for an unknown table."""
        self._organisation.tables[table]
        self._keep(undetected=self.kept.undetected - {table} if enabled else self.kept.undetected | {table})

    def lock(self, table: str, row_id: str, *, locked: bool) -> None:
        """Let a row refuse changes, or accept them again. Raises KeyError for an unknown table."""
        self._organisation.tables[table]
        row = {(table, row_id.lower())}
        self._keep(locked=self.kept.locked | row if locked else self.kept.locked - row)

    # Asked on each write

    def refuse_locked(self, table: str, row_id: str) -> None:
        """Raise Refused (400, 0x8004022E) for a locked row."""
        if self.kept.locked and (table, row_id) in self.kept.locked:
            raise Refused(400, "0x8004022E", f"The {table} cannot be updated because it is read-only.")

    def refuse_duplicates(self, table: str, row_id: str, row: Row) -> None:
        """Raise Refused (0x80040333) where a published rule finds a duplicate of the row as it is to be."""
        for rule in self.rules_of(table):
            refuse_duplicate(self._organisation, rule, row_id, row)

    def rules_of(self, table: str) -> list[DuplicateRule]:
        """The rules that are run for a row of the table: published, and switched off neither for it nor for all."""
        enabled = self._organisation.connection.execute("SELECT isduplicatedetectionenabled FROM organization").get
        if not enabled or table in self.kept.undetected:
            return []
        return [rule for rule in self.kept.rules if rule.published and rule.table == table]

    def interfere(
        self,
        table: TableDefinition,
        row_id: str,
        *,
        before: Row | None,
        values: Values,
        bypass: Bypass = NO_BYPASS,
        cause: PlugIn | None = None,
    ) -> Values:
        """The values as the stand-ins leave them; what these do later is noted in the writer's transaction.

        `before` is the row, None for a new one. The stand-in that is the `cause` of the write does not act on it
        again, nor does one that the write asks to `bypass`. Raises Refused where one refuses.
        """
        for plug_in in self.kept.plug_ins:
            row = {**(before or {}), **values}
            if plug_in == cause or bypass.skips(plug_in) or not plug_in.acts_on(table.name, row, values):
                continue
            changes = plug_in.changes(table, row, before)
            if changes is None:
                continue
            if plug_in.later:
                self._leave(plug_in, row_id, before)
            else:
                values = {**values, **changes}
        return values

    def users_of(self, table: str, column: str | None = None) -> list[str]:
        """What could not go on without the table, or that column of it: rules, stand-ins, and what these left to do."""
        waiting = self._organisation.connection.execute("SELECT plug_in FROM left_for_later").fetchall()
        left = (msgspec.json.decode(str(plug_in), type=AnyPlugIn) for (plug_in,) in waiting)
        stand_ins = [
            f"the stand-in '{each.__struct_config__.tag}'"
            for each in (*self.kept.plug_ins, *left)
            if each.table == table and (column is None or column in each.columns)
        ]
        return stand_ins + [f"the rule '{rule.name}'" for rule in self.kept.rules if rule.uses(table, column)]

    def _leave(self, plug_in: PlugIn, row_id: str, before: Row | None) -> None:
        self._organisation.connection.execute(
            "INSERT INTO left_for_later (plug_in, row_id, row_before) VALUES (?, ?, ?)",
            (msgspec.json.encode(plug_in).decode(), row_id, msgspec.json.encode(before).decode()),
        )

    def _keep(self, **changes: Any) -> None:
        kept = msgspec.structs.replace(self.kept, **changes)
        content: Mapping[str, object] = msgspec.to_builtins(kept)
        self._organisation.set_setting(_SETTING, content)
        self.kept = kept
