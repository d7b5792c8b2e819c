"""The stages as the settings want them: live, in a replay and for the scores the same."""

from typing import Any

from processors.fleet.catalog import ALERTS
from processors.fleet.stage import FleetStage
from processors.node.stage import NodeStage
from processors.patterns.catalog import PATTERNS
from processors.patterns.rules import Rules, kinds_of, parse
from processors.patterns.stage import PatternStage
from processors.requests.stage import RequestStage
from processors.rules.notify.stage import NotifyStage
from processors.rules.stage import rule_stages
from processors.stage import Stage
from schemas.errors import ConfigError
from schemas.settings import Settings


def all_stages(settings: Settings) -> tuple[Stage[Any], ...]:
    """Return every stage.

    Raises:
        ConfigError: the file of rules cannot be read, or is wrong.
    """
    return stages_of(settings.worker.pue, rules_of(settings))


def stages_of(pue: float, rules: Rules) -> tuple[Stage[Any], ...]:
    """Return every stage, by the site's power usage effectiveness and the rules."""
    return (
        NodeStage(pue),
        RequestStage(),
        PatternStage(PATTERNS, rules),
        FleetStage(rules),
        *rule_stages(),
        NotifyStage(),
    )


def rules_of(settings: Settings) -> Rules:
    """Return the rules of the settings' file, or the defaults.

    Raises:
        ConfigError: the file cannot be read, or is wrong.
    """
    file = settings.worker.rules_file
    if file is None:
        return Rules()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the file of rules {file} cannot be read: {exc}") from exc
    return parse(text, str(file), kinds_of(PATTERNS), kinds_of(ALERTS))
