"""Exports: a spiking network in formats of others, checked against the network; a new format comes in here."""
