"""A header that asks for less than the usual must be obeyed or refused; passed over, it would make a client believe.

Which rules of the customer's a write wants run, and which not (reference 5.8). Microsoft's own are always run.
"""

from collections.abc import Mapping

from tandem.sandbox.automation.logic import NO_BYPASS, Bypass
from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid
from tandem.sandbox.store.privileges import Caller

_LOGIC = "mscrm.bypassbusinesslogicexecution"
_STEPS = "mscrm.bypassbusinesslogicexecutionstepids"
_PLUG_INS = "mscrm.bypasscustompluginexecution"
_FLOWS = "mscrm.suppresscallbackregistrationexpanderjob"
_HEADERS = frozenset({_LOGIC, _STEPS, _PLUG_INS, _FLOWS})

BYPASS_LOGIC, BYPASS_PLUG_INS = "prvBypassCustomBusinessLogic", "prvBypassCustomPlugins"
MOST_STEPS = 3
"""How many steps a write may name, where no administrator has raised the number."""


def detects_duplicates(headers: Mapping[str, str]) -> bool:
    """Whether the published duplicate rules are to be run; without the header they are not."""
    return headers.get("mscrm.suppressduplicatedetection", "").strip().lower() == "false"


def read_bypass(headers: Mapping[str, str], caller: Caller) -> Bypass:
    """The stand-ins for the customer's automation that are not to act.

    Those that act later stand for asynchronous plug-ins and for flows alike, so either header skips them. Raises
    Refused: 403 without the privilege (expected, unconfirmed), 400 for a value that is none [infer].
    """
    if headers.keys().isdisjoint(_HEADERS):
        return NO_BYPASS
    logic = _list(headers, _LOGIC, "CustomSync", "CustomAsync")
    plug_ins, flows = (_list(headers, name, "true", "false") == {"true"} for name in (_PLUG_INS, _FLOWS))
    steps = _steps(headers.get(_STEPS, ""))
    if logic or steps:
        caller.demand_general(BYPASS_LOGIC)
    if plug_ins:
        caller.demand_general(BYPASS_PLUG_INS)
    if flows and caller.depth(BYPASS_PLUG_INS) is None:
        caller.demand_general(BYPASS_LOGIC)
    return Bypass(synchronous=plug_ins or "customsync" in logic, later=flows or "customasync" in logic, steps=steps)


def _list(headers: Mapping[str, str], name: str, *known: str) -> set[str]:
    """The words of a header in lower case, in any case on the wire."""
    words = {word.strip().lower() for word in headers.get(name, "").split(",") if word.strip()}
    for word in words - {each.lower() for each in known}:
        raise Refused(400, "0x80040203", f"Invalid argument. '{word}' is no value of {name}: {', '.join(known)}.")
    return words


def _steps(text: str) -> frozenset[str]:
    steps = [as_guid(step.strip()) for step in text.split(",") if step.strip()]
    if None in steps or len(steps) > MOST_STEPS:
        raise Refused(400, "0x80040203", f"Invalid argument. {_STEPS} takes at most {MOST_STEPS} ids of steps.")
    return frozenset(step for step in steps if step is not None)
