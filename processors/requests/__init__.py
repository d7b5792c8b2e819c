"""The request stage: facts of requests in, partial panes of ten seconds for each node and model out."""
