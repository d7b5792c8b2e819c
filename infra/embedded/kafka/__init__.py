"""Apache Kafka itself, one node, on this machine."""

from infra.embedded.kafka.broker import ports, serve
from infra.embedded.kafka.jars import Progress, fetch
from infra.embedded.kafka.java import Java, find_java
from infra.embedded.kafka.readiness import is_ready

__all__ = ["Java", "Progress", "fetch", "find_java", "is_ready", "ports", "serve"]
