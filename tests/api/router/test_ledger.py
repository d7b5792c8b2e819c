import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.router.ledger import MOST_TRACES, Asked, Ledger
from api.router.scoring.affinity import Trace
from api.router.scoring.place import UNKNOWN_SPEED
from api.router.seams import NO_USAGE, Usage

TOKENS = Usage(completion_tokens=11)


def asked(request_id: str = "r", upstream: str = "u", *, loaded: bool = True, free: bool = True) -> Asked:
    return Asked(request_id, upstream, "m", 100, loaded, free)


def streamed(ledger: Ledger, request_id: str = "r", *, loaded: bool = True, free: bool = True) -> None:
    """Serve a request: first token after 0.2 s, eleven tokens in 1.2 s."""
    ledger.began(asked(request_id, loaded=loaded, free=free), 100.0)
    ledger.first_token(request_id, 100.2)
    ledger.ended(request_id, "m", 101.2, ok=True, usage=TOKENS)


def test_a_stream_teaches_all_times() -> None:
    ledger = Ledger()
    streamed(ledger)
    speed = ledger.speed("u", "m")
    assert speed.first_token_s + 100 * speed.prefill_s == pytest.approx(0.2)
    assert (speed.decode_s, speed.service_s) == pytest.approx((0.1, 1.2))
    assert speed.seen_s == 101.2
    assert ledger.answers["m"].value == 11.0


def test_an_answer_in_one_piece_teaches_what_it_can() -> None:
    ledger = Ledger()
    ledger.began(asked(), 0.0)
    ledger.ended("r", "m", 1.0, ok=True, usage=TOKENS)
    speed = ledger.speed("u", "m")
    assert (speed.decode_s, speed.service_s) == pytest.approx((0.1, 1.0))
    assert math.isnan(speed.first_token_s)


def test_a_first_token_behind_others_teaches_nothing_of_prompts_and_a_load_nothing_of_service() -> None:
    ledger = Ledger()
    streamed(ledger, free=False)
    assert math.isnan(ledger.speed("u", "m").first_token_s)
    other = Ledger()
    streamed(other, loaded=False)
    assert other.speed("u", "m").service_s == pytest.approx(1.0)
    assert other.speed("u", "m").load_s == pytest.approx(0.1)  # beyond the usual millisecond a token


def test_failures_and_refusals_teach_nothing() -> None:
    ledger = Ledger()
    for ok, usage in ((False, TOKENS), (True, NO_USAGE)):
        ledger.began(asked(), 0.0)
        ledger.ended("r", "m", 0.001, ok=ok, usage=usage)
    assert all(map(math.isnan, ledger.speed("u", "m")))
    assert not ledger.answers


def test_a_load_is_under_way_until_its_first_token_or_its_end() -> None:
    ledger = Ledger()
    ledger.began(asked("1", loaded=False), 10.0)
    ledger.began(asked("2", loaded=False), 12.0)
    assert ledger.loading_s("u", "m", 15.0) == 5.0
    ledger.first_token("1", 16.0)
    assert math.isnan(ledger.loading_s("u", "m", 17.0))


def test_what_a_node_reports_beyond_our_own_is_others_work() -> None:
    ledger = Ledger()
    for id_ in "123":
        ledger.began(asked(id_), 0.0)
    assert ledger.reported("u", 3.0) is False
    assert ledger.upstream("u").outstanding == 3.0
    assert ledger.reported("u", 5.0) is True
    assert ledger.upstream("u").outstanding == 5.0
    assert ledger.reported("u", math.nan) is True
    assert ledger.upstream("u").outstanding == 3.0


def test_a_report_from_before_our_requests_ended_makes_nobody_elses_of_them() -> None:
    ledger = Ledger()
    for id_ in "123":
        ledger.began(asked(id_), 0.0)
    ledger.reported("u", 3.0)
    for id_ in "123":
        ledger.ended(id_, "m", 1.0, ok=True, usage=TOKENS)
    for _ in range(2):
        ledger.reported("u", 3.0)
        assert ledger.upstream("u").outstanding == 0.0
    ledger.reported("u", 3.0)  # by now they are somebody else's
    assert ledger.upstream("u").outstanding == 3.0


def test_conversations_are_remembered_the_oldest_forgotten_first() -> None:
    ledger = Ledger()
    for number in range(MOST_TRACES + 1):
        ledger.served("u", str(number), "", float(number))
    assert ledger.session("0") is None
    assert ledger.session("1") == Trace("u", 1.0)
    assert ledger.session("") is ledger.prefix("") is None


def test_an_upstream_that_is_gone_is_forgotten_when_it_has_nothing_left() -> None:
    ledger = Ledger()
    ledger.began(asked(), 0.0)
    ledger.forget("u")
    assert ledger.upstream("u").in_flight == 1
    ledger.ended("r", "m", 1.0, ok=True, usage=TOKENS)
    ledger.forget("u")
    assert not ledger.upstreams
    assert ledger.speed("u", "m") == UNKNOWN_SPEED or math.isnan(ledger.speed("u", "m").service_s)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from("ab")), max_size=60))
def test_in_flight_is_what_began_and_has_not_ended(steps: list[tuple[bool, int, str]]) -> None:
    ledger, open_ = Ledger(), dict[str, str]()
    for begins, number, upstream in steps:
        id_ = str(number)
        if begins and id_ not in open_:
            ledger.began(asked(id_, upstream), 0.0)
            open_[id_] = upstream
        elif not begins:
            ledger.ended(id_, "m", 1.0, ok=True, usage=TOKENS)  # a second end is none
            open_.pop(id_, None)
        for name in "ab":
            assert ledger.upstream(name).in_flight == list(open_.values()).count(name)
