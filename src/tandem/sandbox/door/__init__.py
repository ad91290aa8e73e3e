"""The control door: being somebody else in the organisation."""
