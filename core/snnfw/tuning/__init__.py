"""Tune: find the cheapest method within a drop; what proposes or judges candidates comes in here."""
