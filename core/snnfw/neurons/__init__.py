"""Neurons: the stateful module that a method derives from, how it folds time, and observers of activations."""
