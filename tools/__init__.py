"""Scripts of the repository, no part of what is installed."""
