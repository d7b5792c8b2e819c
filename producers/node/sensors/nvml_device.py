"""One NVIDIA device behind NVML: calls that fail become NaN, or say that the device or the driver is gone."""

import ctypes
import re
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

from schemas.events.reading import NAN

Value = TypeVar("Value")

# This device, driver or user will not answer this call: not asked again until NVML is opened anew.
_NEVER = frozenset(
    {
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,  # a library older than the binding
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)
_LOST = frozenset({pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_GPU_NOT_FOUND})
_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    }
)

# What the binding raises at an answer that it cannot read: a name that is no text, a length that is none.
UNREADABLE = (
    ctypes.ArgumentError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    TypeError,
    ValueError,
)
_ABBREVIATED = re.compile("[0-9a-fA-F]{8}")


class GpuLost(Exception):
    """The device fell off the bus."""


class DriverGone(Exception):
    """The driver was unloaded or replaced under us: NVML must be opened anew."""


class Device:
    """A handle with the calls that are known not to work. Valid while NVML stays open."""

    def __init__(self, handle: Any, index: int) -> None:  # noqa: ANN401 - a pointer of ctypes
        self.handle = handle
        self.index = index
        self._never: dict[str, int] = {}
        self.failures = 0

    def ask(self, name: str, call: Callable[..., Value], *arguments: Any) -> Value | None:  # noqa: ANN401
        """Return the answer, or none where there is none. ``name`` is unique to call and arguments.

        Raises:
            GpuLost: the device fell off the bus.
            DriverGone: NVML must be opened anew.
        """
        if name in self._never:
            return None
        try:
            return call(self.handle, *arguments)
        except pynvml.NVMLError as exc:
            code = exc.value
        except pynvml.NVMLLibraryMismatchError:  # what the binding makes of some functions that are missing
            code = pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
        except UNREADABLE:
            code = pynvml.NVML_ERROR_UNKNOWN
        if code in _NEVER:
            self._never[name] = code
        elif code in _LOST:
            raise GpuLost
        elif code in _GONE:
            raise DriverGone
        else:
            self.failures += 1
        return None

    def refuses(self, name: str) -> bool:
        """Return whether the call is not made any more."""
        return name in self._never

    def lacks(self, name: str) -> bool:
        """Return whether the device said that it has no such thing: more than that it did not answer."""
        return bool(self._never.get(name) == pynvml.NVML_ERROR_NOT_SUPPORTED)

    def number(self, name: str, call: Callable[..., float], *arguments: Any, unit: float = 1.0) -> float:  # noqa: ANN401
        """Return ``ask`` times ``unit``, or NaN."""
        answer = self.ask(name, call, *arguments)
        return NAN if answer is None else answer * unit

    def text(self, name: str, call: Callable[..., str], *arguments: Any) -> str:  # noqa: ANN401
        """Return ``ask`` as text, or nothing."""
        answer = self.ask(name, call, *arguments)
        return "" if answer is None else str(answer)


def gpu_id(uuid: str) -> str:
    """Return the kind and the first 8 digits of a UUID, an abbreviation that NVIDIA's tools accept.

    Drivers before 470 name a MIG instance by its GPU and two numbers: its digits are a checksum of that.
    """
    kind, _, digits = uuid.partition("-")
    found = _ABBREVIATED.match(digits)
    return f"{kind}-{found[0] if found else f'{zlib.crc32(uuid.encode()):08x}'}"
