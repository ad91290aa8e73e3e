"""Tandem: keeps a marketing database and a Microsoft Dynamics 365 organisation in step."""

__version__ = "0.1.0"
