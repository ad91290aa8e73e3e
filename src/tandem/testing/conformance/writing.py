"""Writes of people under a condition, and what refuses them (reference 5, 7).

Lost updates, second rows and revived records all come from writes that were carried out when they should have been
refused: every test that expects a refusal also looks that nothing was stored.
"""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from tandem.dynamics.errors import (
    ColumnSecured,
    DuplicateKey,
    DuplicateRule,
    DynamicsError,
    InvalidValue,
    NotAnswered,
    RecordInactive,
    RowNotFound,
    StateConflict,
    VersionMismatch,
)
from tandem.model.errors import OurBug
from tandem.testing.conformance.peer import (
    Peer,
    change,
    creation,
    decoder_of,
    place,
    query,
    raised,
    read,
    row_of,
    written,
    written_now,
)

_UNFIT = {
    "jobtitle": "x" * 101,
    "leadsourcecode": 77,
    "revenue": Decimal("1e15"),
    "numberofemployees": -1,
    "budgetstatus": "Can Buy",
    "lastusedincampaign": "1700-01-01T00:00:00Z",
    "estimatedclosedate": "soon",
    "donotphone": "yes",
}
"""One value that does not fit for each way in which a lead's column can be missed."""


class WritingConformance:
    """What a write must do, and what it must refuse."""

    # Changes of a row

    def test_a_change_answers_with_the_row_it_left(self, peer: Peer) -> None:
        """Its version is the one the next delta shows: so an echo is known (reference 9.6) (P5)."""
        record = peer.create("contact", lastname="Ek", jobtitle="CTO")
        decoder = decoder_of(peer, "contact", "lastname", "jobtitle")
        link, before = place(peer, decoder), _version(peer, record)

        (row,) = written(peer, decoder, change(decoder, record, before, lastname="Lund"))

        assert (record, "Lund", "CTO") == (row.contactid, row.lastname, row.jobtitle)
        assert row.versionnumber > before
        assert [row] == read(peer, link, decoder).rows

    def test_another_version_refuses_the_change(self, peer: Peer) -> None:
        """Somebody changed the row since; nothing is stored (P5)."""
        record = peer.create("contact", lastname="Ek")
        decoder, before = decoder_of(peer, "contact", "lastname"), _version(peer, record)
        peer.edit("contact", record, lastname="Lund")

        (refusal,) = written(peer, decoder, change(decoder, record, before, lastname="Berg"))

        assert isinstance(refusal, VersionMismatch)
        assert row_of(peer, "contact", record, "lastname").lastname == "Lund"

    def test_a_change_never_revives_a_deleted_row(self, peer: Peer) -> None:
        """Without a condition a PATCH would (reference 5.2)."""
        record = peer.create("contact", lastname="Ek")
        decoder, before = decoder_of(peer, "contact", "lastname"), _version(peer, record)
        peer.delete("contact", record)

        (refusal,) = written(peer, decoder, change(decoder, record, before, lastname="Lund"))

        assert isinstance(refusal, RowNotFound)
        assert ([], [record]) == peer.dynamics.fetch(decoder.table, [record], decoder)

    def test_empty_text_is_stored_as_nothing(self, peer: Peer) -> None:
        """And null empties (reference 5.2) (R1)."""
        record = peer.create("contact", lastname="Ek", jobtitle="CTO", department="IT")
        decoder = decoder_of(peer, "contact", "jobtitle", "department")

        row = written_now(peer, decoder, record, jobtitle="", department=None)

        assert (row.jobtitle, row.department) == (None, None)

    def test_values_of_every_type_come_back_as_they_were_sent(self, peer: Peer) -> None:
        """Text of any script, money to the cent, times to the second, dates, choices, yes and no (D3)."""
        values = {
            "jobtitle": "Chef d’équipe 🎯 ' & <b>",
            "annualincome": Decimal("1234567.89"),
            "lastusedincampaign": "2025-03-04T05:06:07Z",
            "birthdate": "1980-02-29",
            "gendercode": 2,
            "donotemail": True,
        }
        decoder = decoder_of(peer, "contact", *values)

        row = written_now(peer, decoder, peer.create("contact", lastname="Ek"), **values)

        assert values == {name: getattr(row, name) for name in values}

    def test_owner_and_state_are_written_with_the_rest(self, peer: Peer) -> None:
        """In several passes inside; the version in the answer is the last one (reference 5.7) (P13)."""
        owner = peer.create("systemuser", firstname="Olga", lastname="Owner", isdisabled=False)
        record = peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "jobtitle", "ownerid", "statecode", "statuscode")

        values = {"jobtitle": "CTO", "ownerid": ("systemuser", owner), "statecode": 1, "statuscode": 2}
        row = written_now(peer, decoder, record, **values)

        assert ("CTO", owner, "systemuser") == (row.jobtitle, row.ownerid, row.ownerid_type)
        assert (row.statecode, row.statuscode) == (1, 2)
        assert row.versionnumber == _version(peer, record)

    def test_a_lookup_is_set_and_emptied(self, peer: Peer) -> None:
        """One that points to several tables by the table and the id."""
        account, record = peer.create("account", name="Contoso"), peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "parentcustomerid")

        bound = written_now(peer, decoder, record, parentcustomerid=("account", account))
        emptied = written_now(peer, decoder, record, parentcustomerid=None)
        refusal = written_now(peer, decoder, record, parentcustomerid=("account", str(uuid4())))

        assert (account, "account") == (bound.parentcustomerid, bound.parentcustomerid_type)
        assert (emptied.parentcustomerid, emptied.parentcustomerid_type) == (None, None)
        assert isinstance(refusal, RowNotFound)

    # What does not fit

    def test_a_value_that_does_not_fit_is_refused_whole(self, peer: Peer) -> None:
        """Too long, no such option, out of range, of another type: nothing of the write is stored (P7)."""
        record = peer.create("lead", subject="x", lastname="Ek")
        decoder = decoder_of(peer, "lead", "companyname", *_UNFIT)

        outcomes = {
            name: written_now(peer, decoder, record, companyname="Contoso", **{name: value})
            for name, value in _UNFIT.items()
        }

        assert dict.fromkeys(_UNFIT, InvalidValue) == {name: type(outcome) for name, outcome in outcomes.items()}
        assert row_of(peer, "lead", record, "companyname").companyname is None

    def test_state_and_status_must_be_a_pair(self, peer: Peer) -> None:
        """A state alone takes its first status; what goes with a wrong pair is not stored either."""
        record = peer.create("lead", subject="x", lastname="Ek")
        decoder = decoder_of(peer, "lead", "jobtitle", "statecode", "statuscode")

        refusal = written_now(peer, decoder, record, jobtitle="CTO", statecode=2, statuscode=1)
        row = written_now(peer, decoder, record, statecode=2)

        assert isinstance(refusal, StateConflict)
        assert (row.jobtitle, row.statecode, row.statuscode) == (None, 2, 4)

    def test_a_closed_lead_takes_changes_only_when_reopened(self, peer: Peer) -> None:
        """An inactive contact takes them as it is (reference 5.7) (P17)."""
        lead, contact = peer.create("lead", subject="x", lastname="Ek"), peer.create("contact", lastname="Ek")
        of_lead, of_contact = decoder_of(peer, "lead", "jobtitle"), decoder_of(peer, "contact", "jobtitle")
        peer.edit("lead", lead, statecode=2, statuscode=4)
        peer.edit("contact", contact, statecode=1, statuscode=2)

        refusal = written_now(peer, of_lead, lead, jobtitle="CTO")
        row = written_now(peer, of_contact, contact, jobtitle="CTO")
        peer.edit("lead", lead, statecode=0, statuscode=1)
        reopened = written_now(peer, of_lead, lead, jobtitle="CTO")

        assert isinstance(refusal, RecordInactive)
        assert (row.jobtitle, reopened.jobtitle) == ("CTO", "CTO")

    def test_a_locked_row_refuses_every_change(self, peer: Peer) -> None:
        """Until it is unlocked."""
        record = peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "jobtitle")
        peer.lock("contact", record)

        refusal = written_now(peer, decoder, record, jobtitle="CTO")
        peer.lock("contact", record, locked=False)
        row = written_now(peer, decoder, record, jobtitle="CTO")

        assert isinstance(refusal, RecordInactive)
        assert row.jobtitle == "CTO"

    def test_a_secured_column_takes_no_write(self, peer: Peer) -> None:
        """And the others of that write are not stored either (D4)."""
        record = peer.create("contact", lastname="Ek", jobtitle="CTO")
        decoder = decoder_of(peer, "contact", "department")
        peer.secure("contact", "jobtitle")

        refusal = written_now(peer, decoder, record, jobtitle="CEO", department="IT")

        assert isinstance(refusal, ColumnSecured)
        assert row_of(peer, "contact", record, "department").department is None

    # New rows

    def test_a_row_is_created_once(self, peer: Peer) -> None:
        """Under the id the writer chose; repeated, the create is refused and changes nothing (R2)."""
        decoder = decoder_of(peer, "lead", "lastname", "statecode")
        first = creation(decoder, {"subject": "x", "lastname": "Ek"})
        second = creation(decoder, {"subject": "x", "lastname": "Lund"}, record=first.id)

        (row,) = written(peer, decoder, first)
        (refusal,) = written(peer, decoder, second)

        assert (first.id, "Ek", 0) == (row.leadid, row.lastname, row.statecode)
        assert isinstance(refusal, DuplicateKey)
        assert row_of(peer, "lead", first.id, "lastname").lastname == "Ek"

    def test_a_duplicate_is_looked_for_where_it_is_asked(self, peer: Peer) -> None:
        """On create, by the published rule; without asking nothing is found (reference 5.8) (P7)."""
        peer.create("contact", lastname="Ek", emailaddress1="Ann@Example.com")
        peer.detect_duplicates("contact")
        decoder = decoder_of(peer, "contact", "emailaddress1")
        values = {"lastname": "Ek", "emailaddress1": "ann@example.com"}

        (refusal,) = written(peer, decoder, creation(decoder, values, check_duplicates=True))
        (row,) = written(peer, decoder, creation(decoder, values))
        alone = {**values, "emailaddress1": "bo@example.com"}
        (other,) = written(peer, decoder, creation(decoder, alone, check_duplicates=True))

        assert isinstance(refusal, DuplicateRule)
        assert (row.emailaddress1, other.emailaddress1) == ("ann@example.com", "bo@example.com")

    # Many at once, and no answer

    def test_what_no_request_may_carry_is_our_bug(self, peer: Peer) -> None:
        """A write to a one-way table (S5), to two tables at once, and more than a hundred."""
        contacts = decoder_of(peer, "contact", "lastname")
        many = [creation(contacts, {"lastname": "Ek"}) for _ in range(101)]

        raised(OurBug, lambda: _to_an_account(peer))
        raised(OurBug, lambda: written(peer, decoder_of(peer, "lead", "lastname"), many[0]))
        raised(OurBug, lambda: written(peer, contacts, *many))

        assert read(peer, query(contacts), contacts).rows == []

    def test_one_refusal_stops_no_other_write(self, peer: Peer) -> None:
        """Many writes are one request, each is answered in its place (design 5)."""
        records = [peer.create("contact", lastname=f"n{number}") for number in range(3)]
        decoder = decoder_of(peer, "contact", "lastname")
        versions = [_version(peer, record) for record in records]
        new = creation(decoder, {"lastname": "new"})
        writes = [
            change(decoder, records[0], versions[0], lastname="good"),
            change(decoder, records[1], versions[1] - 1, lastname="stale"),
            change(decoder, str(uuid4()), versions[1], lastname="missing"),
            change(decoder, records[1], versions[1], lastname="x" * 51),
            new,
            change(decoder, records[2], versions[2], lastname="good too"),
        ]
        before = peer.dynamics.requests

        outcomes = written(peer, decoder, *writes)

        assert peer.dynamics.requests - before == 1
        assert ["good", VersionMismatch, RowNotFound, InvalidValue, "new", "good too"] == [
            type(outcome) if isinstance(outcome, DynamicsError) else outcome.lastname for outcome in outcomes
        ]
        found, _ = peer.dynamics.fetch(decoder.table, [*records, new.id], decoder)
        assert [row.lastname for row in found] == ["good", "n1", "good too", "new"]

    def test_a_lost_reply_leaves_the_outcome_open(self, peer: Peer) -> None:
        """Nobody knows until somebody reads, and a repeated create makes no second row (R2)."""
        record = peer.create("contact", lastname="old")
        decoder = decoder_of(peer, "contact", "lastname")
        new = creation(decoder, {"lastname": "new"})
        version = _version(peer, record)

        peer.lose_reply(carried_out=True)
        raised(NotAnswered, lambda: written(peer, decoder, change(decoder, record, version, lastname="sent")))
        peer.lose_reply(carried_out=False)
        raised(NotAnswered, lambda: written(peer, decoder, change(decoder, record, version, lastname="lost")))
        peer.lose_reply(carried_out=True)
        raised(NotAnswered, lambda: written(peer, decoder, new))

        assert row_of(peer, "contact", record, "lastname").lastname == "sent"
        assert [DuplicateKey] == [type(outcome) for outcome in written(peer, decoder, new)]

    def test_a_lost_reply_to_many_writes_leaves_all_open(self, peer: Peer) -> None:
        """They may have been carried out although nothing came back."""
        records = [peer.create("contact", lastname="old") for _ in range(2)]
        decoder = decoder_of(peer, "contact", "lastname")
        writes = [change(decoder, record, _version(peer, record), lastname="sent") for record in records]

        peer.lose_reply(carried_out=True)
        raised(NotAnswered, lambda: written(peer, decoder, *writes))

        assert [row_of(peer, "contact", record, "lastname").lastname for record in records] == ["sent", "sent"]


def _version(peer: Peer, record: str) -> int:
    """A contact's version."""
    return int(row_of(peer, "contact", record).versionnumber)


def _to_an_account(peer: Peer) -> list[Any]:
    accounts = decoder_of(peer, "account", "name")
    return written(peer, accounts, creation(accounts, {"name": "Contoso"}))
