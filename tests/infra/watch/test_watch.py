"""``penstock watch`` in a pseudo-terminal, on an API with a real broker behind it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.auth import KeyRing
from schemas.settings import ApiSettings, ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from tests.api.findings import alert, alert_resolved, observation, resolved, updated
from tests.api.running import served, settings
from tests.api.states import state
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until
from tests.infra.api_beside import Beside, beside, in_thread
from tests.infra.watch.terminal import ROOT, terminal

pytestmark = pytest.mark.integration


@pytest.fixture
def wanted(tmp_path: Path, kafka_settings: KafkaSettings, registry_url: str, clickhouse_url: str) -> Settings:
    return settings(
        tmp_path,
        kafka=kafka_settings,
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database="default"),
        api=ApiSettings(port=free_port()),
    )


@pytest.fixture
def api(wanted: Settings) -> Iterator[Beside]:
    with beside(wanted) as found:
        now = time.time_ns() // 1000
        found.do(found.stage.state(state("gpu-01", arrived_at=now, routing_hint="steer_away")))
        found.do(found.stage.state(state("gpu-02", arrived_at=now, fleet="f2", inference_state="idle")))
        found.known("/api/v1/nodes", lambda body: len(body["nodes"]) == 2)
        yield found


def port(of: Settings) -> dict[str, str]:
    return {"PENSTOCK_API__PORT": str(of.api.port)}


def ago(seconds: float) -> int:
    return time.time_ns() // 1000 - round(seconds * 1e6)


def test_an_incident_opens_and_is_over_before_ones_eyes(api: Beside) -> None:
    one = observation(node_id="gpu-01", onset_at=ago(300), text="GPU-1 is at 88 °C")
    with terminal("watch", environment=port(api.settings)) as seen:
        seen.until_shows("2 nodes: 2 up", "nothing is open", "steer_away", "live  ", "q leaves")
        api.do(api.stage.write(one))
        seen.until_shows("observations: 1 warning", "thermal_drain: GPU-1 is at 88 °C", "5m  warning  ")
        api.do(api.stage.write(updated(one, severity="critical", text="GPU-1 is at 97 °C")))
        seen.until_shows("1 critical", "GPU-1 is at 97 °C")
        api.do(api.stage.write(alert(node_id="gpu-02", fleet="f2", onset_at=ago(1))))
        seen.until_shows("alerts: 1 critical", "alert node_offline: n1 is silent")
        api.do(api.stage.write(resolved(updated(one))))
        api.do(api.stage.write(alert_resolved(alert(node_id="gpu-02", fleet="f2"))))
        seen.until_shows("nothing is open")
        assert max(map(len, seen.lines())) <= 80
        seen.press("q")
        assert seen.ended() == 0
        assert seen.keyboard_is_as_before()
        # The screen that was there before is back.
        seen.until(lambda: seen.raw.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?1049l" in seen.raw, "left")


def test_it_follows_the_size_of_the_window(api: Beside) -> None:
    with terminal("watch", environment=port(api.settings)) as seen:
        seen.until_shows("q leaves", "gpu-02")
        seen.resize(110, 12)
        seen.until(lambda: len(seen.lines()) == 12 and seen.shows("VRAM", "q leaves"), "the new size")
        seen.until(lambda: max(map(len, seen.lines())) > 90, "the new width")


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_signals_leave_the_terminal_as_it_was(api: Beside, way: signal.Signals) -> None:
    with terminal("watch", environment=port(api.settings)) as seen:
        seen.until_shows("q leaves")
        seen.process.send_signal(way)
        assert seen.ended() == 0
        assert seen.keyboard_is_as_before()
        assert b"\x1b[?1049l" in seen.raw
        assert b"Traceback" not in seen.raw


def test_ctrl_c_as_typed_leaves(api: Beside) -> None:
    with terminal("watch", environment=port(api.settings)) as seen:
        seen.until_shows("q leaves")
        seen.press("x\x03")
        assert seen.ended() == 0


def test_only_what_was_asked_for(api: Beside) -> None:
    api.do(api.stage.write(observation("a", node_id="gpu-01", text="of the first")))
    api.do(api.stage.write(observation("b", node_id="gpu-02", fleet="f2", text="of the second")))
    for options in (("--fleet", "f2"), ("--node", "gpu-02")):
        with terminal("watch", *options, environment=port(api.settings)) as seen:
            seen.until_shows("1 node: 1 up", "of the second", " ".join(options).removeprefix("--"))
            assert not seen.shows("gpu-01")
            assert not seen.shows("of the first")


def test_the_api_away_is_said_and_its_return_is_noticed(wanted: Settings) -> None:
    with terminal("watch", environment=port(wanted)) as seen:
        seen.until_shows("the API does not answer, trying again")
        with beside(wanted) as api:
            now = time.time_ns() // 1000
            api.do(api.stage.state(state("gpu-01", arrived_at=now)))
            one = observation(node_id="gpu-01")
            api.do(api.stage.write(one))
            seen.until_shows("gpu-01", "thermal_drain", "live  ")
        seen.until_shows("the API does not answer, trying again", "thermal_drain")
        with beside(wanted) as api:
            api.do(api.stage.write(resolved(one)))
            seen.until_shows("nothing is open", "live  ")
        seen.press("q")
        assert seen.ended() == 0


def test_a_key_that_is_missing_ends_it_with_what_to_do(wanted: Settings, tmp_path: Path) -> None:
    KeyRing(tmp_path).create("any")
    guarded = wanted.model_copy(update={"api": ApiSettings(host="0.0.0.0", port=free_port())})
    with in_thread(lambda: served(guarded)), terminal("watch", environment=port(guarded)) as seen:
        assert seen.ended() == 2
        seen.until_shows("PENSTOCK_API__KEY")
        assert seen.keyboard_is_as_before()


def test_away_from_a_terminal_it_writes_lines(api: Beside, tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = observation(node_id="gpu-01")
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **port(api.settings)}
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "watch"], cwd=tmp_path, env=environment, stdout=file
        )
    try:
        wait_until(lambda: "gpu-01: live, steer_away" in out.read_text(), what="the node")
        api.do(api.stage.write(one))
        told = "warning observation gpu-01 thermal_drain: GPU-1 is hot"
        wait_until(lambda: f"open: {told}" in out.read_text(), what="opened")
        api.do(api.stage.write(resolved(one)))
        wait_until(lambda: f"over: {told}" in out.read_text(), what="over")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "\x1b" not in out.read_text()
    finally:
        process.kill()
        process.wait()


def test_once_prints_one_screen(api: Beside, tmp_path: Path) -> None:
    api.do(api.stage.write(observation("c", node_id="gpu-01", text="seen once")))
    api.known("/api/v1/observations", lambda body: "seen once" in str(body))
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "watch", "--once"],
        cwd=ROOT,
        env={"HOME": str(tmp_path), **port(api.settings)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    for text in ("2 nodes: 2 up", "observations: 1 warning", "thermal_drain: seen once", "gpu-02"):
        assert text in done.stdout
