"""One label per text: samples and networks may come in, and no other task."""
