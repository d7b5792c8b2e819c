"""The keys that wait or have waited, and when the next of them may go on."""

import math
from collections.abc import Iterator, Mapping
from heapq import heappop

from api.router.queue.account import Account
from api.router.queue.ticket import NOTHING

_SPARE = 1024


class Accounts(Mapping[str, Account]):
    """Accounts by key; idle ones with nothing owed are forgotten when there are many."""

    __slots__ = ("_accounts", "_alarms", "_sweep_at")

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._alarms: list[tuple[float, str]] = []
        self._sweep_at = _SPARE

    def __getitem__(self, key: str) -> Account:
        return self._accounts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def of(self, key: str, now: float) -> Account:
        """Return a key's account, opened where there is none."""
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= self._sweep_at:
                self._sweep(now)
            account = self._accounts[key] = Account(key, now, self._alarms)
        return account

    def next(self) -> float:
        """Return when the next alarm goes off; infinite where there is none."""
        return self._alarms[0][0] if self._alarms else math.inf

    def awake(self, now: float) -> Iterator[Account]:
        """Yield the keys that wait and may go on; those that used more in the meantime wait on."""
        while self._alarms and self._alarms[0][0] <= now:
            due, key = heappop(self._alarms)
            account = self._accounts.get(key)
            if account is None or due != account.alarm:
                continue
            account.alarm = math.inf
            if account.parked and account.blocked(now) is NOTHING:
                yield account
            account.watch(now)

    def _sweep(self, now: float) -> None:
        self._accounts = {
            key: account for key, account in self._accounts.items() if not account.forgettable(now)
        }
        self._sweep_at = 2 * len(self._accounts) + _SPARE
