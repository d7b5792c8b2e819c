"""Which sample is this? Duplicates, gaps and a second machine, told by (boot_id, seq)."""

from enum import Enum
from typing import NamedTuple

from processors.node.state import Boot, Gap

# A boot that has been silent this long gives way to another one with the same node_id.
TAKEOVER_US = 60_000_000
# Runs of an agent that are remembered: enough for redelivery after a crash loop.
BOOTS = 4
# Gaps that are remembered per boot; the oldest are given up as missing for good.
GAPS = 64


class Verdict(Enum):
    """What to do with a sample."""

    FRESH = "fresh"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Judged(NamedTuple):
    """The verdict, the boots after it (the current one last), and by how much ``missing`` changes."""

    verdict: Verdict
    boots: tuple[Boot, ...]
    missing: int


def judge(boots: tuple[Boot, ...], boot_id: str, seq: int, occurred_at: int) -> Judged:
    """Judge one sample against the boots seen so far.

    A new boot becomes the current one. A sample of an earlier boot is a late delivery if it was taken before
    the current boot began; taken after that, two machines share the node_id, and the one that came last is
    believed until it has been silent for ``TAKEOVER_US``.
    """
    known = next((boot for boot in reversed(boots) if boot.boot_id == boot_id), None)
    if known is None:
        begun = Boot(boot_id, occurred_at, occurred_at, seq, ())
        return Judged(Verdict.FRESH, (*boots[-(BOOTS - 1) :], begun), 0)
    if known is boots[-1]:
        return _in_order(boots[:-1], known, seq, occurred_at)
    current = boots[-1]
    if occurred_at < current.first_occurred_at:
        others = tuple(boot for boot in boots[:-1] if boot is not known)
        judged = _in_order(others, known, seq, occurred_at)
        return judged._replace(boots=(*judged.boots, current))
    if occurred_at - current.last_occurred_at > TAKEOVER_US:
        return _in_order(tuple(boot for boot in boots if boot is not known), known, seq, occurred_at)
    return Judged(Verdict.CONFLICT, boots, 0)


def _in_order(others: tuple[Boot, ...], boot: Boot, seq: int, occurred_at: int) -> Judged:
    if seq == boot.last_seq + 1:
        after = Boot(boot.boot_id, boot.first_occurred_at, occurred_at, seq, boot.gaps)
        return Judged(Verdict.FRESH, (*others, after), 0)
    if seq > boot.last_seq:
        gaps = (*boot.gaps, Gap(boot.last_seq + 1, seq - 1))[-GAPS:]
        after = Boot(boot.boot_id, boot.first_occurred_at, occurred_at, seq, gaps)
        return Judged(Verdict.FRESH, (*others, after), seq - boot.last_seq - 1)
    gap = next((gap for gap in boot.gaps if gap.first <= seq <= gap.last), None)
    if gap is None:
        return Judged(Verdict.DUPLICATE, (*others, boot), 0)
    return Judged(Verdict.FRESH, (*others, boot._replace(gaps=_filled(boot.gaps, gap, seq))), -1)


def _filled(gaps: tuple[Gap, ...], gap: Gap, seq: int) -> tuple[Gap, ...]:
    left, right = Gap(gap.first, seq - 1), Gap(seq + 1, gap.last)
    parts = tuple(part for part in (left, right) if part.first <= part.last)
    at = gaps.index(gap)
    return (*gaps[:at], *parts, *gaps[at + 1 :])[-GAPS:]
