"""The document on runtimes names what the agent reads, and where it looks."""

from pathlib import Path

import pytest

from producers.node.runtimes import llamabox, llamacpp, sglang, vllm
from producers.node.runtimes.metrics_page import Table
from producers.node.runtimes.target import DEFAULT_PORTS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "runtimes.md").read_text("utf-8")


@pytest.mark.parametrize("table", [vllm.TABLE, sglang.TABLE, llamacpp.TABLE, llamabox.TABLE])
def test_every_metric_is_named(table: Table) -> None:
    names = {name.removesuffix("_sum").removesuffix("_count") for name in table.names if ":" in name}
    # Of vLLM and llama.cpp some older names are told in words.
    told_in_words = {
        "llamacpp:kv_cache_usage_ratio",
        "vllm:request_prompt_tokens",
        "vllm:request_generation_tokens",
    }
    assert {name for name in names - told_in_words if f"`{name}`" not in TEXT} == set()


def test_every_default_port_is_named() -> None:
    ports = {str(port) for ports in DEFAULT_PORTS.values() for port in ports}
    line = next(line for line in TEXT.splitlines() if "`default`:" in line)
    assert ports == set(line.split("`default`: ")[1].rstrip(".").split(", "))
