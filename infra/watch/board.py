"""What is known at this moment, from the answers and events of the API. No I/O, no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["observation", "alert"]
Thing = Mapping[str, Any]
"""A node, an observation or an alert, as the API writes it in JSON."""

_RANK: Mapping[str, int] = {"critical": 0, "warning": 1, "info": 2}
TOPICS: Mapping[str, Kind] = {"observations": "observation", "alerts": "alert"}


@dataclass(slots=True)
class Board:
    """Nodes and open findings. ``trouble`` says why what is shown may be old; empty: it is of now."""

    nodes: Sequence[Thing] = ()
    trouble: str = "connecting"
    _findings: dict[Kind, dict[str, Thing]] = field(default_factory=lambda: {"observation": {}, "alert": {}})

    def take_nodes(self, nodes: Iterable[Thing], node_id: str = "") -> None:
        """Take the list of nodes in; of one node alone where a name is given."""
        self.nodes = [node for node in nodes if node_id in ("", node["node_id"])]

    def take(self, kind: Kind, finding: Thing) -> None:
        """Take a finding in as it is now."""
        if finding["state"] == "resolved":
            self._findings[kind].pop(finding["id"], None)
        else:
            self._findings[kind][finding["id"]] = finding

    def forget(self, topic: str) -> None:
        """Drop what is known of a topic: what is open follows."""
        if topic in TOPICS:
            self._findings[TOPICS[topic]].clear()

    def findings(self, kind: Kind) -> list[Thing]:
        """Return the open findings that are not dismissed, the worst first, of equal ones the newest."""
        shown = (one for one in self._findings[kind].values() if one["state"] != "dismissed")
        newest = sorted(shown, key=lambda one: str(one["onset_at"]), reverse=True)
        return sorted(newest, key=lambda one: _RANK.get(one["severity"], len(_RANK)))

    def dismissed(self, kind: Kind) -> set[str]:
        """Return the ids of those that are open and dismissed."""
        return {key for key, one in self._findings[kind].items() if one["state"] == "dismissed"}

    def worst_first(self) -> list[Thing]:
        """Return the nodes, those with a problem before the others, else by name."""
        return sorted(self.nodes, key=lambda node: (problem(node), node["node_id"]))


def problem(node: Thing) -> int:
    """Return how bad it stands with a node: 0 is worst."""
    if not node["up"]:
        return 0
    severities = [_RANK.get(one["severity"], len(_RANK)) for one in node.get("observations", ())]
    return 1 + min(severities, default=len(_RANK))
