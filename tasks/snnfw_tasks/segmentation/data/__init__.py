"""Data sets with a label per pixel, and how their files are read: only what the task itself may take comes in."""
