"""One label per spoken word: samples and networks may come in, and no other task."""
