"""Windows over panes: what patterns judge."""
