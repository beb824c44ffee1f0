"""Turn a plan into a spiking model with the help of calibration data."""
