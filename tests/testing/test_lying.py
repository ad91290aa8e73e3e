"""The lying organisation: each lie is what it says, comes again with its seed, and nothing else is touched."""

from collections.abc import Iterator
from typing import Any

import pytest

from tandem.dynamics.errors import (
    ColumnSecured,
    NotAnswered,
    Throttled,
    TokenExpired,
    Unavailable,
    Unreachable,
    VersionMismatch,
)
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.model.entities import Entity
from tandem.testing.fake import FakeDynamics, FakeOrganisation
from tandem.testing.lying import Lie, LyingDynamics


@pytest.fixture
def organisation() -> FakeOrganisation:
    """Four contacts, n0 to n3."""
    made = FakeOrganisation()
    for number in range(4):
        made.create("contact", {"lastname": f"n{number}", "jobtitle": "CTO"})
    return made


@pytest.fixture
def lying(organisation: FakeOrganisation) -> LyingDynamics:
    return LyingDynamics(FakeDynamics(organisation), seed=7, hideable=[("contact", "jobtitle")])


@pytest.fixture
def decoder(organisation: FakeOrganisation) -> RowDecoder:
    return RowDecoder(organisation.tables["contact"], ["lastname", "jobtitle"])


def whole_table(decoder: RowDecoder) -> PageQuery:
    return PageQuery(table=decoder.table, columns=["lastname", "jobtitle"], track_changes=True)


def names(page: Page) -> list[str]:
    return [row.lastname for row in page.rows]


def stored(organisation: FakeOrganisation) -> list[Any]:
    return [row["lastname"] for row in organisation.rows("contact").values()]


def renames(organisation: FakeOrganisation, decoder: RowDecoder) -> list[RowWrite]:
    """Every contact gets another name."""
    return [
        RowWrite(table=decoder.table, id=record, values={"lastname": f"new{number}"}, version=row["versionnumber"])
        for number, (record, row) in enumerate(organisation.rows("contact").items())
    ]


def test_the_same_seed_tells_the_same_lies(organisation: FakeOrganisation, decoder: RowDecoder) -> None:
    """And another seed tells others."""

    def heard(seed: int) -> list[object]:
        lying = LyingDynamics(FakeDynamics(organisation), seed=seed, rates=dict.fromkeys(Lie, 0.3))
        return list(_answers(lying, decoder))

    assert heard(1) == heard(1)
    assert heard(1) != heard(2)


def _answers(lying: LyingDynamics, decoder: RowDecoder) -> Iterator[object]:
    for _ in range(20):
        try:
            page = lying.read_page(whole_table(decoder), decoder)
        except (Throttled, Unreachable) as error:
            yield type(error)
        else:
            yield names(page), page.deleted


def test_a_lie_that_was_told_to_be_told_is_told_once(lying: LyingDynamics, decoder: RowDecoder) -> None:
    """Whatever its rate."""
    lying.tell(Lie.THROTTLE)

    with pytest.raises(Throttled):
        lying.who_am_i()

    assert lying.who_am_i().organization_id
    assert {Lie.THROTTLE: 1} == lying.told


def test_a_disordered_page_has_the_same_rows(lying: LyingDynamics, decoder: RowDecoder) -> None:
    """In another order, or some of them twice."""
    orderly = names(lying.read_page(whole_table(decoder), decoder))
    lying.rates = {Lie.REORDER: 1.0}
    reordered = names(lying.read_page(whole_table(decoder), decoder))
    lying.rates = {Lie.DUPLICATE: 1.0}
    doubled = names(lying.read_page(whole_table(decoder), decoder))

    assert orderly != reordered
    assert sorted(orderly) == sorted(reordered)
    assert (4, 6, set(orderly)) == (len(orderly), len(doubled), set(doubled))


def test_a_deletion_is_of_something_unknown(
    lying: LyingDynamics, organisation: FakeOrganisation, decoder: RowDecoder
) -> None:
    """Never of a row there is or was."""
    lying.tell(Lie.UNKNOWN_DELETION)

    (unknown,) = lying.read_page(whole_table(decoder), decoder).deleted

    assert unknown not in organisation.rows("contact")


def test_a_replay_begins_at_an_older_place(
    lying: LyingDynamics, organisation: FakeOrganisation, decoder: RowDecoder
) -> None:
    """One that was given for the same columns; the rows are as they are now."""
    first = lying.read_page(whole_table(decoder), decoder).delta_link
    record = next(iter(organisation.rows("contact")))
    organisation.edit("contact", record, {"lastname": "changed"})
    second = lying.read_page(first or "", decoder).delta_link
    assert [] == lying.read_page(second or "", decoder).rows
    lying.rates = {Lie.REPLAY: 1.0}

    replayed = [names(lying.read_page(second or "", decoder)) for _ in range(10)]

    assert [["changed"], []] == sorted({tuple(each): each for each in replayed}.values(), reverse=True)


def test_only_a_stored_place_expires(lying: LyingDynamics, decoder: RowDecoder) -> None:
    """A read from the start is always possible."""
    lying.rates = {Lie.EXPIRE: 1.0}
    link = lying.read_page(whole_table(decoder), decoder).delta_link

    with pytest.raises(TokenExpired):
        lying.read_page(link or "", decoder)


@pytest.mark.parametrize(
    ("lie", "error", "carried_out"),
    [
        pytest.param(Lie.THROTTLE, Throttled, 0, id="throttled writes are not carried out"),
        pytest.param(Lie.LOSE_REQUEST, NotAnswered, 0, id="a lost request is not carried out"),
        pytest.param(Lie.LOSE_REPLY, NotAnswered, 4, id="a lost reply was carried out"),
    ],
)
def test_writes_without_an_answer(
    lying: LyingDynamics,
    organisation: FakeOrganisation,
    decoder: RowDecoder,
    lie: Lie,
    error: type[Exception],
    carried_out: int,
) -> None:
    """All of them, or none."""
    lying.tell(lie)

    with pytest.raises(error):
        lying.write(renames(organisation, decoder), decoder)

    assert carried_out == sum(name.startswith("new") for name in stored(organisation))


@pytest.mark.parametrize(
    ("lie", "error", "made"),
    [
        pytest.param(Lie.THROTTLE, Throttled, False, id="a throttled request is not carried out"),
        pytest.param(Lie.LOSE_REQUEST, NotAnswered, False, id="a lost request is not carried out"),
        pytest.param(Lie.LOSE_REPLY, NotAnswered, True, id="a lost reply was carried out"),
    ],
)
def test_F4_lists_without_an_answer(
    lying: LyingDynamics, organisation: FakeOrganisation, lie: Lie, error: type[Exception], made: bool
) -> None:
    """Each step of putting somebody into a campaign, and of taking them out."""
    campaign, (contact, *_) = organisation.create("campaign", {"name": "Spring"}), organisation.rows("contact")
    there = dict[str, bool]()
    for name, table, arguments in (
        ("make_list", "list", ("0" * 36, "Ours", Entity.CONTACT)),
        ("put_into_campaign", "campaignitem", ("0" * 36, campaign)),
        ("add_to_list", "listmember", ("0" * 36, contact)),
    ):
        lying.tell(lie)
        with pytest.raises(error):
            getattr(lying, name)(*arguments)
        there[name] = bool(organisation.rows(table))
        if not made:
            getattr(lying, name)(*arguments)
    lying.tell(lie)
    with pytest.raises(error):
        lying.remove_from_list("0" * 36, Entity.CONTACT, contact)

    assert {"make_list": made, "put_into_campaign": made, "add_to_list": made} == there
    assert made is not bool(organisation.rows("listmember"))


def test_writes_that_break_off_were_carried_out_in_part(
    lying: LyingDynamics, organisation: FakeOrganisation, decoder: RowDecoder
) -> None:
    """The first ones, at least one and not all."""
    lying.tell(Lie.BREAK_OFF)

    with pytest.raises(NotAnswered):
        lying.write(renames(organisation, decoder), decoder)

    carried_out = [name.startswith("new") for name in stored(organisation)]
    assert carried_out == sorted(carried_out, reverse=True)
    assert 0 < sum(carried_out) < 4


def test_a_mismatch_is_of_one_write_that_was_not_carried_out(
    lying: LyingDynamics, organisation: FakeOrganisation, decoder: RowDecoder
) -> None:
    """The others were, and each is answered in its place."""
    lying.tell(Lie.MISMATCH)

    outcomes = lying.write(renames(organisation, decoder), decoder)

    refused = [isinstance(outcome, VersionMismatch) for outcome in outcomes]
    assert 1 == sum(refused)
    assert [not each for each in refused] == [name.startswith("new") for name in stored(organisation)]


def test_a_fault_hides_a_write_that_was_carried_out(
    lying: LyingDynamics, organisation: FakeOrganisation, decoder: RowDecoder
) -> None:
    """Whoever repeats it meets another version."""
    writes = renames(organisation, decoder)
    lying.tell(Lie.FAULT)

    outcomes = lying.write(writes, decoder)
    (number,) = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Unavailable)]

    assert ["new0", "new1", "new2", "new3"] == stored(organisation)
    assert [VersionMismatch] == [type(outcome) for outcome in lying.write([writes[number]], decoder)]


def test_D4_a_hidden_column_is_told_of(
    lying: LyingDynamics, organisation: FakeOrganisation, decoder: RowDecoder
) -> None:
    """The definitions change before a row reads null; nothing can be written to it; it can come back."""
    before = lying.schema_version()
    lying.tell(Lie.HIDE)
    hidden = lying.schema_version()
    table = lying.tables(["contact"])["contact"]
    record, row = next(iter(organisation.rows("contact").items()))
    write = RowWrite(table=table, id=record, values={"jobtitle": "CEO"}, version=row["versionnumber"])

    assert before != hidden
    assert table.columns["jobtitle"].secured
    assert {"jobtitle"} == lying.column_rights("", table).unreadable
    assert {None} == {row.jobtitle for row in lying.read_page(whole_table(decoder), decoder).rows}
    assert [ColumnSecured] == [type(outcome) for outcome in lying.write([write], decoder)]
    assert "CTO" == row["jobtitle"]

    lying.tell(Lie.HIDE)
    assert lying.schema_version() not in (before, hidden)
    assert {"CTO"} == {row.jobtitle for row in lying.read_page(whole_table(decoder), decoder).rows}


def test_what_is_omitted_never_comes_again(
    organisation: FakeOrganisation, lying: LyingDynamics, decoder: RowDecoder
) -> None:
    """The page is empty, and the place behind it is real."""
    first = lying.read_page(whole_table(decoder), decoder)
    organisation.edit("contact", first.rows[0].contactid, {"lastname": "new"})
    lying.tell(Lie.OMIT)

    omitted = lying.read_page(first.delta_link or "", decoder)
    after = lying.read_page(omitted.delta_link or "", decoder)

    assert ([], [], []) == (omitted.rows, omitted.deleted, after.rows)
