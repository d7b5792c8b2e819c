"""The agent as a process, on a real Kafka and a real registry."""

import asyncio
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from producers.spool import Spool
from schemas.codec import Event
from schemas.events.clock_tick import ClockTick
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_stopped import NodeStopped
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import NODES, TELEMETRY
from tests.fixtures.ports import free_port
from tests.producers.reading import first_arrivals, read_until, samples
from tests.producers.registry_server import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

NODE = "node-under-test"


@contextmanager
def penstock(
    command: Sequence[str], environment: dict[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command of penstock; killed in the end if it still runs."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", *command], env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def environment(data_dir: Path, kafka: KafkaSettings, registry_url: str, port: int) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PENSTOCK_DATA_DIR": str(data_dir),
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "PENSTOCK_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "PENSTOCK_REGISTRY__URL": registry_url,
        "PENSTOCK_NODE__NODE_ID": NODE,
        "PENSTOCK_NODE__INTERVAL_S": "0.1",
        "PENSTOCK_NODE__METRICS_PORT": str(port),
        "PENSTOCK_NODE__OLLAMA_URL": "",
        "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
        "PENSTOCK_CLOCK__INTERVAL_S": "0.2",
    }


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def of_kind(events: Sequence[Event], kind: type) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


async def test_a_run_from_registration_to_sigterm(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    port, registry = free_port(), RegistrySettings(url=registry_url)
    env = environment(tmp_path, kafka_settings, registry_url, port)
    with penstock(["node"], env, tmp_path / "out") as agent:
        await until(lambda: get(port, "/healthz")[0] == 200)
        await read_until(kafka_settings, registry, TELEMETRY, lambda found: len(samples(found)) >= 30)
        health = json.loads(get(port, "/healthz")[1])
        assert (health["status"], health["node_id"], health["kafka_connected"]) == ("ok", NODE, True)
        metrics = get(port, "/metrics")[1]
        assert 'penstock_agent_facts_total{outcome="delivered"}' in metrics
        assert 'penstock_agent_collector_runs_total{collector="cpu",outcome="success"}' in metrics
        assert get(port, "/else")[0] == 404
        agent.send_signal(signal.SIGTERM)
        await asyncio.to_thread(agent.wait, 20)
        assert agent.returncode == 0, (tmp_path / "out").read_text()
    nodes = await read_until(kafka_settings, registry, NODES, lambda found: bool(of_kind(found, NodeStopped)))
    (registered, *_), (stopped,) = of_kind(nodes, NodeRegistered), of_kind(nodes, NodeStopped)
    assert isinstance(registered, NodeRegistered)
    assert isinstance(stopped, NodeStopped)
    statuses = {each.name: each.status for each in registered.collectors}
    assert (statuses["cpu"], statuses["memory"]) == ("ok", "ok")
    last = stopped.seq
    taken = first_arrivals(
        await read_until(kafka_settings, registry, TELEMETRY, lambda found: len(first_arrivals(found)) > last)
    )
    assert [one.seq for one in taken] == list(range(last + 1))
    assert {one.boot_id for one in taken} == {registered.boot_id} == {stopped.boot_id}
    assert taken[-1].host.memory_total_bytes == registered.memory_total_bytes
    assert any(one.collectors for one in taken)


async def test_kill_9_loses_nothing_that_is_on_disk(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    port, registry = free_port(), RegistrySettings(url=registry_url)
    nowhere = KafkaSettings(
        bootstrap_servers=f"127.0.0.1:{free_port()}", topic_prefix=kafka_settings.topic_prefix
    )
    with penstock(["node"], environment(tmp_path, nowhere, registry_url, port), tmp_path / "out") as agent:

        def on_disk() -> int:
            return int(json.loads(get(port, "/healthz")[1] or "{}").get("spool_records", 0))

        await until(lambda: on_disk() > 60)
        agent.kill()
        agent.wait()
    spool = Spool(tmp_path / "spool" / "node", 1 << 30)
    spool.open()
    waiting = spool.records
    spool.close()
    assert waiting > 60
    with penstock(["node"], environment(tmp_path, kafka_settings, registry_url, port), tmp_path / "out"):
        found = await read_until(
            kafka_settings,
            registry,
            TELEMETRY,
            lambda found: len({one.boot_id for one in samples(found)}) == 2,
        )
    arrived = first_arrivals(found)
    earlier = [one for one in arrived if one.boot_id == arrived[0].boot_id]
    assert [one.seq for one in earlier] == list(range(len(earlier)))
    assert len(earlier) >= waiting - 2, "two of them are the registration, for its two topics"
    assert all(one.spooled for one in earlier)
    assert arrived[: len(earlier)] == earlier, "the earlier run's come first"


async def test_a_port_in_use_is_a_clear_error(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    port = free_port()
    env = environment(tmp_path, kafka_settings, registry_url, port)
    with penstock(["node"], env, tmp_path / "first"):
        await until(lambda: get(port, "/healthz")[0] == 200)
        with penstock(["node"], env, tmp_path / "second") as second:
            assert await asyncio.to_thread(second.wait, 30) == 2
    said = (tmp_path / "second").read_text()
    assert str(port) in said
    assert "node.metrics_port" in said


async def test_the_clock_tells_every_partition(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    registry = RegistrySettings(url=registry_url)
    env = environment(tmp_path, kafka_settings, registry_url, free_port())
    with penstock(["clock"], env, tmp_path / "out") as clock:
        found = await read_until(
            kafka_settings, registry, TELEMETRY, lambda found: len(found) >= 5 * kafka_settings.partitions
        )
        clock.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(clock.wait, 20) == 0, (tmp_path / "out").read_text()
    told = [event for event in found if isinstance(event, ClockTick)]
    assert len(told) == len(found)
    per_tick: dict[int, int] = {}
    for event in told:
        per_tick[event.seq] = per_tick.get(event.seq, 0) + 1
    assert max(per_tick.values()) == kafka_settings.partitions
    assert len({event.clock_id for event in told}) == 1


async def test_the_demonstration_sends_a_fleet(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    registry = RegistrySettings(url=registry_url)
    env = environment(tmp_path, kafka_settings, registry_url, free_port())
    with penstock(["demo"], env, tmp_path / "out") as demo:
        found = await read_until(
            kafka_settings,
            registry,
            TELEMETRY,
            lambda found: len({one.node_id for one in samples(found)}) == 5,
        )
        demo.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(demo.wait, 20) == 0, (tmp_path / "out").read_text()
    assert {one.fleet for one in samples(found)} == {"demo"}
    nodes = await read_until(
        kafka_settings, registry, NODES, lambda found: len(of_kind(found, NodeStopped)) == 5
    )
    assert len(of_kind(nodes, NodeRegistered)) == 5


async def test_one_look_needs_no_kafka(tmp_path: Path) -> None:
    nowhere = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    env = environment(tmp_path, nowhere, f"http://127.0.0.1:{free_port()}", free_port())
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "infra.cli.main", "node", "--once", "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["sample"]["node_id"] == found["registration"]["node_id"] == NODE
    assert found["sample"]["host"]["memory_total_bytes"] > 0
    assert found["sample"]["host"]["soc_power_w"] is None, "no reading is null"
    assert {each["name"] for each in found["sample"]["collectors"]} >= {"cpu", "nvml"}
