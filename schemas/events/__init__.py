"""Typed views of the events: one module per event, immutable, positional as in Avro."""
