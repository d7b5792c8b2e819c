"""What router and process of facts say to each other arrives as it was, in whatever pieces."""

import asyncio
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.router.lifecycle.decision import Explanation
from api.router.lifecycle.moments import Moment, ended, failed, first_token, received, sent, went
from api.router.lifecycle.wire import Message, Wire, packed, unpacked
from api.router.outcome import Outcome
from api.router.seams import Admitted
from schemas.events.request_routed import Candidate, Signal
from tests.api.router.lifecycle.moments import USAGE, ask, choice, finish

WHY = Explanation(
    "herd", "abc", 0.5, "other", "node-b",
    (Candidate("node-b", "ollama:11434", "m", "unwell", 0.1, 9.0, (Signal("load", 3.0, -0.5, 0.2),)),), 7,
)  # fmt: skip


class Odd(StrEnum):
    """A text that marshal does not know."""

    NAME = "odd"


class Decision:
    def explain(self) -> Explanation:
        return WHY


MOMENTS: list[Moment] = [
    received(1.0, ask(models=("n", "\ud800"), tags=MappingProxyType({"a": "b"}), priority=1 << 70)),
    went(1.5, ask(), Admitted(0.5, "model_cap", "gpu", 4)),
    sent(2.0, ask(), 1, choice(decision=Decision())),
    sent(2.0, ask(), 2, choice()._replace(reason=Odd.NAME)),
    failed(3.0, ask()),
    first_token(4.0, ask(), "content"),
    ended(5.0, ask(), finish(Outcome.COMPLETED, usage=USAGE, last_chunk_s=4.5)),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: type(moment).__name__)
def test_a_moment_arrives_as_it_was(moment: Moment) -> None:
    found = unpacked(packed(moment))
    assert type(found) is type(moment)
    assert repr(found) == repr(moment).replace("<Odd.NAME: 'odd'>", "'odd'")  # NaN is not equal to itself


@given(st.lists(st.binary(max_size=50), max_size=8), st.integers(1, 20))
def test_messages_are_whole_however_they_are_cut(texts: list[bytes], size: int) -> None:
    heard: list[Message] = []
    wire, sent_on = Wire(heard.append, lambda: None), Gathered()
    speaker = Wire(heard.append, lambda: None)
    speaker.connection_made(sent_on)
    for text in texts:
        speaker.say("text", text)
    for start in range(0, len(sent_on.bytes), size):
        wire.data_received(sent_on.bytes[start : start + size])
    assert heard == [("text", text) for text in texts]


class Gathered(asyncio.Transport):
    """Takes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.bytes += bytes(data)

    def is_closing(self) -> bool:
        return False
