"""Reads: pages, changes, filters and single rows (reference 3, 4).

Each fact here is one a sync relies on to lose nothing: where an organisation differs, changes vanish without an error.
"""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from tandem.dynamics.errors import ChangeTrackingOff, ColumnUnknown, TokenExpired
from tandem.dynamics.identity import ColumnRights
from tandem.dynamics.rows import RowDecoder
from tandem.model.schema import Column, ColumnType
from tandem.testing.conformance.peer import Peer, change, decoder_of, pages, place, query, raised, read, row_of, written


class ReadingConformance:
    """What a read must answer."""

    # Pages

    def test_pages_hold_every_row_once(self, peer: Peer) -> None:
        """In pages of the asked size, of which the last alone tells where the changes begin."""
        records = {peer.create("contact", lastname=f"n{number}") for number in range(5)}
        decoder = decoder_of(peer, "contact", "lastname")

        answered = list(pages(peer, query(decoder, track_changes=True), decoder))

        assert [len(page.rows) for page in answered] == [2, 2, 1]
        assert records == {row.contactid for page in answered for row in page.rows}
        assert [page.delta_link is not None for page in answered] == [False, False, True]
        assert all(page.deleted == [] for page in answered)

    def test_an_untracked_read_ends_without_any_link(self, peer: Peer) -> None:
        """Where nothing is tracked there is no place to come back to."""
        peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "lastname")

        page = peer.dynamics.read_page(query(decoder), decoder)

        assert (len(page.rows), page.next_link, page.delta_link) == (1, None, None)

    def test_a_page_can_be_asked_for_again(self, peer: Peer) -> None:
        """A crash before its commit replays it: design 1.4."""
        for number in range(3):
            peer.create("contact", lastname=f"n{number}")
        decoder = decoder_of(peer, "contact", "lastname")
        first = peer.dynamics.read_page(query(decoder, track_changes=True), decoder, page_size=2)
        assert first.next_link is not None

        once, again = (peer.dynamics.read_page(first.next_link, decoder, page_size=2) for _ in range(2))

        assert [row.contactid for row in once.rows] == [row.contactid for row in again.rows]

    def test_a_filtered_read_comes_in_its_order(self, peer: Peer) -> None:
        """Weak streams read by `modifiedon`, oldest first, over as many pages as it takes."""
        for number in range(5):
            peer.create("lead", subject="x", lastname=f"n{number}")
        decoder = decoder_of(peer, "lead", "lastname", "modifiedon")
        since = min(row.modifiedon for row in read(peer, query(decoder), decoder).rows)

        filtered = query(decoder, filter=f"modifiedon ge {since}", orderby="modifiedon,leadid")
        rows = read(peer, filtered, decoder).rows
        later = query(decoder, filter="modifiedon ge 2999-01-01T00:00:00Z", orderby="modifiedon,leadid")

        assert sorted(rows, key=lambda row: (row.modifiedon, row.leadid)) == rows
        assert len(rows) == 5
        assert read(peer, later, decoder).rows == []

    def test_a_lookup_can_be_filtered_by(self, peer: Peer) -> None:
        """By the name it is read under; a lost QualifyLead is settled so (behaviour F1)."""
        lead = peer.create("lead", subject="x", lastname="Ek")
        born = peer.create("contact", lastname="Ek", originatingleadid__bind=f"/leads({lead})")
        peer.create("contact", lastname="Other")
        decoder = decoder_of(peer, "contact", "originatingleadid")

        rows = read(peer, query(decoder, filter=f"_originatingleadid_value eq {lead}"), decoder).rows

        assert [(born, lead)] == [(row.contactid, row.originatingleadid) for row in rows]

    def test_the_rows_that_meet_a_condition_are_counted(self, peer: Peer) -> None:
        """Exactly, and none is a number too: a page of them would not tell how many follow."""
        for name in ("Ek", "Ek", "Ng"):
            peer.create("contact", lastname=name)
        table = decoder_of(peer, "contact", "lastname").table

        counted = [peer.dynamics.count(table, f"lastname {each}") for each in ("eq 'Ek'", "ne 'Ek'", "eq 'Bo'")]

        assert counted == [2, 1, 0]

    # Changes

    def test_a_place_stays_where_the_read_began(self, peer: Peer) -> None:
        """A row changed while pages are fetched comes again with the next delta."""
        records = sorted(peer.create("contact", lastname="old") for _ in range(3))
        decoder = decoder_of(peer, "contact", "lastname")
        first = peer.dynamics.read_page(query(decoder, track_changes=True), decoder, page_size=2)
        assert first.next_link is not None
        peer.edit("contact", records[0], lastname="new")

        last = peer.dynamics.read_page(first.next_link, decoder, page_size=2)
        assert last.delta_link is not None

        changed = read(peer, last.delta_link, decoder).rows
        assert [(records[0], "new")] == [(row.contactid, row.lastname) for row in changed]

    def test_a_row_changed_twice_comes_once(self, peer: Peer) -> None:
        """In its latest state, with every selected column."""
        record = peer.create("contact", lastname="Ek", jobtitle="CTO")
        decoder = decoder_of(peer, "contact", "lastname", "jobtitle")
        link = place(peer, decoder)

        peer.edit("contact", record, lastname="Lund")
        peer.edit("contact", record, lastname="Berg")

        changed = read(peer, link, decoder).rows
        assert [(record, "Berg", "CTO")] == [(row.contactid, row.lastname, row.jobtitle) for row in changed]

    def test_a_row_that_came_and_went_is_a_deletion(self, peer: Peer) -> None:
        """Of an id the reader never saw."""
        decoder = decoder_of(peer, "contact", "lastname")
        link = place(peer, decoder)
        record = peer.create("contact", lastname="Ek")
        peer.delete("contact", record)

        delta = read(peer, link, decoder)

        assert ([], [record]) == (delta.rows, delta.deleted)

    def test_a_row_that_went_and_came_is_a_change(self, peer: Peer) -> None:
        """Under its old id: it was restored (behaviour P8)."""
        record = peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "lastname")
        link = place(peer, decoder)
        peer.delete("contact", record)
        peer.create("contact", contactid=record, lastname="Ek again")

        delta = read(peer, link, decoder)

        assert ([(record, "Ek again")], []) == ([(row.contactid, row.lastname) for row in delta.rows], delta.deleted)

    def test_changes_come_before_deletions(self, peer: Peer) -> None:
        """Rows in the order of their versions, then what is gone, also where every page holds one."""
        records = [peer.create("contact", lastname=f"n{number}") for number in range(4)]
        decoder = decoder_of(peer, "contact", "lastname")
        link = place(peer, decoder)
        peer.delete("contact", records[0])
        peer.edit("contact", records[2], lastname="first")
        peer.delete("contact", records[3])
        peer.edit("contact", records[1], lastname="second")

        answered = list(pages(peer, link, decoder, page_size=1))

        contents = [[*(row.contactid for row in page.rows), *page.deleted] for page in answered]
        assert [[records[2]], [records[1]], [records[0]], [records[3]]] == [each for each in contents if each]
        assert [len(page.deleted) for page in answered if page.rows or page.deleted] == [0, 0, 1, 1]

    def test_nothing_new_moves_the_place_on(self, peer: Peer) -> None:
        """An empty delta brings a link that renews the time until it expires (reference 4.3, 4.6)."""
        peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "lastname")
        link = place(peer, decoder)
        peer.advance(days=5)
        renewed = read(peer, link, decoder).delta_link
        assert renewed is not None
        peer.advance(days=5)

        delta = read(peer, renewed, decoder)

        assert (delta.rows, delta.deleted) == ([], [])

    def test_an_old_place_can_be_read_from_again(self, peer: Peer) -> None:
        """It gives everything since then, in its latest state: a crash is settled by replay."""
        record = peer.create("contact", lastname="Ek")
        decoder = decoder_of(peer, "contact", "lastname")
        old = place(peer, decoder)
        peer.edit("contact", record, lastname="Lund")
        read(peer, old, decoder)
        peer.edit("contact", record, lastname="Berg")

        assert [(record, "Berg")] == [(row.contactid, row.lastname) for row in read(peer, old, decoder).rows]

    def test_an_old_place_expires(self, peer: Peer) -> None:
        """After the seven days that deletions are remembered."""
        decoder = decoder_of(peer, "contact", "lastname")
        link = place(peer, decoder)
        peer.advance(days=8)

        raised(TokenExpired, lambda: peer.dynamics.read_page(link, decoder))

    def test_changes_of_an_untracked_table_are_refused(self, peer: Peer) -> None:
        """The table is then a weak stream (behaviour N2)."""
        peer.track("contact", enabled=False)
        decoder = decoder_of(peer, "contact", "lastname")

        raised(ChangeTrackingOff, lambda: peer.dynamics.read_page(query(decoder, track_changes=True), decoder))
        assert not decoder.table.change_tracking

    def test_versions_rise_with_every_write(self, peer: Peer) -> None:
        """Over all tables, and also where a write changed nothing (reference 4.5)."""
        contact = peer.create("contact", lastname="Ek")
        first = row_of(peer, "contact", contact).versionnumber
        lead = peer.create("lead", subject="x", lastname="Ek")
        second = row_of(peer, "lead", lead).versionnumber
        peer.edit("contact", contact, lastname="Ek")
        third = row_of(peer, "contact", contact).versionnumber

        assert first < second < third

    def test_a_restored_organisation_goes_back_in_its_versions(self, peer: Peer) -> None:
        """That is how a restore in place is noticed (S9)."""
        record = peer.create("contact", lastname="Ek")
        peer.back_up()
        peer.edit("contact", record, lastname="Lund")
        after = row_of(peer, "contact", record).versionnumber

        peer.restore()

        row = row_of(peer, "contact", record, "lastname")
        assert row.lastname == "Ek"
        assert row.versionnumber < after

    # Single rows, and what they show

    def test_missing_rows_are_told_from_the_others(self, peer: Peer) -> None:
        """Both in the order they were asked for."""
        here = [peer.create("contact", lastname=f"n{number}") for number in range(2)]
        gone = [str(uuid4()), peer.create("contact", lastname="gone")]
        peer.delete("contact", gone[1])
        decoder = decoder_of(peer, "contact", "lastname")

        rows, missing = peer.dynamics.fetch(decoder.table, [here[1], gone[0], here[0], gone[1]], decoder)

        assert ([here[1], here[0]], gone) == ([row.contactid for row in rows], missing)

    def test_names_are_those_of_the_rows_that_exist(self, peer: Peer) -> None:
        """A person's name is computed from its parts."""
        record = peer.create("contact", firstname="Ann", lastname="Ek")
        table = peer.dynamics.tables(["contact"])["contact"]

        assert {record: "Ann Ek"} == peer.dynamics.fetch_names(table, [record, str(uuid4())])

    def test_an_unknown_table_or_column_is_named(self, peer: Peer) -> None:
        """So that one lost column breaks one field and nothing else (behaviour D6)."""
        table = peer.dynamics.tables(["contact", "nosuchtable"])
        contact = table["contact"]
        vanished = Column(name="new_vanished", type=ColumnType.TEXT, custom=True)
        stale = replace(contact, columns={**contact.columns, vanished.name: vanished})
        decoder = RowDecoder(stale, [vanished.name])

        error = raised(ColumnUnknown, lambda: peer.dynamics.read_page(query(decoder), decoder))
        assert list(table) == ["contact"]
        assert (error.context["column"], error.context["table"]) == ("new_vanished", "contact")

    def test_a_secured_column_reads_null_and_says_so(self, peer: Peer) -> None:
        """The definitions change with it, so nobody takes the null for an emptied value (D4)."""
        record = peer.create("contact", lastname="Ek", jobtitle="CTO")
        user, before = peer.dynamics.who_am_i().user_id, peer.dynamics.schema_version()
        decoder = decoder_of(peer, "contact", "jobtitle")
        peer.secure("contact", "jobtitle")

        table = peer.dynamics.tables(["contact"])["contact"]
        assert before != peer.dynamics.schema_version()
        assert table.columns["jobtitle"].secured
        assert {"jobtitle"} == peer.dynamics.column_rights(user, table).unreadable
        assert [row.jobtitle for row in read(peer, query(decoder), decoder).rows] == [None]

        peer.secure("contact", "jobtitle", secured=False)
        assert row_of(peer, "contact", record, "jobtitle").jobtitle == "CTO"

    def test_the_right_to_a_secured_column_is_told_with_every_look(self, peer: Peer) -> None:
        """It comes and goes while the definitions stay as they are (D4)."""
        peer.secure("contact", "jobtitle")
        table = peer.dynamics.tables(["contact"])["contact"]
        looks = [peer.dynamics.look()]
        for allowed in (True, False):
            peer.allow("contact", "jobtitle", allowed=allowed)
            looks.append(peer.dynamics.look([table]))

        without = ColumnRights(unreadable=frozenset({"jobtitle"}), unwritable=frozenset({"jobtitle"}))
        assert [{}, {"contact": ColumnRights()}, {"contact": without}] == [each.rights for each in looks]
        assert {looks[0].schema} == {each.schema for each in looks}
        assert {peer.dynamics.who_am_i()} == {each.identity for each in looks}

    def test_money_is_exact(self, peer: Peer) -> None:
        """A sum that no float holds comes as it was given (D3)."""
        lead = peer.create("lead", subject="x", lastname="Ek", revenue=0.1)
        decoder, most = decoder_of(peer, "lead", "revenue"), Decimal("99999999999999.99")
        before = row_of(peer, "lead", lead, "revenue")

        (after,) = written(peer, decoder, change(decoder, lead, before.versionnumber, revenue=most))

        assert [Decimal("0.1"), most] == [before.revenue, after.revenue]

    def test_money_comes_with_its_currency(self, peer: Peer) -> None:
        """A row without money has none (reference 9.4)."""
        poor = peer.create("lead", subject="x", lastname="Ek")
        rich = peer.create("lead", subject="x", lastname="Ek", revenue=1)

        assert row_of(peer, "lead", poor, "transactioncurrencyid").transactioncurrencyid is None
        assert row_of(peer, "lead", rich, "transactioncurrencyid").transactioncurrencyid is not None

    def test_a_lookup_tells_the_table_it_points_to(self, peer: Peer) -> None:
        """Where there are several to choose from; emptied it tells nothing."""
        account, head = peer.create("account", name="Contoso"), peer.create("contact", lastname="Head")
        contacts = [
            peer.create("contact", lastname="a", parentcustomerid_account__bind=f"/accounts({account})"),
            peer.create("contact", lastname="b", parentcustomerid_contact__bind=f"/contacts({head})"),
        ]
        decoder = decoder_of(peer, "contact", "parentcustomerid")

        rows, _ = peer.dynamics.fetch(decoder.table, [*contacts, head], decoder)

        expected = [(account, "account"), (head, "contact"), (None, None)]
        assert expected == [(row.parentcustomerid, row.parentcustomerid_type) for row in rows]
