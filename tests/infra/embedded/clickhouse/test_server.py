import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from infra.embedded.clickhouse.directory import require_space
from infra.embedded.clickhouse.failure import ClickHouseError
from infra.embedded.clickhouse.limits import limits
from infra.embedded.clickhouse.server import serve
from infra.embedded.folder import LEAST_FREE_BYTES
from schemas.errors import ConfigError
from schemas.settings.model import EmbeddedSettings, Settings
from tests.fixtures.clickhouse import clickhouse, environment
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until

TABLE = (
    "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a "
    "SETTINGS non_replicated_deduplication_window = 100"
)


def refused(settings: Mapping[str, str]) -> str:
    """Return what a store prints that refuses to start, which is bad configuration."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    command = [sys.executable, "-m", "infra.embedded.clickhouse"]
    ended = subprocess.run(command, env=clean | dict(settings), capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr.decode()


@pytest.mark.integration
def test_a_second_store_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with clickhouse(tmp_path) as store:
        said = refused(environment(tmp_path, free_port()))
        assert f"the data directory {tmp_path / 'clickhouse'} is in use" in said
        assert f"process {store.process.pid}" in said
        assert store.query("SELECT 1") == "1\n"


@pytest.mark.integration
def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    with clickhouse(tmp_path / "one") as store:
        port = int(store.url.rpartition(":")[2])
        said = refused(environment(tmp_path / "two", port))
    assert f"port {port}" in said
    assert "embedded.clickhouse_port" in said


@pytest.mark.parametrize("place", ["a file", "the kernel's"])
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    where = tmp_path / "file" if place == "a file" else Path("/proc/penstock")
    settings = Settings(data_dir=where, embedded=EmbeddedSettings(clickhouse_port=free_port()))
    with pytest.raises(ConfigError, match=str(where)):
        serve(settings)


def test_off_loopback_a_password_is_required(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, embedded=EmbeddedSettings(host="0.0.0.0", clickhouse_port=free_port())
    )
    with pytest.raises(ConfigError, match=r"clickhouse\.password"):
        serve(settings)


def test_readers_together_leave_memory_for_insertions() -> None:
    for handles in (2, 8, 64):
        bounds = limits(Settings(embedded=EmbeddedSettings(clickhouse_handles=handles)))
        assert bounds.readers * bounds.read_query_bytes <= bounds.server_bytes // 2
        assert bounds.write_query_bytes < bounds.server_bytes


@pytest.mark.integration
def test_what_was_acknowledged_survives_kill_9_and_its_token_is_still_known(tmp_path: Path) -> None:
    with clickhouse(tmp_path) as store:
        store.query("CREATE DATABASE other")
        store.query(TABLE)
        for n in range(20):
            token = {"insert_deduplicate": "1", "insert_deduplication_token": f"range-{n}"}
            store.query(f"INSERT INTO t FORMAT TSV\n{n}\tx\n", **token)
        store.process.send_signal(signal.SIGKILL)
        store.process.wait(30)
    with clickhouse(tmp_path) as store:
        for n in range(15, 25):
            token = {"insert_deduplicate": "1", "insert_deduplication_token": f"range-{n}"}
            store.query(f"INSERT INTO t FORMAT TSV\n{n}\tx\n", **token)
        assert store.query("SELECT count(), uniqExact(a) FROM t") == "25\t25\n"
        assert "other\n" in store.query("SHOW DATABASES")


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_queries_that_run_for_ever(tmp_path: Path, number: int) -> None:
    with clickhouse(tmp_path) as store:
        store.query(TABLE)
        store.query("INSERT INTO t VALUES (1, 'x')")
        endless = httpx.Client(timeout=30)
        sql = "SELECT number FROM numbers(1000000000000)"
        with endless.stream("POST", store.url, content=sql) as answer:
            assert answer.status_code == 200
            store.process.send_signal(number)
            assert store.process.wait(30) == 0
    with clickhouse(tmp_path) as store:
        assert store.query("SELECT count() FROM t") == "1\n"


@pytest.mark.integration
def test_insertions_stop_before_the_disk_is_full_and_go_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", LEAST_FREE_BYTES + (40 << 20)) as disk, clickhouse(disk) as store:
        store.query(TABLE)
        store.query("INSERT INTO t VALUES (0, 'before')")
        filler = disk / "filler"
        filler.write_bytes(bytes(40 << 20))
        insertions = ("INSERT INTO t SELECT number, '' FROM numbers(9)", "INSERT INTO t VALUES (1, 'full')")
        for sql in insertions:
            answer = httpx.post(store.url, content=sql, timeout=60)
            assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "243")
            assert f"disk of {disk}" in answer.text
        assert store.query("SELECT s FROM t") == "before\n"
        filler.unlink()
        for sql in insertions:
            store.query(sql)
        assert store.query("SELECT count() FROM t") == "11\n"


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_the_room_that_insertions_need(tmp_path: Path) -> None:
    require_space(tmp_path, 1)
    with pytest.raises(ClickHouseError, match=str(tmp_path)) as raised:
        require_space(tmp_path, 1 << 60)
    assert raised.value.code == 243


@pytest.mark.integration
def test_large_answers_and_many_requests_take_no_memory_and_no_files(tmp_path: Path) -> None:
    with clickhouse(tmp_path) as store:
        process = psutil.Process(store.process.pid)
        store.query("SELECT number FROM numbers(1000000)")
        before = process.memory_info().rss
        sql = "SELECT number, repeat('x', 100) FROM numbers(8000000)"
        size = 0
        with httpx.stream("POST", store.url, content=sql, timeout=120) as answer:
            for piece in answer.iter_raw():
                size += len(piece)
        assert size > 800_000_000
        assert process.memory_info().rss - before < 200_000_000
        # The engine's own threads open and close files too: what is usual shows over several requests.
        files = 0
        for _ in range(20):
            store.query("SELECT 1")
            files = max(files, process.num_fds())
        for _ in range(100):
            store.query("SELECT 1")
        wait_until(lambda: process.num_fds() <= files, what="the files are closed")
