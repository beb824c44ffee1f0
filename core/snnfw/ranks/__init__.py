"""Ranks: the processes that share one evaluation or training; how they start, what each does, how they agree."""
