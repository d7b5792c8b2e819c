"""What other routers get wrong, each as a test."""

from collections import Counter

import pytest

from api.router.scoring.board import Load
from api.router.scoring.decide import EVEN
from api.router.scoring.place import UNKNOWN_CONDITION, UNKNOWN_SPEED, Speed
from tests.api.router.scoring.build import GB, choose, chosen, condition, place, scores


def test_residency_is_not_occupancy() -> None:
    """A hot node wins there by 40 points, however busy it is."""
    hot, cold = place("hot"), place("cold", loaded=False, size_bytes=2 * GB)
    found = {n: chosen(choose([hot, cold], {"hot": Load(n, 4)})) for n in (0, 4, 200)}
    assert found == {0: "hot", 4: "hot", 200: "cold"}


@pytest.mark.parametrize("depth", [5, 6, 50, 500])
def test_a_deep_queue_counts_in_full(depth: int) -> None:
    """The penalty there ends at five."""
    places = [place("a"), place("b")]
    assert chosen(choose(places, {"a": Load(depth, 1), "b": Load(depth - 1, 1)})) == "b"


def test_a_wait_is_divided_by_how_many_run_at_once() -> None:
    """It is not there, so a node of one slot looks as quick as one of sixteen."""
    found = choose([place("a"), place("b")], {"a": Load(16, 1), "b": Load(17, 16)})
    waits = [scores(found, node)["wait"] for node in ("node-a", "node-b")]
    assert waits == pytest.approx([-16.5, -0.625])
    assert chosen(found) == "b"


def test_ties_are_not_won_by_who_came_first() -> None:
    places = [place(name) for name in "abcd"]
    found = [choose(places, request_id=str(n)) for n in range(100)]
    assert set(Counter(chosen(one) for one in found)) == set("abcd")
    assert {one.reason for one in found} == {EVEN}


def test_a_node_without_history_is_not_taken_for_a_fast_one_nor_for_a_dead_one() -> None:
    """It is assumed there to take 3 s."""
    new, slow, fast = (
        place("new", speed=UNKNOWN_SPEED),
        Speed(1, 0.01, 0.5, 50, 10, 0),
        Speed(0, 0, 0.001, 0.1, 1, 0),
    )
    assert chosen(choose([new, place("slow", speed=slow)])) == "new"
    assert chosen(choose([new, place("fast", speed=fast)])) == "fast"


def test_one_busy_caller_is_not_glued_to_one_node() -> None:
    """Affinity is worth there 20 points, by address and model."""
    found = choose([place("a"), place("b")], {"a": Load(8, 4)}, saved={"a": 80.0})
    assert chosen(found) == "b"


def test_an_unknown_size_is_not_taken_from_a_name() -> None:
    """An unknown name has 10 GB there; 13b is found to be 3b."""
    told = condition(memory_free_bytes=5 * GB, memory_total_bytes=5 * GB)
    found = choose([place("a", loaded=False, condition=told, model="odd:13b")])
    assert scores(found, "node-a")["memory_fit"] == 0.0


def test_a_server_without_an_agent_is_no_worse_for_it() -> None:
    """A node that tells no availability gets less there than a laptop that does."""
    bare, told = place("bare", condition=UNKNOWN_CONDITION), place("told")
    assert {chosen(choose([bare, told], request_id=str(n))) for n in range(12)} == {"bare", "told"}


def test_which_node_suits_a_model_is_measured_not_guessed_from_memory() -> None:
    """Nodes are sorted there into classes by size."""
    small = place("small", speed=Speed(0.05, 0.0005, 0.005, 0.5, 10, 0))
    huge = place("huge", condition=condition(memory_total_bytes=512 * GB))
    assert chosen(choose([huge, small])) == "small"


def test_memory_under_pressure_does_not_rule_out_what_is_loaded() -> None:
    full = condition(memory_free_bytes=0.0, memory_total_bytes=8 * GB)
    assert chosen(choose([place("a", condition=full, size_bytes=6 * GB)])) == "a"


def test_a_wrong_context_costs_a_load_and_is_seen_before_the_request_goes() -> None:
    found = choose([place("a", context=4096), place("b", context=32768)], num_ctx=16384)
    assert chosen(found) == "b"
    assert scores(found, "node-a")["context_fit"] == -10.0
