"""What a check found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``warn`` runs with less, ``fail`` does not run. ``advice`` says what to do, if anything."""

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""


def ok(check: str, detail: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, "ok", detail)


def warn(check: str, detail: str, advice: str) -> Finding:
    """Return a finding with which Penstock runs, and knows or does less."""
    return Finding(check, "warn", detail, advice)


def fail(check: str, detail: str, advice: str) -> Finding:
    """Return a finding with which Penstock does not run."""
    return Finding(check, "fail", detail, advice)


def failed(findings: Sequence[Finding]) -> bool:
    """Say whether anything stands in the way."""
    return any(finding.verdict == "fail" for finding in findings)
