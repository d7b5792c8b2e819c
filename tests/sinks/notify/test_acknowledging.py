"""What an operator acknowledges in Penstock is acknowledged in PagerDuty: from the event to the body."""

from typing import Any

from processors.chain import Chain, Record
from processors.rules.notify.stage import NotifyStage
from processors.rules.stage import rule_stages
from schemas.codec import Event
from schemas.events.alert import AlertOpened, AlertResolved, AlertUpdated
from schemas.events.notification_due import NotificationDue
from schemas.topics import ALERTS, OBSERVATIONS, Topic
from sinks.notify import pagerduty
from tests.processors.rules.test_findings import alert, observation
from tests.processors.rules.world import mark, rule
from tests.sinks.notify.published import check

PAGED: dict[str, Any] = {"channels": ["pager"], "cooldown_s": 0}
TAKEN: dict[str, Any] = {"acknowledged_by": "anna", "acknowledged_until": 0}


def bodies(topic: Topic, *events: Event) -> list[dict[str, Any]]:
    """Return what PagerDuty is sent of the events of a topic."""
    chain = Chain([*rule_stages(), NotifyStage()])
    found = []
    for event in events:
        logged_at = getattr(event, "passed_at", None) or event.occurred_at
        for one in chain.feed(Record(topic, 0, None, event, logged_at)):
            if isinstance(one.event, NotificationDue):
                body = {"routing_key": "R" * 32, **pagerduty.event(one.event, test=False)}
                check("pagerduty", body)
                found.append(body)
    assert not chain.refused
    assert len({body["dedup_key"] for body in found}) == 1
    return found


def actions(found: list[dict[str, Any]]) -> list[str]:
    return [body["event_action"] for body in found]


def test_an_observation_that_is_acknowledged() -> None:
    found = bodies(
        OBSERVATIONS,
        rule("r", source="observations", notify=PAGED),
        observation(10, "opened"),
        observation(20, "updated", **TAKEN),
        observation(30, "updated"),
        observation(40, "resolved"),
    )
    assert actions(found) == ["trigger", "acknowledge", "trigger", "resolve"]


def test_an_alert_that_is_acknowledged() -> None:
    found = bodies(
        ALERTS,
        rule("r", source="alerts", notify=PAGED),
        alert(10, AlertOpened),
        alert(20, AlertUpdated, **TAKEN),
        alert(30, AlertResolved, **TAKEN),
    )
    assert actions(found) == ["trigger", "acknowledge", "resolve"]


def test_an_incident_is_acknowledged_when_all_of_its_conditions_are() -> None:
    found = bodies(
        OBSERVATIONS,
        rule("r", source="observations", notify=PAGED),
        observation(10, "opened", "o1"),
        observation(11, "opened", "o2"),
        observation(20, "updated", "o1", **TAKEN),
        observation(21, "updated", "o2", **TAKEN),
        observation(30, "resolved", "o1", **TAKEN),
        observation(31, "resolved", "o2", **TAKEN),
    )
    assert actions(found) == ["trigger", "trigger", "trigger", "acknowledge", "acknowledge", "resolve"]


def test_an_acknowledgement_waits_for_the_end_of_the_cooldown_and_is_not_lost() -> None:
    marks = [mark(second) for second in range(25, 80, 5)]
    found = bodies(
        OBSERVATIONS,
        rule("r", source="observations", notify={**PAGED, "cooldown_s": 60}),
        mark(5),
        observation(10, "opened"),
        observation(20, "updated", **TAKEN),
        *marks,
    )
    assert actions(found) == ["trigger", "acknowledge"]
