"""Pseudonyms: in the order of names, in their partitions, and told apart; nothing of the names is left."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.patterns.weights import weights
from processors.replay.capsule.redaction.fields import KEPT_VALUES, Treatment
from processors.replay.capsule.redaction.names import Pseudonyms, Seen
from schemas.partition import partition_of

names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1), max_size=20
)
MODELS = (
    "llama3.1:70b-instruct-q4_K_M",
    "meta-llama/Llama-3.1-8B-Instruct",
    "mixtral:8x7b",
    "qwen3:30b-a3b",
    "gpt-oss",
    "deepseek-r1:671b-fp8",
    "acme/Secret_Assistant-7B-AWQ",
    "Qwen2.5-32B-Instruct-GPTQ-Int8",
)


def pseudonyms(partitions: int = 4, salt: bytes = b"salt", **kinds: tuple[str, ...]) -> Pseudonyms:
    seen = Seen()
    for kind, texts in kinds.items():
        seen.add(Treatment(kind), texts)
    return Pseudonyms(seen.names, partitions, salt)


@settings(max_examples=30, deadline=None)
@given(names, st.integers(1, 8))
def test_nodes_keep_order_and_partition(nodes: list[str], partitions: int) -> None:
    found = pseudonyms(partitions, node=tuple(nodes))
    known = [name for name in sorted(set(nodes)) if name not in KEPT_VALUES]
    after = [found.name(name) for name in known]
    assert after == sorted(after)
    assert len(set(after)) == len(after)
    assert [partition_of(name, partitions) for name in after] == [
        partition_of(name, partitions) for name in known
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.uuids().map(str) | st.text(min_size=1), max_size=20))
def test_requests_keep_their_order(requests: list[str]) -> None:
    found = pseudonyms(request=tuple(requests))
    known = [one for one in sorted(set(requests)) if one not in KEPT_VALUES]
    after = [found.request(one) for one in known]
    assert after == sorted(after)
    assert len(set(after)) == len(after)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_tells_its_weights_and_not_its_name(model: str) -> None:
    found = pseudonyms(model=MODELS).name(model)
    for count in (math.nan, 8e9):
        assert repr(weights(found, count, "")) == repr(weights(model, count, ""))
    for word in ("llama", "mixtral", "qwen", "gpt-oss", "deepseek", "acme", "secret", "instruct"):
        assert word not in found


def test_another_salt_gives_other_pseudonyms() -> None:
    one, same, other = (pseudonyms(salt=salt, node=("a", "b")).name("a") for salt in (b"1", b"1", b"2"))
    assert one == same != other


def test_names_among_words() -> None:
    found = pseudonyms(
        gpu=("GPU-1", "GPU-12"), runtime=("vllm:8000",), model=("m",), tag=("r1",), node=("power",)
    )
    gpu, other = found.name("GPU-1"), found.name("GPU-12")
    assert found.mixed("gpu.GPU-1.power_w") == f"gpu.{gpu}.power_w"
    assert found.mixed("gpu.GPU-12.power_w") == f"gpu.{other}.power_w"
    assert found.mixed("rack r1") == f"rack {found.name('r1')}"
    assert found.mixed("runtime.vllm:8000.m.x") == f"runtime.{found.name('vllm:8000')}.{found.name('m')}.x"
    assert found.mixed("host.power") == "host.power"  # a node may be called as anything is


def test_what_was_never_seen_is_opaque() -> None:
    found = pseudonyms()
    assert "secret" not in found.name("secret") + found.opaque("secret") + found.uuid("secret")
    assert found.name("") == found.opaque("") == found.request("") == ""
