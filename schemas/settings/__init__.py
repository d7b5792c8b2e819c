"""One typed settings object, from defaults, a TOML file and the environment."""

from schemas.settings.load import Loaded, load, load_settings
from schemas.settings.model import (
    ApiSettings,
    BaselinesSettings,
    ClickHouseSettings,
    ClockSettings,
    EmbeddedSettings,
    KafkaSettings,
    LogSettings,
    NodeSettings,
    RegistrySettings,
    RouterSettings,
    Section,
    Settings,
    SinkSettings,
    UpstreamKind,
    UpstreamSettings,
    WorkerSettings,
)

__all__ = [
    "ApiSettings",
    "BaselinesSettings",
    "ClickHouseSettings",
    "ClockSettings",
    "EmbeddedSettings",
    "KafkaSettings",
    "Loaded",
    "LogSettings",
    "NodeSettings",
    "RegistrySettings",
    "RouterSettings",
    "Section",
    "Settings",
    "SinkSettings",
    "UpstreamKind",
    "UpstreamSettings",
    "WorkerSettings",
    "load",
    "load_settings",
]
