from typing import Any

import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.power_gpu_decoupling import PowerGpuDecoupling, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, request_slot, runtime_slot, slot, window


def decoupled(
    utilization: float = 0.1,
    gpus: int = 1,
    *,
    low: int = 30,
    serving: int = 30,
    runtime: dict[str, float] | None = None,
    kind: str = "llamacpp:8080",
    **readings: float,
) -> Judgement:
    """``serving`` panes with work, of which the first ``low`` use the accelerators little."""

    def make(index: int) -> Slot:
        used = utilization if index < low else 0.9
        told = {"requests_running_min": 1.0} if index < serving else {"requests_running_min": 0.0}
        return slot(
            index,
            gpus=tuple(gpu_slot(f"GPU-{n}", utilization_ratio=used) for n in range(gpus)),
            runtimes=(runtime_slot(kind, **{**told, **(runtime or {})}),),
            **readings,
        )

    return judge(window(300, make), PowerGpuDecoupling())


@pytest.mark.parametrize(("utilization", "holds"), [(0.19, True), (0.2, False)])
def test_tokens_and_little_use(utilization: float, holds: bool) -> None:
    assert decoupled(utilization).holds is holds


@pytest.mark.parametrize(("low", "holds"), [(21, True), (20, False)])
def test_most_of_the_panes(low: int, holds: bool) -> None:
    assert decoupled(low=low).holds is holds


@pytest.mark.parametrize(("serving", "holds"), [(9, True), (8, False)])
def test_a_request_now_and_then_is_no_load(serving: int, holds: bool) -> None:
    assert decoupled(serving=serving, live=0.0).holds is holds


def test_layers_over_eight_use_an_eighth_of_each() -> None:
    assert decoupled(0.12, 8).holds is False
    assert decoupled(0.02, 8).holds is True


def test_an_engine_that_hangs_generates_nothing() -> None:
    assert decoupled(runtime={"generation_tokens": 0.0}).holds is False


SILENT: dict[str, Any] = {"requests_running": NAN, "requests_running_min": NAN, "generation_tokens": NAN}


def test_ollama_counts_nothing_and_the_cpu_tells() -> None:
    assert decoupled(kind="ollama:11434", runtime=SILENT, cpu_ratio=0.5).holds is True
    assert decoupled(kind="ollama:11434", runtime=SILENT, cpu_ratio=0.29).holds is False
    assert decoupled(kind="ollama:11434", runtime=SILENT, cpu_ratio=0.5, live=0.9).holds is False


def test_routers_know_what_ollama_does_not_tell() -> None:
    def found(in_flight_s: float) -> bool | None:
        slots = [
            slot(index, live=0.0, idle=1.0, cpu_ratio=0.5, gpus=(gpu_slot(utilization_ratio=0.1),),
                 runtimes=(runtime_slot("ollama:11434", **SILENT),))
            for index in range(30)
        ]  # fmt: skip
        parts = [request_slot(index, in_flight_s=in_flight_s) for index in range(30)]
        return judge(window(300, slots, parts), PowerGpuDecoupling()).holds

    assert found(10.0) is True
    assert found(9.0) is False


def test_served_by_the_accelerators_again() -> None:
    """Short requests without a queue leave gaps: they count against it all the same."""

    def make(index: int) -> Slot:
        fast = index >= 20
        runtime = runtime_slot("llamacpp:8080", requests_running_min=0.0 if fast else 1.0)
        gpu = gpu_slot(utilization_ratio=0.6 if fast else 0.1)
        return slot(index, gpus=(gpu,), runtimes=(runtime,))

    assert judge(window(300, make), PowerGpuDecoupling()).holds is False


def test_names_the_models() -> None:
    found = decoupled()
    assert found.subjects == ("llama-3.1-8b",)
    assert "used 10%" in found.text


def test_unknown_without_utilization_or_accelerators() -> None:
    assert decoupled(NAN).holds is None
    assert decoupled(gpus=0).holds is None
