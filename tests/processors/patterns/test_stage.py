"""The pattern stage by hand: opening, telling, ending, silence, operators, hints, summaries."""

from itertools import pairwise

from processors.patterns.lifecycle import FOREVER
from processors.patterns.rules import kinds_of, parse
from processors.patterns.turning import UNKNOWN_US
from processors.stage import Arrived, Output, Rejected
from schemas.events.observation import ObservationOpened, ObservationResolved, ObservationUpdated
from schemas.topics import OBSERVATIONS, SUMMARIES, TELEMETRY
from tests.processors.patterns.toy import (
    TOY,
    Replay,
    action,
    hints,
    kinds,
    mark,
    pane,
    part,
    patient,
    summaries,
    told,
)
from tests.samples import at, sample

NAN = float("nan")


def warmed(*patterns: object, **options: object) -> Replay:
    """A stage that has seen a quiet minute."""
    replay = Replay(*patterns, **options)  # type: ignore[arg-type]
    replay.feed(*(pane(index) for index in range(6)))
    return replay


def test_an_observation_has_one_id_from_opened_to_resolved() -> None:
    replay = warmed()
    replay.feed(pane(6, 600), pane(7, 950), *(pane(index) for index in range(8, 12)))
    opened, updated, resolved = told(replay.said)
    assert isinstance(opened, ObservationOpened)
    assert isinstance(updated, ObservationUpdated)
    assert isinstance(resolved, ObservationResolved)
    assert len({one.observation_id for one in (opened, updated, resolved)}) == 1
    assert len({one.id for one in (opened, updated, resolved)}) == 3
    assert [one.revision for one in (opened, updated, resolved)] == [0, 1, 2]
    assert (opened.onset_at, opened.occurred_at, opened.severity) == (at(70), at(70), "warning")
    assert (opened.routing_hint, opened.text, opened.duration_s) == ("reduce_batch", "600 W", 0.0)
    assert (updated.reason, updated.severity, updated.routing_hint) == ("severity", "critical", "steer_away")
    assert (resolved.reason, resolved.severity, resolved.duration_s) == ("cleared", "critical", 40.0)
    assert resolved.evidence[0].value == 950.0


def test_it_opens_only_after_its_time_and_says_since_when() -> None:
    replay = warmed(patient(for_s=30))
    assert told(replay.feed(pane(6, 600), pane(7, 600), pane(8, 600))) == []
    (opened,) = told(replay.feed(pane(9, 600)))
    assert (opened.onset_at, opened.occurred_at, opened.duration_s) == (at(70), at(100), 30.0)


def test_a_flap_within_the_clearing_time_is_the_same_observation() -> None:
    replay = warmed()
    replay.feed(pane(6, 600), pane(7), pane(8, 600), pane(9), pane(10), pane(11))
    assert kinds(replay.said) == [("Opened", "opened"), ("Resolved", "cleared")]


def test_too_few_panes_say_nothing() -> None:
    replay = Replay()
    assert told(replay.feed(pane(0, 600), pane(1, 600))) == []
    assert len(told(replay.feed(pane(2, 600)))) == 1


def test_a_reading_that_goes_missing_keeps_it_open_for_a_while() -> None:
    replay = warmed()
    replay.feed(pane(6, 600))
    missing = UNKNOWN_US // 10_000_000
    replay.feed(*(pane(index, NAN) for index in range(7, 7 + missing + 6)))
    assert kinds(replay.said)[-1] == ("Resolved", "no_reading")


def test_evidence_is_told_again_when_it_has_moved_and_not_too_often() -> None:
    replay = warmed()
    replay.feed(*(pane(6 + index, 510 + 10 * index) for index in range(38)))
    assert kinds(replay.said) == [("Opened", "opened"), ("Updated", "evidence")]
    opened, updated = told(replay.said)
    assert updated.occurred_at - opened.occurred_at == 300_000_000


def test_a_severity_that_falls_is_told_after_a_minute() -> None:
    replay = warmed()
    replay.feed(pane(6, 950), *(pane(7 + index, 600) for index in range(8)))
    assert kinds(replay.said) == [("Opened", "opened"), ("Updated", "severity")]
    updated = told(replay.said)[-1]
    assert (updated.severity, updated.peak_severity) == ("warning", "critical")
    assert updated.occurred_at == at(130)


def test_hints_follow_what_is_open() -> None:
    replay = warmed()
    replay.feed(pane(6, 600), pane(7, 950), *(pane(index) for index in range(8, 12)))
    assert hints(replay.said) == [("reduce_batch", "toy"), ("steer_away", "toy"), ("clear", "")]
    topics = {out.topic for out in replay.said if isinstance(out, Output)}
    assert topics == {OBSERVATIONS, TELEMETRY}


def test_a_silent_node_is_judged_by_watermarks_and_then_gone() -> None:
    replay = warmed()
    replay.feed(pane(6, 600))
    replay.feed(*(mark(seconds) for seconds in range(75, 370, 5)))
    assert kinds(replay.said) == [("Opened", "opened")]
    assert kinds(replay.feed(mark(370))) == [("Resolved", "node_gone")]
    assert hints(replay.said)[-1] == ("clear", "")
    assert told(replay.feed(mark(375), mark(900))) == []


def test_an_outage_of_the_log_is_no_silence_of_the_node() -> None:
    replay = warmed()
    replay.feed(pane(6, 600), mark(75), mark(4000))
    assert kinds(replay.said) == [("Opened", "opened")]
    assert replay.state().silent_us == 15_000_000


def test_a_node_that_said_it_stops_is_gone_soon() -> None:
    replay = warmed()
    replay.feed(pane(6, 600, stopped=1.0), mark(75), mark(80), mark(85))
    assert kinds(replay.said) == [("Opened", "opened")]
    assert kinds(replay.feed(mark(90))) == [("Resolved", "node_gone")]
    assert summaries(replay.said)[-1].stopped


def test_a_node_that_comes_back_begins_anew() -> None:
    replay = warmed()
    replay.feed(pane(6, 600), *(mark(seconds) for seconds in range(75, 400, 5)))
    replay.feed(*(pane(index, 600) for index in range(50, 54)))
    first, _, second = told(replay.said)
    assert first.observation_id != second.observation_id
    assert kinds(replay.said)[-1] == ("Opened", "opened")


def test_the_fleet_is_told_right_before_each_watermark() -> None:
    replay = Replay()
    assert summaries(replay.feed(pane(0), pane(1))) == []
    said = replay.feed(Arrived(mark(21), at(21), 3))
    (summary,) = summaries(said)
    assert (summary.occurred_at, summary.passed_at, summary.silent_s) == (at(20), at(21), 0.0)
    assert said[-1] == Output(SUMMARIES, None, mark(21)._replace(stage="pattern-stage", partition=3))
    assert summaries(replay.feed(mark(26))) == []


def test_silence_is_told_with_every_watermark_and_later_once_a_minute() -> None:
    replay = Replay()
    replay.feed(pane(0), mark(15))
    early = summaries(replay.feed(*(mark(seconds) for seconds in range(20, 605, 5))))
    assert [round(one.silent_s) for one in early][:2] == [40, 45]
    assert all(later.silent_s - one.silent_s == 5 for one, later in pairwise(early))
    late = summaries(replay.feed(*(mark(seconds) for seconds in range(720, 1320, 5))))
    assert len(late) == 10


def test_a_pane_that_comes_twice_changes_nothing() -> None:
    once, twice = warmed(), warmed()
    once.feed(pane(6, 600), pane(7, 600))
    twice.feed(pane(6, 600), pane(6, 600), pane(7, 600), pane(6, 600), pane(7, 600))
    assert twice.said == once.said
    assert twice.stage.encode(twice.state()) == once.stage.encode(once.state())


def test_a_late_pane_finds_its_place_and_is_not_judged_again() -> None:
    replay = Replay()
    replay.feed(pane(0), pane(1), pane(3))
    late = pane(2, 600)
    assert told(replay.feed(late)) == []
    assert [one.started_at for one in replay.state().slots] == [at(10 * index) for index in range(4)]


def test_a_clock_that_goes_back_begins_a_new_time_line() -> None:
    replay = warmed()
    replay.feed(pane(6, 600))
    back = pane(2, 600, last_arrived_at=at(200))
    replay.feed(back, pane(3, 600, last_arrived_at=at(210)))
    assert [one.started_at for one in replay.state().slots] == [at(0), at(10), at(20), at(30)]
    replay.feed(*(pane(index, last_arrived_at=at(200 + 10 * index)) for index in range(4, 8)))
    assert kinds(replay.said) == [("Opened", "opened"), ("Resolved", "cleared")]
    assert all(one.duration_s >= 0 for one in told(replay.said))


def test_acknowledging_is_told_once_and_expires() -> None:
    replay = warmed()
    (opened,) = told(replay.feed(pane(6, 600)))
    acknowledge = action("acknowledge", opened, expires_at=at(100))
    (updated,) = told(replay.feed(acknowledge))
    assert (updated.reason, updated.acknowledged_by, updated.acknowledged_until) == (
        "operator",
        "ann",
        at(100),
    )
    assert told(replay.feed(acknowledge)) == []
    replay.feed(pane(7, 600), pane(8, 600))
    (expired,) = told(replay.feed(pane(9, 600)))
    assert (expired.reason, expired.acknowledged_by) == ("expired", "")


def test_a_dismissed_observation_no_longer_steers() -> None:
    replay = warmed()
    (opened,) = told(replay.feed(pane(6, 950)))
    said = replay.feed(action("dismiss", opened))
    assert told(said)[0].dismissed_until == FOREVER
    assert hints(said) == [("clear", "")]
    assert hints(replay.feed(action("restore", opened))) == [("steer_away", "toy")]


def test_an_observation_ended_by_hand_stays_ended_until_it_was_over_once() -> None:
    replay = warmed()
    (opened,) = told(replay.feed(pane(6, 600)))
    assert kinds(replay.feed(action("resolve", opened))) == [("Resolved", "operator")]
    assert told(replay.feed(pane(7, 600), pane(8, 600))) == []
    assert kinds(replay.feed(pane(9), pane(10, 600))) == [("Opened", "opened")]


def test_an_action_on_what_is_not_open_does_nothing() -> None:
    replay = warmed()
    (opened,) = told(replay.feed(pane(6, 600)))
    replay.feed(*(pane(index) for index in range(7, 10)))
    before = replay.state()
    assert replay.feed(action("acknowledge", opened), action("resolve", opened)) == ()
    assert replay.state() is before


def test_requests_alone_keep_a_node_without_an_agent() -> None:
    replay = Replay(patient(min_coverage=0.0))
    assert replay.feed(part(0), part(0), part(0, revision=1)) == ()
    assert len(replay.state().requests) == 2
    replay.feed(mark(20))
    assert replay.state().about.fleet == part(0).fleet
    replay.feed(mark(2000))
    assert replay.feed(mark(2005)) != ()
    assert "node-1" not in replay.states


def test_requests_that_reached_no_node_are_nobodys() -> None:
    replay = Replay()
    assert replay.feed(part(0, node_id="")) == ()
    assert replay.states == {}


def test_rules_of_a_file_hold_where_they_say() -> None:
    text = '[patterns.toy]\npower_w = 300\n[nodes."node-1".patterns.toy]\nfor_s = 20\n'
    rules = parse(text, "rules.toml", kinds_of([TOY]), {})
    replay = warmed(rules=rules)
    replay.feed(pane(6, 400), pane(7, 400))
    assert told(replay.said) == []
    (opened,) = told(replay.feed(pane(8, 400)))
    assert (opened.thresholds, opened.evidence[0].threshold) == (rules.digest, 300.0)


def test_patterns_of_which_nothing_is_pending_take_turns() -> None:
    patterns = [patient(id=f"p{number}", clear_s=0) for number in range(6)]
    replay = Replay(*patterns, turns=3)
    replay.feed(*(pane(index) for index in range(6)))
    opened = [{one.pattern for one in told(replay.feed(pane(6 + index, 600)))} for index in range(3)]
    assert sorted(map(sorted, opened)) == [["p0", "p3"], ["p1", "p4"], ["p2", "p5"]]
    assert {one.pattern for one in told(replay.feed(pane(9)))} == {f"p{number}" for number in range(6)}


def test_what_is_pending_is_judged_with_every_pane() -> None:
    replay = Replay(patient(for_s=20), turns=3)
    replay.feed(*(pane(index, 600) for index in range(9)))
    (opened,) = told(replay.said)
    assert opened.occurred_at - opened.onset_at == 20_000_000


def test_a_pattern_that_is_turned_off_ends() -> None:
    replay = warmed()
    replay.feed(pane(6, 600))
    off = parse("[patterns.toy]\nenabled = false\n", "rules.toml", kinds_of([TOY]), {})
    later = Replay(rules=off)
    later.states = replay.states
    assert kinds(later.feed(pane(7, 600), pane(8, 600))) == [("Resolved", "disabled")]


def test_an_event_of_another_topic_is_refused() -> None:
    (refused,) = Replay().feed(sample())
    assert isinstance(refused, Rejected)
    assert refused.reason == "unexpected_event"


def test_a_state_survives_its_bytes() -> None:
    replay = warmed()
    replay.feed(pane(6, 600), pane(7, 600), part(7), pane(8), mark(95))
    stage, state = replay.stage, replay.state()
    again = stage.decode(stage.encode(state))
    assert stage.encode(again) == stage.encode(state)
