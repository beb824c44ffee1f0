"""Boxes around objects, through ultralytics: samples, networks and scenes may come in, and no other task."""
