"""An explanation as a picture: each value against its threshold, what held, and what was open."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from infra.plot import axes as of_time
from infra.plot.tracks import Mark, Track, marks, micros, span, tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANE_US: Final = 10_000_000
_SHADES: Final = ((True, of_time.ORANGE, "holds"), (False, of_time.FAINT, "does not hold"))


def draw(found: Mapping[str, Any]) -> "Figure":
    """Draw the explanation; one that has no judgements is a title."""
    from matplotlib.figure import Figure

    drawn = tracks(found) if found["points"] else []
    rows = max(1, len(drawn))
    figure = Figure(figsize=(10, 1.6 + 2.0 * rows), layout="constrained")
    ratios = [3.0] * rows + [0.7]
    parts = figure.subplots(rows + 1, 1, squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
    where = found["node_id"] or f"fleet {found['fleet']}"
    figure.suptitle(
        f"{found['title']}: {where}", fontsize=of_time.TITLE_SIZE, color=of_time.INK, x=0.01, ha="left"
    )
    if not drawn:
        for part in parts:
            part.axis("off")
        return figure
    since, until = span(found)
    for part, track in zip(parts, drawn, strict=False):
        _values(part, track, marks(found), since, until)
    _judgements(parts[-1], found["points"], marks(found), since, until)
    return figure


def _values(part: "Axes", track: Track, moments: Sequence[Mark], since: int, until: int) -> None:
    times = [of_time.day(one.at) for one in track.values]
    part.plot(
        times,
        [one.value for one in track.values],
        color=of_time.BLUE,
        linewidth=1.4,
        marker=".",
        markersize=3,
    )
    part.plot(
        times, [one.threshold for one in track.values], color=of_time.ORANGE, linewidth=1.2, linestyle="--"
    )
    limits = [one.threshold for one in track.values if one.threshold == one.threshold]
    limit = f"   {track.comparison} {limits[-1]:.4g} is wrong" if limits else ""
    part.set_title(track.title + limit, fontsize=of_time.TEXT_SIZE, color=of_time.INK, loc="left")
    part.tick_params(axis="y", labelsize=of_time.SMALL_SIZE, colors=of_time.INK)
    _framed(part, moments, since, until)
    part.set_xlabel("")
    part.tick_params(axis="x", labelbottom=False)


def _judgements(
    part: "Axes", points: Sequence[Mapping[str, Any]], moments: Sequence[Mark], since: int, until: int
) -> None:
    for holds, colour, _ in _SHADES:
        bars = [_bar(point) for point in points if point["holds"] is holds]
        part.broken_barh(bars, (1.1, 0.8), facecolors=colour)
    part.broken_barh([_bar(point) for point in points if point["open"]], (0.1, 0.8), facecolors=of_time.BLUE)
    part.set_ylim(0, 2)
    part.set_yticks([0.5, 1.5], ["open", "holds"], fontsize=of_time.SMALL_SIZE)
    _framed(part, moments, since, until)
    for mark in moments:
        place = of_time.day(mark.at), 2.0
        part.annotate(
            mark.name,
            place,
            (2, 2),
            textcoords="offset points",
            fontsize=of_time.SMALL_SIZE,
            color=of_time.INK,
        )


def _bar(point: Mapping[str, Any]) -> tuple[float, float]:
    at = micros(point["at"])
    return of_time.day(at), of_time.day(at + _PANE_US) - of_time.day(at)


def _framed(part: "Axes", moments: Sequence[Mark], since: int, until: int) -> None:
    of_time.plain(part)
    of_time.time_axis(part, since, max(until, since + _PANE_US))
    for mark in moments:
        part.axvline(of_time.day(mark.at), color=of_time.INK, linewidth=0.8, linestyle=":")
