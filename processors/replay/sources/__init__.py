"""Where the records of a replay come from: one file for each kind of source."""
