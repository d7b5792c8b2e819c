"""kill -9 of every part, under load, at random moments: nothing lost, nothing twice, live = recomputed."""

import asyncio
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from schemas.topics import NODE_STATES, PANES, TELEMETRY
from tests.chaos.load import Load
from tests.chaos.stack import Stack, running_stack
from tests.chaos.verify import live_equals_recomputed, log_digest, read, telemetry_of
from tests.fixtures.processes import wait_until

PARTS = ("kafka", "store", "registry", "worker", "sink", "node", "api", "clock")
BACK_S = 60.0
CAUGHT_UP_S = 120.0


def strike(stack: Stack, part: str, pause_s: float) -> None:
    """Kill a part after a random while, and see that another process takes its place."""
    threading.Event().wait(pause_s)
    wait_until(lambda: stack.pids(part), deadline_s=BACK_S, what=f"{part} running")
    before = set(stack.pids(part))
    stack.kill(part)
    wait_until(lambda: set(stack.pids(part)) - before, deadline_s=BACK_S, what=f"{part} running again")


def rows_of(stack: Stack, topic: str, ends: dict[int, int]) -> Counter[tuple[int, int, str]]:
    rows = stack.sql(
        f"SELECT partition, toInt64(offset) AS at, lower(hex(MD5(value))) AS digest FROM event_log "
        f"WHERE topic = '{topic}' SETTINGS output_format_json_quote_64bit_integers = 0"
    )
    found = ((int(str(row["partition"])), int(str(row["at"])), str(row["digest"])) for row in rows)
    return Counter(row for row in found if row[1] <= ends.get(row[0], -1))


def check(stack: Stack, load: Load) -> dict[str, int]:
    """Assert that all is there, once, and return how much it was."""
    settings = stack.settings
    telemetry = asyncio.run(telemetry_of(settings))
    compared = 0

    def stage_caught_up() -> bool:
        nonlocal compared
        try:
            compared = asyncio.run(live_equals_recomputed(settings, telemetry))
        except AssertionError:
            return False
        return True

    wait_until(stage_caught_up, deadline_s=CAUGHT_UP_S, what="live output equal to recomputed output")
    logged = 0
    for topic, records in (
        (TELEMETRY, telemetry),
        (NODE_STATES, asyncio.run(read(settings, NODE_STATES))),
        (PANES, asyncio.run(read(settings, PANES))),
    ):
        name = topic.full_name(settings.kafka)
        expected = log_digest(records)
        ends = {record.partition: record.offset for record in records}
        wait_until(
            lambda n=name, e=ends, x=expected: sum(rows_of(stack, n, e).values()) >= sum(x.values()),  # type: ignore[misc]
            deadline_s=CAUGHT_UP_S,
            what=f"event_log has {name}",
        )
        assert rows_of(stack, name, ends) == expected, f"event_log differs from {name}"
        logged += sum(expected.values())
    twice = stack.sql("SELECT boot_id, seq, count() AS n FROM node_samples FINAL GROUP BY ALL HAVING n > 1")
    assert twice == []
    stored = {
        (str(row["boot_id"]), int(str(row["seq"])))
        for row in stack.sql("SELECT boot_id, seq FROM node_samples FINAL WHERE node_id LIKE 'load-%'")
    }
    assert load.acknowledged <= stored
    derived = stack.sql("SELECT count() - uniqExact(id) AS more FROM node_states")
    assert int(str(derived[0]["more"])) == 0
    return {"samples": len(load.acknowledged), "outputs": compared, "logged": logged}


def rampage(tmp_path: Path, *, kills: int, seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    rounds = [chance.sample(PARTS, len(PARTS)) for _ in range(-(-kills // len(PARTS)))]
    with running_stack(tmp_path / "data") as stack, Load(stack.settings, nodes=12, rate=10.0) as load:
        for part in [part for one in rounds for part in one][:kills]:
            strike(stack, part, chance.uniform(0.0, 2.5))
            seen = len(load.acknowledged)
            wait_until(
                lambda n=seen: len(load.acknowledged) > n,  # type: ignore[misc]
                deadline_s=BACK_S,
                what=f"samples acknowledged after the {part} was killed",
            )
        load.stop()
        assert load.acknowledged
        return check(stack, load)


@pytest.mark.integration
@pytest.mark.timeout(420)
def test_every_part_is_killed_once(tmp_path: Path) -> None:
    assert rampage(tmp_path, kills=len(PARTS), seed=1)["samples"] > 100


@pytest.mark.soak
@pytest.mark.integration
@pytest.mark.timeout(1200)
def test_forty_kills(tmp_path: Path) -> None:
    assert rampage(tmp_path, kills=40, seed=2)["samples"] > 1000
