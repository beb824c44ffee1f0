"""What networks are used for: a package for each task, above what tasks share; of snnfw only the core comes in."""
