import asyncio

import pytest

from infra.bench.runtimes import standins
from infra.doctor.runtimes import runtimes
from producers.node.runtimes.http import BadAnswer, RuntimeHttp
from schemas.settings import NodeSettings, Settings


async def ask(url: str) -> None:
    client = RuntimeHttp(url)
    try:
        await client.answer("/metrics", timeout_s=0.2)
    finally:
        await client.close()


def test_each_standin_is_found_to_be_what_it_stands_for() -> None:
    with standins() as found:
        node = NodeSettings(discover=False, runtimes=",".join(found.urls.values()))
        finding = runtimes(Settings(node=node))
    assert finding.verdict == "ok", finding
    for text in ("vLLM 0.11.0", "llama.cpp b7000", "Ollama 0.17.4"):
        assert text in finding.detail


def test_one_that_hangs_answers_no_more_and_ends_all_the_same() -> None:
    with standins() as found:
        asyncio.run(ask(found.urls["vllm"]))
        found.hang()
        with pytest.raises(BadAnswer, match="no answer"):
            asyncio.run(ask(found.urls["vllm"]))
