"""How many requests the upstreams of one model serve at once, and how many they have.

A request that was released and is not placed yet takes a place of the model, of no upstream in particular.
An upstream that is paused, or whose parallelism shrank below what it has, has no place to give, and takes
none from the others.
"""

from dataclasses import dataclass

UNBOUNDED = 1 << 40
"""Places of an upstream whose parallelism nobody knows."""


@dataclass(slots=True)
class Place:
    """One upstream of the model; ``listed`` until its operator or its runtime takes the model away."""

    slots: int = 0
    in_flight: int = 0
    open: bool = True
    listed: bool = False

    @property
    def free(self) -> int:
        """How many more it can take."""
        return max(0, self.slots - self.in_flight) if self.open and self.listed else 0


class Capacity:
    """The places of one model. ``free`` may be negative when places went while requests were released."""

    __slots__ = ("free", "in_flight", "places", "slots", "unplaced")

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.free = 0
        self.slots = 0
        self.in_flight = 0
        self.unplaced = 0

    @property
    def served(self) -> bool:
        """Whether an upstream that is open has the model at all."""
        return self.slots > 0

    def take(self) -> None:
        """A request is released."""
        self.free -= 1
        self.unplaced += 1
        self.in_flight += 1

    def give(self) -> None:
        """A request ends that was never placed."""
        self.free += 1
        self.unplaced -= 1
        self.in_flight -= 1

    def put(self, upstream: str) -> None:
        """A released request goes to an upstream."""
        self.free += 1
        self.unplaced -= 1
        place = self.places.get(upstream)
        if place is None:
            place = self.places[upstream] = Place()
        self.free -= place.free
        place.in_flight += 1
        self.free += place.free

    def lift(self, upstream: str) -> None:
        """A request leaves its upstream, and is released and not placed."""
        place = self.places[upstream]
        self.free -= place.free + 1
        self.unplaced += 1
        place.in_flight -= 1
        self.free += place.free
        if not place.in_flight and not place.listed:
            del self.places[upstream]

    def set(self, upstream: str, slots: int, *, open_: bool) -> None:
        """An upstream serves so many at once, or is paused."""
        place = self.places.setdefault(upstream, Place())
        self._change(place, slots, open_=open_, listed=True)

    def open(self, upstream: str, *, open_: bool) -> None:
        """An upstream is paused, or goes on."""
        place = self.places.get(upstream)
        if place is not None:
            self._change(place, place.slots, open_=open_, listed=place.listed)

    def drop(self, upstream: str) -> None:
        """An upstream no longer serves the model; what it has may end."""
        place = self.places.get(upstream)
        if place is None:
            return
        self._change(place, 0, open_=place.open, listed=False)
        if not place.in_flight:
            del self.places[upstream]

    def _change(self, place: Place, slots: int, *, open_: bool, listed: bool) -> None:
        self.free -= place.free
        self.slots -= place.slots if place.open and place.listed else 0
        place.slots, place.open, place.listed = slots, open_, listed
        self.free += place.free
        self.slots += place.slots if place.open and place.listed else 0
