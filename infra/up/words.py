"""What people read once everything is up: where things are, and three queries to try."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from schemas.settings import Settings

# Short enough for one line of a terminal, to be copied.
QUERIES = (
    "SELECT node_id, inference_state, power_w, wes, seen_at FROM nodes",
    "SELECT occurred_at, cpu_ratio FROM node_samples ORDER BY 1 DESC LIMIT 5",
    "SELECT node_id, count(), avg(cpu_ratio) FROM node_samples GROUP BY 1",
)


def places(settings: Settings) -> Iterator[tuple[str, str]]:
    """Return what is where."""
    api = _url(settings.api.host, settings.api.port)
    yield "Nodes", f"{api}/api/v1/nodes"
    if settings.router.enabled:
        router = _url(settings.router.host, settings.router.port)
        yield "Models", f"{router}/v1  (OpenAI's API; Ollama's: {router})"
    yield "API", f"{api}/openapi.json"
    yield "Metrics", f"{api}/metrics"
    yield "SQL", f"{settings.clickhouse.url}/  (ClickHouse's HTTP interface)"
    yield "Kafka", f"{settings.kafka.bootstrap_servers}  (schemas: {settings.registry.url})"
    yield "Logs", str(settings.data_dir / "logs")


def queries(program: str) -> Iterator[str]:
    """Return commands to copy."""
    return (f'{program} sql "{query}"' for query in QUERIES)


def program(config: Path | None) -> str:
    """Return how this user calls this Penstock from where they are."""
    found = shutil.which("penstock")
    beside = Path(sys.executable).parent / "penstock"
    name = "penstock" if found and Path(found).resolve() == beside.resolve() else _shorter(beside)
    return f"{name} --config {config}" if config else name


def _url(host: str, port: int) -> str:
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"


def _shorter(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
