"""The ends of a hop: a stand-in upstream, the barest hop there is, and a load generator."""
