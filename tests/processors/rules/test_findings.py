"""Rules about observations and alerts: from opened to resolved, with the timers of log time."""

from typing import Any

from processors.rules.findings import OFFLINE
from schemas.events.alert import AlertOpened, AlertResolved, AlertUpdated
from schemas.events.observation import ObservationOpened, ObservationResolved, ObservationUpdated
from schemas.topics import ALERTS, OBSERVATIONS
from tests.processors.rules.world import Feed, deleted, mark, rule, tagged, told
from tests.samples import at
from tests.schemas.golden.make import events

KINDS: dict[str, Any] = {
    "opened": ObservationOpened,
    "updated": ObservationUpdated,
    "resolved": ObservationResolved,
}


def observation(seconds: float, kind: str, name: str = "o1", **more: Any) -> Any:
    made = KINDS[kind]._make(events()["observation_opened"])
    usual: dict[str, Any] = {
        "id": f"{name}@{seconds:g}",
        "observation_id": name,
        "node_id": "n1",
        "fleet": "default",
        "pattern": "swap_io_pressure",
        "occurred_at": at(seconds),
        "onset_at": at(0),
        "severity": "warning",
        "text": "it swaps",
        "acknowledged_by": "",
        "acknowledged_until": 0,
        "dismissed_until": 0,
        "reason": "cleared" if kind == "resolved" else kind,
    }
    return made._replace(**{**usual, **more})


def alert(seconds: float, kind: Any, **more: Any) -> Any:
    usual: dict[str, Any] = {
        "alert_id": "a1",
        "fleet": "default",
        "alert": "node_offline",
        "node_id": "n1",
        "occurred_at": at(seconds),
        "severity": "critical",
        "text": "n1 is silent",
        "acknowledged_by": "",
        "acknowledged_until": 0,
        "dismissed_until": 0,
        "reason": "cleared",
    }
    return kind._make(events()["alert_opened"])._replace(**{**usual, **more})


def about(rule_id: str = "r", **document: Any) -> Any:
    return rule(rule_id, document.pop("revision", 1), source="observations", **document)


def test_it_holds_from_opened_to_resolved_with_what_was_observed() -> None:
    feed = Feed(OBSERVATIONS, about())
    (fired,) = feed.feed(observation(10, "opened"))
    assert (fired.state, fired.severity, fired.text, fired.node_id) == ("firing", "warning", "it swaps", "n1")
    assert (fired.subject, fired.onset_at, fired.cause_id) == ("o1", at(0), "o1@10")
    assert [(one.name, one.value) for one in fired.labels] == [("pattern", "swap_io_pressure")]
    (over,) = feed.feed(observation(20, "resolved"))
    assert (over.state, over.reason, over.condition_id) == ("resolved", "cleared", fired.condition_id)
    assert not feed.states["rules"].subjects


def test_a_worse_severity_is_told_unless_the_rule_says_its_own() -> None:
    feed = Feed(OBSERVATIONS, about("own", severity="info"), about("theirs"))
    feed.feed(observation(10, "opened"))
    (worse,) = feed.feed(observation(11, "updated", severity="critical"))
    assert (worse.rule_id, worse.state, worse.reason, worse.severity) == (
        "theirs", "updated", "severity", "critical",
    )  # fmt: skip


def test_what_an_operator_takes_on_is_told_and_so_is_its_end() -> None:
    feed = Feed(OBSERVATIONS, about(), about("worded", message="{node} {now}", severity="info"))
    feed.feed(observation(10, "opened"))
    taken: dict[str, Any] = {"acknowledged_by": "anna", "acknowledged_until": at(30)}
    ours, theirs = feed.feed(observation(20, "updated", **taken))
    assert (ours.state, ours.reason, ours.was, ours.now) == ("updated", "acknowledged", "", "acknowledged")
    assert (ours.text, theirs.text) == (
        "it swaps (acknowledged by anna)",
        "n1 acknowledged (acknowledged by anna)",
    )
    feed.restart()
    assert feed.feed(observation(25, "updated", **taken)) == []
    reopened, _ = feed.feed(observation(30, "updated", **taken))
    assert (reopened.reason, reopened.was, reopened.now) == ("reopened", "acknowledged", "")
    assert (reopened.text, reopened.revision) == ("it swaps", 2)


def test_what_begins_to_fire_when_somebody_has_taken_it_on_says_so() -> None:
    feed = Feed(ALERTS, rule("r", source="alerts", select={"alerts": ["oom_warning"]}, for_s=5), mark(0))
    one = {"alert": "oom_warning", "alert_id": "a2", "acknowledged_by": "anna", "acknowledged_until": 0}
    feed.feed(alert(0, AlertOpened, **{**one, "acknowledged_by": ""}), alert(1, AlertUpdated, **one))
    (fired,) = feed.feed(mark(10), mark(15))
    assert (fired.state, fired.now) == ("firing", "acknowledged")


def test_what_an_operator_dismisses_is_over_until_it_comes_back() -> None:
    feed = Feed(OBSERVATIONS, about())
    feed.feed(observation(10, "opened"))
    away = observation(20, "updated", dismissed_until=at(100))
    assert told(feed.feed(away)) == [("r", "resolved", "dismissed")]
    assert told(feed.feed(observation(100, "updated"))) == [("r", "firing", "holds")]


def test_selection_by_pattern_severity_node_and_tag() -> None:
    feed = Feed(
        OBSERVATIONS,
        about("pattern", select={"patterns": ["gpu_lost"]}),
        about("severity", select={"severities": ["critical"]}),
        about("node", select={"nodes": ["n2"]}),
        about("tag", select={"tags": {"rack": "r1"}}),
        tagged("n3", rack="r1"),
    )
    assert told(feed.feed(observation(0, "opened", "a"))) == []
    assert told(feed.feed(observation(0, "opened", "b", pattern="gpu_lost"))) == [
        ("pattern", "firing", "holds")
    ]
    assert told(feed.feed(observation(0, "opened", "c", severity="critical"))) == [
        ("severity", "firing", "holds")
    ]
    assert told(feed.feed(observation(0, "opened", "d", node_id="n2"))) == [("node", "firing", "holds")]
    assert told(feed.feed(observation(0, "opened", "e", node_id="n3"))) == [("tag", "firing", "holds")]
    lesser = observation(1, "updated", "c", severity="warning")
    assert told(feed.feed(lesser)) == [("severity", "resolved", "unselected")]


def test_for_and_keep_firing_go_by_log_time() -> None:
    feed = Feed(OBSERVATIONS, about(for_s=10, keep_firing_for_s=10), mark(0), mark(5))
    assert feed.feed(observation(6, "opened"), mark(10), mark(15)) == []
    assert told(feed.feed(mark(20))) == [("r", "firing", "holds")]
    assert feed.feed(observation(21, "resolved"), mark(25), mark(30)) == []
    feed.restart()
    assert told(feed.feed(mark(35))) == [("r", "resolved", "cleared")]
    assert not feed.states["rules"].subjects


def test_what_is_over_before_it_has_held_is_not_told() -> None:
    feed = Feed(OBSERVATIONS, about(for_s=60), mark(0))
    assert feed.feed(observation(1, "opened"), mark(5), observation(6, "resolved"), mark(100)) == []


def test_a_node_that_is_gone_ends_it_at_once() -> None:
    feed = Feed(OBSERVATIONS, about(keep_firing_for_s=600))
    feed.feed(observation(1, "opened"))
    gone = observation(2, "resolved", reason="node_gone")
    assert told(feed.feed(gone)) == [("r", "resolved", "node_gone")]


def test_a_rule_about_what_is_open_already_fires_at_once_and_a_deleted_one_is_over() -> None:
    feed = Feed(OBSERVATIONS, about("other"))
    feed.feed(observation(1, "opened"))
    assert told(feed.feed(about())) == [("r", "firing", "holds")]
    assert told(feed.feed(deleted("r", 2))) == [("r", "resolved", "rule_deleted")]
    assert told(feed.feed(observation(2, "resolved"))) == [("other", "resolved", "cleared")]


def test_an_offline_node_is_followed_without_a_rule() -> None:
    feed = Feed(ALERTS)
    (fired,) = feed.feed(alert(0, AlertOpened))
    assert (fired.rule_id, fired.state, fired.node_id) == (OFFLINE, "firing", "n1")
    feed.restart()
    assert told(feed.feed(alert(9, AlertResolved))) == [(OFFLINE, "resolved", "cleared")]


def test_stages_without_rules_have_nothing_in_common() -> None:
    Feed(OBSERVATIONS).feed(observation(1, "opened"))
    feed = Feed(ALERTS)
    assert told(feed.feed(alert(0, AlertOpened))) == [(OFFLINE, "firing", "holds")]
    assert Feed(OBSERVATIONS).feed(observation(1, "opened")) == []


def test_rules_about_alerts() -> None:
    feed = Feed(ALERTS, rule("r", source="alerts", select={"alerts": ["oom_warning"]}))
    assert told(feed.feed(alert(0, AlertOpened, alert="zombied_engine"))) == []
    (fired,) = feed.feed(alert(0, AlertOpened, alert="oom_warning", alert_id="a2"))
    assert (fired.rule_id, fired.severity, fired.labels[0].name) == ("r", "critical", "alert")
