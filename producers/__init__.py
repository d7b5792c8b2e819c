"""Facts come in: node agents, the clock, simulated fleets."""
