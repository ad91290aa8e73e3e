"""Ids that must not be swapped for one another."""

from typing import NewType

PersonId = NewType("PersonId", int)
"""A person's id in the marketing database: a positive integer, never used twice."""

CrmId = NewType("CrmId", str)
"""The GUID of a Dynamics record: 36 characters, lower case, no braces."""

Version = NewType("Version", int)
"""A Dynamics row version. Orders the states of one row and means nothing else; 0 = never seen."""
