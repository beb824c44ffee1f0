"""The embedded networks for images: only what the task itself may take comes in."""
