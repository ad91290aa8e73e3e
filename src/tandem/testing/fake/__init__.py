"""A Dynamics organisation in memory: what a long random test needs thousands of times a second."""

from tandem.testing.fake.dynamics import FakeDynamics
from tandem.testing.fake.organisation import FakeOrganisation
from tandem.testing.fake.store import Reference
from tandem.testing.fake.tables import standard_tables

__all__ = ["FakeDynamics", "FakeOrganisation", "Reference", "standard_tables"]
