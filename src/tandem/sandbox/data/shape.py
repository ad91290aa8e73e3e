"""What each row of the generated organisation is, worked out from its number alone.

A generator that remembers what it made needs memory for a million people, and one that leaves kinds to chance makes
small organisations without the rare ones. Here kinds and references are arithmetic on row numbers: any row can name
any other before either is made, and a few hundred people are enough for one of every kind.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Self

# From this many people on there is one account each with exactly these numbers of contacts: at 5,000 a changed company
# field is still logged on every person, above it is not (behaviour A4).
CROWDS_FROM = 10_000
CROWDS = (5_000, 5_001, 6_000)
_CROWD_ENDS = tuple(accumulate(CROWDS))

# Two in five people are contacts, but below 45,003 people that is fewer than the crowds and their surroundings need.
# The crowds win there: leads stay three in five of what was asked for and the contacts are more (24,001 people where
# 10,000 were asked for), because an account "with exactly 5,000 contacts" that has fewer would test nothing.
_CONTACTS_BESIDE_CROWDS = 2_000


LONGEST_LIST = 400
"""No list has more members, however many people there are."""


class Fate(StrEnum):
    """What became of a lead."""

    OPEN = "open"
    QUALIFIED = "qualified"
    DISQUALIFIED = "disqualified"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many rows there are and what each is. Rows are numbered from 0 in each table.

    A human is one person behind one or more rows; humans 0 to `leads` - 1 came in as leads, the others as contacts.
    """

    leads: int
    contacts: int
    accounts: int
    opportunities: int
    users: int
    campaigns: int
    lists: int
    tasks: int
    responses: int
    crowded: bool

    @classmethod
    def of(cls, people: int) -> Self:
        """The shape of an organisation of `people` leads and contacts together. Raises ValueError below 0."""
        if people < 0:
            raise ValueError(f"people must be 0 or more, it is {people}")
        crowded = people >= CROWDS_FROM
        contacts = people * 2 // 5
        return cls(
            leads=people - contacts,
            contacts=max(contacts, _CROWD_ENDS[-1] + _CONTACTS_BESIDE_CROWDS) if crowded else contacts,
            accounts=people // 20,
            opportunities=people // 5,
            users=min(10 + people // 500, 200),
            campaigns=min(people // 80, 200),
            lists=min(people // 100, 100),
            tasks=min(people // 4, 20_000),
            responses=min(people // 20, 5_000) if people >= 80 else 0,
            crowded=crowded,
        )

    def account_master(self, account: int) -> int | None:
        """The account this one was merged into. Crowds are never merged."""
        return account - 1 if account % 40 == 33 else None

    def account_parent(self, account: int) -> int | None:
        """The account this one is a part of."""
        return self._standing(account // 4) if account % 4 == 2 else None

    def contact_account(self, contact: int) -> int | None:
        """The account the contact works for."""
        if self._in_crowd(contact):
            return next(crowd for crowd, end in enumerate(_CROWD_ENDS) if contact < end)
        reserved = len(CROWDS) if self.crowded else 0
        ordinary = self.accounts - reserved
        if ordinary <= 0 or contact % 7 == 2 or self.contact_parent(contact) is not None:
            return None
        # Spread over the accounts, the first ones having more contacts and some of the last none.
        return self._standing(reserved + contact * 7919 % ordinary * (contact % 13 + 1) // 13)

    def contact_parent(self, contact: int) -> int | None:
        """The contact this one hangs under in place of an account (an assistant, a spouse)."""
        return contact - 1 if contact % 50 == 31 and not self._in_crowd(contact) else None

    def contact_master(self, contact: int) -> int | None:
        """The contact this one was merged into, which one time in ten was merged again.

        Nobody in a crowd is merged, so that the people linked to its account are as many as its contacts.
        """
        if contact % 200 != 57 or self._in_crowd(contact):
            return None
        again = contact + 200
        if contact % 2000 == 57 and again < self.contacts:
            return again
        return contact + 1 if contact + 1 < self.contacts else None

    def contact_standing(self, contact: int) -> int:
        """The contact itself, or the one that all merges end at."""
        while (master := self.contact_master(contact)) is not None:
            contact = master
        return contact

    def contact_origin(self, contact: int) -> int | None:
        """The lead that was qualified into this new contact; a reopened one was qualified into two."""
        if contact % 400 == 44:
            return self.contact_origin(contact - 1)
        lead = contact // 8 * 12 + 7
        return lead if contact % 8 == 3 and lead < self.leads and lead % 240 != 223 else None

    def contact_namesake(self, contact: int) -> int | None:
        """The open lead that is the same human, entered twice and never qualified (behaviour P18)."""
        lead = contact // 40 * 60 + 33
        return lead if contact % 40 == 22 and lead < self.leads else None

    def contact_human(self, contact: int) -> int:
        """The human this contact is."""
        for lead in (self.contact_origin(contact), self.contact_namesake(contact)):
            if lead is not None:
                return lead
        return self.leads + self.contact_standing(contact)

    def lead_fate(self, lead: int) -> Fate:
        """What became of the lead."""
        if lead % 150 == 90:
            return Fate.MERGED
        if lead % 12 == 7 or lead % 60 == 25:
            return Fate.QUALIFIED
        return Fate.DISQUALIFIED if lead % 10 == 4 else Fate.OPEN

    def lead_master(self, lead: int) -> int | None:
        """The lead this one was merged into."""
        return lead - 1 if self.lead_fate(lead) is Fate.MERGED else None

    def lead_known_contact(self, lead: int) -> int | None:
        """The contact that was there before the lead and that the lead was qualified into."""
        contact = lead // 60 * 40 + 16
        return contact if lead % 60 == 25 and contact < self.contacts else None

    def lead_contact(self, lead: int) -> int | None:
        """The contact the lead was qualified into; nobody for one in twenty of the qualified."""
        contact = lead // 12 * 8 + 3
        if lead % 12 == 7 and contact < self.contacts and self.contact_origin(contact) == lead:
            return contact
        return self.lead_known_contact(lead)

    def lead_opportunity(self, lead: int) -> int | None:
        """The opportunity the lead was qualified into."""
        opportunity = lead // 36 * 6 + 1
        return opportunity if lead % 36 == 7 and self.opportunity_origin(opportunity) == lead else None

    def opportunity_origin(self, opportunity: int) -> int | None:
        """The lead that was qualified into this opportunity."""
        lead = opportunity // 6 * 36 + 7
        known = opportunity % 6 == 1 and opportunity < self.opportunities and lead < self.leads
        return lead if known and self.lead_contact(lead) is not None else None

    def lead_human(self, lead: int) -> int:
        """The human this lead is."""
        known = self.lead_known_contact(lead)
        if known is not None:
            return self.contact_human(known)
        master = self.lead_master(lead)
        return lead if master is None else master

    def lead_campaign(self, lead: int) -> int | None:
        """The campaign the lead came from."""
        return lead % self.campaigns if self.campaigns and lead % 9 == 4 else None

    def list_is_dynamic(self, number: int) -> bool:
        """Whether the list is a query and has no members of its own."""
        return number % 5 == 3

    def list_size(self, number: int) -> int:
        """How many times somebody is put on the list; who comes up twice is on it once."""
        members = (self.contacts, self.leads, self.accounts)[number % 3]
        # The first one is empty, as a new list is.
        return 0 if self.list_is_dynamic(number) else min(number * 73 % LONGEST_LIST, members // 2)

    def list_member(self, kind: str, number: int, place: int) -> int:
        """The contact, lead or account that is put on the list at that place, as a merge has left it."""
        match kind:
            case "contact":
                return self.contact_standing((number * 37 + place * 2) % self.contacts)
            case "lead":
                lead = (number * 41 + place * 2) % self.leads
                master = self.lead_master(lead)
                return lead if master is None else master
            case _:
                return self._standing((number * 13 + place * 2) % self.accounts)

    def task_regards(self, task: int) -> tuple[str, int | None]:
        """What the task is about: the table, and the row or nothing."""
        place, number = task % 6, task // 6
        if place == 0 and self.contacts:
            return "contact", self.contact_standing(number * 3 % self.contacts)
        if place in (1, 2) and self.leads:
            lead = number * 5 % self.leads
            master = self.lead_master(lead)
            return "lead", lead if master is None else master
        if place == 3 and self.accounts:
            return "account", self._standing(number % self.accounts)
        if place == 4 and self.opportunities:
            return "opportunity", number % self.opportunities
        return "campaign", number % self.campaigns if place == 5 and number % 4 == 1 and self.campaigns else None

    def human_company(self, human: int) -> int | None:
        """The company the human works for: an account's number, or one above them for a lead's own company."""
        if human >= self.leads:
            return self.contact_account(human - self.leads)
        contact = self.lead_contact(human)
        return self.accounts + human if contact is None else self.contact_account(contact)

    def _standing(self, account: int) -> int:
        master = self.account_master(account)
        return account if master is None else master

    def _in_crowd(self, contact: int) -> bool:
        return self.crowded and contact < _CROWD_ENDS[-1]
