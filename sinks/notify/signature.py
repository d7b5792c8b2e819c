"""Signatures of webhooks, by the scheme of Standard Webhooks: its libraries verify them.

The key is the bytes behind ``whsec_``, in base64. What is signed is the id, the seconds of the time and the
body, with dots between: who records a request can neither change it nor send it again later.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from schemas.errors import ConfigError

PREFIX = "whsec_"
NEW_KEY_BYTES = 32
# What Standard Webhooks asks for.
LEAST_KEY_BYTES, MOST_KEY_BYTES = 24, 64


def new_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises:
        ConfigError: it is no such secret; the text does not repeat it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(f"the secret of a webhook is {PREFIX} and base64") from None
    if not LEAST_KEY_BYTES <= len(key) <= MOST_KEY_BYTES:
        raise ConfigError(
            f"the secret of a webhook has {len(key)} bytes behind {PREFIX}; "
            f"{LEAST_KEY_BYTES} to {MOST_KEY_BYTES} are right"
        )
    return key


def headers(message_id: str, timestamp_s: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Return the three headers, with a signature by each key: receivers may be changing over."""
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
