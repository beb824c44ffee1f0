"""The embedded network for recordings: only what the task itself may take comes in."""
