"""How busy a MIG instance is, by NVML's GPU performance monitoring: Hopper and later, with its driver.

``nvmlDeviceGetUtilizationRates`` knows no instances. GPM compares two snapshots of counters, here one a read.
"""

import contextlib
from typing import Any

import pynvml

from producers.node.sensors.nvml_device import Device
from schemas.events.reading import NAN

_PERCENT = 0.01


class Utilization:
    """The share of time an instance computed between two reads. ``parent`` is the whole GPU's device."""

    def __init__(self, parent: Device, instance: int) -> None:
        self._parent = parent
        self._instance = instance
        support = parent.ask("gpm support", pynvml.nvmlGpmQueryDeviceSupport)
        supported = support is not None and bool(support.isSupportedDevice)
        self._buffers: list[Any] = _buffers() if supported else []
        self._has_before = False
        self._question = pynvml.c_nvmlGpmMetricsGet_t()

    def ratio(self) -> float:
        """Take a snapshot and return the share since the one before; NaN at first and where not supported."""
        if not self._buffers:
            return NAN
        before, now = self._buffers
        name, take = f"gpm sample {self._instance}", pynvml.nvmlGpmMigSampleGet
        taken = self._parent.ask(name, take, self._instance, now) is not None
        had_before, self._has_before = self._has_before, taken
        self._buffers = [now, before]
        return self._share(before, now) if taken and had_before else NAN

    def close(self) -> None:
        """Give the snapshots back to NVML."""
        for buffer in self._buffers:
            with contextlib.suppress(pynvml.NVMLError):
                pynvml.nvmlGpmSampleFree(buffer)
        self._buffers = []

    def _share(self, before: Any, now: Any) -> float:  # noqa: ANN401 - pointers of ctypes
        question = self._question
        question.version, question.numMetrics = pynvml.NVML_GPM_METRICS_GET_VERSION, 1
        question.sample1, question.sample2 = before, now
        question.metrics[0].metricId = pynvml.NVML_GPM_METRIC_GRAPHICS_UTIL
        answer = self._parent.ask("gpm metrics", lambda _handle: pynvml.nvmlGpmMetricsGet(question))
        if answer is None or answer.metrics[0].nvmlReturn != pynvml.NVML_SUCCESS:
            return NAN
        return float(answer.metrics[0].value) * _PERCENT


def _buffers() -> list[Any]:
    try:
        return [pynvml.nvmlGpmSampleAlloc(), pynvml.nvmlGpmSampleAlloc()]
    except pynvml.NVMLError:
        return []
