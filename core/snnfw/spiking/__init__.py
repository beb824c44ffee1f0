"""Neurons, time algebra and the spiking model that runs a planned graph timestep by timestep."""
