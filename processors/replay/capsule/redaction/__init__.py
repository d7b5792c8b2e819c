"""A capsule without names: whoever gets it can replay the incident and does not learn whose it was."""
