import json
import math
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.channel_document import AlertmanagerSettings, EmailSettings
from schemas.events.notification_due import NotificationDue, NotifiedCondition
from sinks.notify import alertmanager, alertmanager_webhook, email, pagerduty, slack, webhook
from tests.samples import at
from tests.sinks.notify.making import condition, notification
from tests.sinks.notify.published import check

KINDS = ("opened", "updated", "resolved", "reminder")
MAIL = EmailSettings(host="mail.example", sender="penstock@example.com", to=("ops@example.com",))
SCHEMA = Draft202012Validator(
    json.loads((resources.files(webhook.__package__) / "webhook.schema.json").read_text())
)
NASTY = [
    "",
    "<!channel> & <https://evil.example|click> <@U123>",
    "a\r\nBcc: evil@example.com\r\n\r\nbody",
    "\x00\x1b[31m\u202eevil\u2028",
    "é" * 4_000,
    "{0.__class__} {{7*7}} ${jndi:ldap://x} %s",
]
texts = st.sampled_from(NASTY) | st.text(max_size=200)
numbers = st.floats(allow_nan=True, allow_infinity=True)
times = st.integers(-(2**62), 2**62)


@st.composite
def notifications(draw: st.DrawFn) -> NotificationDue:
    conditions = draw(
        st.lists(
            st.builds(
                condition,
                texts,
                state=st.sampled_from(["firing", "resolved"]),
                value=numbers,
                threshold=numbers,
                text=texts,
                model=texts,
                now=texts,
                onset_at=times,
            ),
            max_size=3,
        )
    )
    return notification(
        draw(texts),
        draw(st.integers(0, 5)),
        kind=draw(st.sampled_from(KINDS)),
        title=draw(texts),
        text=draw(texts),
        rule_id=draw(texts) or "r",
        rule_name=draw(texts),
        fleet=draw(texts),
        nodes=tuple(draw(st.lists(texts, max_size=20))),
        conditions=tuple(conditions),
        occurred_at=draw(times),
        onset_at=draw(times),
        deferred_by=draw(st.sampled_from(["", "cooldown"])),
        deferred_s=draw(numbers),
        severity=draw(st.sampled_from(["info", "warning", "critical"])),
        test=draw(st.booleans()),
    )


@settings(deadline=None, max_examples=50)
@given(notifications(), st.booleans())
def test_every_body_is_as_published(one: NotificationDue, test: bool) -> None:
    SCHEMA.validate(json.loads(webhook.body_of(one, test=test)))
    check("slack", slack.message(one, test=test))
    check("pagerduty", {"routing_key": "R" * 32, **pagerduty.event(one._replace(group_id="g"), test=test)})
    labels = {"team": "serving"}
    check(
        "alertmanager",
        alertmanager.alerts(one, AlertmanagerSettings(url="http://x", labels=labels), at(99), test=test),
    )
    body = alertmanager_webhook.body_of(one._replace(group_id="g"), "bot", labels, test=test)
    assert len(body) <= alertmanager_webhook.MOST_BYTES
    check("alertmanager_webhook", json.loads(body))
    email.message(one, MAIL, 1.0, test=test).as_bytes()


def test_the_document_of_a_webhook() -> None:
    one = notification(conditions=(condition(value=math.nan),))
    document = json.loads(webhook.body_of(one, test=False))
    assert document["type"] == "notification.opened"
    assert document["data"]["id"] == one.id
    assert document["data"]["conditions"][0]["value"] is None
    assert document["data"]["deferred"] is None
    assert document["data"]["onset_at"].endswith("Z")


def test_a_document_that_is_too_large_says_what_it_leaves_out() -> None:
    many = notification(conditions=tuple(condition(f"n{number}", text="x" * 5000) for number in range(400)))
    body = webhook.body_of(many, test=False)
    data = json.loads(body)["data"]
    assert len(body) <= webhook.MOST_BYTES
    assert len(data["conditions"]) + data["conditions_omitted"] == 400
    assert data["conditions_omitted"] > 0


def test_slack_mentions_nobody() -> None:
    one = notification(title="<!channel> & <@U1>", text="<!here>", rule_name="<!channel>", nodes=("<@U2>",))
    body = slack.message(one, test=False)
    marked = [field["text"] for block in body["blocks"] for field in block.get("fields", ())]
    assert body["text"] == "[critical] &lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert not any("<" in text for text in marked)
    assert slack.escaped("<" * 100, 20) == "&lt;&lt;&lt;&lt;..."


def test_pagerduty_from_trigger_to_resolve() -> None:
    def action(kind: str, *states: tuple[str, str]) -> str:
        told = tuple(condition(f"n{i}", state=state, now=now) for i, (state, now) in enumerate(states))
        return str(pagerduty.event(notification(kind=kind, conditions=told), test=False)["event_action"])

    assert action("opened", ("firing", "")) == "trigger"
    assert action("updated", ("firing", "")) == "trigger"
    assert action("updated", ("firing", "acknowledged"), ("resolved", "")) == "acknowledge"
    assert action("updated", ("firing", "acknowledged"), ("firing", "")) == "trigger"
    assert action("reminder", ("firing", "acknowledged")) == "trigger"
    assert action("resolved", ("resolved", "")) == "resolve"
    keys = {
        pagerduty.event(notification("g", n, kind=kind), test=False)["dedup_key"]
        for n, kind in enumerate(KINDS)
    }
    assert keys == {"g"}


@pytest.mark.parametrize(
    ("severity", "theirs"), [("info", "info"), ("warning", "warning"), ("critical", "critical")]
)
def test_pagerduty_severities(severity: str, theirs: str) -> None:
    assert pagerduty.event(notification(severity=severity), test=False)["payload"]["severity"] == theirs


def firing(alerts: list[dict[str, Any]], now: str) -> list[str]:
    return [alert["labels"]["severity"] for alert in alerts if alert["endsAt"] > now]


def test_an_alert_ends_when_it_resolves_and_has_one_severity() -> None:
    where = AlertmanagerSettings(url="http://x")
    now = "2025-11-21T04:42:00Z"
    opened = alertmanager.alerts(notification(severity="warning"), where, at(120), test=False)
    worse = alertmanager.alerts(notification(kind="updated"), where, at(120), test=False)
    over = alertmanager.alerts(notification(kind="resolved"), where, at(120), test=False)
    assert (firing(opened, now), firing(worse, now), firing(over, now)) == (["warning"], ["critical"], [])
    assert [alert["labels"] for alert in opened] == [alert["labels"] for alert in over]
    assert all(alert["startsAt"] < alert["endsAt"] for alert in (*opened, *over))
    assert firing(alertmanager.alerts(notification(), where, at(120), test=True), now) == []


def test_two_conditions_that_look_alike_are_two_alerts() -> None:
    alike = (condition(condition_id="a"), condition(condition_id="b", state="resolved"))
    one = notification(kind="updated", conditions=alike)
    sent = alertmanager.alerts(one, AlertmanagerSettings(url="http://x"), at(120), test=False)
    assert len({json.dumps(alert["labels"]) for alert in sent}) == len(sent)
    assert firing(sent, "2025-11-21T04:42:00Z") == ["critical"]


def posted(*conditions: NotifiedCondition, test: bool = False, **changes: Any) -> Any:
    one = notification(conditions=conditions or (condition(),), **changes)
    return json.loads(alertmanager_webhook.body_of(one, "bot", {"team": "serving"}, test=test))


def test_what_alertmanager_would_post() -> None:
    hot, cold = condition("n1", model="m"), condition("n2", state="resolved", text="n2 is well")
    found = posted(hot, cold, kind="updated", fleet="")
    assert (found["version"], found["status"], found["receiver"]) == ("4", "firing", "bot")
    assert (found["groupKey"], found["truncatedAlerts"]) == ("g1", 0)
    assert found["groupLabels"] == {"alertname": "hot"}
    usual = {"alertname": "hot", "severity": "critical", "source": "penstock", "team": "serving"}
    assert found["commonLabels"] == usual
    assert found["commonAnnotations"] == {"summary": "[critical] Update: Too hot: n1", "group_id": "g1"}
    fires, over = found["alerts"]
    assert fires["labels"] == {**usual, "node": "n1", "model": "m", "condition": hot.condition_id}
    assert (fires["status"], fires["endsAt"]) == ("firing", "0001-01-01T00:00:00Z")
    assert (over["status"], over["annotations"]["description"]) == ("resolved", "n2 is well")
    assert fires["startsAt"] == over["startsAt"] < over["endsAt"]


def test_an_alert_has_one_fingerprint_from_firing_to_resolved() -> None:
    bodies = [posted(severity="warning"), posted(kind="updated"), posted(kind="resolved")]
    assert [body["status"] for body in bodies] == ["firing", "firing", "resolved"]
    assert len({body["alerts"][0]["fingerprint"] for body in bodies}) == 1
    two = posted(condition(condition_id="a"), condition(condition_id="b"))["alerts"]
    assert two[0]["fingerprint"] != two[1]["fingerprint"]


def test_alerts_that_do_not_fit_are_counted() -> None:
    many = [condition(f"n{number}", state="resolved", text="x" * 4000) for number in range(199)]
    found = posted(*many, condition("last"), kind="updated")
    assert len(found["alerts"]) + found["truncatedAlerts"] == 200
    assert found["truncatedAlerts"] > 0
    assert found["status"] == "firing"


def test_a_mail_cannot_be_given_headers() -> None:
    one = notification(
        title="hot\r\nBcc: evil@example.com\n\nbody", text="a\r\n.\r\nRCPT TO:<evil@example.com>"
    )
    mail = email.message(one, MAIL, 1.0, test=False)
    assert mail["Bcc"] is None
    assert mail["To"] == "ops@example.com"
    assert "\n" not in mail["Subject"]
    assert mail["References"] == "<g1@example.com>"
    assert mail["Message-ID"] == f"<{one.id}@example.com>"


def test_a_test_says_so_everywhere() -> None:
    one = notification()
    assert json.loads(webhook.body_of(one, test=True))["data"]["test"] is True
    assert slack.message(one, test=True)["text"].startswith("[test] ")
    assert pagerduty.event(one, test=True)["payload"]["summary"].startswith("[test] ")
    assert email.message(one, MAIL, 1.0, test=True)["Subject"].startswith("[test] ")
    assert posted(test=True)["commonLabels"]["test"] == "true"
