"""People from a CSV file, into the embedded marketing database (rules P2, P3, S4).

A list is imported once, and its mistakes are met for years. So what a row cannot say is refused with its line and
column and nothing of that row is written; whoever might be two people is not guessed at; and a run that was killed
goes on behind the last page it stored, because its place is stored with the page.

    the row has            | who it is                                    | what happens
    -----------------------+----------------------------------------------+---------------------------------------
    an id                  | that person                                  | it is edited
    an id of nobody        | -                                            | refused
    no id, no matching     | -                                            | a new person
    no id, matching        | nobody has its e-mail                        | a new person
    no id, matching        | one person has its e-mail                    | that person is edited
    no id, matching        | several people have its e-mail               | refused
    no id, matching        | -  it has no e-mail                          | a new person

An edit is the same as by hand: the person's record in Dynamics follows in the next cycle. A new person is not sent.
A value of a company that the person shares with others is no edit of the person: where the company has it, as in a file
that was exported, it says nothing, and any other is refused.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tandem.mapping.projection import decode_fields
from tandem.mapping.selection import UnknownField
from tandem.mapping.values import parse, same
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, TandemError
from tandem.model.ids import PersonId
from tandem.runtime.sheets import Sheet, read_sheet
from tandem.runtime.subscription import Subscription
from tandem.sync.edits import OF_COMPANY, Edit, EditedPerson, Edits, NotEditable, Target, person_here

PAGE = 1_000
"""Rows that are stored at once."""
LISTED = 1_000
"""Problems that a report lists; its counts speak of all."""

_ID, _EMAIL, _PLACES = "id", "email", "imports"
_REMEMBERED = 100
"""Files that were not imported to their end: so many places are kept."""
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_VARIANTS = tuple((table, shared) for table in (None, Entity.LEAD, Entity.CONTACT) for shared in (False, True))


class SeveralPeople(NeedsPerson):
    """A row is matched by e-mail, and several people have that e-mail."""

    code = "several-people"
    advice = "Give the row the id of the person that is meant, or merge them: tandem people merge."


class RowUnusable(NeedsPerson):
    """A row has more or fewer cells than the header, or an id that is no number."""

    code = "row-unusable"
    advice = "Correct the row and import the file again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a file is imported.

    `match_email`: a row without an id is the one person that has its e-mail. `only`: the columns that count, all where
    it is empty. `clear_empty`: an empty cell empties the field; else it says nothing. `dry_run`: nothing is stored.
    """

    match_email: bool = False
    only: frozenset[str] = frozenset()
    clear_empty: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row was refused. `column` as the header names it, None where the row as a whole is meant."""

    line: int
    column: str | None
    code: str
    message: str


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What became of the rows. `resumed_after`: the line behind which an earlier run of this file had ended."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    line: int = 0
    resumed_after: int | None = None
    problems: list[Problem] = field(default_factory=list)


class _Row(NamedTuple):
    line: int
    cells: Sequence[str]
    id: str
    email: str


class _TakenBack(Exception):
    """Ends the transaction of a dry run without storing anything."""


def import_people(
    subscription: Subscription,
    file: Path,
    wishes: Wishes = Wishes(),
    *,
    told: Callable[[ImportReport], None] = lambda _report: None,
) -> ImportReport:
    """Create and edit the people of a CSV file, a page at a time; `told` hears after each page how far it is.

    Raises FileUnusable, UnknownField, NotEditable for a file of which nothing can be used; nothing is stored then.
    """
    sheet = read_sheet(file)
    described = repr((sheet.digest, wishes.match_email, sorted(wishes.only), wishes.clear_empty))
    digest = hashlib.sha256(described.encode()).hexdigest()
    report = ImportReport(resumed_after=(subscription.state.setting(_PLACES) or {}).get(digest))
    importer = _Importer(subscription, sheet, wishes)
    for page in importer.pages(after=report.resumed_after or 0):
        with contextlib.suppress(_TakenBack), subscription.database.transaction():
            importer.store(page, report)
            if wishes.dry_run:
                raise _TakenBack
            _note_place(subscription, digest, report.line)
        told(report)
    if not wishes.dry_run:
        with subscription.database.transaction():
            _note_place(subscription, digest, None)
    return report


def _note_place(subscription: Subscription, digest: str, line: int | None) -> None:
    """Keep behind which line a file is to be gone on with, None: it came to its end. Other files keep their places."""
    places = {each: at for each, at in (subscription.state.setting(_PLACES) or {}).items() if each != digest}
    if line is not None:
        places[digest] = line
    subscription.state.put_setting(_PLACES, dict(list(places.items())[-_REMEMBERED:]) or None)


class _Importer:
    """Rows of one file, as edits. Raises what `import_people` does for a file of which nothing can be used."""

    def __init__(self, subscription: Subscription, sheet: Sheet, wishes: Wishes) -> None:
        self._marketing = subscription.marketing
        self._now = subscription.now
        self._edits = Edits(subscription.database, subscription.marketing, subscription.state)
        self._sheet = sheet
        self._wishes = wishes
        self._id = next((place for place, name in enumerate(sheet.header) if name.lower() == _ID), None)
        self._columns = self._counting_columns()
        self._targets = {variant: self._resolved(*variant) for variant in _VARIANTS}
        self._expect_targets()
        self._email = self._email_column() if wishes.match_email else None
        self._made = set[str]()
        """Addresses that a dry run gave to people and took back, for later rows with the same address."""
        self._companies = dict[str, Mapping[str, Any]]()
        """What the companies that people of the page in hand share with others hold."""

    def pages(self, *, after: int) -> Iterator[list[_Row]]:
        """The rows behind a line."""
        page = list[_Row]()
        for line, cells in self._sheet.rows():
            if line > after:
                page.append(_Row(line, cells, _cell(cells, self._id), _cell(cells, self._email).lower()))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def store(self, page: Sequence[_Row], report: ImportReport) -> None:
        """Create and edit whom a page speaks of, within the caller's transaction."""
        rest, few = page, len(page)
        while rest:
            # Whoever is in the page again is looked at when what the row before says is stored.
            taken = self._store(rest[:few], report)
            rest, few = rest[taken:], 2 * taken
        report.line = page[-1].line

    def _store(self, page: Sequence[_Row], report: ImportReport) -> int:
        """Take the rows up to the first one whose person was taken already; returns how many these are."""
        new, old = list[Sequence[Edit]](), dict[int, tuple[EditedPerson, Sequence[Edit]]]()
        emails, taken, whose = set[str](), 0, self._people(page)
        for row in page:
            problems, edits, person = list[Problem](), list[Edit](), None
            try:
                person = whose(row)
                edits = self._edits_of(row, person, problems)
            except TandemError as problem:
                problems.append(Problem(line=row.line, column=None, code=problem.code, message=_words(problem)))
            if row.email in emails or (person is not None and person.person.id in old):
                break
            taken += 1
            if problems:
                report.refused += 1
                report.problems += problems[: max(0, LISTED - len(report.problems))]
                continue
            if person is not None:
                old[person.person.id] = (person, edits)
            elif row.email in self._made:
                report.updated += 1
            else:
                new.append(edits)
            emails |= {row.email} - {""}
        self._edits.create_page(new, at=self._now())
        changed = sum(map(bool, self._edits.edit_page(list(old.values()), at=self._now())))
        report.created += len(new)
        report.updated += changed
        report.unchanged += len(old) - changed
        if self._wishes.dry_run:
            self._made |= emails
        return taken

    # Who a row is ---------------------------------------------------------------------------------------------------

    def _people(self, page: Sequence[_Row]) -> Callable[[_Row], EditedPerson | None]:
        """Tells whose a row of the page is, None for somebody new. Raises RowUnusable, UnknownPerson, SeveralPeople."""
        people = self._marketing.people
        numbers = {row.line: int(row.id) for row in page if _NUMBER.fullmatch(row.id)}
        emails = sorted({row.email for row in page if row.email and not row.id})
        found = people.by_email(emails) if emails else {}
        here = people.get({*numbers.values(), *(each for several in found.values() for each in several)})
        edited = {each.person.id: each for each in self._edits.people(list(here.values()))}
        shared = sorted({each.external_company_id for each in here.values() if each.external_company_id})
        companies = self._marketing.companies.get(shared) if shared and self._says_of_companies else {}
        self._companies = {key: decode_fields(company.fields) for key, company in companies.items()}

        def whose(row: _Row) -> EditedPerson | None:
            if len(row.cells) != len(self._sheet.header):
                raise RowUnusable(f"The row has {len(row.cells)} cells, the header {len(self._sheet.header)}.")
            if row.id:
                if row.line not in numbers:
                    raise RowUnusable(f"The id {row.id!r} is no number.")
                number = PersonId(numbers[row.line])
                if number not in edited:
                    person_here(self._marketing, number)
                return edited[number]
            same = found.get(row.email, [])
            if len(same) > 1:
                raise SeveralPeople(f"People {', '.join(map(str, sorted(same)))} have the e-mail of the row.")
            return edited[same[0]] if same else None

        return whose

    # What a row says ------------------------------------------------------------------------------------------------

    def _edits_of(self, row: _Row, person: EditedPerson | None, problems: list[Problem]) -> list[Edit]:
        """The edits of a row; what cannot be one is added to the problems."""
        variant = (person.table, person.has_shared_company) if person else (None, False)
        edits = list[Edit]()
        for (place, name), target in zip(self._columns, self._targets[variant], strict=True):
            text = row.cells[place]
            if not text.strip() and not self._wishes.clear_empty:
                continue
            try:
                if isinstance(target, TandemError):
                    raise target
                edit = Edit(target.field, parse(target.field, text))
                if not target.shared:
                    edits.append(edit)
                elif person is not None:
                    self._expect_of_company(person, edit)
            except TandemError as problem:
                problems.append(Problem(line=row.line, column=name, code=problem.code, message=_words(problem)))
        return edits

    def _counting_columns(self) -> list[tuple[int, str]]:
        """The columns that hold values, with their places. Raises UnknownField."""
        only = {name.lower() for name in self._wishes.only}
        if missing := only - {name.lower() for name in self._sheet.header}:
            raise UnknownField(f"The file has no column {min(missing)!r}.", advice="Name columns of its header.")
        return [
            (place, name)
            for place, name in enumerate(self._sheet.header)
            if place != self._id and (not only or name.lower() in only)
        ]

    def _resolved(self, table: Entity | None, has_shared_company: bool) -> list[Target | TandemError]:
        """Each column's field for people of one kind, or why it is none. Raises NotEditable for one given twice."""
        found = list[Target | TandemError]()
        for _, name in self._columns:
            target = self._target(name, table, has_shared_company)
            if target in found and isinstance(target, Target):
                raise NotEditable(f"{name} and another column are both {target.field.api_name}.", field=name)
            found.append(target)
        return found

    def _target(self, name: str, table: Entity | None, has_shared_company: bool) -> Target | TandemError:
        """The field of a name; what is the shared company's is meant by its bare name too, as exports have it."""
        problem: TandemError | None = None
        for each in (name, f"{OF_COMPANY}{name}") if has_shared_company else (name,):
            try:
                (target,) = self._edits.targets([each], table=table, has_shared_company=has_shared_company)
            except (NotEditable, UnknownField) as reason:
                problem = problem or reason
            else:
                return target
        return problem or UnknownField(f"There is no field {name!r}.", field=name)

    @property
    def _says_of_companies(self) -> bool:
        return any(isinstance(each, Target) and each.shared for found in self._targets.values() for each in found)

    def _expect_of_company(self, person: EditedPerson, edit: Edit) -> None:
        """Raise NotEditable where the person's company has another value."""
        held, name = self._companies.get(person.person.external_company_id or "", {}), edit.field.api_name
        if not same(edit.field, held.get(name), edit.value):
            raise NotEditable(
                f"{name} belongs to a company that the person shares with others, and the company has another value.",
                advice="Edit it once, for everybody: tandem people set ID company.FIELD=VALUE.",
                field=name,
            )

    def _expect_targets(self) -> None:
        """Raise why a column can be used for nobody."""
        for first, *others in zip(*self._targets.values(), strict=True):
            if isinstance(first, TandemError) and all(isinstance(other, TandemError) for other in others):
                raise first

    def _email_column(self) -> int:
        """The place of the e-mail. Raises UnknownField."""
        for (place, _), target in zip(self._columns, self._targets[None, False], strict=True):
            if isinstance(target, Target) and target.field.api_name == _EMAIL:
                return place
        raise UnknownField("The file has no column with the e-mail, by which people are to be matched.", field=_EMAIL)


def _cell(cells: Sequence[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""


def _words(problem: TandemError) -> str:
    return f"{problem.message} {problem.remedy}".strip()
