"""Secrets of channels: encrypted before they are kept, opened where they are used, and shown by nobody.

The key is the setting ``notifier.key``, else a file of the data folder that only its owner can read, which
whoever needs it first makes. API and notifier need the same one.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from schemas.channel_document import (
    ChannelDocument,
    EncryptedSecret,
    EnvironmentSecret,
    KeptSecret,
    Secret,
    WebhookChannel,
    secrets_of,
)
from schemas.errors import ConfigError
from schemas.settings import Settings
from sinks.notify.signature import new_secret

KEY_FILE = "channels.key"


class SecretBox:
    """Seals and opens. ``environ`` is the notifier's environment; only names with the prefix are read."""

    def __init__(self, key: MultiFernet, environ: Mapping[str, str], prefix: str) -> None:
        self._key = key
        self._environ = environ
        self._prefix = prefix

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str] | None = None) -> "SecretBox":
        """Return the box of this installation.

        Raises:
            ConfigError: the key, or the file of it, cannot be used.
        """
        text = settings.notifier.key.get_secret_value()
        keys = text.split(",") if text else [_key_of(settings.data_dir / KEY_FILE)]
        try:
            key = MultiFernet([Fernet(each.strip()) for each in keys])
        except ValueError as exc:
            where = "setting notifier.key" if text else f"file {settings.data_dir / KEY_FILE}"
            raise ConfigError(f"{where}: {exc}") from None
        return cls(key, os.environ if environ is None else environ, settings.notifier.env_prefix)

    def __repr__(self) -> str:
        return "SecretBox()"

    def seal(self, text: str) -> EncryptedSecret:
        """Return a secret as it is kept."""
        return EncryptedSecret(encrypted=self._key.encrypt(text.encode()).decode())

    def open(self, secret: Secret) -> SecretStr:
        """Return a secret itself.

        Raises:
            ConfigError: the variable is not set or not one for secrets of channels, or the key is another.
        """
        if isinstance(secret, SecretStr):
            return secret
        if isinstance(secret, EnvironmentSecret):
            return self._from_environment(secret.env)
        if isinstance(secret, KeptSecret):
            raise ConfigError("a secret is said to be set already, and is not")
        try:
            return SecretStr(self._key.decrypt(secret.encrypted.encode()).decode())
        except InvalidToken:
            raise ConfigError(
                "a secret was encrypted with another key: give it again, or add that key to notifier.key"
            ) from None

    def check(self, channel: ChannelDocument) -> None:
        """Check that the secrets of a channel can be opened where that does not depend on the machine.

        Raises:
            ConfigError: one cannot.
        """
        for secret in secrets_of(channel).values():
            if isinstance(secret, EnvironmentSecret):
                self._check_name(secret.env)
            else:
                self.open(secret)

    def _from_environment(self, name: str) -> SecretStr:
        self._check_name(name)
        if not self._environ.get(name):
            raise ConfigError(f"the variable {name} is not set in the environment of the notifier")
        return SecretStr(self._environ[name])

    def _check_name(self, name: str) -> None:
        # Else who may make a channel could have any secret of the process sent to a server of theirs.
        if not name.startswith(self._prefix):
            raise ConfigError(
                f"{name} is not for channels: such variables begin with {self._prefix} (notifier.env_prefix)"
            )


def sealed(
    channel: ChannelDocument, box: SecretBox, before: ChannelDocument | None = None
) -> tuple[ChannelDocument, dict[str, str]]:
    """Return a channel that can be kept, and the secrets that were made for it, to be shown this once.

    A secret that is said to be set already is taken from the channel ``before``, if its receiver is the same.
    So is the key that a webhook is signed with, where none is given.

    Raises:
        ConfigError: there was none before, or the channel goes to another receiver now.
    """
    made: dict[str, str] = {}
    changes: dict[str, Secret] = {}
    old = secrets_of(before) if before is not None and before.kind == channel.kind else {}
    if isinstance(channel, WebhookChannel) and channel.settings.secret is None:
        if "secret" not in old:
            made["secret"] = new_secret()
        changes["secret"] = old.get("secret") or box.seal(made["secret"])
    for name, secret in secrets_of(channel).items():
        if isinstance(secret, SecretStr):
            changes[name] = box.seal(secret.get_secret_value())
        elif isinstance(secret, KeptSecret):
            changes[name] = _kept(name, old, channel, before)
    settings = channel.settings.model_copy(update=changes)
    return channel.model_copy(update={"settings": settings}), made


def _kept(
    name: str, old: Mapping[str, Secret], channel: ChannelDocument, before: ChannelDocument | None
) -> Secret:
    if before is None or name not in old:
        raise ConfigError(f"channel: settings.{name}: there is none yet; give it")
    # Else who may change a channel, and not see its secrets, could have them sent to a server of theirs.
    # Keys of signatures are never sent.
    for place in () if name in ("secret", "previous_secret") else ("url", "host", "port", "security"):
        if getattr(channel.settings, place, None) != getattr(before.settings, place, None):
            raise ConfigError(f"channel: settings.{name}: the receiver is another one now; give it again")
    return old[name]


def _key_of(file: Path) -> str:
    """Return the key in a file, which is made first where there is none. Whoever is first wins."""
    try:
        return _read(file)
    except FileNotFoundError:
        pass
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(Fernet.generate_key())
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return _read(file)
    except OSError as exc:
        raise ConfigError(f"the key of channels' secrets cannot be kept in {file}: {exc}") from exc


def _read(file: Path) -> str:
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{file} can be read by others: chmod 600 {file}")
        return file.read_text("ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the key of channels' secrets {file} cannot be read: {exc}") from exc
