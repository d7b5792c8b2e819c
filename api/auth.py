"""API keys: made at random, kept as hashes, compared in constant time.

A key reads ``psk_<id>_<secret>``. The id finds the entry, the secret is 256 random bits, so one SHA-256 of
it is as hard to turn back as the key is to guess. The file is read again when it has changed: a revoked key
stops working at once, without a restart.
"""

import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.allowance import USUAL, Allowance, parse, shown
from schemas.errors import ConfigError, RefusedError

FILE = "api_keys.json"
OPERATE = "operate"
BACKTEST = "backtest"
SCOPES: Mapping[str, str] = {
    OPERATE: "act on observations, alerts and the queue",
    BACKTEST: "run backtests, which take a core for a minute and more",
}
"""What a key may be given besides reading, and what that allows."""

_KEY = re.compile(r"psk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key; times are ISO 8601, UTC. ``revoked_at`` is empty while it works.

    Every key may read; ``scopes`` are what it may do besides, ``allowance`` is what the router lets it have.
    """

    id: str
    name: str
    sha256: str
    created_at: str
    revoked_at: str = ""
    scopes: tuple[str, ...] = ()
    allowance: Allowance = USUAL


class KeyRing:
    """The keys in one file under the data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / FILE
        self._read: tuple[tuple[int, int], dict[str, Key]] | None = None

    def keys(self) -> Sequence[Key]:
        """Return every key, revoked ones included, in the order they were made.

        Raises:
            ConfigError: the file is not one of ours.
        """
        return tuple(self._keys().values())

    def any_works(self) -> bool:
        """Tell whether there is a key that has not been revoked."""
        return any(not key.revoked_at for key in self.keys())

    def create(self, name: str, scopes: Iterable[str] = (), allowance: Allowance = USUAL) -> str:
        """Make a key and return its text, which is nowhere kept.

        Raises:
            RefusedError: a working key has this name, or there is no such scope.
        """
        granted = tuple(sorted(set(scopes)))
        if unknown := set(granted) - SCOPES.keys():
            raise RefusedError(f"there is no scope {min(unknown)}; there are: {', '.join(SCOPES)}")
        if any(key.name == name and not key.revoked_at for key in self.keys()):
            raise RefusedError(f"there is a key called {name}; revoke it first, or choose another name")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        made = Key(key_id, name, _hash(secret), _now(), scopes=granted, allowance=allowance)
        self._write([*self.keys(), made])
        return f"psk_{key_id}_{secret}"

    def allow(self, name: str, changes: Mapping[str, object]) -> Allowance:
        """Change what the router lets the key with this name or id have; return all of it.

        Raises:
            RefusedError: no working key has it, or a value makes no sense.
        """
        key = self._working(name)
        allowance = parse({**shown(key.allowance), **changes})
        self._write(replace(each, allowance=allowance) if each is key else each for each in self.keys())
        return allowance

    def revoke(self, name: str) -> None:
        """End the key with this name or id.

        Raises:
            RefusedError: no working key has it.
        """
        key = self._working(name)
        self._write(replace(each, revoked_at=_now()) if each is key else each for each in self.keys())

    def accepts(self, text: str) -> bool:
        """Tell whether ``text`` is a key that works."""
        return self.find(text) is not None

    def find(self, text: str) -> Key | None:
        """Return the key that ``text`` is, where it is one that works."""
        found = _KEY.fullmatch(text)
        if not found:
            return None
        key = self._keys().get(found.group(1))
        expected = key.sha256 if key else _hash("")
        same = hmac.compare_digest(expected, _hash(found.group(2)))
        return key if same and key is not None and not key.revoked_at else None

    def _working(self, name: str) -> Key:
        for key in self.keys():
            if name in (key.name, key.id) and not key.revoked_at:
                return key
        raise RefusedError(f"no working key is called {name}; penstock keys list shows them")

    def _keys(self) -> dict[str, Key]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return {}
        version = stat.st_mtime_ns, stat.st_ino
        if self._read is None or self._read[0] != version:
            self._read = version, _parse(self.path)
        return self._read[1]

    def _write(self, keys: Iterable[Key]) -> None:
        text = json.dumps({"keys": [_entry(key) for key in keys]}, indent=1)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A new file takes the old one's place: nobody ever reads half of it. mkstemp makes it 0600.
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=FILE)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except OSError as exc:
            raise ConfigError(f"the keys cannot be written to {self.path} (setting data_dir): {exc}") from exc


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def presented(headers: Mapping[str, str]) -> str:
    """Return the key in the headers of a request; empty where there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()


def check_may_listen(host: str, keys: KeyRing) -> None:
    """Refuse to listen beyond this machine while nobody has a key.

    Raises:
        ConfigError: ``host`` is not loopback and no key works.
    """
    if not is_loopback(host) and not keys.any_works():
        raise ConfigError(
            f"the API would listen on {host} (setting api.host) and no API key exists: "
            "make one with `penstock keys create NAME`, or listen on 127.0.0.1"
        )


def _parse(path: Path) -> dict[str, Key]:
    try:
        entries = json.loads(path.read_text("utf-8"))["keys"]
        return {entry["id"]: _key(entry) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError, RefusedError) as exc:
        raise ConfigError(f"the file of API keys {path} cannot be read: {exc}") from exc


def _key(entry: Mapping[str, Any]) -> Key:
    scopes, allowance = tuple(entry.get("scopes", ())), parse(entry.get("allowance", {}))
    return Key(**{**entry, "scopes": scopes, "allowance": allowance})


def _entry(key: Key) -> dict[str, Any]:
    return {**asdict(key), "allowance": shown(key.allowance)}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
