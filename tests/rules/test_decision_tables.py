"""The tables in the modules' docstrings, the tables in docs/rules.md and the code say the same.

A table that only people read goes wrong at the next change. So the docstring's tables are parsed, compared cell by
cell with the document's, and every row is run; the id of a row's test is the story the document tells of it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from tandem.mapping.fields import Direction, Field, Policy
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Option, Required
from tandem.rules import (
    actions,
    brakes,
    companies,
    fields,
    merge,
    notices,
    offers,
    opportunities,
    paths,
    pingpong,
    presence,
    qualify,
    reasons,
    relinking,
    sending,
    succession,
    units,
    verification,
)
from tandem.rules.fields import Winner
from tandem.rules.presence import LinkState

MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        actions,
        presence,
        qualify,
        units,
        fields,
        sending,
        reasons,
        verification,
        succession,
        pingpong,
        merge,
        companies,
        opportunities,
        brakes,
        paths,
        offers,
        relinking,
        notices,
    )
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
    others = [each for each in every if each not in (LinkState.SUPERSEDED, LinkState.REMOVED)]
    return {"any": every, "any other": others}.get(word) or [LinkState(word)]


def presence_cases(row: Row) -> Iterator[tuple[LinkState, bool, bool, bool, bool]]:
    flags = [BOTH[row[name]] for name in ("newer", "merged", "filter", "revives")]
    return product(states(row["link"]), *flags)


def run_presence(row: Row) -> set[str]:
    return {
        presence.decide_presence(state, newer=newer, merged=merged, wanted=wanted, revives=revives).name
        for state, newer, merged, wanted, revives in presence_cases(row)
    }


def qualify_cases(row: Row) -> Iterator[tuple[LinkState, bool, bool]]:
    return product(states(row["lead"]), BOTH[row["its person is free"]], BOTH[row["read again"]])


def run_qualify(row: Row) -> set[str]:
    return {
        qualify.decide_contact(state, has_person=free, read_again=again).name
        for state, free, again in qualify_cases(row)
    }


def field(column: str, kind: ColumnType = ColumnType.TEXT, **facts: object) -> Field:
    return Field(
        **{
            "entity": Entity.CONTACT,
            "column": column,
            "api_name": column,
            "label": column,
            "type": kind,
            "direction": Direction.BOTH,
            **facts,
        }
    )


CITY = field("city")
OPTIONS = (Option(value=0, label="Open"), Option(value=1, label="Qualified"), Option(value=2, label="Lost"))
REASONS = (Option(value=10, label="New", state=0), Option(value=12, label="Cold", state=2))
STATE = field("statecode", ColumnType.STATE, entity=Entity.LEAD, options=OPTIONS)
STATUS = field("statuscode", ColumnType.STATUS, entity=Entity.LEAD, options=REASONS)
STREET, CURRENCY = field("address1_line1"), field("transactioncurrencyid", ColumnType.LOOKUP, writable=False)
OF_UNITS = {
    # the fields: those the row is about, and whether they are one unit
    "state and status reason": [STATE, STATUS],
    "amounts and currency": [CURRENCY, field("revenue", ColumnType.MONEY), field("budget", ColumnType.MONEY)],
    "an address": [STREET, field("address1_city"), field("address1_postalcode")],
    "a number, but an amount": [field("score", ColumnType.INTEGER)],
    "several choices": [field("hobbies", ColumnType.CHOICES)],
    "a consent": [field("donotphone", ColumnType.BOOLEAN)],
    "a lookup": [field("campaignid", ColumnType.LOOKUP)],
    "any other": [CITY],
}
CHOSEN = {
    "marketing, dynamics, hold": [Policy.MARKETING, Policy.DYNAMICS, Policy.HOLD],
    "add": [Policy.ADD],
}


def run_units(row: Row) -> set[str]:
    named, found = OF_UNITS[row["the fields"]], set()
    if row["chosen"] == "marketing, dynamics, hold":
        named = [each for group in OF_UNITS.values() if len(group) == 1 for each in group]
    for policy in CHOSEN.get(row["chosen"], [None]):
        chosen = [replace(each, policy=policy) for each in named]
        settings = {
            "address_block": "address_block" in row["chosen"],
            "consent": "consent_wins" in row["chosen"] or policy is not None,
        }
        result = units.units_of([*chosen, field("nickname")], **settings)[:-1]
        together = [each.fields for each in result] == [tuple(chosen)] and len(chosen) > 1
        assert together is (row["decided"] == "together")
        found |= {each.kind.name for each in result}
    return found


def what_happened(folded: fields.Folded, name: str, *, held: object, crm: object) -> str:
    """The outcome's name, from every trace a fold leaves."""
    value, base = folded.values.get(name), folded.base.get(name, "closed")
    winners = [each.winner for each in folded.collisions]
    if folded.held:
        assert (value, base, folded.changes) == (held, crm, [])
        return "HOLD"
    if folded.freed:
        assert (value, base, folded.changes) == (held, "closed", [])
        return "FREE"
    traces = (value, base, bool(folded.changes), winners)
    outcomes = [
        ("INSIST", (held, crm, False, [Winner.MARKETING])),
        ("OVERWRITE", (crm, "closed", True, [Winner.CRM])),
        ("TAKE", (crm, "closed", True, [])),
        ("NOTHING", (held, "closed", False, [])),
        ("KEEP", (held, crm, False, [])),
        ("MERGE", (value, crm, True, [])),
    ]
    return next((name for name, expected in outcomes if traces == expected), f"unknown: {traces}")


SETTLED_BY = {
    # the cell: (the default winners, the policies)
    "-": ([Winner.CRM, Winner.MARKETING], [None, *Policy]),
    "kind": ([Winner.CRM, Winner.MARKETING], [None]),
    "direction": ([Winner.CRM, Winner.MARKETING], [None, *Policy]),
    "Dynamics": ([Winner.CRM], [None]),
    "marketing": ([Winner.MARKETING], [None]),
    "hold": ([Winner.CRM, Winner.MARKETING], [Policy.HOLD]),
}
CHOICES = {"Dynamics": Policy.DYNAMICS, "marketing": Policy.MARKETING}
CONSENT, SET, COUNTER, SCALAR = (
    field("donotphone", ColumnType.BOOLEAN),
    field("hobbies", ColumnType.CHOICES),
    field("score", ColumnType.INTEGER, policy=Policy.ADD),
    CITY,
)
KINDS = {"any": [SCALAR, SET, COUNTER], "set": [SET], "counter": [COUNTER], "scalar": [SCALAR], "consent": [CONSENT]}
VALUES = {
    # agreed, marketing's edit, Dynamics' change
    "city": ("Rome", "Oslo", "Bonn"),
    "hobbies": ("1,2", "1,2,3", "2"),
    "score": (10, 15, 13),
}
CONSENTS = {
    # (Dynamics, marketing): (agreed, held, crm)
    ("opt-out lifted", "as agreed"): [(True, True, False), (True, True, None)],
    ("opted out", "edited"): [(None, False, True)],
    ("changed", "opted out"): [(None, True, False)],
}


def settled(row: Row) -> Iterator[tuple[Winner, Policy | None]]:
    winners, policies = SETTLED_BY[row["settled by"]]
    yield from product(winners, policies)
    if row["settled by"] in CHOICES:
        yield from product([Winner.CRM, Winner.MARKETING], [CHOICES[row["settled by"]]])


def fold_cases(row: Row, each: Field) -> Iterator[tuple[object, object, object]]:
    """(agreed, held, crm) of a row for one field."""
    if (row["Dynamics"], row["marketing"]) in CONSENTS:
        yield from CONSENTS[row["Dynamics"], row["marketing"]]
        return
    agreed, edit, change = VALUES[each.api_name]
    held = {"as agreed": agreed, "edited": edit}[row["marketing"]]
    if row["equal now"] == "yes":
        yield agreed, edit, edit
    else:
        yield agreed, held, change if row["Dynamics"] == "changed" else agreed


def run_fold(row: Row) -> set[str]:
    found = set()
    for each, (winner, policy) in product(KINDS[row["kind"]], settled(row)):
        chosen = replace(each, policy=policy or each.policy)
        if row["settled by"] == "direction":
            chosen = replace(chosen, direction=Direction.FROM)
        elif row["kind"] == "consent" and policy is not None:
            continue  # a consent that something else was chosen for is a scalar
        for agreed, held, crm in fold_cases(row, each):
            edited = row["marketing"] != "as agreed"
            name = each.api_name
            folded = fields.fold_row(
                units.units_of([chosen], address_block=False, consent=True),
                row={name: crm},
                person={name: held},
                base={name: agreed} if edited else {},
                winner=winner,
                rule="P4",
            )
            happened = what_happened(folded, name, held=held, crm=crm)
            found.add("AGREE" if edited and happened == "NOTHING" else happened)
    return found


FIRST = {
    # (Dynamics, marketing): which of the two have a value
    ("-", "-"): [(True, True), (False, False)],
    ("value", "empty"): [(True, False)],
    ("empty", "value"): [(False, True)],
    ("value", "value"): [(True, True)],
}


def run_first_fold(row: Row) -> set[str]:
    found = set()
    cases = product([SCALAR, SET, COUNTER], FIRST[row["Dynamics"], row["marketing"]], settled(row), [None, ""])
    for each, (in_crm, in_marketing), (winner, policy), empty in cases:
        _, edit, change = VALUES[each.api_name]
        crm, held = (change if in_crm else None), (edit if in_marketing else empty)
        if row["equal now"] == "yes" and in_crm:
            crm = held
        name, chosen = each.api_name, replace(each, policy=policy or each.policy)
        folded = fields.first_fold(
            units.units_of([chosen], address_block=False, consent=True),
            row={name: crm},
            person={name: held},
            rule="P19",
            winner=winner,
        )
        found.add(what_happened(folded, name, held=held, crm=crm))
    return found


def run_before(row: Row) -> set[str]:
    """Rome was agreed, Oslo was sent or is frozen; or no answer was agreed, and an opt-out was sent."""
    if row["Dynamics"] == "an opt-out ignored":
        each, before, typed, held, crms = CONSENT, None, True, True, [False]
    else:
        each, before, typed = CITY, "Rome", "Oslo"
        held = "Lima" if row["the person"] == "edited again" else typed
        crms = {
            "other than the person": [value for value in ("Bonn", before, typed) if value != held],
            "as the person": [held],
            "as it was sent": [typed],
            "as before the write": [before],
            "neither before nor sent": ["Bonn"],
            "not read": [typed],
        }[row["Dynamics"]]
    frozen, unread, name = row["the field"] == "frozen", row["Dynamics"] == "not read", each.api_name
    chosen = replace(each, direction=Direction.TO if unread else Direction.BOTH)
    found = set()
    for crm, winner in product(crms, [Winner.CRM, Winner.MARKETING]):
        folded = fields.fold_row(
            units.units_of([chosen], address_block=False, consent=True),
            row={} if unread else {name: crm},
            person={name: held},
            base={name: before},
            winner=winner,
            rule="P4",
            sent={} if frozen else {name: typed},
            frozen={name} if frozen else set(),
        )
        happened = what_happened(folded, name, held=held, crm=crm)
        found.add({("KEEP", True): "FOLLOW", ("NOTHING", False): "AGREE"}.get((happened, frozen), happened))
    return found


LONG = "x" * 101
OF_SENDING = {
    "frozen": CITY,
    "blocked": replace(CITY, direction=Direction.BLOCKED),
    "pull-only": replace(CITY, direction=Direction.FROM),
    "read-only in Dynamics": replace(CITY, writable=False),
    "required": replace(CITY, required=Required.APPLICATION, max_length=100),
    "required, may be sent": replace(CITY, required=Required.SYSTEM),
    "required, is never sent": replace(CITY, direction=Direction.FROM),
    "any": replace(CITY, max_length=100),
    "any other": replace(CITY, max_length=100),
    "any other, is not sent": replace(CITY, direction=Direction.FROM),
}
TYPED = {"-": ["Oslo", None, LONG], "empty": [None, ""], "too long, no option ...": [LONG], "fits": ["Oslo"]}
PAIRS = {
    "-": [(0, 10), (1, 10)],
    "Qualified, on a lead": [(1, 11)],
    "no valid pair": [(2, 10)],
    "a valid pair": [(2, 12)],
}
PROBLEMS = {
    "too-long": "MISFIT",
    "required-empty": "REQUIRED",
    "qualified-state": "QUALIFIED",
    "state-pair": "STATE_PAIR",
}


def what_goes(result: sending.Sending, columns: set[str]) -> set[str]:
    """The outcome's name of every field, from every trace a decision leaves."""
    assert not result.values or set(result.values) == columns
    assert set(result.sent) == set(result.values)
    outcomes = {each.name for each in result.differs.values()} | {PROBLEMS[each.code] for each in result.problems}
    return outcomes | ({"SEND"} if result.values else set()) or {"NOTHING"}


def run_sending(row: Row) -> set[str]:
    if row["the field"] == "state or status reason":
        (pair,) = PAIRS[row["its value"]]
        reasons = (*REASONS, Option(value=11, label="Done", state=1))
        of_state = units.units_of([STATE, replace(STATUS, options=reasons)], address_block=False, consent=False)
        person = dict(zip(("statecode", "statuscode"), pair, strict=True))
        return what_goes(sending.decide_sending(of_state, person=person, base={"statecode": 0}), set(person))
    each, found = OF_SENDING[row["the field"]], set()
    for value in TYPED[row["its value"]]:
        result = sending.decide_sending(
            units.units_of([each], address_block=False, consent=False),
            person={"city": value},
            base={"city": "Rome"},
            frozen={"city"} if row["the field"] == "frozen" else set(),
        )
        found |= what_goes(result, {"city"})
    return found


def run_creation(row: Row) -> set[str]:
    found = set()
    if row["the field"] == "state or status reason":
        of_state = units.units_of([STATE, STATUS], address_block=False, consent=False)
        for state, status in PAIRS[row["its value"]]:
            result = sending.decide_creation(of_state, person={"statecode": state, "statuscode": status})
            found |= what_goes(result, set())
        return found
    required = [Column(name="city", type=ColumnType.TEXT)] if row["the field"].startswith("required") else []
    for value in TYPED[row["its value"]]:
        result = sending.decide_creation(
            units.units_of([OF_SENDING[row["the field"]]], address_block=False, consent=False),
            person={"city": value},
            required=required,
        )
        assert result.missing == [each.name for each in required]
        found |= what_goes(result, {"city"})
    return found


RECORDS = {"lead": [Entity.LEAD], "contact": [Entity.CONTACT], "-": [Entity.LEAD, Entity.CONTACT]}


def action_cases(row: Row) -> Iterator[tuple[LinkState, Entity, Entity, bool]]:
    states = [each for each in LinkState if each not in (LinkState.LIVE, LinkState.PARKED)]
    links = states if row["link"] == "any other" else [LinkState(row["link"])]
    return product(links, RECORDS[row["record"]], RECORDS[row["asked for as"]], BOTH[row["tables read"]])


def run_actions(row: Row) -> set[str]:
    return {
        actions.decide_sync_person(link, record=record, wanted=wanted, read=read).name
        for link, record, wanted, read in action_cases(row)
    }


MOVES = {
    "the same two values, three times each by turns": ["DE", "Germany"] * 3,
    "the same two values, fewer times": ["DE", "Germany"] * 2 + ["DE"],
    "three values by turns": ["DE", "Germany", "Allemagne"] * 2,
    "the same two values, both from one side": ["DE", "Germany"] * 3,
    "back and forth, then a third value": ["DE", "Germany"] * 3 + ["Deutschland"],
}


def run_pingpong(row: Row) -> set[str]:
    name, found = row["the last moves of the field"], set()
    for sides in (("marketing", "Dynamics"), ("Dynamics", "marketing")):
        by = sides[:1] * 2 if "one side" in name else sides
        moves = [pingpong.Move(by[index % 2], value) for index, value in enumerate(MOVES[name])]
        found.add("FREEZE" if pingpong.alternates(moves) else "GO")
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


OWNED = [LinkState.LIVE, LinkState.PARKED, LinkState.SEVERED]
WINNERS: dict[str, list[tuple[LinkState, int | None]]] = {
    "-": [(state, owner) for state in LinkState for owner in (None, 1, 2)],
    "none": [(LinkState.NONE, None)],
    "excluded": [(LinkState.EXCLUDED, None)],
    "without a person": [(state, None) for state in (LinkState.REMOVED, LinkState.SUPERSEDED)],
    "set aside, of the same person": [(LinkState.SUPERSEDED, 1)],
    "of the same person": [(state, 1) for state in OWNED],
    "of another person": [(state, 2) for state in (*OWNED, LinkState.SUPERSEDED)],
}


def run_heir(row: Row) -> set[str]:
    person = 1 if row["the loser's person"] == "theirs" else None
    return {merge.decide_heir(person, state, owner).name for state, owner in WINNERS[row["the winner's link"]]}


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
    amount, what = row["what was read"].replace(",", "").split()[:2]
    count, limits = int({"no": "0", "one": "1"}.get(amount, amount)), brakes.Brakes()
    if what == "changes":
        return {"LATER" if limits.is_bulk(count, known=known) else "GO"}
    held = {
        "deletions": limits.holds_deletes,
        "blanked": limits.holds_blanks,
        "rows": brakes.holds_empty,
        "row": brakes.holds_empty,
    }[what](count, known=known)
    return {"HOLD" if held else "GO"}


def run_writes(row: Row) -> set[str]:
    held = brakes.Brakes().holds_writes(int(row["own writes"]), changes=int(row["real changes"]))
    return {"HOLD" if held else "GO"}


NOON = "2026-03-01T12:00:00Z"


def hours_or_minutes(text: str) -> timedelta:
    amount, unit, *_ = text.removeprefix("in ").split()
    return timedelta(**{unit if unit.endswith("s") else f"{unit}s": int(amount)})


def run_failures(row: Row) -> set[str]:
    at, passes = notices.later(NOON, hours_or_minutes(row["the sync fails for"])), "itself" in row["for a reason that"]
    return {"TELL" if notices.tells_failure(passes=passes, since=NOON, at=at) else "WAIT"}


def run_digests(row: Row) -> set[str]:
    span = hours_or_minutes(row["the last digest"])
    due = notices.is_digest_due(NOON, notices.later(NOON, span if "ago" in row["the last digest"] else -span))
    return {"TELL" if due else "WAIT"}


def run_warnings(row: Row) -> set[str]:
    span = hours_or_minutes(row["the certificate ends"])
    ends_at = notices.later(NOON, -span if "ago" in row["the certificate ends"] else span)
    return {str(notices.expiry_warning(ends_at, NOON) or "NOT_YET")}


def run_attempts(row: Row) -> set[str]:
    due_at = notices.try_again_at(int(row["attempts in vain"].replace(",", "")), NOON)
    minutes = (datetime.fromisoformat(due_at) - datetime.fromisoformat(NOON)) / timedelta(minutes=1)
    return {f"{minutes:g}"}


WAITING_TO_BE_SENT = {
    "waits for a decision": (CITY, {"held": {"city": 7}}),
    "cannot be read any more": (CITY, {"broken": {"city": "the column is gone"}}),
    "goes another way by choice": (replace(CITY, direction=Direction.BLOCKED), {}),
    "cannot fit its column": (replace(CITY, max_length=2), {}),
    "was refused": (CITY, {"errors": [reasons.Refusal("city", "no", "No.", "")]}),
    "-": (CITY, {}),
}
OF_THE_PERSON: dict[str, dict[str, object]] = {
    "is deleted there": {"deleted": True},
    "its table is held": {"table_hold": 8},
    "is to be looked at": {"waits": True},
    "was refused": {"errors": [reasons.Refusal(None, "no", "No.", "")]},
    "-": {},
}


def run_reasons(row: Row) -> set[str]:
    each, of_field = WAITING_TO_BE_SENT[row["the field"]]
    facts = reasons.Facts(state=LinkState(row["the record"]), **{**of_field, **OF_THE_PERSON[row["the person"]]})
    unit = units.units_of([each], address_block=False, consent=False)
    found = reasons.reasons(unit, person={"city": "Oslo"}, base={"city": "Rome"}, facts=facts)
    return {why.reason.name for why in found.values()}


VERSIONS = {"newer": [8], "older": [6], "the same": [7], "-": [None]}
FILTERS = {
    "-": list(product((True, False), (True, False))),
    "otherwise": [(True, False), (False, True)],
    "as kept, says No": [(False, False)],
    "as kept, says Yes": [(True, True)],
}
LOOKS = {"-": [True, False], "otherwise": [True], "as kept": [False], "without a reason": [True],
         "explained, none": [False]}  # fmt: skip


def run_verification(row: Row) -> set[str]:
    return {
        verification.decide_record(version, 7, wanted=wanted, kept=kept, drifted=drifted, forgotten=forgotten).name
        for version, (wanted, kept), drifted, forgotten in product(
            VERSIONS[row["its version"]],
            FILTERS[row["the filter"]],
            LOOKS[row["a value"]],
            LOOKS[row["a difference"]],
        )
    }


def run_succession(row: Row) -> set[str]:
    return {
        succession.decide_succession(
            usable=row["its columns"] == "are there",
            complete=complete,
            standing=standing,
            successor=successor,
            read_since=read_since,
        ).name
        for complete, standing, successor, read_since in product(
            BOTH[row["all wanted"]],
            [each for each in succession.Standing if row["stream"] in ("-", each)],
            [each for each in succession.Successor if row["successor"] in ("-", each)],
            {"-": [True, False], "since it began": [True], "not since": [False]}[row["the stream was read"]],
        )
    }


def run_doubts(row: Row) -> set[str]:
    doubted = {"-": [None, 8], "gone": [None], "newer": [8]}[row["at first"]]
    version = None if row["the record"] == "gone" else 9
    known = {"-": [7, 8, 9], "as doubted, or newer": [8, 9], "older than doubted": [7]}[row["the version kept"]]
    return {verification.decide_doubt(each, version, kept).name for each, kept in product(doubted, known)}


THERE = {
    "nothing to look for": [None],
    "less than half": [0.0, 0.499],
    "half or more": [0.5, 1.0],
    "half or more, or nothing": [0.5, 1.0, None],
}


def run_relinking(row: Row) -> set[str]:
    return {
        relinking.decide_verdict(share, same=row["organisation"] == "the same", older=older).name
        for share, older in product(THERE[row["of the sample, there"]], BOTH[row["some are older"]])
    }


LEADING_TO = {
    "contact, lead or account": ["contact", "lead", "account"],
    "the same table": ["new_order"],
    "a user, team, owner, business unit": ["systemuser", "team", "owner", "businessunit"],
    "any other table": ["opportunity", "new_line", "campaign"],
}


def run_paths(row: Row) -> set[str]:
    return {
        paths.follow(
            paths.Step(table="new_order", column="new_x", target=target), first=row["the lookup"] == "first"
        ).name
        for target in LEADING_TO[row["leads to"]]
    }


READING = {
    "-": list(offers.Readable),
    "nothing of it": [offers.Readable.NOTHING],
    "a part of it": [offers.Readable.PART],
    "all of it": [offers.Readable.ALL],
}
TABLE_KINDS = {
    "virtual or elastic": list(product(["Virtual", "Elastic"], [True, False])),
    "an activity": [("Standard", True)],
    "any other": [("Standard", False)],
}


def run_offers(row: Row) -> set[str]:
    return {
        offers.decide_standing(
            offers.Outline(
                name="t",
                label="T",
                custom=True,
                activity=activity,
                kind=kind,
                change_tracking=tracked,
                readable=readable,
            ),
            first=first,
        ).name
        for (kind, activity), first, readable, tracked in product(
            TABLE_KINDS[row["the table"]],
            {"-": [True, False], "first": [True], "between": [False]}[row["it stands"]],
            READING[row["the sync user reads"]],
            {"-": [True, False], "tracked": [True], "not tracked": [False]}[row["its changes"]],
        )
    }


RUNNERS: dict[str, list[Callable[[Row], set[str]]]] = {
    "actions": [run_actions],
    "presence": [run_presence],
    "qualify": [run_qualify],
    "units": [run_units],
    "fields": [run_fold, run_first_fold, run_before],
    "sending": [run_sending, run_creation],
    "reasons": [run_reasons],
    "verification": [run_verification, run_doubts],
    "succession": [run_succession],
    "pingpong": [run_pingpong],
    "merge": [run_merge, run_heir],
    "companies": [run_companies],
    "opportunities": [run_opportunities],
    "brakes": [run_brakes, run_writes],
    "paths": [run_paths],
    "offers": [run_offers],
    "relinking": [run_relinking],
    "notices": [run_failures, run_digests, run_warnings, run_attempts],
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
        ("presence", presence_cases, product(LinkState, *[(True, False)] * 4)),
        ("qualify", qualify_cases, product(LinkState, *[(True, False)] * 2)),
        ("actions", action_cases, product(LinkState, *[RECORDS["-"]] * 2, (True, False))),
    ],
)
def test_every_case_is_in_exactly_one_row(name, cases, every):
    """No gap in which the code would decide unseen, and no two rows that both claim a case."""
    claimed = [case for row in of_docstring(name)[0] for case in cases(row)]

    assert sorted(claimed) == sorted(every)


def test_every_row_names_its_rule_and_tells_its_own_story():
    """The story ends with the ids of the rules it comes from."""
    stories = [row["the story"] for name in MODULES for table in of_document(name) for row in table]

    assert len(set(stories)) == len(stories)
    assert [story for story in stories if not re.search(r"\([A-Z]\d+(, [A-Z]\d+)*\)\.$", story)] == []
