"""What detection takes from ultralytics: networks, data, scores."""
