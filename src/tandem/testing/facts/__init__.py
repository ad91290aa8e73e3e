"""What Dataverse's Web API does on the wire: one named fact each, looked at with plain HTTP.

The sandbox is written from the reference, and the reference itself is partly unconfirmed. The same facts are looked
at in both places: at the sandbox in every test run, and at a real organisation by `tandem conformance`, which settles
what nobody wrote down. Nothing here is shared with Tandem's own client or with the sandbox.
"""

from importlib import import_module
from pkgutil import iter_modules

from tandem.testing.facts.case import FACTS as _STATED
from tandem.testing.facts.case import Differs, Fact, Mark, Need
from tandem.testing.facts.client import Client, SignIn
from tandem.testing.facts.run import Outcome, Verdict, look, look_at
from tandem.testing.facts.sections import NOT_COVERED, SECTIONS
from tandem.testing.facts.stage import Stage

for _module in iter_modules(__path__):
    # Importing a module states its facts.
    import_module(f"{__name__}.{_module.name}")

FACTS: tuple[Fact, ...] = tuple(sorted(_STATED, key=lambda fact: list(SECTIONS).index(fact.section)))
"""Every fact, by section."""

__all__ = [
    "FACTS",
    "NOT_COVERED",
    "SECTIONS",
    "Client",
    "Differs",
    "Fact",
    "Mark",
    "Need",
    "Outcome",
    "SignIn",
    "Stage",
    "Verdict",
    "look",
    "look_at",
]
