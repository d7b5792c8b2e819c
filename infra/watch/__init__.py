"""``penstock watch``: what the API tells of nodes, observations and alerts, on a terminal."""
