"""What is a rule and what is none, with the sentence that says why."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigError
from schemas.rule_document import fill, parse_rule, zones

LESS = {"field": "wes", "op": "<", "value": 5}
BASE: dict[str, Any] = {"id": "r", "source": "node-states", "when": LESS}


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_rule(BASE | changes)
    return str(caught.value)


def test_a_rule_is_the_same_after_its_canonical_text() -> None:
    rule = parse_rule(BASE | {"notify": {"quiet_hours": [{"from": "22:00", "to": "06:00"}]}})
    assert parse_rule(rule.canonical()) == rule
    assert parse_rule(json.loads(rule.canonical())).canonical() == rule.canonical()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"id": "No Spaces"}, "id: String should match pattern"),
        ({"source": "samples"}, "source: Input should be"),
        ({"unknown": 1}, "unknown: Extra inputs are not permitted"),
        ({"when": LESS | {"threshold": 1}}, "when.threshold: Extra inputs are not permitted"),
        ({"when": None}, "when: a rule about node-states needs it"),
        ({"when": LESS | {"field": "speed"}}, "when.field: node-states have no field speed"),
        ({"when": LESS | {"value": "5"}}, "when.value: wes is a number, and '5' is none"),
        ({"when": LESS | {"value": True}}, "when.value: must be a number"),
        ({"when": LESS | {"value": float("nan")}}, "when.value: Input should be a finite number"),
        ({"when": LESS | {"value": float("inf")}}, "when.value: Input should be a finite number"),
        ({"when": {"field": "wes", "op": "<"}}, "when.value: < needs one"),
        ({"when": {"field": "wes", "op": "changed"}}, "changed is for states, and wes is a number"),
        ({"when": LESS | {"clear_value": 4}}, "when.clear_value: must be above value"),
        ({"when": LESS | {"op": ">", "clear_value": 6}}, "when.clear_value: must be below value"),
        ({"when": {"field": "gpu.power_w", "op": "==", "value": 1}}, "the worst of several"),
        ({"when": {"field": "thermal_state", "op": "<", "value": "fair"}}, "use ==, != or changed"),
        ({"when": {"field": "thermal_state", "op": "==", "value": "hot"}}, "one of unknown, normal, fair"),
        ({"when": {"field": "thermal_state", "op": "changed", "value": "fair"}}, "changed has none"),
        ({"when": {"field": "thermal_state", "op": "changed"}, "for_s": 5}, "a change has no duration"),
        ({"when": LESS | {"window_s": 15}}, "when.window_s: Input should be a multiple of 10"),
        ({"for_s": -1}, "for_s: Input should be greater than or equal to 0"),
        ({"for_s": "1m"}, "for_s: must be a number"),
        ({"enabled": "yes"}, "enabled: Input should be a valid boolean"),
        ({"select": {"patterns": ["x"]}}, "select.patterns: node-states have none"),
        ({"source": "alerts"}, "alerts are followed from opened to resolved"),
        ({"message": "{node.__class__}"}, "there is no {node.__class__}"),
        ({"message": "{node"}, "a brace has no partner"),
        ({"notify": {"repeat_s": 5}}, "notify: repeat_s must be 0 or at least 60"),
        ({"notify": {"group_by": ["rack"]}}, "notify.group_by.0: Input should be"),
        ({"notify": {"quiet_hours": [{"from": "25:00", "to": "06:00"}]}}, "notify.quiet_hours.0.from"),
        (
            {"notify": {"quiet_hours": [{"from": "22:00", "to": "06:00", "zone": "../etc/passwd"}]}},
            "../etc/passwd is no time zone",
        ),
    ],
)
def test_what_is_no_rule_says_what_is_wrong_where(changes: dict[str, Any], text: str) -> None:
    assert text in refused(**changes)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '"x"', "null", "[" * 100_000, "x" * 40_000])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rule(text)


NAMES = st.sampled_from(("id", "source", "when", "field", "op", "value", "notify"))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_whatever_comes_is_a_rule_or_refused(document: object) -> None:
    with contextlib.suppress(ConfigError):
        parse_rule(document)


def test_a_message_is_filled_in_and_nothing_in_it_is_run() -> None:
    assert (
        fill("{node} of {fleet}: {value!r} {node}", {"node": "{fleet}", "fleet": "f"})
        == "{fleet} of f:  {fleet}"
    )


def test_zones_are_those_of_the_database_that_comes_along() -> None:
    assert {"UTC", "Europe/Paris", "Asia/Kathmandu", "America/New_York"} <= zones()
