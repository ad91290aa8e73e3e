"""Dataverse column <-> marketing field: which are offered, what they are called, how their values compare. Pure."""
