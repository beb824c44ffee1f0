"""Simulate: run a spiking model on data; what batches, scores, lets samples leave or traces comes in here."""
