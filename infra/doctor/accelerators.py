"""NVIDIA accelerators, by NVML."""

from infra.doctor.finding import Finding, ok, warn
from schemas.settings import Settings


def nvml(_settings: Settings) -> Finding:
    """Judge whether the agent can read the accelerators of this machine."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as exc:
        if exc.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return ok("nvml", "no NVIDIA driver on this machine; its accelerators are not read")
        return warn("nvml", f"the NVIDIA driver does not answer: {exc}", "see nvidia-smi and dmesg")
    try:
        found = [_name(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
        version = _text(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError as exc:
        return warn("nvml", f"the NVIDIA driver does not list its accelerators: {exc}", "see nvidia-smi")
    finally:
        pynvml.nvmlShutdown()
    return ok("nvml", f"driver {version}: {', '.join(found) or 'no accelerator'}")


def _name(nvml_module: object, index: int) -> str:
    handle = nvml_module.nvmlDeviceGetHandleByIndex(index)  # type: ignore[attr-defined]  # pynvml is untyped
    return _text(nvml_module.nvmlDeviceGetName(handle))  # type: ignore[attr-defined]  # as above


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
