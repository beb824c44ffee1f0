"""Data sets with a label per image: only what the task itself may take comes in."""
