"""Make the weights that come with the package: scripts of the repository, no part of what is installed."""
