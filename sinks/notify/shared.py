"""What all channels of a notifier share."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.settings.notifier import NotifierSettings
from sinks.notify.clock import Clock
from sinks.notify.delivery import Delivery
from sinks.notify.recall import Recall
from sinks.notify.settling import Settling


@dataclass(frozen=True, slots=True)
class Shared:
    """``settled`` is told of each delivery that is done with, ``failed`` of a defect.

    ``hold_s`` says at a time of the monotonic clock for how long nothing may be sent: 0.0, usually.
    """

    settings: NotifierSettings
    clock: Clock
    settling: Settling
    recall: Recall
    settled: Callable[[Delivery], None]
    failed: Callable[[BaseException], None]
    hold_s: Callable[[float], float]
