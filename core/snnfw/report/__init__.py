"""Report what was run, how good it was and what it cost."""
