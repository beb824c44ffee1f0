"""Energy: operations counted and charged; what counts events or multiplications, or sets a price, comes in here."""
