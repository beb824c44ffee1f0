"""Checks: what runs a plugin of some kind, to see whether it keeps its contract, comes in here."""
