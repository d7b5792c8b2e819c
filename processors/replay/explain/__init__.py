"""Why an observation or an alert was told: what it was judged from, pane by pane, through the same code."""
