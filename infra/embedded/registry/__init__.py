"""A Confluent-compatible schema registry that keeps its schemas in a file."""

from infra.embedded.registry.server import ports, serve

__all__ = ["ports", "serve"]
