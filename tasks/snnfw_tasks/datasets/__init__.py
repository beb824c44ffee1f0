"""The data sets that tasks bring along or read from disk."""
