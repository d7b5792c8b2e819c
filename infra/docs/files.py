"""Which documents are generated, and from what; each from its text as it stands."""

from collections.abc import Callable, Mapping

from infra.docs import detections, events, frozen, metrics, notify, policy, rules, scenario, settings, topics
from infra.docs.markdown import replace_part

FILES: Mapping[str, Callable[[str], str]] = {
    "README.md": lambda text: replace_part(text, "settings", settings.render()),
    "docs/architecture.md": lambda text: replace_part(text, "topics", topics.render()),
    "docs/detections.md": lambda text: replace_part(
        replace_part(text, "patterns", detections.patterns()), "alerts", detections.alerts()
    ),
    "docs/events.md": lambda _text: events.render(),
    "docs/metrics.md": lambda _text: metrics.render(),
    "docs/notify.md": lambda text: replace_part(
        replace_part(text, "channels", notify.channels()), "webhook", notify.webhook()
    ),
    "docs/rules.md": rules.fill,
    "docs/routing.md": lambda text: replace_part(text, "policy", policy.render()),
    "docs/simulator.md": lambda text: scenario.fill(text),
    "docs/node.md": lambda text: replace_part(text, "frozen", frozen.render()),
}
