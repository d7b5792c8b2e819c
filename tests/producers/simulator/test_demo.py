"""The demonstration: something of everything, and something to see within some minutes."""

from dataclasses import replace

from producers.simulator.physics import dvfs
from producers.simulator.run import scenario
from schemas.events.node_sample import NodeSample
from schemas.events.request_finished import RequestFinished
from tests.producers.simulator.scenes import arrived, samples


def test_it_shows_every_kind_of_node_at_work() -> None:
    shown = replace(scenario(), duration_s=180.0)
    told = [one.event for one in arrived(shown, NodeSample)]
    assert {sample.node_id for sample in told} == {node.name for node in shown.nodes}
    assert {sample.fleet for sample in told} == {"demo"}
    assert all(runtime.status == "up" for sample in told for runtime in sample.runtimes)
    outcomes = [one.event.outcome for one in arrived(shown, RequestFinished)]
    assert outcomes.count("completed") > 0.98 * len(outcomes) > 700


def test_a_gpu_overheats_and_recovers() -> None:
    shown = replace(scenario(), duration_s=1500.0)
    found = samples(shown, "demo-h100-b")
    hot = [sample.gpus[3].throttle_reasons & (dvfs.SW_THERMAL | dvfs.HW_THERMAL) for sample in found]
    assert not any(hot[:240])
    assert any(hot[240:850])
    assert not any(hot[-120:])
    assert not any(gpu.throttle_reasons & dvfs.SW_THERMAL for sample in found for gpu in sample.gpus[:3])
