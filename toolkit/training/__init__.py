"""From photographs to a run folder: data, networks, losses, recipes and the loop."""
