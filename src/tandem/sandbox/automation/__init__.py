"""Stand-ins for what a customer adds to an organisation: plug-ins, flows, duplicate rules."""
