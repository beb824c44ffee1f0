"""Reproduce: rows of papers' tables, ours beside the published numbers; what runs and tells them comes in here."""
