"""SGLang, by pages written from the names it documents; none of a running SGLang was at hand."""

import math

import pytest

from producers.node.runtimes.sglang import Sglang, read_page
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

DOCUMENTED = """# TYPE sglang:prompt_tokens_total counter
sglang:prompt_tokens_total{model_name="m"} 8.128902e+06
sglang:generation_tokens_total{model_name="m"} 7.557572e+06
sglang:cached_tokens_total{cache_source="device",model_name="m"} 100.0
sglang:cached_tokens_total{cache_source="host",model_name="m"} 20.0
sglang:num_requests_total{model_name="m"} 50.0
sglang:num_aborted_requests_total{model_name="m"} 2.0
sglang:token_usage{model_name="m"} 0.28
sglang:num_running_reqs{model_name="m"} 161.0
sglang:num_queue_reqs{model_name="m"} 2826.0
sglang:gen_throughput{model_name="m"} 86.5
sglang:time_to_first_token_seconds_sum{model_name="m"} 12.5
sglang:time_to_first_token_seconds_bucket{le="0.1",model_name="m"} 3.0
sglang:time_to_first_token_seconds_count{model_name="m"} 11008.0
sglang:e2e_request_latency_seconds_sum{model_name="m"} 3.1e+06
sglang:e2e_request_latency_seconds_count{model_name="m"} 11228.0
sglang:queue_time_seconds_sum{model_name="m"} 7.0
sglang:queue_time_seconds_count{model_name="m"} 11000.0
"""


def counts(page: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for count in read_page(page).counts:
        found[count.field] = found.get(count.field, 0.0) + count.value
    return found


def test_the_documented_names() -> None:
    found = read_page(DOCUMENTED)
    assert (found.requests_running, found.requests_waiting, found.kv_cache_ratio) == (161.0, 2826.0, 0.28)
    assert counts(DOCUMENTED) == {
        "prompt_tokens": 8128902.0,
        "generation_tokens": 7557572.0,
        "cached_prompt_tokens": 120.0,
        "requests_finished": 50.0,
        "requests_failed": 2.0,
        "ttft_sum_s": 12.5,
        "ttft_count": 11008.0,
        "e2e_sum_s": 3.1e6,
        "e2e_count": 11228.0,
        "queue_sum_s": 7.0,
        "queue_count": 11000.0,
    }


def test_ranks_repeat_and_replicas_add_up() -> None:
    page = "".join(
        f'sglang:num_running_reqs{{dp_rank="{dp}",model_name="m",tp_rank="{tp}"}} {running}\n'
        for dp, tp, running in ((0, 0, 5), (0, 1, 5), (1, 2, 7), (1, 3, 0))
    )
    assert read_page(page).requests_running == 12.0


def test_tokens_of_each_step_are_preferred_to_those_of_ended_requests() -> None:
    page = DOCUMENTED + (
        'sglang:realtime_tokens_total{mode="decode",model_name="m",tp_rank="0"} 900.0\n'
        'sglang:realtime_tokens_total{mode="prefill_compute",model_name="m",tp_rank="0"} 5000.0\n'
    )
    assert counts(page)["generation_tokens"] == 900.0


@pytest.mark.asyncio
async def test_version_slots_and_models_and_no_metrics_unless_enabled() -> None:
    server = RuntimeServer(
        {
            "/v1/models": models("m", owner="sglang", max_model_len=32768),
            "/get_server_info": {"version": "0.4.9", "max_running_requests": 64, "api_key": "hidden"},
        }
    )
    async with serving(server) as http:
        described, live = await Sglang().describe(http), await Sglang().live(http)
    assert (described.version, described.slots) == ("0.4.9", 64.0)
    assert described.loaded[0].context_length == 32768.0
    assert math.isnan(live.requests_running)
    assert "hidden" not in repr(described)
