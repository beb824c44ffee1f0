"""Data sets of recordings: only what the task itself may take comes in."""
