"""Axes and colours that every picture uses. Times are µs since the epoch, shown in UTC."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by colour-blind readers and in grey: Okabe and Ito's palette.
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREEN: Final = "#009E73"
GREY: Final = "#9A9A9A"
INK: Final = "#262626"
FAINT: Final = "#E4E4E4"
TITLE_SIZE: Final = 11
TEXT_SIZE: Final = 9
SMALL_SIZE: Final = 8


def day(at: int) -> float:
    """Return a moment as matplotlib counts: days since 1970."""
    return at / 86_400e6


def time_axis(axes: "Axes", since: int, until: int) -> None:
    """Make x the time from ``since`` to ``until``, with about eight ticks, and say that it is UTC."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call] # matplotlib's
    axes.set_xlim(day(since), day(until))
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlabel(f"{_dates(since, until)}, UTC", fontsize=SMALL_SIZE, color=INK)
    axes.tick_params(axis="x", labelsize=SMALL_SIZE, colors=INK)


def plain(axes: "Axes") -> None:
    """Take away what is no data: the frame; and draw faint lines at the ticks of time."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def _dates(since: int, until: int) -> str:
    first, last = (datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d") for at in (since, until - 1))
    return first if first == last else f"{first} to {last}"
