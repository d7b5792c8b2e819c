"""An answer on its way from an upstream to a client, piece by piece, in the client's dialect."""
