"""Errors of an accelerator's memory, and the XIDs that tell of broken hardware."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import HealthSlot
from processors.windows.window import Window
from schemas.events.observation import Evidence, Severity
from schemas.events.reading import NAN, known

# NVIDIA's list of XIDs. Those of a program alone (13, 31, 43, 45, ...) are no fault of the hardware, and 79,
# the GPU fell off the bus, is gpu_lost.
_FATAL = frozenset({48, 61, 62, 64, 74, 92, 95, 119, 120, 140})
# Contained or repaired: a row or page was put aside, or only one program was ended.
_CONTAINED = frozenset({63, 94})


@dataclass(frozen=True, slots=True)
class EccErrors(Thresholds):
    """Thresholds of ecc_errors."""

    corrected_min: float = threshold(
        30, 1, 1e9, "errors", doc="corrected errors in ten minutes that are a burst"
    )
    uncorrected_min: float = threshold(1, 1, 1e9, "errors", doc="uncorrected errors in ten minutes")


class _Errors(NamedTuple):
    """One accelerator's errors within the window; NaN where it does not count them."""

    gpu_id: str
    uncorrected: float
    corrected: float
    rows: float
    pages: float
    pending: float
    fatal: tuple[int, ...]
    contained: tuple[int, ...]


def judge(window: Window, limits: EccErrors) -> Judgement:
    """Uncorrected errors or fatal XIDs; or a burst of corrected ones, or memory put aside."""
    all_of = [_errors(gpu_id, [health for _, health in reports]) for gpu_id, reports in window.health.items()]
    if not all_of:
        return UNKNOWN
    critical = [one for one in all_of if _is_critical(one, limits)]
    concerned = critical + [one for one in all_of if one not in critical and _is_warning(one, limits)]
    if not concerned:
        counted = any(known(one.corrected) or known(one.uncorrected) for one in all_of)
        return Judgement(False if counted else None, _evidence(max(all_of, key=_most), limits))
    severity: Severity = "critical" if critical else "warning"
    text = "; ".join(f"{one.gpu_id}: {_said(one)}" for one in concerned[:4])
    subjects = tuple(sorted(one.gpu_id for one in concerned))
    return Judgement(True, _evidence(concerned[0], limits), severity, 1.0, subjects, text)


def _errors(gpu_id: str, reports: Sequence[HealthSlot]) -> _Errors:
    xids = [xid for report in reports if report.xids for xid in report.xids]
    return _Errors(
        gpu_id,
        _grown([report.ecc_uncorrected_volatile_total for report in reports]),
        _grown([report.ecc_corrected_volatile_total for report in reports]),
        _grown([report.remapped_rows_uncorrectable_total for report in reports]),
        _grown([report.retired_pages_total for report in reports]),
        next(
            (one.remapped_rows_pending for one in reversed(reports) if known(one.remapped_rows_pending)), NAN
        ),
        tuple(sorted(xid for xid in xids if xid in _FATAL)),
        tuple(sorted(xid for xid in xids if xid in _CONTAINED)),
    )


def _grown(totals: Sequence[float]) -> float:
    """Return by how much a counter grew; one that fell began anew when the driver was loaded again."""
    if totals.count(totals[0]) == len(totals) and known(totals[0]):
        return 0.0
    told = [total for total in totals if known(total)]
    if not told:
        return NAN
    return sum(now - before if now >= before else now for before, now in pairwise(told))


def _is_critical(one: _Errors, limits: EccErrors) -> bool:
    return one.uncorrected >= limits.uncorrected_min or bool(one.fatal)


def _is_warning(one: _Errors, limits: EccErrors) -> bool:
    put_aside = one.rows >= 1 or one.pages >= 1 or one.pending >= 1
    return one.corrected >= limits.corrected_min or put_aside or bool(one.contained)


def _most(one: _Errors) -> float:
    return one.corrected if known(one.corrected) else -1.0


def _evidence(one: _Errors, limits: EccErrors) -> tuple[Evidence, ...]:
    """Return what was counted, what decides first."""
    name = one.gpu_id
    found = [
        compared("uncorrected_errors", one.uncorrected, ">=", limits.uncorrected_min, subject=name),
        *(
            compared(f"xid_{xid}", float(times), ">=", 1.0, subject=name)
            for xid, times in sorted(Counter(one.fatal + one.contained).items())
        ),
        compared("corrected_errors", one.corrected, ">=", limits.corrected_min, subject=name),
        compared("remapped_rows", one.rows, ">=", 1.0, "rows", subject=name),
        compared("remapping_pending", one.pending, ">=", 1.0, subject=name),
        compared("retired_pages", one.pages, ">=", 1.0, "pages", subject=name),
    ]
    return tuple(sorted(found, key=lambda each: not each.value >= each.threshold))


def _said(one: _Errors) -> str:
    counts = (
        (one.uncorrected, "uncorrected errors"),
        (one.corrected, "corrected errors"),
        (one.rows, "rows remapped"),
        (one.pages, "pages retired"),
    )
    parts = [f"{count:.0f} {what}" for count, what in counts if count > 0]
    if one.fatal or one.contained:
        parts.append("XID " + ", ".join(str(xid) for xid in sorted({*one.fatal, *one.contained})))
    if one.pending >= 1:
        parts.append("a reset is needed to remap")
    return ", ".join(parts)


PATTERN = Pattern(
    id="ecc_errors",
    title="Memory errors of an accelerator",
    about="Uncorrected ECC errors, a burst of corrected ones, memory put aside, or XIDs of broken hardware.",
    window_s=600,
    min_coverage=0.02,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor", "critical": "steer_away"},
    action="check_gpu_memory",
    recommendation=(
        "After uncorrected errors restart what runs on the accelerator and reset it (nvidia-smi -r), which "
        "remaps rows; run the vendor's diagnosis, and have the board replaced if they come back."
    ),
    thresholds=EccErrors,
    judge=judge,
)
