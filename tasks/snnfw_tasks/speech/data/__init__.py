"""Data sets of spoken words: only what the task itself may take comes in."""
