"""What a notifier works with, for as long as it runs."""

from dataclasses import dataclass

from schemas.codec import Codec
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.notify.clock import Clock
from sinks.notify.directory import Directory
from sinks.notify.facts import Facts
from sinks.notify.http import Network
from sinks.notify.patience import Patience
from sinks.notify.recall import Recall
from sinks.notify.secrets import SecretBox
from sinks.notify.settling import Settling


@dataclass(frozen=True, slots=True)
class Services:
    """Connections, clocks, keys."""

    settings: Settings
    clock: Clock
    codec: Codec
    registry: Registry
    patience: Patience
    directory: Directory
    facts: Facts
    settling: Settling
    recall: Recall
    secrets: SecretBox
    network: Network
