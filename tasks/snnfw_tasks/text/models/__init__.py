"""Networks for texts: only what the task itself may take comes in."""
