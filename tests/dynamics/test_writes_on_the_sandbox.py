"""The real client writes to the real sandbox, over HTTP."""

from decimal import Decimal

import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import (
    DuplicateKey,
    InvalidValue,
    MissingPrivilege,
    NotAnswered,
    Refused,
    RowNotFound,
    StateConflict,
    Throttled,
    Unavailable,
    VersionMismatch,
)
from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.session import TRIES
from tandem.dynamics.writes import RowWrite
from tandem.sandbox.door.operations import Privilege
from tandem.testing.world import World

NEW = "465b158c-541c-e511-80d3-3863bb347ba8"
NOWHERE = "00000000-541c-e511-80d3-3863bb347ba8"
COLUMNS = ("firstname", "lastname", "jobtitle", "creditlimit", "donotemail", "parentcustomerid", "ownerid")


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as world:
        yield world


@pytest.fixture
def dynamics(world, clock):
    with Dynamics(world.sandbox.url, world.credentials, monotonic=clock.monotonic, sleep=clock.sleep) as client:
        client.version()  # The token is there, so that only what a test sends meets its faults.
        yield client


@pytest.fixture
def contacts(dynamics):
    return dynamics.tables(["contact"])["contact"]


@pytest.fixture
def decoder(contacts):
    return RowDecoder(contacts, COLUMNS)


@pytest.fixture
def ann(world):
    return world.create("contact", firstname="Ann", lastname="Ek", jobtitle="CTO")


@pytest.fixture
def read(dynamics, contacts, decoder):
    """The row as any reader gets it."""

    def made(row_id):
        rows, _ = dynamics.fetch(contacts, [row_id], decoder)
        return rows[0]

    return made


@pytest.fixture
def write(dynamics, contacts, decoder):
    """The outcome of one write; without a version it is a create."""

    def made(row_id, version=None, /, **values):
        (outcome,) = dynamics.write([RowWrite(table=contacts, id=row_id, values=values, version=version)], decoder)
        return outcome

    return made


@pytest.fixture
def version(world):
    def made(row_id):
        return int(world.organisation.get("contact", row_id)["versionnumber"])

    return made


def test_P6_the_receipt_is_the_row_as_any_reader_finds_it(write, read, version, ann):
    """With the version by which its echo is known."""
    before = version(ann)

    receipt = write(ann, before, jobtitle="CEO")

    assert (receipt.contactid, receipt.firstname, receipt.jobtitle) == (ann, "Ann", "CEO")
    assert receipt.versionnumber == version(ann) > before
    assert receipt == read(ann)


def test_P5_a_version_that_has_moved_on_is_a_mismatch_and_changes_nothing(world, write, read, version, ann):
    """Somebody else was faster; their value stays."""
    seen = version(ann)
    world.edit("contact", ann, jobtitle="Painter")

    outcome = write(ann, seen, jobtitle="CEO", firstname="Anna")

    assert type(outcome) is VersionMismatch
    assert (read(ann).jobtitle, read(ann).firstname) == ("Painter", "Ann")


def test_P8_an_update_never_brings_a_deleted_record_back(world, write, version, ann):
    """404, and the table stays without it (reference 5.2)."""
    seen = version(ann)
    world.delete("contact", ann)

    outcome = write(ann, seen, jobtitle="CEO")

    assert type(outcome) is RowNotFound
    assert outcome.context["record"] == ann
    assert world.organisation.get("contact", ann) is None


def test_R2_a_create_repeated_with_its_id_makes_no_second_record(world, write, read):
    """The second is told that the id is taken, and the first one's values stay."""
    receipt = write(NEW, firstname="Bob", lastname="Ng")
    outcome = write(NEW, firstname="Somebody else")

    assert (receipt.contactid, receipt.firstname) == (NEW, "Bob")
    assert type(outcome) is DuplicateKey
    assert read(NEW).firstname == "Bob"


def test_emptied_values_arrive_empty(write, read, version, ann):
    """null clears a text and an amount."""
    filled = write(ann, version(ann), creditlimit=Decimal(5))

    emptied = write(ann, filled.versionnumber, jobtitle=None, creditlimit=None)

    assert filled.creditlimit == 5
    assert (emptied.jobtitle, emptied.creditlimit) == (None, None)
    assert read(ann) == emptied


@pytest.mark.parametrize(
    ("column", "number"),
    [
        ("creditlimit", "98765432101.23"),
        ("creditlimit", "0.1"),
        ("creditlimit", "3"),
        ("new_rate", "-0.0000000001"),
        ("new_rate", "9876.0123456789"),
    ],
)
def test_D3_numbers_arrive_exactly(world, dynamics, ann, version, column, number):
    """Money and decimals: no float stands between, what comes back has the same digits."""
    world.organisation.add_column("contact", "new_rate", "decimal")
    contacts = dynamics.tables(["contact"])["contact"]
    write = RowWrite(table=contacts, id=ann, values={column: Decimal(number)}, version=version(ann))

    (receipt,) = dynamics.write([write], RowDecoder(contacts, [column]))

    assert getattr(receipt, column) == Decimal(number)


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
@pytest.mark.parametrize(
    "text",
    ["Zoë Østergård 😀", 'quotes " and \\ and tab\t', "line\r\n--batch_tandem--\r\nline", "--batch_tandem", "$1"],
)
def test_text_of_any_kind_arrives_as_it_is(dynamics, contacts, decoder, version, ann, text, together):
    """Whatever a batch's own marks look like."""
    decoder = RowDecoder(contacts, ["description"])
    writes = [RowWrite(table=contacts, id=ann, values={"description": text}, version=version(ann))]
    if together:
        writes.append(RowWrite(table=contacts, id=NEW, values={"lastname": "Ng", "description": text}, version=None))

    receipts = dynamics.write(writes, decoder)

    assert [receipt.description for receipt in receipts] == [text] * len(writes)


def test_P14_a_lookup_points_where_it_is_told_and_is_emptied(world, write, version, ann):
    """To a table of its choice; one column, so that the other target is replaced."""
    account = world.create("account", name="Contoso")
    other = world.create("contact", lastname="Boss")

    to_account = write(ann, version(ann), parentcustomerid=("account", account))
    to_contact = write(ann, version(ann), parentcustomerid=("contact", other))
    emptied = write(ann, version(ann), parentcustomerid=None)

    assert (to_account.parentcustomerid, to_account.parentcustomerid_type) == (account, "account")
    assert (to_contact.parentcustomerid, to_contact.parentcustomerid_type) == (other, "contact")
    assert (emptied.parentcustomerid, emptied.parentcustomerid_type) == (None, None)


def test_F2_the_owner_is_a_user_or_a_team(world, write, version, ann):
    """One navigation property serves both."""
    user = world.levers.other_user()
    unit = world.organisation.get("systemuser", world.organisation.user_id)["businessunitid"]
    team = world.create("team", name="Sales", businessunitid__bind=f"/businessunits({unit})")

    owners = [
        (receipt.ownerid, receipt.ownerid_type)
        for receipt in (
            write(ann, version(ann), ownerid=("systemuser", user)),
            write(ann, version(ann), ownerid=("team", team)),
        )
    ]

    assert owners == [(user, "systemuser"), (team, "team")]


def test_a_lookup_of_a_record_that_is_not_there_names_it(write, read, version, ann):
    """The contact itself is there; the whole write is refused."""
    outcome = write(ann, version(ann), parentcustomerid=("account", NOWHERE), jobtitle="CEO")

    assert type(outcome) is RowNotFound
    assert (outcome.context["table"], outcome.context["record"]) == ("account", NOWHERE)
    assert read(ann).jobtitle == "CTO"


def test_P7_refusals_of_a_batch_leave_the_others_alone(world, dynamics, contacts, decoder, version, read):
    """Sixty in one request: changed since, deleted, too long, taken, and a lost lookup among them."""
    ids = [world.create("contact", lastname=f"Ng {number}", jobtitle="CTO") for number in range(58)]
    seen = {row_id: version(row_id) for row_id in ids}
    world.edit("contact", ids[3], jobtitle="Painter")
    world.delete("contact", ids[17])
    values = {row_id: {"jobtitle": "CEO"} for row_id in ids}
    values[ids[31]] = {"jobtitle": "C" * 101}
    values[ids[44]] = {"jobtitle": "CEO", "parentcustomerid": ("account", NOWHERE)}
    writes = [RowWrite(table=contacts, id=each, values=values[each], version=seen[each]) for each in ids]
    writes += [
        RowWrite(table=contacts, id=NEW, values={"lastname": "New", "jobtitle": "CEO"}, version=None),
        RowWrite(table=contacts, id=ids[0], values={"lastname": "Taken"}, version=None),
    ]
    before = dynamics.requests

    outcomes = dynamics.write(writes, decoder)

    # One request for the writes, and one to learn the entity set of accounts.
    assert dynamics.requests - before == 2
    expected = {3: VersionMismatch, 17: RowNotFound, 31: InvalidValue, 44: RowNotFound, 59: DuplicateKey}
    assert {n: type(each) for n, each in enumerate(outcomes) if isinstance(each, Exception)} == expected
    done = {n: each for n, each in enumerate(outcomes) if n not in expected}
    assert len(done) == 55
    assert all(each.jobtitle == "CEO" and each.contactid == writes[n].id for n, each in done.items())
    assert all(each == read(each.contactid) for each in done.values())


def test_R4_a_throttled_write_waits_as_asked_and_is_carried_out_once(world, dynamics, write, version, ann, clock):
    """The service refused it before it did anything."""
    seen = version(ann)
    world.fault("throttle-requests", times=2, seconds=7, method="PATCH")

    receipt = write(ann, seen, jobtitle="CEO")

    assert (receipt.jobtitle, receipt.versionnumber) == ("CEO", version(ann))
    assert sum(clock.slept) == 14


def test_R4_lasting_throttling_is_given_up_with_nothing_done(world, write, read, version, ann):
    """After a bounded number of tries."""
    seen = version(ann)
    world.fault("throttle-time", times=TRIES, method="PATCH")

    with pytest.raises(Throttled):
        write(ann, seen, jobtitle="CEO")

    assert (read(ann).jobtitle, version(ann)) == ("CTO", seen)


@pytest.fixture
def both(dynamics, contacts, decoder, version, ann):
    """Writes Ann and a new contact in one batch."""

    def made():
        seen = version(ann)
        return dynamics.write(
            [
                RowWrite(table=contacts, id=ann, values={"jobtitle": "CEO"}, version=seen),
                RowWrite(table=contacts, id=NEW, values={"lastname": "New"}, version=None),
            ],
            decoder,
        )

    return made


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ("throttle-concurrency", Throttled),
        ("unavailable", Unavailable),
        ("sql-error", Unavailable),
        ("veto", Refused),
    ],
)
def test_a_fault_inside_a_batch_strikes_one_write(world, dynamics, both, ann, read, switch, expected):
    """The others are carried out, and nothing is sent again."""
    world.fault(switch, inner=True)
    before = dynamics.requests

    struck, done = both()

    assert type(struck) is expected
    assert (done.contactid, dynamics.requests - before) == (NEW, 1)
    assert read(ann).jobtitle == "CTO"


@pytest.mark.parametrize("switch", ["reset-after", "truncate", "unexpected-after"])
def test_R2_a_reply_lost_after_the_commit_leaves_it_open(world, dynamics, write, read, version, ann, switch):
    """The change is there, and it was sent once."""
    seen = version(ann)
    world.fault(switch, method="PATCH")
    before = dynamics.requests

    with pytest.raises(NotAnswered):
        write(ann, seen, jobtitle="CEO")

    assert dynamics.requests - before == 1
    assert read(ann).jobtitle == "CEO"


@pytest.mark.parametrize("switch", ["reset-before", "unavailable", "unexpected", "legacy-error"])
def test_R2_a_reply_lost_before_the_commit_leaves_it_open_too(world, dynamics, write, read, version, ann, switch):
    """The client cannot tell the two apart."""
    seen = version(ann)
    world.fault(switch, method="PATCH")
    before = dynamics.requests

    with pytest.raises(NotAnswered):
        write(ann, seen, jobtitle="CEO")

    assert dynamics.requests - before == 1
    assert (read(ann).jobtitle, version(ann)) == ("CTO", seen)


@pytest.mark.parametrize("switch", ["reset-after", "truncate"])
def test_R2_a_batch_whose_reply_is_lost_leaves_all_of_it_open(world, dynamics, both, read, ann, switch):
    """Both were carried out, once."""
    world.fault(switch, path="$batch")
    before = dynamics.requests

    with pytest.raises(NotAnswered):
        both()

    assert dynamics.requests - before == 1
    assert (read(ann).jobtitle, read(NEW).lastname) == ("CEO", "New")


def test_R2_a_batch_that_is_cut_in_the_middle_leaves_all_of_it_open(world, dynamics, both, read, ann):
    """The first write was carried out and the second was not; only the records tell."""
    world.fault("reset-after", inner=True)
    before = dynamics.requests

    with pytest.raises(NotAnswered):
        both()

    assert dynamics.requests - before == 1
    assert read(ann).jobtitle == "CEO"
    assert world.organisation.get("contact", NEW) is None


def test_an_expired_token_is_renewed_for_a_write(world, dynamics, write, version, ann):
    """One refusal, one renewal, one change."""
    seen = version(ann)
    world.fault("expired-token", method="PATCH")

    assert write(ann, seen, jobtitle="CEO").jobtitle == "CEO"


def test_P7_a_missing_right_is_named(world, write, version, ann):
    """The privilege and the table, for whoever grants it."""
    world.do(Privilege(privilege="prvWriteContact"))

    outcome = write(ann, version(ann), jobtitle="CEO")

    assert type(outcome) is MissingPrivilege
    assert (outcome.context["privilege"], outcome.context["table"]) == ("prvWriteContact", "contact")


class TestQualify:
    """Leads become contacts."""

    @pytest.fixture
    def lead(self, world):
        return world.create("lead", firstname="Eve", lastname="Ob", companyname="Contoso", subject="Webinar")

    def test_F1_a_lead_becomes_a_contact_and_nothing_else(self, world, dynamics, lead):
        """Its origin is the tie that a lost reply is settled by."""
        contact = dynamics.qualify(lead)

        row = world.organisation.get("contact", contact)
        assert (row["lastname"], row["originatingleadid"]) == ("Ob", lead)
        assert world.organisation.get("lead", lead)["statecode"] == 1
        assert world.organisation.find("account", "originatingleadid", lead) == []
        assert world.organisation.find("opportunity", "originatingleadid", lead) == []

    def test_F1_a_lead_is_not_qualified_twice(self, dynamics, lead):
        """The second time it is closed."""
        dynamics.qualify(lead)

        with pytest.raises(StateConflict):
            dynamics.qualify(lead)

    def test_F1_a_missing_lead_is_told(self, dynamics):
        """It was deleted meanwhile."""
        with pytest.raises(RowNotFound):
            dynamics.qualify(NOWHERE)

    def test_F1_a_qualify_whose_reply_is_lost_is_not_repeated(self, world, dynamics, lead):
        """There is one contact, and its origin tells whose it is."""
        world.fault("reset-after", path="QualifyLead")
        before = dynamics.requests

        with pytest.raises(NotAnswered):
            dynamics.qualify(lead)

        assert dynamics.requests - before == 1
        assert len(world.organisation.find("contact", "originatingleadid", lead)) == 1
