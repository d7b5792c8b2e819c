"""Whether a source has what a backtest reads, and what to say where it has not."""

from collections.abc import Sequence

from processors.replay.backtest.answer import Question
from processors.replay.backtest.labels import written
from processors.replay.source import Source, Span
from schemas.errors import ConfigError
from schemas.topics import PANES, SUMMARIES, TELEMETRY, Topic

# A pane comes fifteen seconds after it began; what a range misses by less than this is no gap.
SLACK_US = 60 * 1_000_000


def check(source: Source, question: Question) -> Sequence[str]:
    """Return what is to be known about the range, a line each.

    Raises:
        ConfigError: the range is empty, or the source does not have its beginning, or none of it.
    """
    begin, end = written(question.since), written(question.until)
    if question.since >= question.until:
        raise ConfigError(f"the range is empty: it begins at {begin} and ends at {end}")
    held = source.holds([PANES, SUMMARIES, TELEMETRY])
    notes = _check(source, PANES, held.get(PANES.name), question, telemetry=TELEMETRY.name in held)
    if question.asked.alerts:
        notes += _check(source, SUMMARIES, held.get(SUMMARIES.name), question, telemetry=False)
    return list(dict.fromkeys(notes))


def panes_of(source: Source) -> Span:
    """Return what a source has of panes.

    Raises:
        ConfigError: none.
    """
    held = source.holds([PANES, TELEMETRY])
    return _there(source, PANES, held.get(PANES.name), telemetry=TELEMETRY.name in held)


def _there(source: Source, topic: Topic, span: Span | None, *, telemetry: bool) -> Span:
    if span is not None:
        return span
    hint = "; it has telemetry: make panes of it with penstock replay --into FILE" if telemetry else ""
    raise ConfigError(f"{source.name} has no {topic.name}{hint}")


def _check(
    source: Source, topic: Topic, held: Span | None, question: Question, *, telemetry: bool
) -> list[str]:
    span = _there(source, topic, held, telemetry=telemetry)
    begin, end = written(question.since), written(question.until)
    has = f"{source.name} has {topic.name} from {written(span.first_at)} to {written(span.last_at)}"
    if question.until <= span.first_at or question.since > span.last_at:
        raise ConfigError(f"{has}, and none from {begin} to {end}; choose another range")
    if question.since < span.first_at - SLACK_US:
        first = written(span.first_at)
        raise ConfigError(
            f"{has}: the beginning of the range, from {begin} to {first}, is not there; begin at {first}"
        )
    if question.until > span.last_at + SLACK_US:
        return [f"{has}: the end of the range, from {written(span.last_at)} on, has nothing"]
    return []
