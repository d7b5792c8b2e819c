"""When each pattern and alert fired, at which node: by the old rules, by the new ones, and by the labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.plot.axes import BLUE, GREEN, GREY, INK, SMALL_SIZE, TEXT_SIZE, TITLE_SIZE, day, plain, time_axis
from infra.plot.files import save
from processors.replay.backtest.answer import Answer, Side
from processors.replay.backtest.fired import Fired

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS: Final = 60
WIDTH_IN: Final = 11.0
ROW_IN: Final = 0.34
AROUND_IN: Final = 1.45
# What lasts shorter than this share of the range would not be seen.
LEAST: Final = 1 / 500
LANE: Final = 0.36
PALE: Final = 0.4
_Subject = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, µs since the epoch. Until ``told`` it held and nobody had been told."""

    begin: int
    end: int
    told: int = 0


@dataclass(slots=True)
class Row:
    """One pattern or alert at one node."""

    kind: str
    id: str
    where: str
    old: Sequence[Span] = ()
    new: Sequence[Span] = ()
    due: Sequence[Span] = ()


def draw(answer: Answer, file: Path) -> None:
    """Draw an answer into a PNG or SVG file.

    Raises:
        RefusedError: the disk does not take it.
    """
    from matplotlib.figure import Figure

    found = rows(answer)
    shown = found[:MOST_ROWS]
    height = AROUND_IN + ROW_IN * max(3, len(shown))
    figure = Figure(figsize=(WIDTH_IN, height), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    since, until = shown_range(answer)
    for at, row in enumerate(shown):
        _row(axes, row, at, since, until, alone=answer.old is None)
    time_axis(axes, since, until)
    plain(axes)
    _names(axes, shown)
    _legend(axes, answer)
    against = "" if answer.old is None else f" against {answer.old.name}"
    more = f"   ({len(found) - MOST_ROWS} more rows are not drawn)" if len(found) > MOST_ROWS else ""
    axes.set_title(
        f"Backtest of {answer.new.name}{against}{more}", loc="left", fontsize=TITLE_SIZE, color=INK, pad=26
    )
    if not shown:
        axes.text(0.5, 0.5, "nothing fired", transform=axes.transAxes, ha="center", color=GREY)
    save(figure, file)


def shown_range(answer: Answer) -> tuple[int, int]:
    """Return the range, and beside it what was told in it and has times outside of it.

    The range is of the log's time. Times of observations are of the nodes' clocks, which are others where one
    is wrong, or where an incident was simulated faster than it happens.
    """
    since, until = answer.question.since, answer.question.until
    told = [one for side in answer.sides for one in side.fired if one.told_at >= since]
    before = [one.onset_at for one in told if one.ended_at is not None and one.ended_at < since]
    after = [one.ended_at or one.onset_at for one in told if one.onset_at > until]
    return min([since, *before]), max([until, *after])


def rows(answer: Answer) -> list[Row]:
    """Return what is drawn, patterns first, by id and node."""
    old, new = _by_subject(answer.old, answer), _by_subject(answer.new, answer)
    due = dict(_due(answer))
    subjects = sorted({*old, *new, *due}, key=lambda one: (one[0] != "pattern", *one))
    return [Row(*one, old.get(one, ()), new.get(one, ()), due.get(one, ())) for one in subjects]


def _by_subject(side: Side | None, answer: Answer) -> dict[_Subject, list[Span]]:
    found: dict[_Subject, list[Span]] = {}
    for one in () if side is None else side.fired:
        end = answer.question.until if one.ended_at is None else one.ended_at
        found.setdefault((one.kind, one.id, _where(one)), []).append(Span(one.onset_at, end, one.opened_at))
    return found


def _where(one: Fired) -> str:
    return one.node or (f"fleet {one.fleet}" if one.fleet else "fleet")


def _due(answer: Answer) -> Iterator[tuple[_Subject, list[Span]]]:
    labels = answer.question.labels
    found: dict[_Subject, list[Span]] = {}
    fleets = sorted({one.fleet for side in answer.sides for one in side.fired})
    fleet = f"fleet {fleets[0]}" if len(fleets) == 1 else "fleet"
    for label in () if labels is None else labels.expect:
        begin, end = (labels.since + int(_finite(at, answer) * 1e6) for at in
                      (label.opens.begin_s, label.opens.end_s)) if labels else (0, 0)  # fmt: skip
        found.setdefault((label.kind, label.id, label.node or fleet), []).append(Span(begin, end))
    yield from found.items()


def _finite(at_s: float, answer: Answer) -> float:
    length_s = (answer.question.until - answer.question.since) / 1e6
    return min(max(at_s, 0.0), length_s)


def _row(axes: "Axes", row: Row, at: int, since: int, until: int, *, alone: bool) -> None:
    """Draw a row: the old rules above, the new ones below, and a frame where it was due to open."""
    if alone:
        _bars(axes, row.new, at - LANE / 2, LANE, BLUE, since, until)
    else:
        _bars(axes, row.old, at - LANE, LANE * 0.92, GREY, since, until)
        _bars(axes, row.new, at, LANE * 0.92, BLUE, since, until)
    for span in row.due:
        left, width = _drawn(span, since, until)
        if width > 0:
            axes.broken_barh(
                [(left, width)], (at - LANE - 0.06, 2 * LANE + 0.12), facecolors="none", edgecolors=GREEN,
                linewidth=1.4, zorder=4,
            )  # fmt: skip


def _bars(
    axes: "Axes", spans: Sequence[Span], y: float, height: float, colour: str, since: int, until: int
) -> None:
    for span in spans:
        for begin, end, alpha in ((span.begin, span.told, PALE), (span.told, span.end, 1.0)):
            left, width = _drawn(Span(begin, end), since, until)
            if width > 0 and (alpha == 1.0 or end > begin):
                axes.broken_barh(
                    [(left, width)], (y, height), facecolors=colour, linewidth=0, alpha=alpha, zorder=3
                )


def _drawn(span: Span, since: int, until: int) -> tuple[float, float]:
    """Return where a bar begins and how long it is, in days: within the range, and wide enough to be seen."""
    begin, end = max(span.begin, since), min(span.end, until)
    if end < since or begin > until:
        return 0.0, 0.0
    least = int((until - since) * LEAST)
    if end - begin < least:
        begin = min(begin, until - least)
        end = begin + least
    return day(begin), day(end) - day(begin)


def _names(axes: "Axes", shown: Sequence[Row]) -> None:
    """Write nodes at the rows, and each pattern once, left of its first node."""
    axes.set_ylim(max(3, len(shown)) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [_label(row, at, shown) for at, row in enumerate(shown)])
    axes.tick_params(axis="y", length=0, labelsize=TEXT_SIZE, colors=INK)
    for at, row in enumerate(shown):
        if at and (row.kind, row.id) != (shown[at - 1].kind, shown[at - 1].id):
            axes.axhline(at - 0.5, color=GREY, linewidth=0.6, zorder=1)


def _label(row: Row, at: int, shown: Sequence[Row]) -> str:
    first = at == 0 or (shown[at - 1].kind, shown[at - 1].id) != (row.kind, row.id)
    name = row.id if row.kind == "pattern" else f"alert {row.id}"
    return f"{name}   {row.where}" if first else row.where


def _legend(axes: "Axes", answer: Answer) -> None:
    from matplotlib.patches import Patch

    keys = [Patch(facecolor=BLUE, label=f"fired by {answer.new.name}")]
    if answer.old is not None:
        keys.insert(0, Patch(facecolor=GREY, label=f"fired by {answer.old.name}"))
    keys.append(Patch(facecolor=BLUE, alpha=PALE, label="held, not told yet"))
    if answer.question.labels is not None:
        keys.append(Patch(facecolor="none", edgecolor=GREEN, linewidth=1.4, label="label: due to open"))
    axes.legend(
        handles=keys, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False,
        fontsize=SMALL_SIZE, borderaxespad=0.3, handlelength=1.6,
    )  # fmt: skip
