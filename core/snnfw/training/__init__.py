"""Train: fit a spiking network through all its timesteps; what learns, and what a training leaves, comes in here."""
