"""Qualifying, merging, deleting, and what the customer's automation adds (reference 8.11, 8.13, 8.14, 10.12).

Each of these changes rows nobody wrote. A sync that does not see them all ends with two people for one human, or none.
"""

from tandem.dynamics.errors import NotAnswered, Refused, StateConflict
from tandem.sandbox.automation.plug_ins import Form, Refuse, Rewrite, RewriteLater, Touch
from tandem.testing.conformance.peer import (
    Peer,
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


class ActsConformance:
    """What acts on several rows, or answers a write, must leave behind."""

    # Qualifying

    def test_a_qualified_lead_and_its_contact_name_each_other(self, peer: Peer) -> None:
        """The contact has the lead's values, the lead is closed, and each shows in its table's delta (P11)."""
        account = peer.create("account", name="Contoso")
        lead = peer.create(
            "lead",
            subject="x",
            firstname="Ann",
            lastname="Ek",
            emailaddress1="ann@example.com",
            parentaccountid__bind=f"/accounts({account})",
        )
        leads = decoder_of(peer, "lead", "statecode", "statuscode", "parentcontactid")
        contacts = decoder_of(peer, "contact", "fullname", "emailaddress1", "originatingleadid", "parentcustomerid")
        lead_place, contact_place = place(peer, leads), place(peer, contacts)

        contact = peer.dynamics.qualify(lead)

        (closed,) = read(peer, lead_place, leads).rows
        (born,) = read(peer, contact_place, contacts).rows
        assert (lead, 1, 3, contact) == (closed.leadid, closed.statecode, closed.statuscode, closed.parentcontactid)
        assert (contact, "Ann Ek", "ann@example.com") == (born.contactid, born.fullname, born.emailaddress1)
        assert (lead, account) == (born.originatingleadid, born.parentcustomerid)

    def test_a_lead_is_qualified_once(self, peer: Peer) -> None:
        """A second time it is closed already, and no second contact is made (P11)."""
        lead = peer.create("lead", subject="x", lastname="Ek")
        peer.dynamics.qualify(lead)

        raised(StateConflict, lambda: peer.dynamics.qualify(lead))

        contacts = decoder_of(peer, "contact", "lastname")
        assert len(read(peer, query(contacts), contacts).rows) == 1

    def test_a_lost_qualification_is_found_by_its_effect(self, peer: Peer) -> None:
        """By the contact that names the lead (F1)."""
        lead = peer.create("lead", subject="x", lastname="Ek")
        contacts = decoder_of(peer, "contact", "originatingleadid")

        peer.lose_reply(carried_out=True)
        raised(NotAnswered, lambda: peer.dynamics.qualify(lead))

        found = read(peer, query(contacts, filter=f"_originatingleadid_value eq {lead}"), contacts).rows
        assert [row_of(peer, "lead", lead, "parentcontactid").parentcontactid] == [row.contactid for row in found]

    # Merging

    def test_a_merge_changes_rows_and_deletes_none(self, peer: Peer) -> None:
        """The loser stays, closed, and names the winner; what was the loser's is the winner's (P12)."""
        winner, loser = peer.create("contact", lastname="Ek"), peer.create("contact", lastname="Eck")
        child = peer.create("contact", lastname="Child", parentcustomerid_contact__bind=f"/contacts({loser})")
        decoder = decoder_of(peer, "contact", "merged", "masterid", "statecode", "jobtitle", "parentcustomerid")
        link = place(peer, decoder)

        peer.merge("contact", winner, loser, jobtitle="CTO")

        delta = read(peer, link, decoder)
        rows = {row.contactid: row for row in delta.rows}
        assert ({winner, loser, child}, []) == (set(rows), delta.deleted)
        assert (True, winner, 1) == (rows[loser].merged, rows[loser].masterid, rows[loser].statecode)
        assert (
            rows[winner].merged,
            rows[winner].masterid,
            rows[winner].statecode,
            rows[winner].jobtitle,
        ) == (False, None, 0, "CTO")
        assert winner == rows[child].parentcustomerid

    def test_a_merged_lead_is_closed(self, peer: Peer) -> None:
        """Under a state that is not Qualified; it takes no change any more (P12)."""
        winner, loser = (peer.create("lead", subject="x", lastname=name) for name in ("Ek", "Eck"))
        peer.merge("lead", winner, loser)

        row = row_of(peer, "lead", loser, "merged", "masterid", "statecode")

        assert (True, winner) == (row.merged, row.masterid)
        assert row.statecode not in (0, 1)

    # Deleting

    def test_deleting_an_account_reaches_every_table_that_points_to_it(self, peer: Peer) -> None:
        """Its contacts go with it [k], a lead only loses the link; each shows in its own delta (reference 8.14)."""
        account = peer.create("account", name="Contoso")
        contact = peer.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
        lead = peer.create("lead", subject="x", lastname="Ek", parentaccountid__bind=f"/accounts({account})")
        leads, contacts = decoder_of(peer, "lead", "parentaccountid"), decoder_of(peer, "contact", "lastname")
        lead_place, contact_place = place(peer, leads), place(peer, contacts)

        peer.delete("account", account)

        assert [(lead, None)] == [(row.leadid, row.parentaccountid) for row in read(peer, lead_place, leads).rows]
        assert [contact] == read(peer, contact_place, contacts).deleted

    def test_deleting_a_lead_leaves_its_contact(self, peer: Peer) -> None:
        """The contact only forgets where it came from."""
        lead = peer.create("lead", subject="x", lastname="Ek")
        contact = peer.dynamics.qualify(lead)

        peer.delete("lead", lead)

        assert row_of(peer, "contact", contact, "originatingleadid").originatingleadid is None

    # The customer's automation

    def test_a_plug_in_refuses_with_its_own_words(self, peer: Peer) -> None:
        """The words are the only explanation there is; nothing is stored (P7)."""
        record = peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "jobtitle")
        peer.plug_in(Refuse(table="contact", column="jobtitle", message="Titles are given by HR."))

        refusal = written_now(peer, decoder, record, jobtitle="CTO")

        assert isinstance(refusal, Refused)
        assert "Titles are given by HR" in refusal.message
        assert row_of(peer, "contact", record, "jobtitle").jobtitle is None

    def test_a_rewritten_value_is_in_the_answer(self, peer: Peer) -> None:
        """Of a change and of a create (R1)."""
        peer.plug_in(Rewrite(table="contact", column="jobtitle", to=Form.UPPER))
        decoder = decoder_of(peer, "contact", "jobtitle")
        record = peer.create("contact", lastname="Ek")

        changed = written_now(peer, decoder, record, jobtitle="cto")
        (created,) = written(peer, decoder, creation(decoder, {"lastname": "Lund", "jobtitle": "ceo"}))

        assert (changed.jobtitle, created.jobtitle) == ("CTO", "CEO")

    def test_an_undone_value_is_in_the_answer(self, peer: Peer) -> None:
        """The write succeeds and the value is the old one, under a new version (R1)."""
        record = peer.create("contact", lastname="Ek", jobtitle="CTO")
        peer.plug_in(Rewrite(table="contact", column="jobtitle", to=Form.BEFORE))
        decoder = decoder_of(peer, "contact", "jobtitle")
        before = row_of(peer, "contact", record).versionnumber

        row = written_now(peer, decoder, record, jobtitle="CEO")

        assert row.jobtitle == "CTO"
        assert row.versionnumber > before

    def test_a_later_rewrite_is_a_change_of_its_own(self, peer: Peer) -> None:
        """The answer has the value that was sent; the next delta has the other, at a higher version (R1)."""
        record = peer.create("contact", lastname="Ek")
        peer.plug_in(RewriteLater(table="contact", column="jobtitle", to=Form.UPPER))
        decoder = decoder_of(peer, "contact", "jobtitle")
        row = written_now(peer, decoder, record, jobtitle="cto")
        link = place(peer, decoder)

        peer.settle()

        (later,) = read(peer, link, decoder).rows
        assert (row.jobtitle, later.jobtitle) == ("cto", "CTO")
        assert later.versionnumber > row.versionnumber

    def test_a_touch_changes_the_version_and_nothing_else(self, peer: Peer) -> None:
        """A row that comes again with equal values is no news (P6)."""
        record = peer.create("contact", lastname="Ek")
        peer.plug_in(Touch(table="contact", column="jobtitle"))
        decoder = decoder_of(peer, "contact", "jobtitle")
        row = written_now(peer, decoder, record, jobtitle="CTO")

        peer.settle()

        touched = row_of(peer, "contact", record, "jobtitle")
        assert touched.jobtitle == "CTO"
        assert touched.versionnumber > row.versionnumber

    def test_a_refused_write_sets_nothing_in_motion(self, peer: Peer) -> None:
        """What another stand-in would have done later is never done."""
        record = peer.create("contact", lastname="Ek")
        peer.plug_in(Touch(table="contact", column="jobtitle"))
        peer.plug_in(Refuse(table="contact", column="jobtitle"))
        decoder = decoder_of(peer, "contact", "jobtitle")
        before = row_of(peer, "contact", record).versionnumber

        refusal = written_now(peer, decoder, record, jobtitle="CTO")
        peer.settle()

        assert isinstance(refusal, Refused)
        assert before == row_of(peer, "contact", record).versionnumber
