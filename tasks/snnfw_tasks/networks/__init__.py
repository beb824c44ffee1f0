"""Networks that several tasks can take, and how they get their weights: only what samples holds may come in."""
