"""What an agent sends can be kept, read by any Avro tool, and played back as a node."""

import asyncio
import logging
import resource
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import fastavro
import pytest

from producers.node.agent import record
from producers.node.playback import NodeEvent, cast_role, perform, shifted
from producers.node.recording import BLOCK_RECORDS, Recorder, RecordingError, recorded
from schemas.codec import Event
from schemas.codec.serde import encode_body
from schemas.errors import ConfigError
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.node_stopped import NodeStopped
from schemas.settings import NodeSettings, Settings
from schemas.topics import NODES, TELEMETRY
from tests.fixtures.ports import free_port
from tests.samples import at, gpu, ollama, sample

REGISTERED = NodeRegistered(
    *("node-1", "default", "boot-a", at(0), at(-1), "0.1", "host", "id", "linux", "6", "x86_64", "", "cpu"),
    tags={"rack": "b2"},
)
STOPPED = NodeStopped("node-1", "default", "boot-a", at(30), 29, "signal")
SAMPLES = [sample(index, gpus=(gpu(),), runtimes=(ollama(),)) for index in range(30)]


def write(file: Path, events: Sequence[Event] = (REGISTERED, *SAMPLES, STOPPED)) -> Path:
    with Recorder(file) as recorder:
        for event in events:
            recorder.emit(TELEMETRY if isinstance(event, NodeSample) else NODES, "node-1", event)
        assert recorder.statistics.emitted == len(events)
    return file


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    events: list[Event] = [REGISTERED, *SAMPLES, STOPPED]
    found = list(recorded(write(tmp_path / "node.avro", events)))
    assert [encode_body(one) for one in found] == [encode_body(one) for one in events]


def test_any_avro_tool_reads_it(tmp_path: Path) -> None:
    with write(tmp_path / "node.avro").open("rb") as file:
        found = list(fastavro.reader(file))
    assert [each["seq"] for each in found if isinstance(each, dict) and "host" in each] == list(range(30))


def test_a_recording_is_not_written_over(tmp_path: Path) -> None:
    file = write(tmp_path / "node.avro")
    with pytest.raises(ConfigError, match="exists already"):
        Recorder(file)
    with pytest.raises(ConfigError, match="cannot be written"):
        Recorder(tmp_path / "nowhere" / "node.avro")


@pytest.fixture
def no_file_grows(tmp_path: Path) -> Iterator[None]:
    """A limit of the process on the size of files: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("no_file_grows")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    noisy = [sample(index, gpus=tuple(gpu(uuid.uuid4().hex) for _ in range(8))) for index in range(400)]
    with pytest.raises(RecordingError, match="cannot be written any more: File too large"):
        write(tmp_path / "node.avro", noisy)
    assert len(list(recorded(tmp_path / "node.avro"))) > 0, "what fitted is there"


@pytest.mark.parametrize("content", [b"", b"no recording at all", b"Obj\x01"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="is no recording"):
        list(recorded(file))
    with pytest.raises(ConfigError, match="cannot be read"):
        list(recorded(tmp_path / "none"))


def test_a_recording_that_is_cut_off_gives_its_whole_blocks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write(tmp_path / "node.avro")
    whole = file.read_bytes()
    file.write_bytes(whole[:-300])
    with caplog.at_level(logging.WARNING):
        found = list(recorded(file))
    assert 0 < len(found) < 32
    assert len(found) % BLOCK_RECORDS == 0
    assert "ends in the middle" in caplog.text


def played(events: Sequence[NodeEvent], **settings: str) -> list[NodeEvent]:
    role = cast_role(NodeSettings(**settings), events[0], at(1000))
    return list(shifted(events, role))


def test_times_are_of_now_and_the_run_is_its_own() -> None:
    found = played([REGISTERED, *SAMPLES, STOPPED])
    first, *samples, last = found
    assert isinstance(first, NodeRegistered)
    assert (first.occurred_at, first.started_at, first.tags) == (at(1000), at(999), {"rack": "b2"})
    assert [one.occurred_at for one in samples] == [at(1000 + index) for index in range(30)]
    assert [one.seq for one in samples if isinstance(one, NodeSample)] == list(range(30))
    (boot_id,) = {one.boot_id for one in found}
    assert boot_id != "boot-a"
    assert (last.node_id, last.fleet, last.occurred_at) == ("node-1", "default", at(1030))
    assert isinstance(last, NodeStopped)
    assert last.seq == 29


def test_settings_name_the_node() -> None:
    found = played(SAMPLES, node_id="other", fleet="lab")
    assert {(one.node_id, one.fleet) for one in found} == {("other", "lab")}
    assert isinstance(found[-1], NodeStopped), "a recording that was cut off stops too"


def test_events_come_at_their_time_and_late_ones_at_once() -> None:
    clock_us = [at(0)]
    emitted: list[tuple[int, int]] = []

    async def sleep(seconds: float) -> None:
        clock_us[0] += max(1, round(seconds * 1e6))

    def emit(event: NodeEvent) -> None:
        emitted.append((event.occurred_at, clock_us[0]))
        if len(emitted) == 5:
            clock_us[0] += 10_000_000

    events: list[NodeEvent] = [*SAMPLES, STOPPED]
    asyncio.run(perform(events, emit, lambda: clock_us[0], sleep))
    assert [due for due, _ in emitted] == [one.occurred_at for one in events]
    assert [now - due for due, now in emitted[:5]] == [0] * 5
    assert emitted[5][1] == emitted[6][1] == at(14)
    assert emitted[-1][0] == emitted[-1][1]


def test_a_playback_that_is_cancelled_is_a_node_that_stops() -> None:
    emitted: list[NodeEvent] = []

    async def sleep(_seconds: float) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(perform(played(SAMPLES), emitted.append, lambda: at(1004), sleep))
    *samples, stopped = emitted
    assert [one.seq for one in samples if isinstance(one, NodeSample)] == [0, 1, 2, 3, 4]
    assert isinstance(stopped, NodeStopped)
    assert (stopped.seq, stopped.occurred_at, stopped.reason) == (4, at(1004), "signal")


@pytest.mark.asyncio
async def test_the_agent_of_this_machine_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{free_port()}")
    settings = Settings(data_dir=tmp_path / "data", node=NodeSettings(interval_s=0.05, discover=False))
    file = tmp_path / "node.avro"
    task = asyncio.create_task(record(settings, file))

    def kinds() -> set[type]:
        return {type(event) for event in recorded(file)} if file.exists() and file.stat().st_size else set()

    async with asyncio.timeout(30):
        while not kinds() >= {NodeRegistered, NodeSample}:
            await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    found = list(recorded(file))
    assert isinstance(found[-1], NodeStopped)
    seqs = [event.seq for event in found if isinstance(event, NodeSample)]
    assert seqs == list(range(found[-1].seq + 1))
    assert {event.boot_id for event in found if isinstance(event, NodeSample)} == {found[-1].boot_id}
