"""What networks are used for: the tasks that come with snnfw, their models and their data."""
