"""Reproduce: run the rows of a paper's table, and put what came out beside what is published."""
