"""Capture a network as a graph of operators that knows where its samples are and what each operator costs."""
