"""Convert: from a plan to a spiking model with the help of calibration data; what watches activations comes in here."""
