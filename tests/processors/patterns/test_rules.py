"""The file of rules: which layer decides, and what is said of a mistake."""

import pytest

from processors.fleet.catalog import ALERTS
from processors.fleet.node_offline import NodeOffline
from processors.patterns.rules import Rules, kinds_of, parse
from processors.patterns.thresholds import Thresholds
from schemas.errors import ConfigError
from tests.processors.patterns.toy import TOY, Toy

LAYERS = """
[patterns.toy]
power_w = 1
[fleets.lab.patterns.toy]
power_w = 2
[chips."RTX".patterns.toy]
power_w = 3
[chips."rtx 4090".patterns.toy]
power_w = 4
[nodes.n.patterns.toy]
power_w = 5
"""


def rules(text: str) -> Rules:
    return parse(text, "rules.toml", kinds_of([TOY]), kinds_of(ALERTS))


def power(found: Rules, fleet: str = "f", node_id: str = "m", chip: str = "EPYC") -> float:
    limits = found.of_node("toy", Toy, fleet=fleet, node_id=node_id, chips=(chip,))
    assert isinstance(limits, Toy)
    return limits.power_w


def test_the_nearest_layer_decides() -> None:
    found = rules(LAYERS)
    assert power(found) == 1
    assert power(found, fleet="lab") == 2
    assert power(found, fleet="lab", chip="NVIDIA GeForce RTX 3090") == 3
    assert power(found, fleet="lab", chip="NVIDIA GeForce RTX 4090") == 4
    assert power(found, fleet="lab", chip="NVIDIA GeForce RTX 4090", node_id="n") == 5
    assert power(Rules()) == Toy().power_w


def test_layers_add_up_name_by_name() -> None:
    found = rules("[patterns.toy]\ncritical_w = 7\n[nodes.n.patterns.toy]\nfor_s = 30\n")
    limits = found.of_node("toy", Toy, fleet="f", node_id="n", chips=())
    assert limits == Toy(critical_w=7, for_s=30)


def test_alerts_have_layers_too() -> None:
    found = rules("[alerts.node_offline]\nsilent_s = 60\n[fleets.lab.alerts.node_offline]\nenabled = false\n")
    assert found.of_fleet("node_offline", NodeOffline, fleet="f") == NodeOffline(silent_s=60)
    assert found.of_fleet("node_offline", NodeOffline, fleet="lab") == NodeOffline(silent_s=60, enabled=False)
    assert found.of_fleet("oom_warning", Thresholds, fleet="lab") == Thresholds()


def test_the_digest_tells_rules_apart_and_not_their_layout() -> None:
    one, same = rules("[patterns.toy]\npower_w = 1\n"), rules("# said\n[patterns.toy]\npower_w   =  1\n")
    assert one.digest == same.digest
    assert one.digest != rules("[patterns.toy]\npower_w = 2\n").digest
    assert one.digest != Rules().digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[patterns.toy]\npower_w = -1\n", "patterns.toy.power_w is -1: 0 to 10000 W is allowed"),
        ("[patterns.toy]\npower_w = nan\n", "patterns.toy.power_w is nan: 0 to 10000 W is allowed"),
        ("[patterns.toy]\npower_w = 'x'\n", "patterns.toy.power_w is 'x': a number is allowed"),
        ("[patterns.toy]\npower_w = true\n", "patterns.toy.power_w is True: a number is allowed"),
        ("[patterns.toy]\nenabled = 1\n", "patterns.toy.enabled is 1: true or false is allowed"),
        ("[patterns.toy]\npowr_w = 1\n", "patterns.toy.powr_w is not known; did you mean power_w?"),
        ("[patterns.tpy]\n", "patterns.tpy is not known; did you mean toy?"),
        ("[pattern.toy]\n", "pattern is not known; did you mean patterns?"),
        ("[nodes.n.alerts.node_offline]\n", "nodes.n.alerts is not known; known are patterns"),
        ("[alerts.node_offlin]\n", "alerts.node_offlin is not known; did you mean node_offline?"),
        ("patterns = 3\n", "patterns is 3: a table is needed"),
        ("[nodes]\nn = 3\n", "nodes.n is 3: a table is needed"),
        ("[patterns.toy\n", "rules.toml: "),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("rules.toml: ")


def test_every_mistake_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        rules("[patterns.toy]\npower_w = -1\nfoo = 2\n[chips.x.patterns.toy]\nfor_s = 9999\n")
    assert str(caught.value).count(";") == 3
