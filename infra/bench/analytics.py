"""What people ask of a week of requests, on the embedded store: rows are generated where they are stored.

A million requests come as facts, fifty thousand to an insertion, as the sink would insert them; a hundred
million come as what is kept of so many, panes of ten seconds.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from infra.bench.stack import apart, penstock, wait_until
from infra.bench.table import Table
from producers.baselines.question import BASELINES
from schemas.settings import Settings, load_settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store

REQUESTS, BATCH = 1_000_000, 50_000
# 12 nodes with 3 models each for a week of panes, 46 requests in each pane: 100 million.
NODES, MODELS, PANES, IN_A_PANE = 12, 3, 60_480, 46
TIMES = 9
MERGED_WITHIN_S = 300.0

_START = "toDateTime64('2026-01-05 00:00:00', 6, 'UTC')"
_ID = "lower(hex(MD5(toString(number))))"
_AT = f"addMicroseconds({_START}, number * {7 * 86_400_000_000 // REQUESTS})"
_WEEK = f"received_at >= {_START} AND received_at < {_START} + INTERVAL 7 DAY"
_FACT = f"'default' AS fleet, {_ID} AS request_id, 'r1' AS router_id, now() AS arrived_at, number AS offset"
FACTS = {
    "requests_received": f"{_AT} AS occurred_at, 'openai' AS dialect,"
    " concat('m', toString(number % 5)) AS model, concat('k', toString(number % 20)) AS key,"
    " number % 1000 AS prompt_tokens_estimate",
    "requests_admitted": f"{_AT} AS occurred_at, 'm' AS model, 0.1 AS queue_wait_s",
    "requests_routed": f"{_AT} AS occurred_at, 1 AS attempt, concat('n', toString(number % 12)) AS node_id",
    "request_first_tokens": f"{_AT} AS occurred_at, 1 AS attempt, 0.2 AS ttft_s",
    "requests_finished": f"{_AT} AS received_at, addSeconds({_AT}, 5) AS occurred_at,"
    " if(number % 50 = 0, 'client_abandoned', 'completed') AS outcome,"
    " concat('m', toString(number % 5)) AS model, concat('n', toString(number % 12)) AS node_id,"
    " concat('k', toString(number % 20)) AS key, 200 AS http_status, 0.1 * (number % 7) AS queue_wait_s,"
    " 0.2 + number % 100 / 50 AS ttft_s, 5 AS total_s, number % 1000 AS prompt_tokens,"
    " number % 400 AS completion_tokens",
}
# The newest are still open.
_FINISHED = f"number < {REQUESTS - 1000}"

FOLDED = {
    "by outcome": f"SELECT outcome, count() FROM requests WHERE {_WEEK} GROUP BY outcome",
    "by model: TTFT p50 and p95, tokens": "SELECT model, count(), quantiles(0.5, 0.95)(ttft_s),"
    f" sum(completion_tokens) FROM requests WHERE {_WEEK} GROUP BY model",
    "by hour and node": "SELECT toStartOfHour(received_at) AS hour, node_id, count(), avg(total_s),"
    f" sum(completion_tokens) FROM requests WHERE {_WEEK} GROUP BY hour, node_id ORDER BY hour, node_id",
    "by key: use": "SELECT key, count(), sum(prompt_tokens), sum(completion_tokens) FROM requests"
    f" WHERE {_WEEK} GROUP BY key",
    "one request by its id": "SELECT * FROM requests WHERE request_id = lower(hex(MD5('500000')))",
    "conservation by hour": f"SELECT * FROM request_conservation WHERE hour >= {_START}",
}
MERGED = {
    "by model: TTFT p95, tokens": "SELECT model, sum(completed), sum(completion_tokens), max(ttft_p95_s)"
    f" FROM requests_1h WHERE started_at >= {_START} GROUP BY model",
    "by hour": "SELECT started_at, sum(completed), avg(in_flight_mean) FROM requests_1h"
    f" WHERE started_at >= {_START} GROUP BY started_at ORDER BY started_at",
}


def run() -> Table:
    """Measure on a store of its own."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", ignore_cleanup_errors=True) as folder:
        environment = apart(Path(folder))
        settings = load_settings(environment)
        with penstock(["store"], environment):
            wait_until(lambda: _answers(settings), "the store")
            asyncio.run(_fill(settings))
            return Table(
                "Analytics: a week of requests",
                ("question", "requests", "median s", "slowest s"),
                [
                    *(_measure(settings, name, REQUESTS, sql) for name, sql in FOLDED.items()),
                    *(
                        _measure(settings, name, NODES * MODELS * PANES * IN_A_PANE, sql)
                        for name, sql in MERGED.items()
                    ),
                    _measure(settings, "baselines of one node", 0, BASELINES),
                ],
                f"Over HTTP, {TIMES} times each, once the store has merged what came. The first come from"
                " the facts of each request, those of 100 million from panes; a week of a node is 60,480.",
            )


async def _fill(settings: Settings) -> None:
    store, database = Store(settings), settings.clickhouse.database
    try:
        await migrate(store, settings.clickhouse)
        for first in range(0, REQUESTS, BATCH):
            for table, columns in FACTS.items():
                where = f"WHERE {_FINISHED}" if table == "requests_finished" else ""
                await _insert(store, f"{database}.{table}", f"{_FACT}, {columns}", f"{first}, {BATCH}", where)
        for node in range(NODES):
            for model in range(MODELS):
                await _put_panes(store, database, f"n{node}", f"m{model}")
        end = time.monotonic() + MERGED_WITHIN_S
        while await store.rows("SELECT 1 FROM system.merges LIMIT 1") and time.monotonic() < end:
            await asyncio.sleep(1)
    finally:
        await store.close()


async def _put_panes(store: Store, database: str, node: str, model: str) -> None:
    begins = f"{_START} + INTERVAL number * 10 SECOND"
    pane = (
        f"'default' AS fleet, '{node}' AS node_id, {begins} AS started_at,"
        f" {begins} + INTERVAL 10 SECOND AS occurred_at, now() AS arrived_at, number AS offset"
    )
    statistic = "(10, 1.5, 0, 1, 2, 1, 2)"
    rows = {
        "request_panes": f"'{model}' AS model, {IN_A_PANE} AS received, {IN_A_PANE} AS completed,"
        " 100 AS in_flight_s, 20000 AS completion_tokens, (0, [-20, -10, -5, 0], [10, 20, 10, 6]) AS ttft",
        "model_panes": f"'{model}' AS name, {100 if model == 'm0' else 5} AS generation_tokens",
    }
    if model == "m0":
        rows["node_panes"] = f"10 AS samples, 10 AS inference_live, {statistic} AS wes"
        rows["runtime_panes"] = f"'vllm:8000' AS runtime_id, {statistic} AS requests_running"
    for table, columns in rows.items():
        await _insert(store, f"{database}.{table}", f"{pane}, {columns}", f"{PANES}", "")


async def _insert(store: Store, table: str, columns: str, numbers: str, where: str) -> None:
    """Insert generated rows; columns are matched by name."""
    names = ", ".join(f"`{part.rpartition(' ')[2]}`" for part in _parts(columns))
    await store.command(f"INSERT INTO {table} ({names}) SELECT {columns} FROM numbers({numbers}) {where}")


def _parts(columns: str) -> Sequence[str]:
    """Return the expressions of a list: commas within parentheses are none of its own."""
    parts, depth, began = [], 0, 0
    for place, letter in enumerate(columns):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(columns[began:place])
            began = place + 1
    return [*parts, columns[began:]]


def _measure(settings: Settings, name: str, requests: int, sql: str) -> Sequence[object]:
    end = 1_767_571_200_000_000 + 7 * 86_400_000_000
    options = {
        "database": settings.clickhouse.database,
        **{"param_at": str(end), "param_fleet": "default", "param_node_id": "n0"},
    }
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = httpx.post(
            settings.clickhouse.url, params=options, content=sql, timeout=120, trust_env=False
        )
        took.append(time.perf_counter() - began)
        answer.raise_for_status()
        if not answer.text:
            raise ValueError(f"{name}: no rows")
    return name, requests or "", round(statistics.median(took), 3), round(max(took), 3)


def _answers(settings: Settings) -> bool:
    try:
        return httpx.get(f"{settings.clickhouse.url}/ping", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
