"""The jars of the lock file; the network is needed by none of these."""

import shutil
from pathlib import Path

import pytest
from jgo.env import LockFile

from infra.embedded.kafka.jars import LOCK_FILE, Progress, fetch, jar_cache
from schemas.errors import ConfigError, UnavailableError


def test_every_jar_is_locked_by_its_sum_and_of_one_release() -> None:
    wanted = LockFile.load(LOCK_FILE).dependencies
    assert all(jar.sha256 and len(jar.sha256) == 64 for jar in wanted)
    kafka = {jar.version for jar in wanted if jar.groupId == "org.apache.kafka"}
    assert len(kafka) == 1
    assert kafka.pop().startswith("4.1.")


@pytest.mark.integration
def test_what_is_there_is_not_downloaded_again(kafka_servers: str, offline: None) -> None:
    seen: list[Progress] = []
    paths = fetch(seen.append)
    assert len(paths) == len(LockFile.load(LOCK_FILE).dependencies)
    assert seen[-1] == Progress(len(paths), len(paths), 0)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror in the place of the central repository that refuses connections."""
    settings = tmp_path / "jgo.conf"
    settings.write_text("[repositories]\ncentral = http://127.0.0.1:9\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))


def test_no_network_is_a_clear_error(tmp_path: Path, offline: None) -> None:
    with pytest.raises(UnavailableError, match="Kafka's jars cannot be downloaded"):
        fetch(cache=tmp_path)


@pytest.mark.integration
def test_a_damaged_jar_is_not_used(kafka_servers: str, tmp_path: Path, offline: None) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(jar_cache(), cache)
    victim = next(cache.rglob("kafka-clients-*.jar"))
    victim.write_bytes(victim.read_bytes()[:1000])
    with pytest.raises(UnavailableError):
        fetch(cache=cache)
    assert not victim.exists(), "thrown away, so that the next start downloads it"


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be kept in .*XDG_CACHE_HOME"):
        fetch(cache=tmp_path / "file" / "cache")
