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
    PoolSettings,
    RegistrySettings,
    RouterSettings,
    Settings,
    SinkSettings,
    UpstreamKind,
    UpstreamSettings,
    WorkerSettings,
)
from schemas.settings.notifier import NotifierSettings
from schemas.settings.policy import PolicySettings
from schemas.settings.section import Section

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
    "NotifierSettings",
    "PolicySettings",
    "PoolSettings",
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
