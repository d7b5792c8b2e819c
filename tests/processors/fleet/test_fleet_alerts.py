"""Each alert that compares nodes, at its boundaries, through the stage."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.processors.fleet.fleets import Replay, kinds, mark, observed, silent, summary, told


def run(replay: Replay, start: int, end: int, nodes: Mapping[str, Mapping[str, Any]]) -> None:
    """Summaries of every node every ten seconds, each time followed by the watermark."""
    for second in range(start, end + 1, 10):
        replay.feed(*(summary(second, node_id, **each) for node_id, each in nodes.items()), mark(second))


def alerts(nodes: Mapping[str, Mapping[str, Any]], end: int = 1800) -> list[str]:
    replay = Replay()
    run(replay, 0, end, nodes)
    return [alert for alert, what, _ in kinds(replay.said) if what == "opened"]


def racked(names: Iterable[str], **readings: Any) -> dict[str, dict[str, Any]]:
    return {name: {"rack": name[0], **readings} for name in names}


OLD = {"agent_version": "0.1.0"}


def test_three_equal_nodes_give_nothing() -> None:
    assert alerts({"a": {}, "b": {}, "c": {}}) == []


def test_other_versions_are_one_alert_with_the_nodes_that_differ() -> None:
    replay = Replay()
    run(replay, 0, 290, {"a": {}, "b": OLD, "c": {}, "d": OLD, "e": {}})
    assert told(replay.said) == []
    run(replay, 300, 300, {"a": {}, "b": OLD, "c": {}, "d": OLD, "e": {}})
    (alert,) = told(replay.said)
    assert (alert.alert, alert.members, alert.node_id) == ("agent_version_mismatch", ("b", "d"), "")
    run(replay, 310, 370, {"a": {}, "b": {}, "c": {}, "d": {}, "e": {}})
    assert kinds(replay.said)[-1] == ("agent_version_mismatch", "resolved", "cleared")


def test_a_roll_out_that_goes_on_is_no_mismatch() -> None:
    replay = Replay()
    names = "abcdef"
    for done in range(len(names)):
        nodes = {name: {} if place < done else OLD for place, name in enumerate(names)}
        run(replay, done * 600, done * 600 + 590, nodes)
    run(replay, 3600, 4800, {name: {} for name in names})
    assert told(replay.said) == []


def test_a_roll_out_that_stops_half_way_is_one() -> None:
    replay = Replay()
    run(replay, 0, 300, dict.fromkeys("abc", OLD))
    run(replay, 310, 310 + 900 + 290, {"a": {}, "b": OLD, "c": OLD})
    assert told(replay.said) == []
    run(replay, 310 + 900 + 300, 310 + 900 + 300, {"a": {}, "b": OLD, "c": OLD})
    assert told(replay.said)[0].members == ("a",)


def test_of_equally_common_versions_the_newer_is_usual() -> None:
    replay = Replay()
    run(replay, 0, 310, {"a": {}, "b": OLD})
    assert told(replay.said)[0].members == ("b",)


def test_requests_wait_while_an_equal_node_has_room() -> None:
    full = {"requests_running": 8.0, "requests_waiting": 3.0, "load": "8"}
    room = {"requests_running": 1.0, "load": "1"}
    assert alerts({"a": full, "b": room}, 110) == []
    replay = Replay()
    run(replay, 0, 120, {"a": full, "b": room})
    (alert,) = told(replay.said)
    assert (alert.alert, alert.node_id, alert.members) == ("fleet_load_imbalance", "a", ("a", "b"))


def test_waiting_is_no_imbalance_without_an_equal_node_that_has_room() -> None:
    full = {"requests_running": 8.0, "requests_waiting": 3.0}
    assert alerts({"a": full, "b": {"requests_running": 3.0}}) == []
    assert alerts({"a": full, "b": {"requests_running": 1.0, "hardware": "1 x NVIDIA L4"}}) == []
    assert alerts({"a": full, "b": {"requests_running": 1.0, "model": "qwen"}}) == []
    assert alerts({"a": full, "b": {"requests_running": 1.0, "thermal_serious": 5.0}}) == []
    few = {"requests_running": 8.0, "requests_waiting": 1.9}
    assert alerts({"a": few, "b": {"requests_running": 0.0}}) == []


def test_a_hot_node_that_costs_more_than_a_cool_one_at_the_same_load() -> None:
    hot = {"thermal_serious": 6.0, "wes_raw": 0.19}
    assert alerts({"a": hot, "b": {}}) == ["fleet_load_imbalance"]
    assert alerts({"a": hot, "b": {"load": "4 p4"}}) == ["fleet_load_imbalance"]
    assert alerts({"a": hot, "b": {"load": "8"}}) == []
    assert alerts({"a": {**hot, "wes_raw": 0.21}, "b": {}}) == []
    assert alerts({"a": {"wes_raw": 0.1}, "b": {}}) == []


def hot(second: float) -> dict[str, Any]:
    return {"open": (observed("thermal_drain", second),)}


def test_three_of_a_rack_with_the_same_onset_are_one_incident() -> None:
    replay = Replay()
    nodes = racked(["a1", "a2", "a3", "a4", "b1", "b2"])
    for name, onset in (("a1", 0), ("a2", 120), ("a3", 300)):
        nodes[name] |= hot(onset)
    run(replay, 300, 310, nodes)
    assert told(replay.said) == []
    run(replay, 320, 320, nodes)
    (alert,) = told(replay.said)
    assert (alert.alert, alert.members, alert.severity) == (
        "correlated_incident",
        ("a1", "a2", "a3"),
        "warning",
    )
    assert alert.observations == ("thermal_drain 0", "thermal_drain 120", "thermal_drain 300")
    assert "rack a" in alert.text
    run(replay, 330, 400, racked(["a1", "a2", "a3", "a4", "b1", "b2"]))
    assert kinds(replay.said)[-1] == ("correlated_incident", "resolved", "cleared")


def test_trouble_at_different_times_or_of_different_kinds_is_not_one_incident() -> None:
    nodes = racked(["a1", "a2", "a3", "a4"])
    apart = {**nodes, "a1": nodes["a1"] | hot(0), "a2": nodes["a2"] | hot(301), "a3": nodes["a3"] | hot(602)}
    assert alerts(apart) == []
    kinds_apart = {
        "a1": hot(0),
        "a2": {"open": (observed("swap_io_pressure", 0),)},
        "a3": {"open": (observed("gpu_lost", 0),)},
    }
    assert alerts(kinds_apart) == []


def test_a_few_of_many_are_not_a_fleets_incident() -> None:
    nodes: dict[str, dict[str, Any]] = {f"n{number}": {} for number in range(10)}
    for name in ("n1", "n2", "n3"):
        nodes[name] = hot(0)
    assert alerts(nodes) == []


def test_nodes_that_went_silent_together_are_one_incident() -> None:
    replay = Replay()
    names = ["a1", "a2", "a3", "b1", "b2", "b3", "b4"]
    run(replay, 0, 100, racked(names))
    for second in range(110, 200, 5):
        gone = [silent(second, 100, name, rack="a") for name in names[:3]]
        there = [summary(second, name, rack="b") for name in names[3:]]
        replay.feed(*gone, *there, mark(second))
    (alert,) = told(replay.said)
    assert (alert.alert, alert.members) == ("correlated_incident", ("a1", "a2", "a3"))
    assert "silent" in alert.text


def test_what_a_silent_node_had_besides_is_no_second_incident() -> None:
    replay = Replay()
    names = ["a1", "a2", "a3", "b1"]
    run(replay, 0, 100, racked(names))
    failed = (observed("error_burst", 95),)
    for second in range(110, 250, 5):
        had = failed if second >= 160 else ()
        gone = [silent(second, 100, name, rack="a", open=had) for name in names[:3]]
        replay.feed(*gone, summary(second, "b1", rack="b"), mark(second))
    (alert,) = told(replay.said)
    assert "silent" in alert.text


def test_an_incident_is_as_severe_as_the_worst_of_its_troubles() -> None:
    nodes = racked(["a1", "a2", "a3", "b1"])
    for name in ("a1", "a2", "a3"):
        nodes[name] |= hot(0)
    nodes["a2"] = nodes["a2"] | {"open": (observed("thermal_drain", 0, severity="critical"),)}
    replay = Replay()
    run(replay, 0, 20, nodes)
    assert [alert.severity for alert in told(replay.said)] == ["critical"]


def named(nodes: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], str]:
    """The members of the incident that opens, and what they are said to share."""
    replay = Replay()
    run(replay, 0, 20, nodes)
    (alert,) = told(replay.said)
    return alert.members, alert.evidence[1].subject


def test_what_tells_the_troubled_from_the_others_is_named() -> None:
    shared = {"rack": "r1", "driver": "580"}
    well, ill = {"a": shared, "b": shared}, {name: {**shared, **hot(0)} for name in "cdef"}
    assert named(well | ill) == (("c", "d", "e", "f"), "fleet lab")
    other_driver = {name: {**each, "driver": "590"} for name, each in ill.items()}
    assert named(well | other_driver) == (("c", "d", "e", "f"), "driver 590")
    half_of_rack = {name: {**hot(0), "rack": name} for name in "cde"} | {"f": {**hot(0), "rack": "r1"}}
    assert named(well | half_of_rack)[1] == "fleet lab"


def test_nodes_that_have_long_gone_do_not_count_as_well() -> None:
    nodes = {name: hot(0) for name in "abc"}
    replay = Replay()
    for second in range(0, 21, 10):
        gone = [silent(second, second - 90_000, f"x{place}") for place in range(2)]
        off = [silent(second, second - 90_000, f"y{place}", stopped=True) for place in range(9)]
        replay.feed(
            *gone, *off, *(summary(second, name, **each) for name, each in nodes.items()), mark(second)
        )
    (alert,) = [each for each in told(replay.said) if each.alert == "correlated_incident"]
    assert alert.members == ("a", "b", "c")


def test_other_fleets_do_not_count() -> None:
    nodes = {name: {"fleet": f"fleet-{name}", "rack": "a", **hot(0)} for name in ("a", "b", "c")}
    assert alerts(nodes) == []
    versions = {"a": {"fleet": "one"}, "b": {"fleet": "two", **OLD}}
    assert alerts(versions) == []
