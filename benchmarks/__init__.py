"""How fast and how large: ratios measured side by side in one process, each with its spread."""
