"""The entities of the sync, with their two names.

Dynamics calls it a systemuser, marketing a sales person; commands accept both words and print one of them. The order
of the members is the order in which tables are copied: what others refer to comes first (design section 4).
"""

from enum import StrEnum


class Entity(StrEnum):
    """A synced entity; the value is Dynamics' logical name."""

    USER = "systemuser"
    TEAM = "team"
    TEAM_MEMBERSHIP = "teammembership"
    ACCOUNT = "account"
    LEAD = "lead"
    CONTACT = "contact"
    OPPORTUNITY = "opportunity"
    CONNECTION = "connection"

    @property
    def marketing_name(self) -> str:
        """What the marketing database calls it."""
        return _MARKETING_NAMES[self]

    @property
    def is_person(self) -> bool:
        """True for the two tables that become people and flow both ways."""
        return self in (Entity.LEAD, Entity.CONTACT)


_MARKETING_NAMES = {
    Entity.USER: "salesperson",
    Entity.TEAM: "team",
    Entity.TEAM_MEMBERSHIP: "teammember",
    Entity.ACCOUNT: "company",
    Entity.LEAD: "person",
    Entity.CONTACT: "person",
    Entity.OPPORTUNITY: "opportunity",
    Entity.CONNECTION: "opportunityrole",
}
