"""Which runtime a process on a GPU belongs to."""

import os
import subprocess
import sys

import psutil
import pytest

from producers.node import gpu_owners, process_tree
from producers.node.progress import Reading, View
from producers.node.slow import SlowParts
from producers.node.source import Facts
from schemas.events.node_registered import RuntimeInventory
from schemas.events.node_sample import GpuHealth, GpuProcess


def runtime(runtime_id: str, pid: int) -> RuntimeInventory:
    kind = runtime_id.partition(":")[0]
    return RuntimeInventory(runtime_id, kind, "http://localhost", "1", "argv", "", "", pid)


def owner(pid: int, ancestors: dict[int, tuple[int, ...]], *runtimes: RuntimeInventory) -> str:
    found = GpuHealth("GPU-1", processes=(GpuProcess(pid, 1e9, ""),))
    (process,) = gpu_owners.owned(found, ancestors, gpu_owners.pids_of(runtimes)).processes
    assert (process.pid, process.memory_used_bytes) == (pid, 1e9)
    return process.runtime_id


def test_the_server_itself() -> None:
    assert owner(10, {}, runtime("llamacpp:8080", 10)) == "llamacpp:8080"


def test_a_child_of_the_server_and_its_child() -> None:
    served = runtime("ollama:11434", 10)
    assert owner(11, {11: (10, 1)}, served) == "ollama:11434"
    assert owner(12, {12: (11, 10, 1)}, served) == "ollama:11434"


def test_the_nearest_of_two() -> None:
    parent, child = runtime("openai:80", 10), runtime("vllm:8000", 11)
    assert owner(12, {12: (11, 10, 1)}, parent, child) == "vllm:8000"


@pytest.mark.parametrize("ancestors", [{}, {12: ()}, {12: (1,)}])
def test_a_stranger_belongs_to_none(ancestors: dict[int, tuple[int, ...]]) -> None:
    assert owner(12, ancestors, runtime("vllm:8000", 11)) == ""


def test_a_runtime_whose_process_is_not_known_owns_nothing() -> None:
    assert owner(12, {12: (0,)}, runtime("vllm:8000", 0)) == ""


def test_two_ports_of_one_process_are_always_answered_alike() -> None:
    one, other = runtime("vllm:8000", 10), runtime("vllm:8001", 10)
    assert owner(10, {}, one, other) == owner(10, {}, other, one) == "vllm:8000"


def test_ancestors_are_those_of_the_machine() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        parents = process_tree.ancestors(child.pid)
        assert parents[0] == os.getpid()
        assert parents[1:] == tuple(each.pid for each in psutil.Process().parents())
    finally:
        child.communicate(b"\n")
    assert process_tree.ancestors(child.pid) == (), "it is gone"


def test_runtime_and_gpu_are_of_two_collectors() -> None:
    on_gpu = GpuHealth("GPU-1", age_s=0.0, processes=(GpuProcess(12, 1e9, ""), GpuProcess(99, 1e9, "")))
    views = [
        View("nvml", 1.0, "ok", "", "", Reading(Facts(gpu_health=(on_gpu,), ancestors={12: (10, 1)}), 1.0)),
        View("ollama", 1.0, "ok", "", "", Reading(Facts(runtime_inventory=(runtime("ollama:1", 10),)), 1.0)),
    ]
    (sent,) = SlowParts().gpu_health(views, 1.0)
    assert [process.runtime_id for process in sent.processes] == ["ollama:1", ""]
