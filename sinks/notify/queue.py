"""What waits for one channel: in order within a group, and groups by when they are due. No clock, no I/O.

A group has a lane. The head of a lane is tried until it is settled; what stands behind it waits. An update or
a reminder that something later for its group has overtaken is not sent: the later one says all it says. So a
lane holds what is being tried, an opening, the newest update and a resolve, however long a channel is away.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from itertools import count

from sinks.notify.delivery import Delivery


class GroupQueue:
    """The queue of one channel."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Delivery]] = {}
        self._busy: set[str] = set()
        # Exactly one entry for each lane that is not busy: when its head is due.
        self._due: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, delivery: Delivery) -> Delivery | None:
        """Let a delivery wait behind its group; return the one that it overtakes, which is not sent."""
        lane = self._lanes.get(delivery.group_id)
        if lane is None:
            self._lanes[delivery.group_id] = deque([delivery])
            self._length += 1
            self._wait(delivery.group_id, delivery.due_s)
            return None
        last = lane[-1]
        tried_now = len(lane) == 1 and delivery.group_id in self._busy
        if last.is_passing and not tried_now:
            lane[-1] = delivery
            return last
        lane.append(delivery)
        self._length += 1
        return None

    def next_due_s(self) -> float | None:
        """Return when the next one may be taken; None while there is none that is not being tried."""
        return self._due[0][0] if self._due else None

    def take(self, now_s: float) -> Delivery | None:
        """Return the head that has been due for longest, if any is; its lane waits for ``give_back``."""
        if not self._due or self._due[0][0] > now_s:
            return None
        _, _, group_id = heapq.heappop(self._due)
        self._busy.add(group_id)
        return self._lanes[group_id][0]

    def give_back(self, delivery: Delivery, *, settled: bool) -> None:
        """Let the lane of a head that was taken go on: behind it, or from ``due_s`` with it again."""
        group_id = delivery.group_id
        self._busy.discard(group_id)
        lane = self._lanes[group_id]
        if settled:
            lane.popleft()
            self._length -= 1
        if lane:
            # Behind a head that is settled nothing has waited for its own sake.
            self._wait(group_id, lane[0].due_s)
        else:
            del self._lanes[group_id]

    def take_expired(self, now_s: float, most: int) -> Iterator[Delivery]:
        """Take heads whose time is up, from the lane that is the oldest; each waits for ``give_back``.

        Lanes stand in the order in which they began, so the first that goes on ends the search. One further
        behind whose time is up nevertheless is found when it is due.
        """
        found: list[str] = []
        for group_id, lane in self._lanes.items():
            if group_id in self._busy:
                continue
            if lane[0].expires_s > now_s or len(found) >= most:
                break
            found.append(group_id)
        if not found:
            return
        gone = set(found)
        self._busy |= gone
        self._due = [entry for entry in self._due if entry[2] not in gone]
        heapq.heapify(self._due)
        yield from [self._lanes[group_id][0] for group_id in found]

    def _wait(self, group_id: str, due_s: float) -> None:
        heapq.heappush(self._due, (due_s, next(self._numbers), group_id))
