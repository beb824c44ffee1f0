"""Neurons at the speed of memory: one C body for one element and one timestep, run on CPUs and on GPUs."""
