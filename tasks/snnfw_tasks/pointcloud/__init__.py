"""One label per cloud of points, or per point: samples, networks and scenes may come in, and no other task."""
