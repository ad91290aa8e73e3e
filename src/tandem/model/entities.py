"""The entities of the sync, with their two names.

Dynamics calls it a systemuser, marketing a sales person; commands accept both words and print one of them. Every
organisation has the standard entities; which others are synced, an administrator chooses (rule C1), so an entity is
named by a logical name that nobody knew when this was written.
"""

from threading import Lock
from typing import ClassVar

_VIA = "via:"


class Entity(str):
    """A synced entity, named by Dynamics' logical name. There is one object per name, so `is` compares."""

    __slots__ = ()
    _made: ClassVar[dict[str, "Entity"]] = {}
    _making: ClassVar[Lock] = Lock()

    USER: ClassVar["Entity"]
    TEAM: ClassVar["Entity"]
    TEAM_MEMBERSHIP: ClassVar["Entity"]
    ACCOUNT: ClassVar["Entity"]
    LEAD: ClassVar["Entity"]
    CONTACT: ClassVar["Entity"]
    OPPORTUNITY: ClassVar["Entity"]
    CONNECTION: ClassVar["Entity"]
    CAMPAIGN: ClassVar["Entity"]
    OPPORTUNITY_ROLE: ClassVar["Entity"]

    def __new__(cls, name: str) -> "Entity":
        found = cls._made.get(name)
        if found is None:
            with cls._making:
                found = cls._made.setdefault(str(name), super().__new__(cls, name))
        return found

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)

    @property
    def value(self) -> str:
        """The logical name as a plain text."""
        return str(self)

    @property
    def marketing_name(self) -> str:
        """What the marketing database calls it; a custom entity keeps its logical name there."""
        return _MARKETING_NAMES.get(self, self.value)

    @property
    def table(self) -> str:
        """The logical name of the table that is read. A path has its table's name in its own: see `Entity.via`."""
        return self.removeprefix(_VIA).partition(".")[0] if self.is_path else self.value

    @classmethod
    def via(cls, table: str, lookup: str) -> "Entity":
        """What one lookup of a table leads to; read apart from the table, which may be an entity of its own (C1)."""
        return cls(f"{_VIA}{table}.{lookup}")

    @property
    def is_path(self) -> bool:
        """True for the second half of a custom entity's way to its person or company: nothing anybody looks at."""
        return self.startswith(_VIA)

    @property
    def is_person(self) -> bool:
        """True for the two tables that become people and flow both ways."""
        return self is Entity.LEAD or self is Entity.CONTACT

    @property
    def is_standard(self) -> bool:
        """True for what Tandem knows the meaning of; false for a custom entity, which an administrator enables (C1)."""
        return self in _MARKETING_NAMES


Entity.USER = Entity("systemuser")
Entity.TEAM = Entity("team")
Entity.TEAM_MEMBERSHIP = Entity("teammembership")
Entity.ACCOUNT = Entity("account")
Entity.LEAD = Entity("lead")
Entity.CONTACT = Entity("contact")
Entity.OPPORTUNITY = Entity("opportunity")
Entity.CONNECTION = Entity("connection")
Entity.CAMPAIGN = Entity("campaign")
Entity.OPPORTUNITY_ROLE = Entity("customeropportunityrole")

_MARKETING_NAMES = {
    Entity.USER: "salesperson",
    Entity.TEAM: "team",
    Entity.TEAM_MEMBERSHIP: "teammember",
    Entity.ACCOUNT: "company",
    Entity.LEAD: "person",
    Entity.CONTACT: "person",
    Entity.OPPORTUNITY: "opportunity",
    Entity.CONNECTION: "opportunityrole",
    Entity.CAMPAIGN: "campaign",
    Entity.OPPORTUNITY_ROLE: "opportunityrole",
}

OPTIONAL = (Entity.OPPORTUNITY_ROLE, Entity.CAMPAIGN)
"""Standard entities that are not always synced: roles of the older kind where the organisation has them (O2), campaigns
where they are asked for (S6)."""

STANDARD = tuple(entity for entity in _MARKETING_NAMES if entity not in OPTIONAL)
"""The standard entities of every organisation, in the order in which they are copied: what others refer to comes first
(design section 4)."""
