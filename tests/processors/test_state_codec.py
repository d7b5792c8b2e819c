from typing import Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.state_codec import StateCodec
from schemas.errors import DecodeError


class Leaf(NamedTuple):
    when: int
    reading: float


class Tree(NamedTuple):
    name: str
    kind: Literal["oak", "elm"]
    alive: bool
    leaves: tuple[Leaf, ...]
    best: Leaf
    marks: tuple[str, ...]


class Grown(NamedTuple):
    name: str
    kind: Literal["oak", "elm"]
    alive: bool
    leaves: tuple[Leaf, ...]
    best: Leaf
    marks: tuple[str, ...]
    height: float


LEAVES = st.builds(Leaf, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
TREES = st.builds(
    Tree,
    st.text(max_size=9),
    st.sampled_from(["oak", "elm"]),
    st.booleans(),
    st.lists(LEAVES, max_size=4).map(tuple),
    LEAVES,
    st.lists(st.text(max_size=4), max_size=3).map(tuple),
)
CODEC = StateCodec(Tree)


@given(TREES)
def test_round_trip(tree: Tree) -> None:
    raw = CODEC.encode(tree)
    assert CODEC.decode(raw) == tree
    assert CODEC.encode(CODEC.decode(raw)) == raw


@given(TREES, st.data())
def test_damage_is_a_decode_error(tree: Tree, data: st.DataObject) -> None:
    raw = CODEC.encode(tree)
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(DecodeError):
        CODEC.decode(raw[:cut])
    with pytest.raises(DecodeError):
        CODEC.decode(raw + b"x")


def test_another_version_is_refused() -> None:
    raw = CODEC.encode(Tree("t", "oak", True, (), Leaf(0, 0.0), ()))
    with pytest.raises(DecodeError, match="another version"):
        StateCodec(Grown).decode(raw)
