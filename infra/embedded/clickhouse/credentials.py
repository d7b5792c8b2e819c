"""Who is calling: user and password by header, HTTP basic authentication or URL."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from infra.embedded.clickhouse.failure import ACCESS_DENIED, AUTHENTICATION_FAILED, ClickHouseError, refusal
from schemas.settings.model import ClickHouseSettings


def check(settings: ClickHouseSettings, raw_path: str, headers: Mapping[str, str]) -> None:
    """Let the one user in that the settings name.

    Raises:
        ClickHouseError: the user is another, or a password is set and this is not it.
    """
    _refuse_strange_page(headers)
    user, password = _given(raw_path, headers)
    wanted = settings.password.get_secret_value()
    known = user in ("", "default", settings.username)
    if not known or (wanted and not hmac.compare_digest(wanted.encode(), password.encode())):
        raise refusal(
            AUTHENTICATION_FAILED,
            "AUTHENTICATION_FAILED",
            f"{user or 'default'}: Authentication failed: password is incorrect, "
            "or there is no user with such name",
        )


def _given(raw_path: str, headers: Mapping[str, str]) -> tuple[str, str]:
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", ""), headers.get("X-ClickHouse-Key", "")
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic(encoded)
    named = dict(parse_qsl(raw_path.partition("?")[2], keep_blank_values=True))
    return named.get("user", ""), named.get("password", "")


def _basic(encoded: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise _malformed() from exc
    return user, password


def _malformed() -> ClickHouseError:
    return refusal(AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", "The Authorization header is not base64")


def _refuse_strange_page(headers: Mapping[str, str]) -> None:
    # A browser adds Origin: without this any web page could have this machine's browser send statements here.
    origin = headers.get("Origin")
    if origin and urlsplit(origin).netloc != headers.get("Host"):
        raise refusal(ACCESS_DENIED, "ACCESS_DENIED", f"Requests from web pages of {origin} are not accepted")
