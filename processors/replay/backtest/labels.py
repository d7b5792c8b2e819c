"""Labels of a backtest: what must have been noticed in a recorded range, and what may.

    expect:
      - {pattern: thermal_drain, node: gpu-7, opens: 2026-11-20T03:08Z..2026-11-20T03:15Z,
         noticed: 2026-11-20T03:30Z}
    allow:
      - {alert: correlated_incident}

A moment is RFC 3339 with its offset, or a time after the beginning of the range, such as 10m or 1h30m.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from pydantic import ValidationError

from processors.labels.match import Labels, Verdict, match
from processors.labels.seen import Seen
from processors.replay.backtest.asked import EVERY, Asked, asked
from processors.replay.backtest.fired import Fired
from processors.replay.backtest.label_form import Allow, Expect, LabelsForm, moment, span
from schemas.errors import ConfigError
from schemas.labels import Allowance, Expectation, Kind, Window

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """Labels of a range that begins at ``since``, µs since the epoch."""

    name: str
    since: int
    expect: tuple[Expectation, ...]
    allow: tuple[Allowance, ...]

    @property
    def asked(self) -> Asked:
        """What the labels are about."""
        named: list[Expectation | Allowance] = [*self.expect, *self.allow]
        return asked(
            (one.id for one in named if one.kind == "pattern"),
            (one.id for one in named if one.kind == "alert"),
        )


def read_labels(
    value: object, name: str, since: int, until: int, line: Callable[[Place], int] = lambda _place: 0
) -> Marked:
    """Return the labels in plain values, as YAML or JSON has them. ``line``: of a place in the file.

    Raises:
        ConfigError: they are none, or name what there is not; every problem is said.
    """
    try:
        form = LabelsForm.model_validate(value)
    except ValidationError as exc:
        raise ConfigError("\n".join(_problems(exc, name, line))) from exc
    reading = _Reading(name, since, until, line)
    expect = tuple(one for at, each in enumerate(form.expect) for one in reading.expectations(each, at))
    allow = tuple(reading.allowance(each, at) for at, each in enumerate(form.allow))
    if reading.problems:
        raise ConfigError("\n".join(reading.problems))
    return Marked(name, since, expect, allow)


def judge(marked: Marked, fired: Sequence[Fired]) -> Verdict:
    """Set what fired within the range against its labels; what was open before is left out."""

    def clock(seconds: float) -> str:
        return "the end" if math.isinf(seconds) else written(marked.since + int(seconds * 1e6))

    def noticed_s(label: Expectation, _: Seen) -> float:
        return label.opens.end_s if label.noticed_s is None else label.noticed_s

    labels = Labels(marked.name, marked.expect, marked.allow, clock, noticed_s)
    return match(labels, [_seen(one, marked.since) for one in fired if one.told_at >= marked.since])


def leads_s(verdict: Verdict) -> list[float]:
    """Return how long before it was noticed, or at the latest due, each hit was told, seconds."""
    return sorted(-delay for _, delay in verdict.delays_s if math.isfinite(delay))


def written(at: int) -> str:
    """Return µs since the epoch as people write it, to the second."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seen(one: Fired, since: int) -> Seen:
    return Seen(
        kind=one.kind,
        id=one.id,
        node=one.node,
        opened_s=(one.told_at - since) / 1e6,
        resolved_s=None if one.over_at is None else (one.over_at - since) / 1e6,
        severity=one.severity,
        members=one.members,
        reason=one.reason,
        text=one.text,
    )


class _Reading:
    """From forms to labels: one for each node, ids checked against those that exist."""

    def __init__(self, name: str, since: int, until: int, line: Callable[[Place], int]) -> None:
        self._name, self._since, self._line = name, since, line
        self._length_s = (until - since) / 1e6
        self.problems: list[str] = []

    def expectations(self, form: Expect, at: int) -> Iterator[Expectation]:
        """Yield the labels of a form, one for each of its nodes."""
        place = ("expect", at)
        kind, id_ = self._subject(form, place)
        if kind == "pattern" and not form.node:
            self._note(place, "must have a node: a pattern is about one")
        opens = self._window(form.opens, (*place, "opens"))
        if opens.end_s < 0 or opens.begin_s > self._length_s:
            self._note((*place, "opens"), "lies outside the range of the backtest")
        never = form.resolves in (None, "never")
        resolves = None if never else self._window(form.resolves, (*place, "resolves"))
        noticed_s = None if form.noticed is None else self._moment(form.noticed, (*place, "noticed"))
        for node in form.node or ("",):
            yield Expectation(
                kind=kind,
                id=id_,
                node=node,
                opens=opens,
                resolves=resolves,
                any_end=form.resolves is None,
                severity=form.severity,
                members=tuple(form.members or ()),
                line=self._line(place),
                noticed_s=noticed_s,
            )

    def allowance(self, form: Allow, at: int) -> Allowance:
        """Return what may be noticed besides."""
        place = ("allow", at)
        kind, id_ = self._subject(form, place)
        between = (
            Window(-math.inf, math.inf)
            if form.between is None
            else self._window(form.between, (*place, "between"))
        )
        return Allowance(kind=kind, id=id_, nodes=tuple(form.node or ()), between=between)

    def _subject(self, form: Expect | Allow, place: Place) -> tuple[Kind, str]:
        if (form.pattern is None) == (form.alert is None):
            self._note(place, "must have either a pattern or an alert")
        kind: Kind = "alert" if form.pattern is None else "pattern"
        id_ = form.pattern or form.alert or ""
        known = EVERY.alerts if kind == "alert" else EVERY.patterns
        if id_ and id_ not in known:
            near = get_close_matches(id_, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
            self._note((*place, kind), f"there is no {kind} {id_!r}{hint}")
        return kind, id_

    def _window(self, value: tuple[str, str] | str | None, place: Place) -> Window:
        try:
            begin, end = span(value) if not isinstance(value, tuple) else value
        except ValueError as exc:
            self._note(place, str(exc))
            return Window(0.0, math.inf)
        window = Window(
            self._moment(begin, place) if begin else -math.inf, self._moment(end, place) if end else math.inf
        )
        if window.begin_s > window.end_s:
            self._note(place, "ends before it begins")
        return window

    def _moment(self, text: str, place: Place) -> float:
        try:
            return moment(text, self._since)
        except ValueError as exc:
            self._note(place, str(exc))
            return 0.0

    def _note(self, place: Place, message: str) -> None:
        self.problems.append(_problem(self._name, self._line(place), place, message))


def _problems(exc: ValidationError, name: str, line: Callable[[Place], int]) -> Iterator[str]:
    for error in exc.errors(include_url=False):
        text = str(error.get("ctx", {}).get("error", error["msg"]))
        if error["type"] == "extra_forbidden":
            text = "is not known here"
        yield _problem(name, line(error["loc"]), error["loc"], text)


def _problem(name: str, line: int, place: Place, message: str) -> str:
    where = f"{name}:{line}" if line else name
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return f"{where}: {path + ': ' if path else ''}{message}"
