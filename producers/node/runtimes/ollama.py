"""Ollama: ``/api/ps`` every two seconds; version, ``/api/tags`` and ``/api/show`` seldom.

Ollama counts no tokens and tells no requests. What shows a request is that ``expires_at`` of a loaded model
moves, so that is reported as the age of the last activity, never as speed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from producers.node.runtimes.http import BadAnswer, NobodyThere, RuntimeHttp, items, mapping, number, text
from producers.node.source import Facts, SensorAbsent
from schemas.events.node_registered import AvailableModel, RuntimeInventory
from schemas.events.node_sample import LoadedModel, RuntimeSample, RuntimeStatus
from schemas.events.reading import NAN

DEFAULT_PORT = 11434
INVENTORY_S = 30.0
# Details of so many models are asked for at one time; with hundreds on disk it takes some minutes.
SHOWS_AT_ONCE = 3


class Address(NamedTuple):
    """Where Ollama is, and how that is known: settings, environment or default."""

    url: str
    discovered_by: str

    @property
    def runtime_id(self) -> str:
        """Kind and port."""
        parts = urlsplit(self.url)
        return f"ollama:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def address(setting: str, environ: Mapping[str, str]) -> Address:
    """Return where Ollama should be; OLLAMA_HOST is read as Ollama itself reads it.

    A host of 0.0.0.0 is where it listens, so it is asked on loopback. Without a scheme the default port is
    11434, with one it is the scheme's.
    """
    if setting:
        return Address(setting.rstrip("/"), "settings")
    host = environ.get("OLLAMA_HOST", "").strip().strip("\"'")
    if not host:
        return Address(f"http://127.0.0.1:{DEFAULT_PORT}", "default")
    scheme, separator, rest = host.rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port or {"http": 80, "https": 443}.get(scheme if separator else "", DEFAULT_PORT)
    except ValueError:  # not a port
        return Address(f"http://127.0.0.1:{DEFAULT_PORT}", "default")
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)
    bracketed = f"[{name}]" if ":" in name else name
    return Address(f"{scheme or 'http'}://{bracketed}:{port}{parts.path.rstrip('/')}", "environment")


def moment(value: Any) -> float:  # noqa: ANN401 - whatever JSON holds
    """Return seconds since the epoch of an RFC 3339 time, else NaN."""
    try:
        found = datetime.fromisoformat(text(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return NAN


def loaded_models(ps: Mapping[str, Any], now_s: float) -> tuple[LoadedModel, ...]:
    """Return the models in memory; ``now_s`` is the node's clock, as Ollama's is."""
    return tuple(
        LoadedModel(
            name=text(each.get("name")) or text(each.get("model")),
            size_bytes=number(each.get("size")),
            vram_bytes=number(each.get("size_vram")),
            context_length=number(each.get("context_length")),
            expires_in_s=moment(each.get("expires_at")) - now_s,
        )
        for each in items(ps.get("models"))
    )


def available_model(tag: Mapping[str, Any], show: Mapping[str, Any], *, loaded: bool) -> AvailableModel:
    """Return a model of ``/api/tags`` with what ``/api/show`` tells, under whatever its architecture is."""
    details, info = mapping(tag.get("details")), mapping(show.get("model_info"))
    architecture = text(info.get("general.architecture")) or text(details.get("family"))

    def shape(name: str) -> float:
        return number(info.get(f"{architecture}.{name}"))

    return AvailableModel(
        name=text(tag.get("name")) or text(tag.get("model")),
        digest=text(tag.get("digest")),
        architecture=architecture,
        quantization=text(details.get("quantization_level")),
        loaded=loaded,
        size_bytes=number(tag.get("size")),
        parameters=number(info.get("general.parameter_count")),
        context_length=shape("context_length"),
        layers=shape("block_count"),
        heads=shape("attention.head_count"),
        kv_heads=shape("attention.head_count_kv"),
        embedding_length=shape("embedding_length"),
    )


class Activity:
    """When a request was last seen, from how ``expires_at`` moves; the first look shows nothing."""

    def __init__(self) -> None:
        self._expiries: Mapping[str, Any] | None = None
        self._last_s = NAN

    def observe(self, ps: Mapping[str, Any], now_s: float) -> float:
        """Return the seconds since the last activity; NaN while none was seen."""
        expiries = {
            text(each.get("digest")) or text(each.get("name")): each.get("expires_at")
            for each in items(ps.get("models"))
        }
        before, self._expiries = self._expiries, expiries
        if before is not None and any(before.get(key) != at for key, at in expiries.items()):
            self._last_s = now_s
        return now_s - self._last_s


class Ollama:
    """One server; ``clock`` gives monotonic seconds."""

    def __init__(self, at: Address, clock: Callable[[], float] = time.monotonic) -> None:
        self._at = at
        self._clock = clock
        self._http = RuntimeHttp(at.url)
        self._activity = Activity()
        self._seen = at.discovered_by == "settings"  # what someone named is missed when it is away
        self._version = ""
        self._tags: Sequence[Mapping[str, Any]] = ()
        self._shows: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._inventory_s = float("-inf")
        self._loaded: frozenset[str] = frozenset()

    async def read(self) -> Facts:
        """Return its readings.

        Raises:
            SensorAbsent: no Ollama has answered in this run, and nobody said that there is one.
        """
        try:
            ps = await self._http.json("/api/ps")
            if not isinstance(ps.get("models"), list):
                raise BadAnswer("the answer to /api/ps names no models")
        except (NobodyThere, BadAnswer) as exc:
            if not self._seen:
                raise SensorAbsent(f"no Ollama: {exc}", "set node.ollama_url if it is elsewhere") from exc
            self._inventory_s = float("-inf")  # another version may come back
            return self._facts("down" if isinstance(exc, NobodyThere) else "error", trouble=str(exc))
        self._seen = True
        models = loaded_models(ps, time.time())
        self._loaded = frozenset(model.name for model in models)
        await self._refresh_inventory()
        return self._facts("up", models, self._activity.observe(ps, self._clock()))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _facts(
        self,
        status: RuntimeStatus,
        models: tuple[LoadedModel, ...] = (),
        activity_age_s: float = NAN,
        trouble: str = "",
    ) -> Facts:
        sample = RuntimeSample(
            self._at.runtime_id,
            "ollama",
            status,
            last_activity_age_s=activity_age_s,
            age_s=0.0,
            models=models,
        )
        return Facts(runtimes=(sample,), runtime_inventory=(self._inventory(),), trouble=trouble)

    def _inventory(self) -> RuntimeInventory:
        available = tuple(
            available_model(tag, self._shows.get(_key(tag), {}), loaded=text(tag.get("name")) in self._loaded)
            for tag in self._tags
        )
        return RuntimeInventory(
            runtime_id=self._at.runtime_id,
            kind="ollama",
            url=self._at.url,
            version=self._version,
            discovered_by=self._at.discovered_by,
            container="",
            command_line="",
            pid=0,
            models=available,
        )

    async def _refresh_inventory(self) -> None:
        """Ask what changes seldom; a failure here costs none of the readings."""
        try:
            if self._clock() - self._inventory_s >= INVENTORY_S:
                self._version = text((await self._http.json("/api/version")).get("version"))
                self._tags = items((await self._http.json("/api/tags")).get("models"))
                self._inventory_s = self._clock()
                wanted = {_key(tag) for tag in self._tags}
                self._shows = {key: show for key, show in self._shows.items() if key in wanted}
            await self._show_some()
        except (NobodyThere, BadAnswer):
            self._inventory_s = self._clock()  # and again after the usual time

    async def _show_some(self) -> None:
        """Ask for details that are missing, of the loaded models first; once per name and digest."""
        missing = [tag for tag in self._tags if _key(tag) not in self._shows]
        missing.sort(key=lambda tag: text(tag.get("name")) not in self._loaded)
        for tag in missing[:SHOWS_AT_ONCE]:
            self._shows[_key(tag)] = {}  # a model that cannot be shown is not asked for again
            found = await self._http.json("/api/show", {"model": text(tag.get("name"))})
            # The rest of the answer is licence texts and tensors.
            self._shows[_key(tag)] = {"model_info": mapping(found.get("model_info"))}


def _key(tag: Mapping[str, Any]) -> tuple[str, str]:
    return text(tag.get("name")), text(tag.get("digest"))
