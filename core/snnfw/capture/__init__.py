"""Capture: the network as a graph of operator calls; what is known of it before any method is chosen comes in here."""
