"""How far a partition is settled: only behind that may be committed. Pure."""

from collections import OrderedDict


class Offsets:
    """Of one partition, read from ``position`` on."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._open: OrderedDict[int, int] = (
            OrderedDict()
        )  # by offset, in order: deliveries that are not settled

    def read(self, offset: int, deliveries: int) -> None:
        """Take note of a record that so many deliveries come from, perhaps none."""
        self.position = offset + 1
        if deliveries:
            self._open[offset] = deliveries

    def settle(self, offset: int) -> None:
        """Take note that one delivery of a record is settled."""
        left = self._open[offset] - 1
        if left:
            self._open[offset] = left
        else:
            del self._open[offset]

    @property
    def committable(self) -> int:
        """The offset to go on from after a crash: of the first record that is not settled."""
        return next(iter(self._open), self.position)
