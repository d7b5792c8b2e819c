"""Examples of rules and channels in the description of the API; the tests send every body."""

from typing import Any

from schemas.channel_document import parse as parse_channel
from schemas.channel_document import shown as shown_channel
from schemas.rule_document import parse_rule

HOT: dict[str, Any] = {
    "id": "gpu-hot",
    "name": "An accelerator is hot",
    "source": "node-states",
    "select": {"fleets": ["default"]},
    "when": {"field": "gpu.temperature_c", "op": ">", "value": 85, "clear_value": 80},
    "for_s": 60,
    "notify": {"channels": ["on-call"], "cooldown_s": 300},
}
OFFLINE: dict[str, Any] = {
    "id": "offline",
    "source": "alerts",
    "select": {"alerts": ["node_offline"]},
    "notify": {"channels": ["on-call"]},
}
HOOK: dict[str, Any] = {
    "id": "on-call",
    "kind": "webhook",
    "settings": {"url": "https://hooks.example.com/penstock"},
}
PAGER: dict[str, Any] = {
    "id": "pager",
    "kind": "pagerduty",
    "settings": {"routing_key": {"env": "NOTIFY_PAGERDUTY_KEY"}},
}

RULE_BODIES: dict[str, Any] = {
    "a threshold of nodes": {"value": HOT},
    "an alert of the fleet": {"value": OFFLINE},
}
APPLY_BODIES: dict[str, Any] = {"what would change": {"value": {"rules": [HOT, OFFLINE], "dry_run": True}}}
CHANNEL_BODIES: dict[str, Any] = {
    "a webhook": {"value": HOOK, "description": "its secret is made, and shown in the answer this once"},
    "PagerDuty": {"value": PAGER},
}

_AT = "2026-06-01T12:00:00Z"
_RULE = {
    "rule": parse_rule(HOT).model_dump(mode="json", by_alias=True),
    "revision": 1,
    "by": "anna",
    "changed_at": _AT,
}
_ESTIMATE = {"subjects": 12, "of": 12, "held_share": 0.003, "opened": None}
_CHANNEL = {"channel": shown_channel(parse_channel(PAGER)), "revision": 1, "by": "anna", "changed_at": _AT}
_RECEIPT = {"verdict": "delivered", "status": 200, "said": "OK", "took_ms": 41.5}
_CHANGE = {"field": "when.value", "before": 85, "after": 90}


def _of(example: Any, **others: str) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401 - JSON
    problems: dict[int | str, dict[str, Any]] = {
        int(status[1:]): {"description": text} for status, text in others.items()
    }
    return {
        200: {"description": "as described", "content": {"application/json": {"example": example}}},
        **problems,
    }


_MAY = "the key may only read"
_UNKNOWN = "there is none of this id"
_OTHER = "it has another revision than the one expected; `revision` says which"
RULES = _of({"rules": [_RULE]})
ONE_RULE = _of(_RULE, _404=_UNKNOWN)
CHANGED_RULE = _of({**_RULE, "estimate": _ESTIMATE, "warnings": []}, _403=_MAY, _409=_OTHER)
MADE_RULE: dict[int | str, dict[str, Any]] = {
    201: CHANGED_RULE[200],
    403: {"description": _MAY},
    409: {"description": "there is one already"},
}
DELETED_RULE = _of({"id": "gpu-hot", "revision": 2, "deleted": True}, _403=_MAY, _404=_UNKNOWN, _409=_OTHER)
CHECKED_RULE = _of({"rule": _RULE["rule"], "estimate": _ESTIMATE, "warnings": []})
APPLIED_RULES = _of(
    {
        "dry_run": True,
        "changes": [{"id": "gpu-hot", "change": "changed", "fields": [_CHANGE]}],
        "unchanged": 1,
    },
    _403=_MAY,
)
CHANNELS = _of({"channels": [_CHANNEL]})
ONE_CHANNEL = _of(_CHANNEL, _404=_UNKNOWN)
CHANGED_CHANNEL = _of(
    {**_CHANNEL, "secrets": {"secret": "whsec_..."}, "warnings": []}, _403=_MAY, _409=_OTHER
)
MADE_CHANNEL: dict[int | str, dict[str, Any]] = {
    201: CHANGED_CHANNEL[200],
    403: {"description": _MAY},
    409: {"description": "there is one already"},
}
DELETED_CHANNEL = _of({"id": "pager", "revision": 2, "deleted": True}, _403=_MAY, _404=_UNKNOWN, _409=_OTHER)
TESTED_CHANNEL = _of(_RECEIPT, _403=_MAY, _404=_UNKNOWN)
DELIVERIES = _of(
    {
        "deliveries": [
            {
                "occurred_at": _AT,
                "notification_id": "7a0f5f0e-8f0e-5b53-9a3e-5d9f6c1f7a01",
                "group_id": "5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d",
                "rule_id": "gpu-hot",
                "channel_id": "on-call",
                "channel_kind": "webhook",
                "attempt": 1,
                "outcome": "delivered",
                "status": 200,
                "error": "",
                "took_ms": 12.5,
                "since_fact_ms": 180.2,
                "next_attempt_at": None,
            }
        ]
    }
)
NOTIFICATIONS = _of(
    {
        "notifications": [
            {
                "notification_id": "7a0f5f0e-8f0e-5b53-9a3e-5d9f6c1f7a01",
                "kind": "opened",
                "rule_id": "gpu-hot",
                "severity": "warning",
                "fleet": "default",
                "nodes": ["gpu-01"],
                "title": "An accelerator is hot",
                "occurred_at": _AT,
                "delivered": ["on-call"],
                "waiting": [],
                "failed": [],
            }
        ]
    }
)
