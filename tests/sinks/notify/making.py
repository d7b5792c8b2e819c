"""Builders of notifications, channels and settings for the tests of the notifier."""

import math
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, MultiFernet

from schemas.channel_document import ChannelDocument, parse
from schemas.events.notification_due import NotificationDue, NotifiedCondition
from schemas.ids import derived_id
from schemas.settings import Settings
from schemas.settings.notifier import NotifierSettings
from sinks.notify.guard import Allowance
from sinks.notify.http import Network
from sinks.notify.secrets import SecretBox
from tests.samples import at

LOOPBACK = "127.0.0.0/8,::1,localhost"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="


def condition(node_id: str = "n1", **changes: Any) -> NotifiedCondition:
    usual: dict[str, Any] = {
        "condition_id": derived_id("condition", node_id),
        "model": "",
        "state": "firing",
        "value": 91.0,
        "threshold": 90.0,
        "was": "",
        "now": "",
        "text": f"{node_id} is at 91 °C",
        "onset_at": at(0),
    }
    return NotifiedCondition(node_id=node_id, **{**usual, **changes})


def notification(group_id: str = "g1", revision: int = 0, **changes: Any) -> NotificationDue:
    usual: dict[str, Any] = {
        "id": derived_id("notification", group_id, revision),
        "kind": "opened",
        "rule_id": "hot",
        "rule_name": "Too hot",
        "severity": "critical",
        "fleet": "default",
        "nodes": ("n1",),
        "channels": ("ops",),
        "title": "Too hot: n1",
        "text": "n1 is at 91 °C",
        "conditions": (condition(),),
        "occurred_at": at(60),
        "onset_at": at(0),
        "fact_arrived_at": at(60),
        "deferred_s": 0.0,
        "deferred_by": "",
        "test": False,
    }
    return NotificationDue(group_id=group_id, revision=revision, **{**usual, **changes})


def nothing() -> float:
    return math.nan


def box(**environ: str) -> SecretBox:
    return SecretBox(MultiFernet([Fernet(Fernet.generate_key())]), environ, "NOTIFY_")


def network(timeout_s: float = 5.0, allow: str = LOOPBACK, **changes: Any) -> Network:
    return Network(Allowance.of(allow), timeout_s, **changes)


def webhook(url: str, channel_id: str = "ops", **changes: Any) -> ChannelDocument:
    settings = {"url": url, "secret": SECRET, **changes.pop("settings", {})}
    return parse({"id": channel_id, "kind": "webhook", "settings": settings, **changes})


def settings_in(folder: Path, **notifier: Any) -> Settings:
    return Settings(data_dir=folder, notifier=NotifierSettings(**{"allow": LOOPBACK, **notifier}))
