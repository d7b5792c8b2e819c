"""Facts from moments: what each tells, that each request ends once, what a journal tells of the rest."""

import math
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.router.ask import NOBODY
from api.router.lifecycle.decision import Explanation
from api.router.lifecycle.facts import Who
from api.router.lifecycle.lives import BUG, Lives, RequestEvent
from api.router.lifecycle.moments import Moment, ended, failed, first_token, received, sent, went
from api.router.lifecycle.records import entry, event_of
from api.router.outcome import Outcome
from api.router.seams import Admitted
from schemas.codec.serde import encode_body
from schemas.events import request_finished
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import Candidate, RequestRouted, Signal
from tests.api.router.lifecycle.moments import T0_US, USAGE, A, B, ask, at_us, choice, finish

WHO = Who("f", "router-1")


def told(moments: list[Moment]) -> list[RequestEvent]:
    lives = Lives(WHO, at_us)
    return [event for moment in moments if (event := lives.tell(moment)) is not None]


def test_the_outcomes_are_those_of_the_schema() -> None:
    assert {outcome.value for outcome in Outcome} == set(get_args(request_finished.Outcome))


def test_a_request_that_is_retried_and_completes() -> None:
    one = ask(models=("n",), max_tokens=64, priority=3)
    came, admitted, first, second, token, end = told([
        received(0.0, one),
        went(1.0, one, Admitted(1.0, "model_cap", "gpu", 4)),
        sent(1.0, one, 1, choice(A)),
        failed(3.0, one),
        sent(3.5, one, 2, choice(B, "n")),
        first_token(4.0, one, "reasoning"),
        ended(7.0, one, finish(
            attempts=2, usage=USAGE, finish_reason="stop", reported_model="n:q4", last_chunk_s=6.0
        )),
    ])  # fmt: skip
    assert isinstance(came, RequestReceived)
    assert came == RequestReceived(
        "r1", "f", "router-1", T0_US, "openai", "/v1/chat/completions", "m", ("n",), "k1", "chat",
        came.session, {"team": "search"}, True, 3, 7.0, 64.0, 5.0,
    )  # fmt: skip
    assert came.session not in ("", "alice")
    assert admitted == RequestAdmitted("r1", "f", "router-1", at_us(1), "m", "gpu", "model_cap", 1.0, 4)
    assert isinstance(first, RequestRouted)
    assert first[3:11] == (at_us(1), 1, "node-a", "", "vllm:8001", "m", "own/m", "least busy")
    assert isinstance(second, RequestRouted)
    assert second[3:9] == (at_us(3.5), 2, "node-b", "node-a", "ollama:11434", "m")
    assert token == RequestFirstToken(
        "r1", "f", "router-1", at_us(4), 2, "node-b", "ollama:11434", "m", "reasoning", 4.0, 0.5
    )
    assert end == RequestFinished(
        "r1", "f", "router-1", at_us(7), T0_US, "completed", "node-b", "ollama:11434", "m", "n:q4", "stop",
        "", "k1", "chat", came.session, {"team": "search"}, True, 2, 200, 1.0, 4.0, 7.0, 4.5, 0.5,
        11.0, 5.0, 8.0, 1.0,
    )  # fmt: skip


def test_what_is_not_known_is_not_a_number() -> None:
    one = ask(caller=NOBODY, session="")
    came, end = told([received(0.0, one), ended(1.0, one, finish(Outcome.REJECTED_INVALID, 400))])
    assert isinstance(came, RequestReceived)
    assert isinstance(end, RequestFinished)
    assert math.isnan(came.max_tokens)
    assert (came.key, came.session) == ("", "")
    assert all(math.isnan(value) for value in (end.ttft_s, end.inter_token_s, *end[-4:]))
    assert (end.queue_wait_s, end.upstream_s, end.total_s, end.attempts) == (0.0, 0.0, 1.0, 0)


@pytest.mark.parametrize("outcome", ["abandoned_queued", "timed_out_queued", "cancelled_queued"])
def test_who_leaves_the_queue_was_in_it_all_the_time(outcome: str) -> None:
    one = ask(received_s=1.0)
    _, end = told([received(1.0, one), ended(5.0, one, finish(Outcome(outcome), 503))])
    assert isinstance(end, RequestFinished)
    assert end.queue_wait_s == 4.0


def test_texts_are_cut_and_numbers_are_such_that_every_reader_can_have_them() -> None:
    one = ask(
        model="x" * 10_000, models=("\ud800y",), priority=1 << 63, max_tokens=1 << 80,
        tags={"a" * 999: "b" * 999},
    )  # fmt: skip
    usage = USAGE._replace(prompt_tokens=10**400)
    for event in told([received(0.0, one), ended(1.0, one, finish(usage=usage, error="e" * 9999))]):
        body = encode_body(event)
        assert len(body) < 3000
    came = told([received(0.0, one)])[0]
    assert isinstance(came, RequestReceived)
    assert came.fallbacks == ("?y",)
    assert math.isnan(came.max_tokens)


def test_a_decision_that_can_explain_itself_is_asked() -> None:
    place = Candidate("node-b", "ollama:11434", "m", "unwell", 0.1, 9.0, (Signal("load", 3.0, -0.5, 0.2),))

    class Decision:
        def explain(self) -> Explanation:
            return Explanation("herd", "abc", 0.5, "other", "node-b", (place,), 7)

    one = ask()
    event = told([received(0.0, one), sent(0.1, one, 1, choice(decision=Decision()))])[1]
    assert isinstance(event, RequestRouted)
    assert event[-9:] == ("herd", "abc", 0.5, 0.5, "other", "node-b", (place,), 7, "")
    plain = told([received(0.0, one), sent(0.1, one, 1, choice(decision=object()))])[1]
    assert isinstance(plain, RequestRouted)
    assert (plain.policy, plain.candidates, math.isnan(plain.propensity)) == ("static", (), True)


def test_an_error_in_telling_does_not_cost_the_end() -> None:
    one = ask()
    broken = ended(1.0, one, finish())._replace(prompt_tokens="x")  # type: ignore[arg-type]  # such an error
    end = told([received(0.0, one), broken])[-1]
    assert isinstance(end, RequestFinished)
    assert (end.outcome, end.error) == ("completed", BUG)


IDS = st.sampled_from(["r1", "r2", "r3"])
Steps = list[tuple[str, str, float]]
WHATS = st.sampled_from(["received", "admitted", "routed", "failed", "token", "finished"])
STEPS = st.lists(st.tuples(IDS, WHATS, st.floats(0, 9)), max_size=40)


def moments(steps: Steps) -> list[Moment]:
    """Whatever order a caller makes them in, though each request is received once at most."""
    found: list[Moment] = []
    now, attempts, seen = 0.0, dict.fromkeys(("r1", "r2", "r3"), 0), set[str]()
    for request_id, what, pause in steps:
        now += pause
        one = ask(request_id, now)
        if what == "received" and request_id not in seen:
            seen.add(request_id)
            found.append(received(now, one))
        elif what == "admitted":
            found.append(went(now, one, Admitted(pause, "turn")))
        elif what == "routed":
            attempts[request_id] += 1
            found.append(sent(now, one, attempts[request_id], choice(A if attempts[request_id] % 2 else B)))
        elif what == "failed":
            found.append(failed(now, one))
        elif what == "token":
            found.append(first_token(now, one, "content"))
        elif what == "finished":
            outcome = list(Outcome)[int(pause)]
            found.append(ended(now, one, finish(outcome, usage=USAGE, last_chunk_s=now)))
    return found


@given(STEPS)
def test_whatever_is_called_each_received_request_ends_once_or_is_open(
    steps: Steps,
) -> None:
    lives = Lives(WHO, at_us)
    events = [event for moment in moments(steps) if (event := lives.tell(moment)) is not None]
    came = [event.request_id for event in events if isinstance(event, RequestReceived)]
    finished = [event.request_id for event in events if isinstance(event, RequestFinished)]
    assert len(set(finished)) == len(finished)
    assert set(finished) <= set(came)
    assert len(came) == len(finished) + len(lives)
    assert {event.request_id for event in events} <= set(came)
    rest = list(lives.end_all(1e6, at_us(1e6), "x"))
    assert sorted(finished + [event.request_id for event in rest]) == sorted(came)
    assert {event.outcome for event in rest} <= {"router_stopped"}
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    for event in events:
        if isinstance(event, RequestFinished):
            spans = (event.queue_wait_s, event.total_s, event.upstream_s)
            assert all(span >= 0 for span in spans)


@given(STEPS, st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=50)
def test_what_a_journal_tells_is_what_was_known(steps: Steps, cut: int, willed: int) -> None:
    """The facts until a cut, folded from their bytes, end open requests as the router itself would have."""
    lives, read = Lives(WHO, at_us), Lives(Who("", ""), at_us)
    now = 0.0
    lives.segment = 1
    for place, moment in enumerate(moments(steps)[:cut]):
        now = moment.at_s
        event = lives.tell(moment)
        if event is not None:
            kind, _, body = entry(event)
            read.replay(event_of(kind, 1, body)[0])
        if place == willed:
            lives.segment = 2
            for will in lives.wills(2, 2, now):
                read.replay(will, will=True)
    ours = {event.request_id: event for event in lives.end_all(now, at_us(now), "x")}
    theirs = {event.request_id: event for event in read.end_all(at_us(now) / 1e6, at_us(now), "x")}
    assert ours.keys() == theirs.keys()
    for request_id, end in ours.items():
        other = theirs[request_id]
        for field in ("received_at", "node_id", "runtime_id", "model", "key", "session", "tags", "attempts"):
            assert getattr(other, field) == getattr(end, field), field
        assert other.total_s == pytest.approx(end.total_s, abs=1e-3)
