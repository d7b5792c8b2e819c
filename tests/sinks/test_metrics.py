import re

import httpx
import pytest
from prometheus_client import REGISTRY

from schemas.errors import ConfigError
from sinks import metrics
from sinks.monitor import monitored
from tests.fixtures.ports import free_port


def test_names_and_units() -> None:
    families = [each for each in vars(metrics).values() if hasattr(each, "_name")]
    assert len(families) == 11
    for family in families:
        assert re.fullmatch(r"penstock_sink_[a-z_]+", family._name)
        assert family._documentation.endswith(".")


@pytest.mark.asyncio
async def test_metrics_and_health_on_a_port() -> None:
    port = free_port()
    away: tuple[str, ...] = ()
    async with monitored(port, lambda: away), httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
        assert "penstock_sink_records_total" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        health = f"http://127.0.0.1:{port}/healthz"
        assert (await http.get(health)).json() == {"status": "ok", "waiting_for": []}
        away = ("clickhouse",)
        answer = await http.get(health)
        assert (answer.status_code, answer.json()["status"]) == (200, "waiting")
        with pytest.raises(ConfigError, match=r"sink\.metrics_port"):
            async with monitored(port, lambda: away):
                pass
    assert REGISTRY.get_sample_value("penstock_sink_waiting", {"dependency": "nothing"}) is None
