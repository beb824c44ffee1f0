"""Network: the spiking network that a user owns; what is done with it from Python comes in here."""
