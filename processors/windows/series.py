"""The readings of one accelerator over a window, column by column.

Eight accelerators over ten minutes are 480 slots of 34 readings: a column is taken out when it is asked for,
and kept for the next pattern.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import fsum
from operator import itemgetter

from processors.windows.slot import GpuSlot
from schemas.events.reading import NAN

_PLACES = {name: place for place, name in enumerate(GpuSlot._fields)}


class GpuSeries:
    """One accelerator in the panes of a window that have it, oldest first.

    ``places`` is how many panes the window would have, ``ends`` when each pane ended, µs since the epoch.
    """

    __slots__ = (
        "_columns",
        "_known",
        "_longer",
        "_means",
        "ends",
        "gpu_id",
        "name",
        "places",
        "slots",
        "vendor",
    )

    def __init__(self, gpu_id: str, points: Sequence[tuple[int, GpuSlot]], places: int) -> None:
        self.gpu_id = gpu_id
        self.ends = [end for end, _ in points]
        self.slots = [slot for _, slot in points]
        self.places = places
        self._longer: GpuSeries | None = None
        newest = self.slots[-1]
        self.name = newest.name
        self.vendor = newest.vendor
        self._columns: dict[str, list[float]] = {}
        self._known: dict[str, list[float]] = {}
        self._means: dict[str, float] = {}

    def since(self, started_at: int, places: int) -> "GpuSeries | None":
        """Return what of it ended after a moment, in a window of so many places; None where nothing did."""
        first = bisect_right(self.ends, started_at)
        if first == len(self.ends):
            return None
        part = GpuSeries(self.gpu_id, list(zip(self.ends[first:], self.slots[first:], strict=True)), places)
        part._longer = self
        return part

    @property
    def lost(self) -> bool:
        """Whether it had fallen off the bus at the end of the window."""
        return self.slots[-1].lost >= 0.5

    def column(self, name: str) -> list[float]:
        """Return a numeric field of every slot, NaN where there was no reading."""
        found = self._columns.get(name)
        if found is None:
            if self._longer is None:
                found = list(map(itemgetter(_PLACES[name]), self.slots))
            else:
                found = self._longer.column(name)[-len(self.slots) :]
            self._columns[name] = found
        return found

    def known(self, name: str) -> list[float]:
        """Return the readings of a field, those that are missing left out."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = [value for value in self.column(name) if value == value]
        return found

    def mean(self, name: str) -> float:
        """Return the mean of a field over its panes; NaN where none has it."""
        found = self._means.get(name)
        if found is None:
            values = self.known(name)
            found = self._means[name] = fsum(values) / len(values) if values else NAN
        return found

    def newest(self, name: str) -> float:
        """Return the last reading of a field; NaN where there is none."""
        values = self.known(name)
        return values[-1] if values else NAN

    def known_share(self, name: str) -> float:
        """Return the share of the window's places that have a reading of a field."""
        return len(self.known(name)) / self.places
