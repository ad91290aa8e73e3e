"""Notifications on their way: what is sent, through which channels, when it is tried again, and the sign of life."""
