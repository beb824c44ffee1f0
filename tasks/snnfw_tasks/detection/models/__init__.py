"""The embedded detectors and ultralytics' own: only what the task itself may take comes in."""
