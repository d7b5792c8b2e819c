"""Ordinary life: models come and go, runtimes and agents restart, machines are shut down, routers drain."""

import itertools

import pytest

from producers.simulator.scenario.arrivals import Poisson
from producers.simulator.scenario.changes import (
    AnyChange,
    Drain,
    LoadModel,
    RestartRuntime,
    Shutdown,
    SwapModel,
    UnloadModel,
    UpgradeAgent,
)
from producers.simulator.scenario.machines import Model
from producers.simulator.scenario.model import Scenario
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.node_stopped import NodeStopped
from schemas.events.request_finished import RequestFinished
from schemas.events.request_routed import RequestRouted
from tests.producers.simulator.scenes import (
    CHAT,
    OTHER,
    T0,
    arrived,
    asked,
    at,
    h100,
    llama,
    rtx,
    samples,
    scene,
)

MIXTRAL = Model(name="qwen3-32b", quantization="fp8", context_tokens=16384)


def names(found: list[NodeSample], second: float) -> list[str]:
    runtimes = at(found, second).runtimes
    return [model.name for model in runtimes[0].models] if runtimes else []


def routed(scenario: Scenario) -> list[RequestRouted]:
    return [one.event for one in arrived(scenario, RequestRouted)]


def test_an_agent_that_is_upgraded_says_goodbye_and_registers_anew() -> None:
    upgrade = UpgradeAgent(nodes=("llama-1",), at_s=30.0, version="0.2.0", down_s=3.0)
    scenario = scene(llama(agent_version="0.1.0"), changes=[upgrade], duration_s=60.0)
    (goodbye,) = (one.event for one in arrived(scenario, NodeStopped, "nodes"))
    assert goodbye.seq in (29, 30)
    registered = [one.event for one in arrived(scenario, NodeRegistered, "nodes")]
    assert [event.agent_version for event in registered] == ["0.1.0", "0.2.0"]
    assert registered[0].boot_id == goodbye.boot_id != registered[1].boot_id


def test_a_machine_that_is_shut_down_says_goodbye_and_comes_back() -> None:
    scenario = scene(
        h100(), h100("gpu-2"),
        arrivals=[asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(4.0))],
        changes=[Shutdown(nodes=("gpu-1",), at_s=60.0, down_s=60.0)],
        duration_s=300.0,
    )  # fmt: skip
    assert len(arrived(scenario, NodeStopped, "nodes")) == 1
    boots = itertools.groupby(sample.boot_id for sample in samples(scenario))
    assert len(list(boots)) == 2
    away = {one.node_id for one in routed(scenario) if T0 + 61e6 < one.occurred_at < T0 + 140e6}
    assert away == {"gpu-2"}
    back = {one.node_id for one in routed(scenario) if one.occurred_at > T0 + 280e6}
    assert back == {"gpu-1", "gpu-2"}


def test_a_runtime_that_is_restarted_is_down_loads_again_and_is_asked_again() -> None:
    scenario = scene(
        h100(),
        arrivals=[asked("llama-3.3-70b", "gpu-1", patience_s=30.0)],
        changes=[RestartRuntime(nodes=("gpu-1",), at_s=60.0, runtime_id="vllm:8000", down_s=5.0)],
        duration_s=300.0,
    )  # fmt: skip
    found = samples(scenario)
    assert at(found, 66).runtimes[0].status == "down"
    assert at(found, 290).runtimes[0].status == "up"
    ended = [one.event for one in arrived(scenario, RequestFinished)]
    late = [event for event in ended if event.received_at > T0 + 150e6]
    assert len(late) > 100
    assert {event.outcome for event in late} == {"completed"}


def test_a_swap_of_models_restarts_what_cannot_do_it_at_work() -> None:
    swap = SwapModel(nodes=("gpu-1",), at_s=60.0, runtime_id="vllm:8000", old=CHAT.name, model=MIXTRAL)
    scenario = scene(
        h100(),
        arrivals=[asked(CHAT.name, "gpu-1", patience_s=20.0), asked(MIXTRAL.name, "gpu-1", patience_s=20.0)],
        changes=[swap],
        duration_s=240.0,
    )  # fmt: skip
    found = samples(scenario)
    assert names(found, 50) == [CHAT.name]
    assert names(found, 230) == [MIXTRAL.name]
    late = [one for one in routed(scenario) if one.occurred_at > T0 + 150e6]
    assert {one.model for one in late} == {MIXTRAL.name}
    early = [one for one in routed(scenario) if one.occurred_at < T0 + 59e6]
    assert {one.model for one in early} == {CHAT.name}


def test_ollama_swaps_at_work() -> None:
    swap = SwapModel(nodes=("rtx-1",), at_s=30.0, runtime_id="ollama:11434", old="llama-3.1-8b", model=OTHER)
    found = samples(scene(rtx(), changes=[swap], duration_s=90.0))
    assert names(found, 25) == ["llama-3.1-8b"]
    assert names(found, 80) == [OTHER.name]
    assert all(sample.runtimes[0].status == "up" for sample in found)


def test_models_are_loaded_and_dropped_by_hand() -> None:
    changes: list[AnyChange] = [
        LoadModel(nodes=("rtx-1",), at_s=30.0, runtime_id="ollama:11434", model=MIXTRAL),
        UnloadModel(nodes=("rtx-1",), at_s=90.0, runtime_id="ollama:11434", model=MIXTRAL.name),
    ]
    found = samples(scene(rtx(chip="rtx-5090", gpus=2), changes=changes, duration_s=120.0))
    assert MIXTRAL.name not in names(found, 25)
    assert MIXTRAL.name in names(found, 80)
    assert MIXTRAL.name not in names(found, 110)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_node_that_is_drained_gets_nothing_and_ends_what_it_has(seed: int) -> None:
    scenario = scene(
        h100(), h100("gpu-2"),
        arrivals=[asked("llama-3.3-70b", "gpu-1", "gpu-2", process=Poisson(6.0))],
        changes=[Drain(nodes=("gpu-1",), at_s=40.0, duration_s=40.0)],
        duration_s=120.0,
        seed=seed,
    )  # fmt: skip
    during = {one.node_id for one in routed(scenario) if T0 + 40e6 <= one.occurred_at < T0 + 80e6}
    assert during == {"gpu-2"}
    assert at(samples(scenario), 70).runtimes[0].requests_running == 0
    assert {one.event.outcome for one in arrived(scenario, RequestFinished)} == {"completed"}
