"""Writes the lock file anew, after a change of ``VERSION``: ``python -m infra.embedded.kafka.relock``."""

import jgo
from jgo.env import LockedDependency, LockFile
from jgo.env._lockfile import compute_sha256  # jgo computes the sums of its own lock files with it
from jgo.maven import Artifact, MavenContext

from infra.embedded.kafka.jars import LOCK_FILE

VERSION = "4.1.2"
SCALA = "2.13"
# Kafka's modules log through SLF4J 1.7; this binding brings that to log4j, whose jars Kafka has already.
# Its version is log4j's. It is resolved apart: together, its dependency management wins and takes
# kafka-clients back to 3.8.0 (jgo 3.2.0).
LOG_BINDING = ("org.apache.logging.log4j", "log4j-slf4j-impl")


def main() -> None:
    """Resolve Kafka and all it needs, and record version and sha256 of each jar."""
    artifacts = jgo.resolve(f"org.apache.kafka:kafka_{SCALA}:{VERSION}")
    log4j = next(artifact for artifact in artifacts if artifact.artifactId == "log4j-core")
    artifacts.append(MavenContext().project(*LOG_BINDING).at_version(log4j.version).artifact())
    if LOCK_FILE.exists():
        LOCK_FILE.unlink()
    lock = LockFile([_locked(artifact) for artifact in artifacts], f"kafka-{VERSION}", min_java_version=17)
    lock.save(LOCK_FILE)


def _locked(artifact: Artifact) -> LockedDependency:
    return LockedDependency(
        groupId=artifact.groupId,
        artifactId=artifact.artifactId,
        version=artifact.version,
        packaging=artifact.packaging,
        classifier=artifact.classifier or None,
        sha256=compute_sha256(artifact.resolve()),
    )


if __name__ == "__main__":
    main()
