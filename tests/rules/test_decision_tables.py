"""The tables in the modules' docstrings, the tables in docs/rules.md and the code say the same.

A table that only people read goes wrong at the next change. So the docstring's tables are parsed, compared cell by
cell with the document's, and every row is run; the id of a row's test is the story the document tells of it.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from tandem.mapping.fields import Direction, Field
from tandem.model.entities import Entity
from tandem.model.schema import ColumnType
from tandem.rules import brakes, companies, fields, merge, opportunities, presence, qualify
from tandem.rules.presence import LinkState

MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (presence, qualify, fields, merge, companies, opportunities, brakes)
}
DOCUMENT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
Row = dict[str, str]
BOTH = {"yes": [True], "no": [False], "Yes": [True], "No": [False], "-": [True, False]}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables(lines: list[str], ruler: str) -> Iterator[list[Row]]:
    """Every table in `lines`; `ruler` matches the line below a header."""
    for index, line in enumerate(lines):
        if re.fullmatch(ruler, line.strip()):
            header, table = cells(lines[index - 1]), []
            for row in lines[index + 1 :]:
                if "|" not in row:
                    break
                table.append(dict(zip(header, cells(row), strict=True)))
            yield table


def of_docstring(name: str) -> list[list[Row]]:
    """A module's tables; of the outcome only the word, without the remark behind it."""
    found = list(tables((MODULES[name].__doc__ or "").splitlines(), r"-+(\+-+)+"))
    return [[{**row, "outcome": row["outcome"].split()[0]} for row in table] for table in found]


def of_document(name: str) -> list[list[Row]]:
    """The tables of the section that names the module's file."""
    sections = [each for each in re.split(r"(?m)^## ", DOCUMENT) if f"`src/tandem/rules/{name}.py`" in each]
    return [table for section in sections for table in tables(section.splitlines(), r"\|(---\|)+")]


# How each row is run: a function from its cells to the outcomes of the cases it stands for ---------------------------


def states(word: str) -> list[LinkState]:
    every = list(LinkState)
    return {"any": every, "any other": [each for each in every if each is not LinkState.SUPERSEDED]}.get(word) or [
        LinkState(word)
    ]


def presence_cases(row: Row) -> Iterator[tuple[LinkState, bool, bool, bool]]:
    return product(states(row["link"]), BOTH[row["newer"]], BOTH[row["merged"]], BOTH[row["filter"]])


def run_presence(row: Row) -> set[str]:
    return {
        presence.decide_presence(state, newer=newer, merged=merged, wanted=wanted).name
        for state, newer, merged, wanted in presence_cases(row)
    }


def qualify_cases(row: Row) -> Iterator[tuple[LinkState, bool, bool]]:
    return product(states(row["lead"]), BOTH[row["its person is free"]], BOTH[row["read again"]])


def run_qualify(row: Row) -> set[str]:
    return {
        qualify.decide_contact(state, has_person=free, read_again=again).name
        for state, free, again in qualify_cases(row)
    }


CITY = Field(
    entity=Entity.CONTACT,
    column="address1_city",
    api_name="city",
    label="City",
    type=ColumnType.TEXT,
    direction=Direction.BOTH,
)
WINNERS = {"Dynamics": [fields.Winner.CRM], "marketing": [fields.Winner.MARKETING], "-": list(fields.Winner)}


def what_happened(folded: fields.Folded, *, held: str | None, crm: str | None) -> str:
    """The outcome's name, from every trace a fold leaves."""
    traces = (
        folded.values.get("city"),
        folded.base.get("city", "closed"),
        bool(folded.changes),
        [each.winner for each in folded.collisions],
    )
    outcomes = [
        ("INSIST", (held, crm, False, [fields.Winner.MARKETING])),
        ("OVERWRITE", (crm, "closed", True, [fields.Winner.CRM])),
        ("TAKE", (crm, "closed", True, [])),
        ("NOTHING", (held, "closed", False, [])),
        ("KEEP", (held, folded.base.get("city"), False, [])),
    ]
    return next((name for name, expected in outcomes if traces == expected), f"unknown: {traces}")


def run_fold(row: Row) -> set[str]:
    edited = row["marketing"] == "edited"
    crm = "Bonn" if row["Dynamics"] == "changed" else "Rome"
    held = {"as agreed": "Rome", "edited": "Bonn" if row["equal now"] == "yes" else "Oslo"}[row["marketing"]]
    found = set()
    for winner in WINNERS[row["winner"]]:
        folded = fields.fold_row(
            [CITY],
            row={"city": crm},
            person={"city": held},
            base={"city": "Rome"} if edited else {},
            winner=winner,
            rule="P4",
        )
        name = what_happened(folded, held=held, crm=crm)
        found.add("AGREE" if edited and name == "NOTHING" else name)
    return found


FIRST = {
    # (Dynamics, marketing): the values of either side
    ("-", "-"): [("Bonn", "Bonn"), (None, ""), (None, None)],
    ("value", "empty"): [("Bonn", None), ("Bonn", "")],
    ("empty", "value"): [(None, "Oslo"), ("", "Oslo")],
    ("value", "value"): [("Bonn", "Oslo")],
}


def run_first_fold(row: Row) -> set[str]:
    found = set()
    for (crm, held), winner in product(FIRST[row["Dynamics"], row["marketing"]], WINNERS[row["winner"]]):
        folded = fields.first_fold([CITY], row={"city": crm}, person={"city": held}, rule="P19", winner=winner)
        found.add(what_happened(folded, held=held, crm=crm))
    return found


SIDES = {"value": [True], "empty": [False], "-": [True, False]}


def run_merge(row: Row) -> set[str]:
    scored = row["the field"].startswith("Person Score")
    name = merge.SCORE if scored else "nickname"
    mapped = {name} if row["the field"] == "known to Dynamics" else set()
    found = set()
    for winner_has, loser_has in product(SIDES[row["winner"]], SIDES[row["loser"]]):
        winner, loser = 30 if winner_has else None, 12 if loser_has else None
        merged = merge.merge_people({name: loser}, {name: winner}, base={}, mapped=mapped, sum_scores=scored)
        outcomes = {winner: "WINNER", (winner or 0) + (loser or 0): "SUM"} if scored else {loser: "LOSER"}
        found.add({**outcomes, winner: "WINNER"}.get(merged.values[name], "unknown"))
    return found


def run_companies(row: Row) -> set[str]:
    crowds = {"5,000 or less": [0, 1, 5_000], "5,001 or more": [5_001, 1_000_000], "-": [0, 5_000, 5_001]}
    mapped = [CITY] if row["the field"] == "mapped" else []
    news = {"the same meaning": ["Rome"], "another meaning": ["Bonn", None], "-": ["Rome", "Bonn", None]}
    found = set()
    for people, new in product(crowds[row["people"]], news[row["Dynamics"]]):
        held, update = {"city": "Rome"}, {"city": new} if mapped else {}
        changed = companies.company_changes(mapped, held=held, row=update)
        assert companies.reset_company(held, update)["city"] == (new if mapped else "Rome")
        if not changed:
            found.add("NOTHING" if mapped else "KEEP")
        else:
            found.add("LOG_EACH" if companies.logs_per_person(people) else "LOG_COMPANY")
    return found


def run_opportunities(row: Row) -> set[str]:
    statecode = None if row["statecode"] == "empty" else int(row["statecode"])
    estimated, actual = Decimal(100), Decimal(90)
    result = opportunities.outcome(statecode, estimated=estimated, actual=actual)
    assert result.is_closed is (row["closed"] == "yes")
    assert result.amount == {"estimated value": estimated, "actual value": actual}[row["amount"]]
    if result.is_won:
        return {"WON"}
    return {"LOST" if result.is_closed else "UNKNOWN" if statecode is None else "OPEN"}


def run_brakes(row: Row) -> set[str]:
    known = int(row["records known"].replace(",", ""))
    amount, what = row["what was read"].split()[:2]
    if what == "deletions":
        held = brakes.Brakes().holds_deletes(int(amount), known=known)
    else:
        held = brakes.holds_empty({"no": 0, "one": 1}[amount], known=known)
    return {"HOLD" if held else "GO"}


RUNNERS: dict[str, list[Callable[[Row], set[str]]]] = {
    "presence": [run_presence],
    "qualify": [run_qualify],
    "fields": [run_fold, run_first_fold],
    "merge": [run_merge],
    "companies": [run_companies],
    "opportunities": [run_opportunities],
    "brakes": [run_brakes],
}
ROWS = [
    pytest.param(run, row, id=f"{name}: {row['the story']}")
    for name, runners in RUNNERS.items()
    for run, table in zip(runners, of_document(name), strict=True)
    for row in table
]


@pytest.mark.parametrize(("run", "row"), ROWS)
def test_the_code_does_what_the_row_says(run, row):
    """Every case a row stands for has the row's outcome, and no other."""
    assert run(row) == {row["outcome"]}


@pytest.mark.parametrize("name", MODULES)
def test_the_document_and_the_docstring_hold_the_same_tables(name):
    """Cell by cell; the document adds the story."""
    told = [[{key: row[key] for key in row if key != "the story"} for row in table] for table in of_document(name)]

    assert len(told) == len(RUNNERS[name])
    assert of_docstring(name) == told


def test_every_module_of_rules_has_its_tables():
    """A new decision cannot arrive without a table in its docstring."""
    modules = {path.stem for path in Path(presence.__file__).parent.glob("*.py")} - {"__init__"}

    assert set(MODULES) == modules
    assert set(RUNNERS) == modules


@pytest.mark.parametrize(
    ("name", "cases", "every"),
    [
        ("presence", presence_cases, product(LinkState, *[(True, False)] * 3)),
        ("qualify", qualify_cases, product(LinkState, *[(True, False)] * 2)),
    ],
)
def test_every_case_is_in_exactly_one_row(name, cases, every):
    """No gap in which the code would decide unseen, and no two rows that both claim a case."""
    claimed = [case for row in of_docstring(name)[0] for case in cases(row) if not _shadowed(name, row, case)]

    assert sorted(claimed) == sorted(every)


def _shadowed(name: str, row: Row, case: tuple[object, ...]) -> bool:
    """`any other` means: any that no row above names."""
    return name == "presence" and row["link"] == "any other" and case[0] is LinkState.SUPERSEDED


def test_every_row_names_its_rule_and_tells_its_own_story():
    """The story ends with the ids of the rules it comes from."""
    stories = [row["the story"] for name in MODULES for table in of_document(name) for row in table]

    assert len(set(stories)) == len(stories)
    assert [story for story in stories if not re.search(r"\([A-Z]\d+(, [A-Z]\d+)*\)\.$", story)] == []
