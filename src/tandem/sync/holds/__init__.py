"""Work and fields that wait for a person, and what becomes of them when one decides."""
