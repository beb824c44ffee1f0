"""Data sets of texts, and how their files are read: only what the task itself may take comes in."""
