"""A recorder that counts, for Prometheus."""

import time

from api.router.ask import Ask
from api.router.metrics import RouterMetrics
from api.router.outcome import Outcome
from api.router.seams import Admitted, Choice, Finish, NoChoice


class CountingRecorder:
    """See ``seams.Recorder``."""

    def __init__(self, metrics: RouterMetrics) -> None:
        self._metrics = metrics

    def received(self, ask: Ask) -> None:
        """See ``seams.Recorder``."""
        self._metrics.received += 1
        self._metrics.open.add(ask.request_id)

    def admitted(self, ask: Ask, admitted: Admitted) -> None:
        """See ``seams.Recorder``."""
        self._metrics.wait.add(admitted.waited_s)

    def routed(self, ask: Ask, attempt: int, choice: Choice | NoChoice) -> None:
        """See ``seams.Recorder``."""
        if isinstance(choice, Choice):
            self._metrics.sent += 1

    def attempt_failed(self, ask: Ask, attempt: int, choice: Choice, error: str) -> None:
        """See ``seams.Recorder``."""
        self._metrics.failed += 1

    def first_token(self, ask: Ask, kind: str) -> None:
        """See ``seams.Recorder``."""
        self._metrics.ttft.add(time.monotonic() - ask.received_s)

    def finished(self, ask: Ask, finish: Finish) -> None:
        """See ``seams.Recorder``."""
        self._metrics.outcomes[finish.outcome] += 1
        self._metrics.open.discard(ask.request_id)
        if finish.outcome is Outcome.COMPLETED:
            self._metrics.total.add(time.monotonic() - ask.received_s)
        self._metrics.prompt_tokens += finish.usage.prompt_tokens or 0
        self._metrics.completion_tokens += finish.usage.completion_tokens or 0
