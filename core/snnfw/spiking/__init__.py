"""Spiking: the model that a plan becomes; what runs a graph over many timesteps comes in here."""
