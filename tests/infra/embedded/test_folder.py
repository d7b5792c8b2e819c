import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded import folder
from schemas.errors import ConfigError


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    made = folder.prepare(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700
    assert list(made.iterdir()) == []


def test_a_disk_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nearly full.*PENSTOCK_DATA_DIR"):
        folder.prepare(tmp_path, least_free_bytes=1 << 60)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/data cannot be written: Not a directory"):
        folder.prepare(tmp_path / "file" / "data")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where the tests may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_disk_that_is_full_is_refused(small_disk: Path) -> None:
    with pytest.raises(ConfigError, match="nearly full: 1 MiB are free"):
        folder.prepare(small_disk)
    with (small_disk / "filler").open("wb") as filler, pytest.raises(OSError, match="No space left"):
        filler.write(b"\0" * (2 << 20))
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        folder.prepare(small_disk)


def test_a_read_only_disk_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ConfigError, match="cannot be written: Read-only file system"):
        folder.prepare(small_disk)


def test_one_process_holds_a_folder(tmp_path: Path) -> None:
    refused = pytest.raises(ConfigError, match=rf"process {os.getpid()} uses the folder {tmp_path}")
    with folder.held(tmp_path), refused, folder.held(tmp_path):
        pytest.fail("held twice")
    with folder.held(tmp_path):
        pass
