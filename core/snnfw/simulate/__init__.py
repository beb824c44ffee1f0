"""Simulation: what happens over the timesteps, and what it costs."""
