"""Ranks: several processes of one run; how they start, which batches are whose and what they exchange comes in here."""
