"""Archive: a spiking network in one file; what is written into it, and what is believed of it, comes in here."""
