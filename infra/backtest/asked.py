"""From the words of the command to the question: rules, labels, range and what is judged."""

import time
from collections.abc import Sequence
from pathlib import Path

from api.query.times import parse_time
from infra.replay.opening import EVENT_LOG, KAFKA, opener
from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Question, Ruled
from processors.replay.backtest.choose import chosen, named, rules_in
from processors.replay.backtest.labels import Marked, read_labels, written
from processors.replay.backtest.reach import panes_of
from processors.topology import rules_of
from producers.simulator.scenario.document import parse as parse_yaml
from producers.simulator.scenario.problem import ScenarioError
from schemas.errors import ConfigError
from schemas.settings import Settings

CURRENT, DEFAULTS = "current", "defaults"
SECOND_US = 1_000_000


def question(
    settings: Settings,
    *,
    rules: str,
    against: str,
    begins: str,
    ends: str,
    labels: Path | None,
    only: Sequence[str],
    every: bool,
    nodes: Sequence[str],
    fleets: Sequence[str],
) -> Question:
    """Return the question that the options ask.

    Raises:
        ConfigError: a file cannot be read or is wrong, a time is none, or nothing is left to judge.
    """
    since, until = _range(begins, ends)
    new, old = ruled(rules, settings), ruled(against, settings) if against != "none" else None
    marked = None if labels is None else _labels(labels, since, until)
    which = chosen(new, old, marked, named(only), every=every)
    return Question(
        new=new, old=old, asked=which, since=since, until=until, nodes=tuple(nodes), fleets=tuple(fleets),
        labels=marked,
    )  # fmt: skip


def range_of(settings: Settings, source: str, begins: str, ends: str) -> tuple[str, str]:
    """Return the range that was asked for; of a file, where none was, all the panes it has.

    Raises:
        ConfigError: no beginning was given, and the source is no file, or has no panes.
    """
    if source in (EVENT_LOG, KAFKA):
        if not begins:
            raise ConfigError(f"from when? give --from; {source} may go back for months")
        return begins, ends or "now"
    if begins and ends:
        return begins, ends
    held = panes_of(opener(source, settings)())
    # In whole seconds, and nothing of it left out.
    return begins or written(held.first_at), ends or written(held.last_at + SECOND_US)


def ruled(text: str, settings: Settings) -> Ruled:
    """Return the rules that ``text`` names: ``current``, ``defaults``, or a file."""
    if text == DEFAULTS:
        return Ruled(DEFAULTS, Rules())
    if text == CURRENT:
        return Ruled(CURRENT, rules_of(settings))
    return rules_in(_read(Path(text), "file of rules"), text)


def _range(begins: str, ends: str) -> tuple[int, int]:
    now = time.time_ns() // 1000
    found = []
    for option, text in (("--from", begins), ("--to", ends)):
        try:
            found.append(parse_time(text, now))
        except ValueError as exc:
            raise ConfigError(f"{option}: {exc}") from exc
    if found[1] <= found[0]:
        raise ConfigError(f"the range is empty: --to {ends} is not after --from {begins}")
    return found[0], found[1]


def _labels(file: Path, since: int, until: int) -> Marked:
    try:
        document = parse_yaml(_read(file, "file of labels"), str(file))
    except ScenarioError as exc:
        raise ConfigError(str(exc)) from exc
    return read_labels(document.value or {}, str(file), since, until, document.line)


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the {what} {file} cannot be read: {exc}") from exc
