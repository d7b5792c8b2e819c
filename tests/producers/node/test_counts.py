"""What a runtime counted is in one sample of the agent, and in no other."""

import math
import time
from pathlib import Path

from producers.node.collector import ThreadCollector
from producers.node.identity import describe, identify
from producers.node.runtimes.deltas import Count, Totals
from producers.node.sampler import Sampler
from producers.node.source import Blocking, Facts
from producers.schedule import Tick
from schemas.events.node_sample import RuntimeSample
from schemas.settings import NodeSettings

SETTINGS = NodeSettings(node_id="node-1")


class Run:
    """A sampler with one runtime, whose readings the test makes."""

    def __init__(self, folder: Path) -> None:
        self._totals = Totals()
        self._now_s = 0.0
        self._collector = ThreadCollector(Blocking("vllm:8000", Facts, 2.0))
        self._sampler = Sampler(SETTINGS, identify(SETTINGS, folder), describe(), [self._collector])

    def read(self, tokens: float) -> None:
        self._now_s += 2.0
        self._totals.observe(self._now_s, [Count("generation_tokens", "g", tokens)])
        reading = self._totals.onto(RuntimeSample("vllm:8000", "vllm", "up", age_s=0.0))
        self._collector.progress.begin(time.monotonic())
        self._collector.progress.succeed(Facts(runtimes=(reading,)), time.monotonic())

    def sample(self) -> RuntimeSample:
        (found,) = self._sampler.sample(Tick(time.monotonic(), 0.0, 0), None).runtimes
        return found


def test_a_reading_that_two_samples_see_and_two_readings_that_one_sample_sees(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.read(1000)
    assert math.isnan(run.sample().generation_tokens), "what was before the agent is not told"
    run.read(1080)
    taken = run.sample()
    assert (taken.generation_tokens, taken.interval_s) == (80.0, 2.0)
    again = run.sample()
    assert math.isnan(again.generation_tokens)
    assert math.isnan(again.interval_s)
    run.read(1090)
    run.read(1100)
    both = run.sample()
    assert (both.generation_tokens, both.interval_s) == (20.0, 4.0)
