"""What Slack, PagerDuty and Alertmanager publish of the bodies they take, written down as JSON Schemas.

Sources: Slack, "Reference: blocks" and "Sending messages using incoming webhooks" (docs.slack.dev);
PagerDuty, "Events API v2: send an alert event" (developer.pagerduty.com); Alertmanager, its OpenAPI document
api/v2/openapi.yaml, definition postableAlerts; the body of its webhooks, "Configuration", section
<webhook_config> (prometheus.io/docs/alerting), and of the fingerprint template.Alert in its source.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker


def check(name: str, body: Any) -> None:
    """Fail where a body is not as published. Names: slack, pagerduty, alertmanager, alertmanager_webhook."""
    _validator(name).validate(json.loads(json.dumps(body)))


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((resources.files(__name__) / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())
