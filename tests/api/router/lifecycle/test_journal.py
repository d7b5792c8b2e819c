"""The journal and what the next start reads out of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.router.lifecycle.facts import Who
from api.router.lifecycle.journal import Journal
from api.router.lifecycle.lives import DIED, Lives, RequestEvent
from api.router.lifecycle.moments import Ended, Moment, ended, received, sent
from api.router.lifecycle.records import KINDS, Entry, entry, event_of
from api.router.lifecycle.recovery import Leftover, recover
from schemas.errors import ConfigError
from schemas.events.request_finished import RequestFinished
from tests.api.router.lifecycle.moments import ask, at_us, choice, finish

WHO = Who("f", "router-1")


class Run:
    """One run of a router: what it writes down, and what it hands to Kafka after that."""

    def __init__(self, folder: Path, segment_bytes: int = 1 << 20) -> None:
        self.lives = Lives(WHO, at_us)
        self.journal = Journal(folder, segment_bytes)
        self.left = recover(self.journal.open(), Lives(Who("", ""), at_us))
        self.sent = [*self.left.facts, *self.left.closings]
        self.journal.begin(self.sent, at_us(0))
        self.lives.segment = self.journal.segment

    def writes(self, moments: list[Moment], settled: int = 0) -> None:
        entries = [entry(event) for moment in moments if (event := self.lives.tell(moment)) is not None]
        now_s = moments[-1].at_s if moments else 0.0
        wills = [entry(event, will=True) for event in self.lives.wills(self.journal.segment - 1, 64, now_s)]
        oldest = self.lives.oldest_segment
        self.journal.append([*entries, *wills], settled, at_us(now_s))
        self.journal.trim(settled, oldest)
        self.lives.segment = self.journal.segment
        self.sent += entries

    def killed(self) -> None:
        self.journal.close()


def requests(*ids: str) -> list[Moment]:
    return [moment for one in map(ask, ids) for moment in (received(0.0, one), sent(0.1, one, 1, choice()))]


def end(request_id: str, at_s: float = 1.0) -> Ended:
    return ended(at_s, ask(request_id), finish())


def closed(left: Leftover) -> dict[str, RequestFinished]:
    found = {}
    for fact in left.closings:
        event, _ = event_of(fact.kind, 1, fact.body)
        assert isinstance(event, RequestFinished)
        found[event.request_id] = event
    return found


def test_a_first_start_has_nothing_to_tell(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.left == Leftover()


def test_requests_that_a_kill_left_open_end_when_the_router_did(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.writes([*requests("r1", "r2"), end("r2", 2.0)])
    run.killed()
    left = Run(tmp_path).left
    (only,) = closed(left).values()
    assert (only.request_id, only.outcome, only.error) == ("r1", "router_stopped", DIED)
    assert (only.node_id, only.attempts, only.occurred_at, only.total_s) == ("node-a", 1, at_us(2.0), 2.0)
    assert (only.router_id, only.fleet) == WHO[::-1]


def test_facts_that_may_not_have_arrived_come_again_and_no_others(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.writes(requests("r1"))
    run.writes([end("r1"), *requests("r2")], settled=2)
    run.killed()
    assert Run(tmp_path).left.facts == run.sent[2:]


def test_what_one_start_told_the_next_tells_again_if_it_was_killed_too(tmp_path: Path) -> None:
    first = Run(tmp_path)
    first.writes(requests("r1"))
    first.killed()
    second = Run(tmp_path)
    second.killed()
    third = Run(tmp_path)
    assert third.left == Leftover(facts=second.sent)


def test_an_orderly_end_leaves_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.writes([*requests("r1"), end("r1")])
    run.journal.clear()
    run.killed()
    assert Run(tmp_path).left == Leftover()
    assert len(list(tmp_path.glob("*.journal"))) == 1


def test_segments_go_though_one_request_stays_open(tmp_path: Path) -> None:
    run = Run(tmp_path, segment_bytes=2000)
    run.writes(requests("long"))
    for number in range(200):
        run.writes([*requests(f"r{number}"), end(f"r{number}")], settled=len(run.sent))
        assert run.journal.size_bytes < 12_000
    run.killed()
    left = Run(tmp_path).left
    only = closed(left)["long"]
    assert (only.node_id, only.attempts, only.key, only.tags) == ("node-a", 1, "k1", {"team": "search"})
    assert len(left.closings) == 1


def test_a_second_router_does_not_get_the_journal_of_one_that_lives(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(ConfigError, match=r"router\.id"):
        Journal(tmp_path).open()
    run.killed()
    Run(tmp_path)


def test_facts_that_the_disk_refused_are_counted_all_the_same(
    tmp_path: Path, full_disk: Callable[[Journal], None]
) -> None:
    run = Run(tmp_path)
    run.writes(requests("r1"))
    full_disk(run.journal)
    with pytest.raises(OSError, match="No space"):
        run.writes(requests("r2"))
    run.sent += [entry(event) for one in ("r2",) for event in told(requests(one))]
    run.writes([*requests("r3")], settled=3)
    run.killed()
    assert Run(tmp_path).left.facts == run.sent[4:]


def told(moments: list[Moment]) -> list[RequestEvent]:
    lives = Lives(WHO, at_us)
    return [event for moment in moments if (event := lives.tell(moment)) is not None]


@pytest.fixture
def full_disk() -> Callable[[Journal], None]:
    """Make the next write fail as on a full disk."""

    def fill(journal: Journal) -> None:
        import os

        assert journal._file is not None
        os.close(journal._file)
        journal._file = os.open("/dev/full", os.O_WRONLY)

    return fill


@given(st.lists(st.sampled_from(["r", "e", "s"]), max_size=30), st.integers(0, 4000), st.integers(400, 3000))
@settings(max_examples=40, deadline=None)
def test_wherever_a_disk_stops_nothing_ends_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], lost: int, segment_bytes: int
) -> None:
    """After a power cut the last bytes may be missing: what they told was never sent, or comes again."""
    folder = tmp_path_factory.mktemp("journal")
    run = Run(folder, segment_bytes)
    number = 0
    for step in steps:
        if step == "r":
            run.writes(requests(f"r{number}"))
            number += 1
        elif step == "e" and number:
            run.writes([end(f"r{number - 1}")])
        else:
            run.writes([], settled=len(run.sent))
    run.killed()
    last = max(folder.glob("*.journal"))
    last.write_bytes(last.read_bytes()[: max(0, last.stat().st_size - lost)])
    left = Run(folder).left
    ended = [fact.key for fact in (*left.facts, *left.closings) if KINDS[fact.kind] == "request_finished"]
    assert len(ended) == len(set(ended))
    if not lost:
        assert set(left.facts) <= set(run.sent)
        done = {fact.key for fact in run.sent if KINDS[fact.kind] == "request_finished"}
        assert {fact.key for fact in left.closings} == {f"r{n}" for n in range(number)} - done


def test_bytes_that_are_no_fact_stop_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.journal.append([Entry(2, "x", b"\xff")], 0, 0)
    run.writes(requests("r1"))
    run.killed()
    left = Run(tmp_path).left
    assert left.damaged == 1
    assert set(closed(left)) == {"r1"}
