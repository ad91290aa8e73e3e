"""Every rule of an implemented section has a test that is named by its id.

A rule nobody tests is a rule the next change breaks unseen. The list below is the only place that says which rules
are implemented; a rule that is built joins it together with its test.
"""

import ast
import re
from pathlib import Path

import pytest

IMPLEMENTED = {
    "how the sync works": "S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 S11 S12 S13",
    "leads and contacts": "P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P16 P17 P18 P19",
    "accounts": "A1 A2 A3 A4 A5",
    "users, teams and opportunities": "U1 O1 O2 O3",
    "custom entities": "C1 C2 C3 C4",
    "actions": "F1 F2 F3 F4 F5",
    "fields and filters": "D1 D2 D3 D4 D5 D6 D7 D8 D9 D10",
    "what an administrator sees": "N1 N2 N3 N4 N5 N6 N7",
    "promises": "R1 R2 R3 R6",
}
RULES = [rule for rules in IMPLEMENTED.values() for rule in rules.split()]


def named_by_rule() -> dict[str, list[str]]:
    """The test functions below this folder, by the rule ids their names carry."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for word in node.name.split("_"):
                    if re.fullmatch(r"[A-Z]\d+", word):
                        found.setdefault(word, []).append(f"{path.name}::{node.name}")
    return found


TESTS = named_by_rule()


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_has_a_test_named_by_its_id(rule):
    """Any test in any folder, as test_S8_..."""
    assert TESTS.get(rule, []) != []
