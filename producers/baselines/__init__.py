"""How efficient each node has been with each model at each load: what the fleet stage compares with."""
