"""Search: plans tried on calibration data; what measures a candidate, and the data for it, comes in here."""
