"""Marketing lists of campaigns: made once, put into a campaign, given and taken members (reference 8.7).

None of these answers with what it left. A peer that makes a second list where the first one's answer was lost, or that
cannot be asked who is on a list, would let the actions on campaigns pass here and double in a real organisation.
"""

from functools import partial
from typing import Any
from uuid import uuid4

from tandem.dynamics.errors import DuplicateKey, ListClosed, NotAnswered, NotOnList, RowNotFound
from tandem.dynamics.lists import CAMPAIGN_ITEM, LIST, LIST_MEMBER
from tandem.dynamics.rows import RowDecoder
from tandem.model.entities import Entity
from tandem.testing.conformance.peer import Peer, query, raised, read

_LISTS = RowDecoder(LIST, list(LIST.columns))
_MEMBERS = RowDecoder(LIST_MEMBER, list(LIST_MEMBER.columns))
_ITEMS = RowDecoder(CAMPAIGN_ITEM, list(CAMPAIGN_ITEM.columns))


class ListsConformance:
    """What becomes of lists, their members and their place in a campaign."""

    def test_a_list_is_made_under_the_chosen_id(self, peer: Peer) -> None:
        """Static, with the name and the kind of members it was given; it is found by its name (F4)."""
        leads, contacts = _made(peer, "It's ours", Entity.LEAD), _made(peer, "It's ours", Entity.CONTACT)

        rows = read(peer, query(_LISTS, filter="listname eq 'It''s ours'"), _LISTS).rows

        assert {(leads, 4, False), (contacts, 2, False)} == {
            (row.listid, row.createdfromcode, row.type) for row in rows
        }

    def test_an_id_makes_one_list(self, peer: Peer) -> None:
        """The second time it is refused, and the first list stays as it is (R2)."""
        made = _made(peer, "Ours", Entity.LEAD)

        raised(DuplicateKey, lambda: peer.dynamics.make_list(made, "Another", Entity.CONTACT))

        assert [(row.listname, row.createdfromcode) for row in _lists(peer, made)] == [("Ours", 4)]

    def test_a_lost_list_is_found_by_its_id(self, peer: Peer) -> None:
        """Whether the request was lost or its answer (R2)."""
        for carried_out in (True, False):
            chosen = str(uuid4())
            peer.lose_reply(carried_out=carried_out)
            raised(NotAnswered, partial(peer.dynamics.make_list, chosen, "Ours", Entity.LEAD))

            assert carried_out == bool(_lists(peer, chosen))

    def test_a_list_is_put_into_a_campaign_once(self, peer: Peer) -> None:
        """Where it is, can be read; the second time it is refused (F4)."""
        campaign, made = peer.create("campaign", name="Spring"), _made(peer, "Ours", Entity.LEAD)

        peer.dynamics.put_into_campaign(made, campaign)
        raised(DuplicateKey, lambda: peer.dynamics.put_into_campaign(made, campaign))

        items = read(peer, query(_ITEMS, filter=f"entityid eq {made}"), _ITEMS).rows
        assert [campaign] == [row.campaignid for row in items]

    def test_no_campaign_takes_an_inactive_list(self, peer: Peer) -> None:
        """Nor one that is not there, and no list goes into a campaign that is not there (F4)."""
        campaign, made = peer.create("campaign", name="Spring"), _made(peer, "Ours", Entity.LEAD)
        raised(RowNotFound, lambda: peer.dynamics.put_into_campaign(made, str(uuid4())))
        raised(RowNotFound, lambda: peer.dynamics.put_into_campaign(str(uuid4()), campaign))
        peer.edit("list", made, statecode=1, statuscode=1)

        raised(ListClosed, lambda: peer.dynamics.put_into_campaign(made, campaign))

        assert read(peer, query(_ITEMS, filter=f"entityid eq {made}"), _ITEMS).rows == []

    def test_a_member_is_on_the_list_once(self, peer: Peer) -> None:
        """However often it is put there; it is read by list and record (F4)."""
        lead, made = peer.create("lead", subject="x", lastname="Ek"), _made(peer, "Ours", Entity.LEAD)

        peer.dynamics.add_to_list(made, lead)
        peer.dynamics.add_to_list(made, lead)

        (member,) = _members(peer, made)
        assert (made, lead, "lead") == (member.listid, member.entityid, member.entityid_type)

    def test_a_member_that_is_taken_off_is_off(self, peer: Peer) -> None:
        """The second time it is told that it is no member (F4)."""
        contact, made = peer.create("contact", lastname="Ek"), _made(peer, "Ours", Entity.CONTACT)
        peer.dynamics.add_to_list(made, contact)

        peer.dynamics.remove_from_list(made, Entity.CONTACT, contact)

        assert _members(peer, made) == []
        raised(NotOnList, lambda: peer.dynamics.remove_from_list(made, Entity.CONTACT, contact))

    def test_a_lost_member_is_found_on_the_list(self, peer: Peer) -> None:
        """Or not, where the request was lost (R2)."""
        lead, made = peer.create("lead", subject="x", lastname="Ek"), _made(peer, "Ours", Entity.LEAD)

        peer.lose_reply(carried_out=False)
        raised(NotAnswered, lambda: peer.dynamics.add_to_list(made, lead))
        assert _members(peer, made) == []
        peer.lose_reply(carried_out=True)
        raised(NotAnswered, lambda: peer.dynamics.add_to_list(made, lead))

        assert [lead] == [row.entityid for row in _members(peer, made)]

    def test_a_locked_list_keeps_its_members(self, peer: Peer) -> None:
        """It takes none and gives none (F4)."""
        one, other = (peer.create("lead", subject="x", lastname=name) for name in ("Ek", "Lund"))
        made = _made(peer, "Ours", Entity.LEAD)
        peer.dynamics.add_to_list(made, one)
        peer.edit("list", made, lockstatus=True)

        raised(ListClosed, lambda: peer.dynamics.add_to_list(made, other))
        raised(ListClosed, lambda: peer.dynamics.remove_from_list(made, Entity.LEAD, one))

        assert [one] == [row.entityid for row in _members(peer, made)]

    def test_a_list_takes_records_that_are_there(self, peer: Peer) -> None:
        """Of its own kind, and only while it is there itself (F4)."""
        contact, made = peer.create("contact", lastname="Ek"), _made(peer, "Ours", Entity.LEAD)

        raised(RowNotFound, lambda: peer.dynamics.add_to_list(made, str(uuid4())))
        raised(RowNotFound, lambda: peer.dynamics.add_to_list(made, contact))
        raised(RowNotFound, lambda: peer.dynamics.add_to_list(str(uuid4()), contact))

        assert _members(peer, made) == []

    def test_who_is_qualified_stays_on_the_list_of_leads(self, peer: Peer) -> None:
        """Who is deleted does not (F4)."""
        one, other = (peer.create("lead", subject="x", lastname=name) for name in ("Ek", "Lund"))
        made = _made(peer, "Ours", Entity.LEAD)
        for lead in (one, other):
            peer.dynamics.add_to_list(made, lead)

        peer.dynamics.qualify(one)
        peer.delete("lead", other)

        assert [one] == [row.entityid for row in _members(peer, made)]

    def test_a_deleted_list_has_no_members(self, peer: Peer) -> None:
        """And is not found any more (F4)."""
        lead, made = peer.create("lead", subject="x", lastname="Ek"), _made(peer, "Ours", Entity.LEAD)
        peer.dynamics.add_to_list(made, lead)

        peer.delete("list", made)

        assert (_lists(peer, made), _members(peer, made)) == ([], [])


def _made(peer: Peer, name: str, members: Entity) -> str:
    chosen = str(uuid4())
    peer.dynamics.make_list(chosen, name, members)
    return chosen


def _lists(peer: Peer, chosen: str) -> list[Any]:
    return peer.dynamics.fetch(LIST, [chosen], _LISTS)[0]


def _members(peer: Peer, of: str) -> list[Any]:
    return read(peer, query(_MEMBERS, filter=f"_listid_value eq {of}"), _MEMBERS).rows
