"""Nodes, observations and alerts as the API writes them."""

import json
from typing import Any

from api.query.finding import shown
from api.query.fleet import Node
from api.query.nodes import summary
from tests.api.findings import SECOND, alert, observation
from tests.api.states import T0, state

NOW = T0 + 600 * SECOND


def node(node_id: str = "n1", *, up: bool = True, **fields: Any) -> dict[str, Any]:
    """Return a node of the list; others of its readings by name."""
    seen = Node(node_id, state=state(node_id), seen_at=NOW if up else NOW - 432 * SECOND)
    return _through_json({**summary(seen, NOW), **fields})


def an_observation(name: str = "o1", **fields: Any) -> dict[str, Any]:
    """Return an observation of the list."""
    return _through_json(shown(observation(name, **fields), NOW))


def an_alert(name: str = "a1", **fields: Any) -> dict[str, Any]:
    """Return an alert of the list."""
    return _through_json(shown(alert(name, **fields), NOW))


def _through_json(thing: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(thing))
    return made
