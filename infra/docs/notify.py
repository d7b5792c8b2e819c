"""Parts of ``docs/notify.md``: the settings of channels, and the schema of a webhook's body."""

from importlib import resources

from pydantic.fields import FieldInfo

from infra.docs.markdown import table
from schemas.channel_document import (
    AlertmanagerSettings,
    AlertmanagerWebhookSettings,
    EmailSettings,
    PagerDutySettings,
    Part,
    SlackSettings,
    WebhookChannel,
    WebhookSettings,
)

KINDS: dict[str, type[Part]] = {
    "webhook": WebhookSettings,
    "slack": SlackSettings,
    "pagerduty": PagerDutySettings,
    "email": EmailSettings,
    "alertmanager": AlertmanagerSettings,
    "alertmanager-webhook": AlertmanagerWebhookSettings,
}
OF_EVERY_KIND = ("id", "name", "enabled", "give_up_s", "rate_per_s")


def channels() -> str:
    """Return the table of what a channel has, of every kind and of each."""
    every = [("all", f"`{name}`", *_cells(WebhookChannel.model_fields[name])) for name in OF_EVERY_KIND]
    own = [
        (kind, f"`settings.{name}`", *_cells(field))
        for kind, settings in KINDS.items()
        for name, field in settings.model_fields.items()
    ]
    return table(("kind", "name", "default", "meaning"), [*every, *own])


def webhook() -> str:
    """Return the JSON Schema of a webhook's body."""
    text = (resources.files("sinks.notify") / "webhook.schema.json").read_text("utf-8")
    return f"```json\n{text.rstrip()}\n```\n"


def _cells(field: FieldInfo) -> tuple[str, str]:
    if field.is_required():
        default = "needed"
    else:
        value = field.get_default(call_default_factory=True)
        default = "" if value in ("", None, {}, ()) else f"`{value}`"
    secret = "Secret" in str(field.annotation)
    return default, f"{field.description or ''}{' (secret)' if secret else ''}"
