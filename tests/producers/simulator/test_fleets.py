"""Nodes of several fleets in one scenario: each fact says whose it is."""

from producers.simulator.scenario.read import read_text
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.request_received import RequestReceived
from tests.producers.simulator.scenes import arrived

TWO = """\
duration: 20s
fleet: here
nodes:
  - {name: a, cpu: ryzen-7950x, memory: 64GB, runtimes: &small
      [{kind: llamacpp, port: 8080, slots: 4, models: [{name: llama-3.2-1b}]}]}
  - {name: b, cpu: ryzen-7950x, memory: 64GB, fleet: there, runtimes: *small}
arrivals:
  - {name: chat, model: llama-3.2-1b, process: {poisson: 2/s},
     prompt_tokens: {constant: 20}, output_tokens: {constant: 5}}
"""


def test_a_node_may_be_of_another_fleet_than_the_scenarios() -> None:
    scenario = read_text(TWO, "two.yaml")
    assert [scenario.fleet_of(name) for name in ("a", "b")] == ["here", "there"]
    for kind in (NodeRegistered, NodeSample):
        events = [each.event for each in arrived(scenario, kind)]
        told = {
            (each.node_id, each.fleet) for each in events if isinstance(each, NodeRegistered | NodeSample)
        }
        assert told == {("a", "here"), ("b", "there")}


def test_requests_are_of_the_fleet_of_the_node_that_they_go_to() -> None:
    told = {each.event.fleet for each in arrived(read_text(TWO, "two.yaml"), RequestReceived)}
    assert told == {"here", "there"}
