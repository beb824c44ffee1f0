"""One label per pixel: samples, networks and scenes may come in, and no other task."""
