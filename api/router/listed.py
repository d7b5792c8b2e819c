"""The upstreams of the settings: a fleet without any agent, or servers besides those that agents tell of."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from api.router.seams import Upstream
from schemas.errors import ConfigError
from schemas.settings import RouterSettings


@dataclass(frozen=True, slots=True)
class Listed:
    """One of them. ``models``: its own names by the ones it is asked by; empty: it is asked what it has."""

    upstream: Upstream
    models: Mapping[str, str]


def listed(settings: RouterSettings) -> Mapping[str, Listed]:
    """Return them by id.

    Raises:
        ConfigError: two have one name.
    """
    found: dict[str, Listed] = {}
    for told in settings.upstreams:
        name = told.name or urlsplit(told.url).netloc.rpartition("@")[2]
        if name in found:
            raise ConfigError(
                "two of the setting router.upstreams have the same name; give them different ones"
            )
        # With /v1 is how clients of OpenAI are told of a server; the router knows the paths itself.
        url = told.url.rstrip("/").removesuffix("/v1")
        upstream = Upstream(name, name, url, told.kind, told.slots, told.key.get_secret_value())
        models = (entry.partition("=") for entry in told.models)
        found[name] = Listed(upstream, {public: own or public for public, _, own in models})
    return found
