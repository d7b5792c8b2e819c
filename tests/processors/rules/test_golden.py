"""An afternoon of two nodes and four rules: what is told, line by line. Rewritten by --update-golden only."""

import json
from pathlib import Path

import pytest

from processors.chain import Chain, Record
from processors.rules.notify.stage import NotifyStage
from processors.rules.stage import rule_stages
from schemas.codec import Event
from schemas.events.alert import AlertOpened, AlertResolved
from schemas.events.condition_changed import ConditionChanged
from schemas.events.notification_due import NotificationDue
from schemas.topics import ALERTS, NODE_STATES, OBSERVATIONS, Topic
from tests.processors.rules.test_findings import alert, observation
from tests.processors.rules.world import NAN, deleted, mark, rule, state, when
from tests.samples import at

GOLDEN = Path(__file__).parent / "golden" / "afternoon.jsonl"
OPS = {"channels": ["ops"], "cooldown_s": 30}
RULES = (
    rule("hot", when=when("gpu.temperature_c", ">", 85, clear_value=80), for_s=5, severity="critical",
         notify={"channels": ["pager"], "repeat_s": 60}),
    rule("slow", when=when("wes", "below", 5), message="{node} gives {value}", notify=OPS),
    rule("heat", when=when("thermal_state", "changed"), notify={"channels": ["cmdb"], "cooldown_s": 0}),
    rule("seen", source="observations",
         notify={"channels": ["ops"], "group_by": ["fleet"], "group_wait_s": 10}),
)  # fmt: skip


def events() -> list[tuple[Topic, Event]]:
    """Return two nodes a second apart: one gets hot and slow twice and vanishes, the other is well."""
    found: list[tuple[Topic, Event]] = [
        (topic, one) for one in RULES for topic in (NODE_STATES, OBSERVATIONS)
    ]
    for second in range(150):
        hot = 20 <= second < 50
        wes = 4.0 if 30 <= second < 35 or 45 <= second < 48 else NAN if 36 <= second < 40 else 6.0
        heat = "serious" if hot else "normal"
        if second < 100:
            temperatures = (60, 90 if hot else 70)
            now = state(second, "n1", temperatures=temperatures, wes=wes, thermal_state=heat)
            found.append((NODE_STATES, now))
        found.append((NODE_STATES, state(second + 0.5, "n2", temperatures=(60,), wes=6.0)))
        if second % 5 == 0:
            found += [(topic, mark(second)) for topic in (NODE_STATES, OBSERVATIONS, ALERTS)]
        if second == 40:
            found.append((OBSERVATIONS, observation(40, "opened", "o1", node_id="n1")))
        if second == 44:
            found.append((OBSERVATIONS, observation(44, "opened", "o2", node_id="n2", severity="critical")))
        if second == 90:
            found.append((OBSERVATIONS, observation(90, "resolved", "o1", node_id="n1")))
        if second == 110:
            found.append((ALERTS, alert(110, AlertOpened)))
        if second == 120:
            found.append((OBSERVATIONS, observation(120, "resolved", "o2", node_id="n2")))
        if second == 140:
            found += [(ALERTS, alert(140, AlertResolved)), (NODE_STATES, deleted("slow", 2))]
    return found


def said() -> list[str]:
    chain = Chain([*rule_stages(), NotifyStage()])
    lines = []
    for topic, event in events():
        logged_at = getattr(event, "passed_at", None) or event.occurred_at
        for one in chain.feed(Record(topic, 0, None, event, logged_at)):
            if isinstance(one.event, ConditionChanged | NotificationDue):
                lines.append(json.dumps([type(one.event).__name__, one.event._asdict()], default=list))
    assert not chain.refused
    return lines


def test_golden(pytestconfig: pytest.Config) -> None:
    got = said()
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text("".join(line + "\n" for line in got), "utf-8")
    assert got == GOLDEN.read_text("utf-8").splitlines()


def test_the_afternoon_again_gives_the_same() -> None:
    assert said() == said()


def test_what_the_afternoon_tells_in_short() -> None:
    told = [json.loads(line) for line in said()]
    short = [
        (round((each["fact_arrived_at"] - at(0)) / 1e6), each["rule_id"], each["kind"], each["deferred_by"])
        for name, each in told
        if name == "NotificationDue"
    ]
    assert short == [
        (20, "heat", "opened", ""),
        (21, "heat", "resolved", ""),
        (25, "hot", "opened", ""),
        (30, "slow", "opened", ""),
        (35, "slow", "resolved", ""),
        (50, "hot", "resolved", ""),
        (50, "heat", "opened", ""),
        (50, "seen", "opened", "group"),
        (51, "heat", "resolved", ""),
        (60, "slow", "opened", "cooldown"),
        (60, "slow", "resolved", ""),
        (110, "seen", "updated", "cooldown"),
        (120, "seen", "resolved", ""),
    ]
