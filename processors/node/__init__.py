"""The node stage: inference state, thermal state, WES and panes of each node."""
