"""Kernels: a neuron's lines of C made to run; what compiles, calls or lays out memory for them comes in here."""
