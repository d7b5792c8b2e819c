"""Typed view of ``avro/channel_changed.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class ChannelChanged(NamedTuple):
    """A channel was made, changed or deleted. The highest revision of a channel holds."""

    id: str
    occurred_at: int
    channel_id: str
    revision: int
    deleted: bool
    by: str
    channel: str
