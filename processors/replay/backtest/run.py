"""A backtest from beginning to end: patterns in several processes, then alerts, then what differs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from processors.fleet.correlated_incident import ALERT as CORRELATED
from processors.fleet.correlated_incident import FAMILIES
from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Agreement, Answer, Question, Side
from processors.replay.backtest.asked import longest_for_s
from processors.replay.backtest.diff import compare
from processors.replay.backtest.feed import Feed, Part, SourceFeed, in_part
from processors.replay.backtest.fired import Fired, Following
from processors.replay.backtest.fleet import Fleets, observations
from processors.replay.backtest.labels import judge
from processors.replay.backtest.nodes import Reached, Tried
from processors.replay.backtest.opening import Opening, Recorded, opening, recorded
from processors.replay.backtest.reach import check
from processors.replay.backtest.share import End, Job, Message, Progress, beside, here
from processors.replay.backtest.totals import totals
from processors.replay.plan import Opener
from schemas.events.alert import Alert
from schemas.events.observation import Observation
from schemas.topics import PANES

# What is being done, how far it is (0 to 1), and how many panes have been judged.
Report = Callable[[str, float, int], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """How to read: both are called where they are needed, and must be picklable."""

    open_source: Opener
    open_feed: Callable[[], Feed]


@dataclass(frozen=True, slots=True)
class FeedOf:
    """Opens the feed of a source."""

    open_source: Opener

    def __call__(self) -> Feed:
        """Open it."""
        return SourceFeed(self.open_source())


@dataclass(slots=True)
class _Judged:
    tried: list[Tried] = field(default_factory=list)
    alerts: list[tuple[int, int, Alert]] = field(default_factory=list)
    nodes: int = 0
    panes: int = 0
    unreadable: int = 0


def run(
    question: Question,
    sources: Sources,
    *,
    jobs: int = 1,
    report: Report = lambda _what, _share, _panes: None,
) -> Answer:
    """Answer a question. ``jobs``: processes for the patterns; what comes of it does not depend on them.

    Raises:
        ConfigError: the range is empty, or the source does not have it.
        DecodeError: the source is damaged.
        UnavailableError: the source cannot be reached.
    """
    source = sources.open_source()
    notes = check(source, question)
    rules = [side.rules for side in question.sides]
    longest_s = longest_for_s(question.asked, rules)
    # What was pending at the beginning opens a little later, so that its onset is known.
    known = recorded(source, question.asked, question.since, question.until)
    begin = opening(known, question.since, longest_s)
    judged = _Judged()
    if question.asked.patterns:
        job = Job(sources.open_feed, tuple(rules), question.asked.patterns, begin.judge_from, begin.lives)
        _patterns(job, question, _parts(source.holds([PANES])[PANES.name].partitions, begin, question, jobs),
                  judged, report)  # fmt: skip
    if question.asked.alerts:
        fleets = _fleets(question, rules, begin, judged)
        part = Part(begin.read_from, question.until, fleets=question.fleets)
        for found in fleets.judged(source, part):
            if isinstance(found, Reached):
                report("alerts", _share(found.at, part), judged.panes)
            else:
                judged.alerts.append(found)
        judged.unreadable += fleets.unreadable
    return _answer(question, source.name, begin, known, judged, notes)


def _parts(partitions: int, begin: Opening, question: Question, jobs: int) -> list[Part]:
    """Return what each process reads: whole partitions; all of them where their number is not known."""
    count = min(jobs, partitions) if partitions > 1 else 1
    chosen = [tuple(range(at, partitions, count)) for at in range(count)] if count > 1 else [()]
    return [Part(begin.read_from, question.until, each, question.nodes, question.fleets) for each in chosen]


def _patterns(job: Job, question: Question, parts: Sequence[Part], judged: _Judged, report: Report) -> None:
    progress: dict[int, Progress] = {}
    with _messages(job, parts) as messages:
        for message in messages:
            if isinstance(message, Progress):
                progress[message.share] = message
                shares = [_share(one.reached_at, parts[0]) for one in progress.values()]
                report("patterns", sum(shares) / len(parts), sum(one.panes for one in progress.values()))
            elif isinstance(message, End):
                if message.error is not None:
                    raise message.error
                judged.nodes += message.nodes
                judged.panes += message.panes
                judged.unreadable += message.unreadable
            else:
                judged.tried.extend(message)


@contextmanager
def _messages(job: Job, parts: Sequence[Part]) -> Iterator[Iterator[Message]]:
    if len(parts) == 1:
        yield here(job, parts[0])
        return
    with beside(job, parts) as messages:
        yield messages


def _fleets(question: Question, rules: Sequence[Rules], begin: Opening, judged: _Judged) -> Fleets:
    """Return the alerts to try; only one asks which observations were open."""
    changed = [one for one in question.asked.patterns if one in FAMILIES]
    asks = CORRELATED.id in question.asked.alerts
    before = [one for lives in begin.lives.values() for life in lives for one in life.open]
    told = [[*before, *each] for each in observations(judged.tried, len(rules))]
    return Fleets(
        rules,
        question.asked.alerts,
        changed if asks else (),
        told,
        nodes=question.nodes,
        judge_from=begin.judge_from,
        lives=begin.alerts,
    )


def _share(at: int, part: Part) -> float:
    return min(1.0, max(0.0, (at - part.since) / max(1, part.until - part.since)))


def _answer(
    question: Question,
    source: str,
    begin: Opening,
    known: Sequence[Recorded],
    judged: _Judged,
    notes: Sequence[str],
) -> Answer:
    fired = [_fired(question, begin, judged, side) for side in range(len(question.sides))]
    sides = tuple(
        Side(
            ruled.name,
            ruled.rules.digest,
            tuple(each),
            tuple(totals(question.asked, each, question.since, question.until)),
            None if question.labels is None else judge(question.labels, each),
        )
        for ruled, each in zip(question.sides, fired, strict=True)
    )
    diff = compare(fired[0], fired[1], question.until) if len(fired) > 1 else None
    return Answer(
        question=question,
        source=source,
        sides=sides,
        diff=diff,
        recorded=_agreement(question, known, fired[0]),
        read_from=begin.read_from,
        nodes=judged.nodes,
        panes=judged.panes,
        unreadable=judged.unreadable,
        notes=notes,
    )


def _fired(question: Question, begin: Opening, judged: _Judged, side: int) -> Sequence[Fired]:
    following = Following(one for one in begin.fired if _wanted(question, one))
    for tried in judged.tried:
        if tried.side == side:
            following.take(tried.event, tried.arrived_at)
    for whose, arrived_at, alert in judged.alerts:
        if whose == side:
            following.take(alert, arrived_at)
    return [one for one in following.fired(question.since) if _wanted(question, one)]


def _wanted(question: Question, one: Fired) -> bool:
    if not in_part(question.fleets, one.fleet):
        return False
    return not question.nodes or bool({one.node, *one.members} & set(question.nodes))


def _agreement(question: Question, known: Sequence[Recorded], fired: Sequence[Fired]) -> Agreement | None:
    """Hold what was judged against what was recorded: identity, onset, and when it opened and ended."""
    if not known:
        return None
    following = Following()
    for one in known:
        for arrived_at, event in one.events:
            assert isinstance(event, Observation | Alert)
            following.take(event, arrived_at)
    said = [one for one in following.fired(question.since) if _wanted(question, one)]
    theirs = {_identity(one) for one in said if one.told_at < question.until}
    ours = {_identity(one) for one in fired}
    return Agreement(len(theirs & ours), len(theirs - ours), len(ours - theirs))


def _identity(one: Fired) -> tuple[str, int, int, int | None]:
    return one.told_id, one.onset_at, one.opened_at, one.ended_at
