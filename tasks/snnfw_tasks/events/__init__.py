"""One label per recording of an event camera: samples, networks and scenes may come in, and no other task."""
