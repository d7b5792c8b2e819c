"""What a channel is: where notifications go, and how. The form that people write and Kafka keeps.

A secret is given in one of four forms: a text, which is encrypted before it is kept; ``{"env": NAME}``, which
the notifier reads from its own environment; ``{"encrypted": TOKEN}``, which is how a text is kept; and
``{"set": true}``, which is how one is shown, and in a change means that it stays as it is.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from schemas.errors import ConfigError

MOST_CHARACTERS = 32_768

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$", max_length=200)]
# One mailbox, as the envelope of a mail needs it: no display name, no quoting, nothing that ends a header.
Mailbox = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$"
    ),
]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Part(BaseModel):
    """A part of a channel; unknown names are errors, and errors do not repeat what was written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EnvironmentSecret(Part):
    """A secret that the notifier reads from its environment."""

    env: str = Field(pattern=r"^[A-Z_][A-Z0-9_]{0,127}$", description="name of the variable")


class EncryptedSecret(Part):
    """A secret as it is kept."""

    encrypted: str = Field(min_length=1, max_length=16_384, description="token of Fernet")


class KeptSecret(Part):
    """A secret that is there already."""

    set: Literal[True]


Secret = (
    Annotated[SecretStr, Field(min_length=1, max_length=4096)]
    | EnvironmentSecret
    | EncryptedSecret
    | KeptSecret
)


class WebhookSettings(Part):
    """A JSON document by HTTP POST, signed as Standard Webhooks says."""

    url: Text = Field(description="where to; http or https")
    secret: Secret | None = Field(None, description="whsec_ and base64 of the key; left out: one is made")
    previous_secret: Secret | None = Field(
        None, description="the key before, while receivers change over: the body is signed with both"
    )
    authorization: Secret | None = Field(None, description="value of the header Authorization")


class SlackSettings(Part):
    """An incoming webhook of Slack, or of what takes the same."""

    webhook_url: Secret = Field(description="address of the incoming webhook: who has it can post")


class PagerDutySettings(Part):
    """Events API v2 of PagerDuty."""

    routing_key: Secret = Field(description="integration key of the service")
    url: Text = Field("https://events.pagerduty.com/v2/enqueue", description="other regions have their own")


class EmailSettings(Part):
    """Mail by SMTP."""

    host: Host = Field(description="mail server")
    port: int | None = Field(
        None, ge=1, le=65535, description="left out: 465 with tls, 587 with starttls, 25"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="encrypted from the start (tls), before anything is said (starttls), or never"
    )
    username: Line = Field("", description="user, where the server wants one")
    password: Secret | None = Field(None, description="its password")
    sender: Mailbox = Field(description="address in From")
    to: tuple[Mailbox, ...] = Field(min_length=1, max_length=50, description="addresses in To")

    @model_validator(mode="after")
    def _secret_is_encrypted(self) -> "EmailSettings":
        if self.security == "none" and self.username:
            raise ValueError("a user and password are not sent without encryption; set security")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together")
        return self


Labels = dict[Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], Line]


class AlertmanagerSettings(Part):
    """API v2 of Alertmanager."""

    url: Text = Field(description="its address, without /api/v2/alerts")
    authorization: Secret | None = Field(None, description="value of the header Authorization")
    labels: Labels = Field(default_factory=dict, description="labels that every alert has besides")
    keep_firing_s: float = Field(
        7 * 86_400.0,
        ge=300,
        le=365 * 86_400.0,
        description="how long an alert fires there at most unless it is told again",
    )


class AlertmanagerWebhookSettings(Part):
    """What Alertmanager posts to its webhook receivers."""

    url: Text = Field(description="where to; http or https")
    authorization: Secret | None = Field(None, description="value of the header Authorization")
    labels: Labels = Field(default_factory=dict, description="labels that every alert has besides")


class StdoutSettings(Part):
    """A line of JSON on the notifier's standard output."""


class _Channel(Part):
    id: Slug = Field(description="name in rules and addresses; lower case letters, digits, . _ -")
    name: Line = Field("", description="what people call it")
    enabled: bool = Field(True, description="false: what is due for it is dropped, and that is recorded")
    give_up_s: float | None = Field(
        None, ge=1, le=7 * 86_400, description="how long it is tried; left out: notifier.give_up_s"
    )
    rate_per_s: float | None = Field(
        None, gt=0, le=1000, description="most messages a second; left out: notifier.rate_per_s"
    )


class WebhookChannel(_Channel):
    """Notifications to a program."""

    kind: Literal["webhook"]
    settings: WebhookSettings


class SlackChannel(_Channel):
    """Notifications to Slack."""

    kind: Literal["slack"]
    settings: SlackSettings


class PagerDutyChannel(_Channel):
    """Notifications to PagerDuty."""

    kind: Literal["pagerduty"]
    settings: PagerDutySettings


class EmailChannel(_Channel):
    """Notifications by mail."""

    kind: Literal["email"]
    settings: EmailSettings


class AlertmanagerChannel(_Channel):
    """Notifications to Alertmanager."""

    kind: Literal["alertmanager"]
    settings: AlertmanagerSettings


class AlertmanagerWebhookChannel(_Channel):
    """Notifications to a program that takes those of Alertmanager."""

    kind: Literal["alertmanager-webhook"]
    settings: AlertmanagerWebhookSettings


class StdoutChannel(_Channel):
    """Notifications to the notifier's output."""

    kind: Literal["stdout"]
    settings: StdoutSettings = StdoutSettings()


ChannelDocument = (
    WebhookChannel
    | SlackChannel
    | PagerDutyChannel
    | EmailChannel
    | AlertmanagerChannel
    | AlertmanagerWebhookChannel
    | StdoutChannel
)
ChannelKind = Literal[
    "webhook", "slack", "pagerduty", "email", "alertmanager", "alertmanager-webhook", "stdout"
]
CHANNEL: TypeAdapter[ChannelDocument] = TypeAdapter(Annotated[ChannelDocument, Field(discriminator="kind")])


def parse(document: Mapping[str, Any] | str | bytes) -> ChannelDocument:
    """Return a channel from its document or the JSON of it.

    Raises:
        ConfigError: it is no channel; the text names the field and never repeats a value.
    """
    try:
        if isinstance(document, Mapping):
            return CHANNEL.validate_python(document)
        if len(document) > MOST_CHARACTERS:
            raise ConfigError(f"a channel of more than {MOST_CHARACTERS} characters")
        return CHANNEL.validate_json(document)
    except ValidationError as exc:
        raise ConfigError(_problem(exc)) from None


def _problem(exc: ValidationError) -> str:
    problem = exc.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"][1:] if not re.search(r"[\[(]|Secret$", str(part)))
    return f"channel: {place + ': ' if place else ''}{problem['msg']}"


def secrets_of(channel: ChannelDocument) -> dict[str, Secret]:
    """Return the secrets of a channel by the name of their setting."""
    kinds = (SecretStr, EnvironmentSecret, EncryptedSecret, KeptSecret)
    found = {name: getattr(channel.settings, name) for name in type(channel.settings).model_fields}
    return {name: value for name, value in found.items() if isinstance(value, kinds)}


def canonical(channel: ChannelDocument) -> str:
    """Return the one JSON text of a channel, as Kafka keeps it.

    Raises:
        ValueError: a secret is in the clear, or said to be there already.
    """
    for name, secret in secrets_of(channel).items():
        if isinstance(secret, SecretStr | KeptSecret):
            raise ValueError(f"the secret {name} is not sealed")
    return json.dumps(
        channel.model_dump(mode="json", exclude_none=True), sort_keys=True, separators=(",", ":")
    )


def shown(channel: ChannelDocument) -> dict[str, Any]:
    """Return a channel as people may see it: of a secret, its variable or ``{"set": true}``."""
    document = channel.model_dump(mode="json", exclude_none=True)
    for name, secret in secrets_of(channel).items():
        visible = {"env": secret.env} if isinstance(secret, EnvironmentSecret) else {"set": True}
        document["settings"][name] = visible
    return document
