"""llama-box: ``/health``, ``/metrics`` where it runs with ``--metrics``, ``/v1/models``.

Names from llama-box's README, those of before 2025 too. It tells no requests in progress.
"""

from producers.node.runtimes.http import BadAnswer, RuntimeHttp
from producers.node.runtimes.llamacpp import describe
from producers.node.runtimes.metrics_page import Table, live
from producers.node.runtimes.openai_compatible import listed
from producers.node.runtimes.prometheus import TooManySeries, parse
from producers.node.runtimes.runtime import Description, Live

TABLE = Table(
    running=("llamabox:requests_processing",),
    waiting=("llamabox:requests_deferred",),
    kv_cache=("llamabox:kv_cache_usage_ratio",),
    counts={
        "prompt_tokens": ("llamabox:tokens_prefill_total", "llamabox:prompt_tokens_total"),
        "generation_tokens": ("llamabox:tokens_decode_total", "llamabox:tokens_predicted_total"),
    },
)


def read_page(page: str) -> Live:
    """Return the readings of a metrics page; all unknown where it is not llama-box's.

    Raises:
        BadAnswer: it has more series than any llama-box.
    """
    try:
        return live(TABLE, parse(page, TABLE.names))
    except TooManySeries as exc:
        raise BadAnswer(f"/metrics has {exc}") from exc


class LlamaBox:
    """One server."""

    async def live(self, http: RuntimeHttp) -> Live:
        """Return the metrics, where they are switched on."""
        await http.json("/health")
        try:
            return read_page(await http.page("/metrics"))
        except BadAnswer:
            return Live()

    async def describe(self, http: RuntimeHttp) -> Description:
        """Return the models, which it describes as llama.cpp does."""
        return describe(listed(await http.value("/v1/models")), {})
