"""The settings of the notifier."""

from typing import Annotated

from pydantic import Field, SecretStr

from schemas.settings.section import Section


class NotifierSettings(Section):
    """The notifier: what is due to channels. A channel may say some of it for itself."""

    timeout_s: float = Field(10.0, ge=0.1, le=120, description="how long one attempt may take")
    give_up_s: float = Field(
        3600.0, ge=1, le=7 * 86_400, description="after which a message becomes a dead letter"
    )
    first_retry_s: float = Field(
        1.0, gt=0, le=600, description="until the second attempt; doubles, with jitter, up to"
    )
    last_retry_s: float = Field(120.0, gt=0, le=3600, description="the longest between two attempts")
    retry_after_s: float = Field(
        900.0, ge=0, le=86_400, description="the longest that a receiver's Retry-After is obeyed"
    )
    rate_per_s: float = Field(20.0, gt=0, le=1000, description="most messages a second to one channel")
    at_once: int = Field(4, ge=1, le=100, description="most attempts at a time at one channel")
    bodies: int = Field(
        10_000, ge=1, description="notifications kept in memory; of others only where they are in Kafka"
    )
    waiting: int = Field(
        200_000, ge=1, description="messages that wait at most; above that no more is read from Kafka"
    )
    allow: str = Field(
        "", description="hosts, addresses and networks besides the public Internet, separated by commas"
    )
    key: SecretStr = Field(
        SecretStr(""),
        description="key of channels' secrets, the newest first; empty: channels.key in data_dir",
    )
    env_prefix: str = Field(
        "NOTIFY_", min_length=1, description="channels may refer to variables that begin with this"
    )
    session_timeout_s: float = Field(
        6.0, ge=1, le=300, description="a silent notifier is presumed dead after this"
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        9467, description="port of the notifier's /metrics and /healthz"
    )
