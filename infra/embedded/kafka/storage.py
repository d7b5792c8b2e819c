"""The broker's folder: configuration, log files, and the log itself, formatted on first start."""

import base64
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.embedded import folder
from infra.embedded.kafka.properties import log4j2_properties, server_properties
from infra.embedded.orphans import bound
from schemas.errors import ConfigError
from schemas.settings import Settings

FORMAT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are below ``data_dir/kafka``."""

    root: Path

    @property
    def server_properties(self) -> Path:
        """The broker's configuration, written at each start."""
        return self.root / "server.properties"

    @property
    def log4j2_properties(self) -> Path:
        """Kafka's logging, written at each start."""
        return self.root / "log4j2.properties"

    @property
    def log_file(self) -> Path:
        """All that Kafka says; six files of 10 MB at most."""
        return self.root / "logs" / "kafka.log"

    @property
    def data(self) -> Path:
        """Topics and the cluster's metadata."""
        return self.root / "data"

    @property
    def is_formatted(self) -> bool:
        """Whether the cluster has been made; Kafka writes this file last."""
        return (self.data / "meta.properties").is_file()


def prepare(settings: Settings) -> Layout:
    """Make the folder and write the configuration.

    Raises:
        ConfigError: the folder cannot be written, or its disk is full.
    """
    layout = Layout(folder.prepare(settings.data_dir / "kafka"))
    try:
        layout.log_file.parent.mkdir(exist_ok=True)
        layout.server_properties.write_text(server_properties(settings, layout.data), "utf-8")
        layout.log4j2_properties.write_text(log4j2_properties(layout.log_file), "utf-8")
    except OSError as exc:
        raise ConfigError(f"{exc.filename} cannot be written: {exc.strerror}") from exc
    return layout


def cluster_id() -> str:
    """Return a random id: 22 characters, the first no hyphen, which StorageTool would take for an option."""
    while True:
        found = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not found.startswith("-"):
            return found


def format_once(layout: Layout, java: Sequence[str]) -> None:
    """Make the one-node cluster, unless it is there; takes 1.5 s.

    Raises:
        ConfigError: Kafka refuses.
    """
    if layout.is_formatted:
        return
    cluster = cluster_id()
    config = str(layout.server_properties)
    command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", config, "--ignore-formatted"]
    answer = subprocess.run(bound(command), capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S)
    if answer.returncode:
        said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
        raise ConfigError(f"Kafka cannot format {layout.data}: {said[-1] if said else answer.returncode}")
