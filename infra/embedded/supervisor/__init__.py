"""Keeps the parts of one machine running as one thing."""

from infra.embedded.supervisor.part import Event, Kind, Part
from infra.embedded.supervisor.readiness import answering, listening
from infra.embedded.supervisor.supervisor import run

__all__ = ["Event", "Kind", "Part", "answering", "listening", "run"]
