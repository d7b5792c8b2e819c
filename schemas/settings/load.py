"""Where each setting comes from: default < TOML file < environment < command line.

The file is ``$PENSTOCK_CONFIG``, else ``penstock.toml`` in the current folder, else ``config.toml`` in the
user's configuration folder. A name that no setting has is an error that proposes the nearest one. An address
that is not set follows the port of the embedded part that it leads to.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from pydantic import BaseModel, ValidationError

from schemas.errors import ConfigError
from schemas.settings.model import EmbeddedSettings, Settings

PREFIX = "PENSTOCK_"
CONFIG_VARIABLE = "PENSTOCK_CONFIG"
_JSON = {
    "node.tags": "a JSON object of texts, such as {}",
    "router.upstreams": "a JSON list of objects, such as []",
    "router.policies": 'a JSON list of objects, such as [{"name": "thrifty", "goal": "efficiency"}]',
    "router.interchangeable": 'a JSON list of lists of names, such as [["a", "b"]]',
    "router.prompt_limits": 'a JSON object of numbers, such as {"llama3.1:8b": 8000, "*": 32000}',
    "router.pools": 'a JSON list of objects, such as [{"name": "gpu", "models": ["a", "b"]}]',
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each dotted name that is not at its default where it came from."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None


def names() -> tuple[str, ...]:
    """Return every dotted name, such as ``kafka.partitions``, in declaration order."""
    return tuple(_names(Settings, ""))


def variable(name: str) -> str:
    """Return the environment variable of a dotted name."""
    return PREFIX + name.replace(".", "__").upper()


def load(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Loaded:
    """Read the file and the environment.

    Raises:
        ConfigError: a name is unknown, a value does not fit, or the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    file = _find_file(environ, file)
    values = _from_file(file) if file else {}
    sources = {name: str(file) for name in values}
    for name, text, origin in _from_environment(environ):
        values[name] = text
        sources[name] = origin
    for name, address, origin in _follow_embedded(values):
        values[name] = address
        sources[name] = origin
    return Loaded(_build(values, sources), sources, file)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings alone; see ``load``."""
    return load(environ).settings


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _names(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _find_file(environ: Mapping[str, str], file: Path | None) -> Path | None:
    named = file or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named:
        if not named.is_file():
            raise ConfigError(
                f"the settings file {named} does not exist; create it or unset {CONFIG_VARIABLE}"
            )
        return named
    candidates = (Path("penstock.toml"), user_config_path("penstock") / "config.toml")
    return next((path for path in candidates if path.is_file()), None)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"the settings file {file} cannot be read: {exc}") from exc
    known = names()
    flat = dict(_flatten(tree, "", frozenset(known)))
    for name in flat:
        if name not in known:
            raise ConfigError(f"{file}: unknown setting {name}{_nearest(name, known)}")
    return flat


def _flatten(tree: Mapping[str, Any], prefix: str, known: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = prefix + key
        if isinstance(value, dict) and name not in known:
            yield from _flatten(value, name + ".", known)
        else:
            yield name, value


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    by_variable = {variable(name): name for name in names()}
    for key in sorted(environ):
        if not key.startswith(PREFIX) or key == CONFIG_VARIABLE:
            continue
        if key not in by_variable:
            raise ConfigError(f"unknown setting {key} in the environment{_nearest(key, tuple(by_variable))}")
        name = by_variable[key]
        yield name, _parse(name, environ[key]), f"environment {key}"


def _parse(name: str, text: str) -> Any:  # noqa: ANN401 - pydantic judges the type
    if name not in _JSON:
        return text
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ConfigError(f"{variable(name)} must be {_JSON[name]}: {exc}") from exc


# The address that clients use, the port that the embedded part listens on, and how one follows the other.
_FOLLOWERS = (
    ("kafka.bootstrap_servers", "embedded.kafka_port", "{host}:{port}"),
    ("registry.url", "embedded.registry_port", "http://{host}:{port}"),
    ("clickhouse.url", "embedded.clickhouse_port", "http://{host}:{port}"),
)
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def _follow_embedded(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Whoever moves an embedded part and names no address for its clients means the place it moved to."""
    for address, port, form in _FOLLOWERS:
        moved = [name for name in (port, "embedded.host") if name in values]
        if moved and address not in values:
            host = str(values.get("embedded.host", EmbeddedSettings().host))
            number = values.get(port, getattr(EmbeddedSettings(), port.removeprefix("embedded.")))
            text = form.format(host=_ANY_ADDRESS.get(host, host), port=number)
            yield address, text, f"follows {moved[0]}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else "; penstock config lists them"


def _build(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *parents, leaf = name.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    try:
        return Settings.model_validate(tree)
    except ValidationError as exc:
        raise ConfigError(_first_problem(exc, sources)) from None


def _first_problem(exc: ValidationError, sources: Mapping[str, str]) -> str:
    problem = exc.errors(include_input=False)[0]
    name = ".".join(str(part) for part in problem["loc"])
    where = next((source for known, source in sources.items() if name.startswith(known)), "default")
    return f"setting {name} ({where}): {problem['msg']}"
