"""Decide what becomes of every operator, and which neuron goes where."""
