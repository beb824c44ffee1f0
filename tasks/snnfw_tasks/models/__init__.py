"""The networks that tasks bring along, build by name or import."""
