"""What every request passes, and what every answer carries."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.edge import BODY_BYTES
from tests.api.running import settings, within


@pytest.mark.asyncio
async def test_every_error_is_a_problem(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        answers = [
            await client.get("/nothing"),
            await client.put("/api/v1/nodes"),
            await client.get("/api/v1/nodes/unknown"),
            await client.post("/api/v1/sql", json={"query": "SELECT 1", "extra": 1}),
            await client.post("/api/v1/sql", content=b"{", headers={"Content-Type": "application/json"}),
            await client.get("/api/v1/sql"),
            await client.get("/api/v1/stream", headers={"Last-Event-ID": "x"}),
            await client.get("/api/v1/nodes/n1/history", params={"from": "yesterday"}),
            await client.get("/api/v1/nodes/n1/history", params={"from": "now", "to": "-1h"}),
            await client.get("/api/v1/nodes/n1/history", params={"resolution": "7s"}),
            await client.get("/api/v1/nodes/n1/history", params={"fields": "power_w,nonsense"}),
            await client.post("/api/v1/sql", json={"query": "SELECT 1"}),
        ]
    assert [answer.status_code for answer in answers] == [
        404,
        405,
        404,
        422,
        422,
        422,
        400,
        400,
        400,
        400,
        400,
        503,
    ]
    for answer in answers:
        body = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["status"] == answer.status_code
        assert body["type"].startswith("urn:penstock:problem:")
        assert body["detail"]
    assert answers[-1].headers["retry-after"] == "1"


@pytest.mark.asyncio
async def test_a_page_elsewhere_cannot_call_by_a_name_of_its_own(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8800", "", "[::1"):
            answer = await client.get("/api/v1/nodes", headers={"Host": host})
            assert answer.status_code == 421, host
        for host in ("localhost", "127.0.0.1:8800", "[::1]:8800", "LOCALHOST:1"):
            assert (await client.get("/api/v1/nodes", headers={"Host": host})).status_code == 200, host


@pytest.mark.asyncio
async def test_no_other_origin_is_let_in_and_the_answer_says_how_to_treat_it(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        answer = await client.get("/api/v1/nodes", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.asyncio
async def test_a_body_has_a_limit_with_and_without_a_length(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES // 1024 + 2):
            yield b" " * 1024

    async with within(settings(tmp_path)) as (client, _):
        json = {"Content-Type": "application/json"}
        told = await client.post("/api/v1/sql", content=b" " * (BODY_BYTES + 1), headers=json)
        untold = await client.post("/api/v1/sql", content=endless(), headers=json)
    assert (told.status_code, untold.status_code) == (413, 413)
    assert untold.json()["type"].endswith("body-too-large")


@pytest.mark.asyncio
async def test_requests_are_counted_by_route_and_not_by_path(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        for path in ("/api/v1/nodes/a", "/api/v1/nodes/b", "/random/1", "/random/2"):
            await client.get(path)
        text = (await client.get("/metrics")).text
    assert (
        'penstock_api_requests_total{method="GET",route="/api/v1/nodes/{node_id}",status="404"} 2.0' in text
    )
    assert 'route="none",status="404"} 2.0' in text
    assert "random" not in text


@pytest.mark.asyncio
async def test_alive_and_not_ready_while_everything_is_away(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    body = answer.json()
    assert body["ready"] is False
    assert set(body["checks"]) == {"kafka", "clickhouse", "registry"}
    assert "127.0.0.1:9" in body["checks"]["clickhouse"]
    assert all(body["checks"].values())


@pytest.mark.asyncio
async def test_the_document_describes_every_path(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        document = (await client.get("/openapi.json")).json()
    for path in (
        "/api/v1/nodes",
        "/api/v1/nodes/{node_id}",
        "/api/v1/nodes/{node_id}/history",
        "/api/v1/stream",
        "/api/v1/sql",
        "/metrics",
        "/healthz",
        "/readyz",
    ):
        for method in document["paths"][path].values():
            assert method["summary"]
            assert method["description"]
            for parameter in method.get("parameters", []):
                assert parameter.get("description") or parameter["in"] == "header" or path == "/api/v1/sql"
    state = document["paths"]["/api/v1/nodes/{node_id}"]["get"]["responses"]["200"]
    fields = state["content"]["application/json"]["schema"]["properties"]["state"]["properties"]
    assert "watts" in fields["power_w"]["description"]
