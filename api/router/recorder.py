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
        self._outcomes = {outcome: metrics.finished.labels(outcome.value) for outcome in Outcome}
        self._sent, self._failed = metrics.attempts.labels("sent"), metrics.attempts.labels("failed")
        self._prompt = metrics.tokens.labels("prompt")
        self._completion = metrics.tokens.labels("completion")

    def received(self, ask: Ask) -> None:
        """See ``seams.Recorder``."""
        self._metrics.received.inc()
        self._metrics.open.inc()

    def admitted(self, ask: Ask, admitted: Admitted) -> None:
        """See ``seams.Recorder``."""
        self._metrics.wait.observe(admitted.waited_s)

    def routed(self, ask: Ask, attempt: int, choice: Choice | NoChoice) -> None:
        """See ``seams.Recorder``."""
        if isinstance(choice, Choice):
            self._sent.inc()

    def attempt_failed(self, ask: Ask, attempt: int, choice: Choice, error: str) -> None:
        """See ``seams.Recorder``."""
        self._failed.inc()

    def first_token(self, ask: Ask, kind: str) -> None:
        """See ``seams.Recorder``."""
        self._metrics.ttft.observe(time.monotonic() - ask.received_s)

    def finished(self, ask: Ask, finish: Finish) -> None:
        """See ``seams.Recorder``."""
        self._metrics.open.dec()
        self._outcomes[finish.outcome].inc()
        if finish.outcome is Outcome.COMPLETED:
            self._metrics.total.observe(time.monotonic() - ask.received_s)
        if finish.usage.prompt_tokens:
            self._prompt.inc(finish.usage.prompt_tokens)
        if finish.usage.completion_tokens:
            self._completion.inc(finish.usage.completion_tokens)
