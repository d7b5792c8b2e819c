"""The stand-in for NVIDIA's library: one for the run, for the loader keeps the first that bears the name."""

from collections.abc import Iterator

import pytest

from infra.bench.fake_nvml import FakeNvml, build, compiler
from producers.node.sensors.gpu_events import GpuEvents
from producers.node.sensors.nvml import Nvml


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> FakeNvml:
    if compiler() is None:
        pytest.skip("no C compiler")
    return FakeNvml(build(tmp_path_factory.mktemp("nvml")))


@pytest.fixture
def fake(library: FakeNvml) -> Iterator[FakeNvml]:
    library.devices(2)
    yield library
    library.devices(0)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def events() -> GpuEvents:
    return GpuEvents()


@pytest.fixture
def nvml(fake: FakeNvml, clock: Time, events: GpuEvents) -> Nvml:
    return Nvml(clock, events)
