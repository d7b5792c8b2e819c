"""llama-box, by pages written from its README."""

import math

import pytest

from producers.node.runtimes.http import BadAnswer
from producers.node.runtimes.llamabox import LlamaBox, read_page
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

PAGE = """llamabox:tokens_prefill_total 40
llamabox:tokens_decode_total 90
llamabox:kv_cache_usage_ratio 0.25
"""
OLDER = (
    "llamabox:prompt_tokens_total 40\nllamabox:tokens_predicted_total 90\nllamabox:requests_processing 2\n"
)


@pytest.mark.parametrize("page", [PAGE, OLDER])
def test_tokens_under_either_name(page: str) -> None:
    found = {count.field: count.value for count in read_page(page).counts}
    assert found == {"prompt_tokens": 40.0, "generation_tokens": 90.0}


def test_gauges() -> None:
    assert read_page(PAGE).kv_cache_ratio == 0.25
    assert read_page(OLDER).requests_running == 2.0


@pytest.mark.asyncio
async def test_metrics_are_optional_and_health_is_not() -> None:
    server = RuntimeServer({"/health": {"status": "ok"}, "/v1/models": models("tiny", meta={"n_params": 5})})
    async with serving(server) as http:
        assert math.isnan((await LlamaBox().live(http)).requests_running)
        assert (await LlamaBox().describe(http)).available[0].parameters == 5.0
        del server.routes["/health"]
        with pytest.raises(BadAnswer):
            await LlamaBox().live(http)
