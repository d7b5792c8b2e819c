"""How far apart two keys can be: the bound of start-time fair queueing, for any weights and sizes."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import given, settings

from api.router.queue.limits import KeyLimits
from tests.api.router.queue.driver import Driver

weights = st.sampled_from([0.5, 1.0, 2.0, 7.0])
sizes = st.lists(st.integers(1, 3_000), min_size=12, max_size=30)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(weights, sizes), min_size=2, max_size=4), st.integers(1, 6))
def test_two_keys_that_wait_are_never_further_apart_than_a_request_of_each(
    keys: list[tuple[float, list[int]]], slots: int
) -> None:
    driver = Driver(output_tokens=0)
    for key, (weight, prompts) in enumerate(keys):
        for prompt in prompts:
            driver.ask(key=str(key), prompt=prompt, limits=KeyLimits(weight=weight))
    driver.serve("m", slots)
    driver.drain()
    left = Counter({str(key): len(prompts) for key, (_, prompts) in enumerate(keys)})
    served: Counter[str] = Counter()
    for name in driver.went:
        ticket = driver.tickets[name]
        left[ticket.key] -= 1
        served[ticket.key] += ticket.prompt_tokens
        waiting = [
            (str(key), weight, max(prompts)) for key, (weight, prompts) in enumerate(keys) if left[str(key)]
        ]
        for one, weight, most in waiting:
            for other, other_weight, other_most in waiting:
                apart = served[one] / weight - served[other] / other_weight
                assert apart <= most / weight + other_most / other_weight + 1e-6


@settings(max_examples=40, deadline=None)
@given(weights, st.lists(weights, min_size=1, max_size=4), st.integers(1, 2_000), st.integers(1, 3))
def test_a_steady_crowd_keeps_no_key_waiting_for_long(
    weight: float, crowd: list[float], size: int, slots: int
) -> None:
    driver = Driver(output_tokens=0)
    for key, other in enumerate(crowd):
        driver.asks(3 * slots, key=str(key), limits=KeyLimits(weight=other))
    driver.serve("m", slots)
    mine = [driver.ask(key="mine", prompt=size, limits=KeyLimits(weight=weight)) for _ in range(2)]
    bound = 0.0
    # Before its second request the others have their shares of its first, and each may be a request ahead.
    for other in crowd:
        bound += other * size / weight / 1_000 + 2 + slots
    count = 0
    while mine[1] not in driver.went:
        name = driver.running()[0]
        whose = driver.tickets[name].key
        driver.finish(name, output=0)
        if whose != "mine":
            driver.ask(key=whose, prompt=1_000, limits=KeyLimits(weight=crowd[int(whose)]))
        count += 1
        assert count <= bound + slots * (len(crowd) + 3)
