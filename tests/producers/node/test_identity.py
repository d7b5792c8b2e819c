from pathlib import Path

import pytest

from producers.node import identity
from producers.node.cgroup import MemoryLimit, container, cpu_limit
from producers.node.identity import Identity, derived_node_id, describe, identify
from producers.node.progress import Reading, View
from producers.node.registration import Changes, registered
from producers.node.source import Facts
from schemas.events.node_registered import NodeRegistered, RuntimeInventory
from schemas.settings import NodeSettings


def test_the_name_stays_and_the_run_is_new(tmp_path: Path) -> None:
    first, second = (identify(NodeSettings(), tmp_path) for _ in range(2))
    assert (first.node_id, first.machine_id) == (second.node_id, second.machine_id)
    assert first.boot_id != second.boot_id
    assert len(first.machine_id) == 64


def test_the_settings_name_the_node(tmp_path: Path) -> None:
    found = identify(NodeSettings(node_id="rack-1/gpu", fleet="lab"), tmp_path)
    assert (found.node_id, found.fleet) == ("rack-1/gpu", "lab")


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [
        ("web1.example.org", "web1-3fa9c2"),
        ("GPU_Box", "gpu-box-3fa9c2"),
        ("", "node-3fa9c2"),
        ("...", "node-3fa9c2"),
        ("x" * 200, "x" * 50 + "-3fa9c2"),
    ],
)
def test_names_are_readable(hostname: str, expected: str) -> None:
    assert derived_node_id(hostname, "3fa9c2" + "0" * 58) == expected


def test_a_machine_without_an_id_keeps_one_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MACHINE_ID_FILES", (tmp_path / "none",))
    first, second = (identify(NodeSettings(), tmp_path / "data") for _ in range(2))
    assert first.machine_id == second.machine_id
    assert identify(NodeSettings(), tmp_path / "other").machine_id != first.machine_id


def test_this_machine_is_described() -> None:
    machine = describe()
    assert machine.hostname
    assert machine.cpu_count >= 1
    assert machine.memory_total_bytes > 1e8


def made(collectors: tuple[View, ...], at: int) -> NodeRegistered:
    who = Identity("node-1", "default", "boot", "f" * 64, 1)
    return registered(who, describe(), collectors, tags={"rack": "1"}, interval_s=1.0, occurred_at=at)


def test_a_registration_is_news_when_it_says_something_new() -> None:
    changes = Changes()
    runtime = RuntimeInventory("ollama:11434", "ollama", "http://127.0.0.1:11434", "1", "default", "", "", 0)
    one = View("ollama", 2.0, "ok", "", "", Reading(Facts(runtime_inventory=(runtime,)), 0.0))
    assert changes.new(made((one,), 1))
    assert not changes.new(made((one,), 2)), "its own time is no news, and NaN is NaN"
    newer = Facts(runtime_inventory=(runtime._replace(version="2"),))
    assert changes.new(made((View("ollama", 2.0, "ok", "", "", Reading(newer, 0.0)),), 3))


def test_a_collector_that_has_not_answered_is_not_registered() -> None:
    starting = View("nvml", 1.0, "starting", "", "", None)
    slow = View("disk", 1.0, "timeout", "no answer within 2 s", "", None)
    assert [each[:2] for each in made((starting, slow), 1).collectors] == [("disk", "error")]


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


def test_limits_of_version_2(tmp_path: Path) -> None:
    write(
        tmp_path,
        memory__max="8589934592\n",
        memory__current="5000000000\n",
        memory__stat="anon 1\ninactive_file 1000000000\n",
        cpu__max="250000 100000\n",
    )
    assert MemoryLimit(tmp_path).read() == (8589934592, 4e9)
    assert cpu_limit(tmp_path) == 2.5


def test_limits_of_version_1(tmp_path: Path) -> None:
    write(tmp_path / "memory", memory__limit_in_bytes="4294967296", memory__usage_in_bytes="1000000000",
          memory__stat="total_inactive_file 400000000")  # fmt: skip
    write(tmp_path / "cpu", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    assert MemoryLimit(tmp_path).read() == (4294967296, 6e8)
    assert cpu_limit(tmp_path) == 0.5


def test_no_limits(tmp_path: Path) -> None:
    assert MemoryLimit(tmp_path).read() is None
    assert cpu_limit(tmp_path) is None
    write(tmp_path, memory__max="max\n", memory__current="1", cpu__max="max 100000\n")
    assert MemoryLimit(tmp_path).read() is None
    assert cpu_limit(tmp_path) is None
    write(
        tmp_path / "v1" / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="1"
    )
    assert MemoryLimit(tmp_path / "v1").read() is None


def test_containers(tmp_path: Path) -> None:
    assert container({}, tmp_path) == ""
    assert container({"container": "lxc"}, tmp_path) == "lxc"
    (tmp_path / ".dockerenv").touch()
    assert container({}, tmp_path) == "docker"
    assert container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path) == "kubernetes"
