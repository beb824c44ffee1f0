"""The embedded network for pixels: only what the task itself may take comes in."""
