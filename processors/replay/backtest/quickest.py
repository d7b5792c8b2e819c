"""The quickest way to read panes out of ClickHouse for a question."""

from functools import partial

from processors.replay.backtest.answer import Question
from processors.replay.backtest.needs import needs
from processors.replay.backtest.run import FeedOf, Sources
from processors.replay.sources.event_log import EventLogSource
from processors.replay.sources.pane_tables_feed import PaneTablesFeed
from schemas.settings import Settings


def of_clickhouse(settings: Settings, question: Question) -> Sources:
    """Return how to read: columns of the tables of panes, or the bytes in ``event_log``.

    The tables have no parts of requests that are as exact as the bytes, so patterns that read those take the
    bytes, and so does whoever is judged beside them.
    """
    opener = partial(EventLogSource, settings)
    parts = needs(question.asked.patterns)
    if "requests" in parts:
        return Sources(opener, FeedOf(opener))
    chips = any(side.rules.chips for side in question.sides)
    return Sources(opener, partial(PaneTablesFeed, settings, parts, chips=chips))
