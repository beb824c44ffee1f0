"""What tasks do with samples, whichever task it is: neither networks nor scenes nor a task may come in."""
