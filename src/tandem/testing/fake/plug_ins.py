"""What the sandbox's stand-ins for automation do to a fake organisation.

Whatever an organisation automates answers our writes: it refuses them, changes what they set, undoes them, or changes
the row a little later. A sync that fights an automation never comes to rest (behaviour R1). The declarations are the
sandbox's own, so that one story can be told in both.
"""

from collections.abc import Mapping
from typing import Any

from tandem.sandbox.automation.plug_ins import Form, PlugIn, Refuse, Rewrite
from tandem.sandbox.messages import Refused
from tandem.testing.fake.store import Row


def changes_by(plug_in: PlugIn, row: Row, before: Row) -> Mapping[str, Any] | None:
    """What the plug-in writes into `row`, which was `before` the write it answers; None for nothing. Raises Refused."""
    match plug_in:
        case Refuse():
            raise Refused(400, "0x80040265", plug_in.message)
        case Rewrite():
            target = plug_in.target or plug_in.column or ""
            value = _rewritten(plug_in, target, row, before)
            return None if value == row.get(target) else {target: value}
        case _:
            # A touch: a write of nothing still takes a version.
            return {}


def _rewritten(plug_in: Rewrite, target: str, row: Row, before: Row) -> Any:
    value = row.get(target)
    match plug_in.to:
        case Form.UPPER:
            return value and value.upper()
        case Form.TRIM:
            return (value and value.strip()) or None
        case Form.VALUE:
            return plug_in.value
        case Form.BEFORE:
            return before.get(target) if before else value
