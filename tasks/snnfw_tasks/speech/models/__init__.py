"""Networks for waveforms: only what the task itself may take comes in."""
