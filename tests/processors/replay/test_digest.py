"""The canonical digest: what it depends on, and what it does not."""

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from processors.replay.digest import Canonical, Digest, canonical
from schemas.events.watermark import Watermark
from schemas.topics import PANES

EVENTS = [Canonical("panes", f"n{number % 3}", "node_pane", bytes([number])) for number in range(12)]


def digest(events: list[Canonical]) -> Digest:
    found = Digest()
    for event in events:
        found.add(event)
    return found


@given(st.permutations(EVENTS), st.integers(0, len(EVENTS)))
def test_neither_order_nor_shares_matter(events: list[Canonical], cut: int) -> None:
    found = digest(events[:cut])
    found.merge(digest(events[cut:]))
    whole = digest(EVENTS)
    assert found.total() == whole.total()
    assert list(found.places()) == list(whole.places())
    assert found.count() == 12


def test_every_part_of_an_event_matters() -> None:
    one = Canonical("panes", "n1", "node_pane", b"x")
    others = [
        one._replace(topic="observations"),
        one._replace(key="n2"),
        one._replace(name="request_pane"),
        one._replace(body=b"y"),
        one._replace(key="n1\x00", name="ode_pane"),
    ]
    totals = {digest([each]).total() for each in (one, *others)}
    assert len(totals) == 6


def test_twice_is_not_once_and_none_is_not_nothing() -> None:
    one = EVENTS[0]
    assert len({digest(events).total() for events in ([], [one], [one, one], [one, one, one])}) == 4


def test_an_event_without_a_key_has_the_empty_one() -> None:
    assert canonical(PANES, None, Watermark(1, "node-stage", 0, 2, 5.0)).key == ""


PROGRAM = """
from processors.replay.digest import Canonical, Digest
found = Digest()
for name in {f"n{number}" for number in range(50)}:
    found.add(Canonical("panes", name, "node_pane", name.encode()))
print(found.total(), dict(found.topics()))
"""


def test_the_seed_of_hashes_does_not_matter() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
