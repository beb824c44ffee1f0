"""One label per image: samples, networks and scenes may come in, and no other task."""
