"""The answer of a backtest for people: tables, and a line or two about each difference."""

from collections.abc import Iterator, Sequence

from processors.replay.backtest.answer import Answer, Side
from processors.replay.backtest.diff import Pair
from processors.replay.backtest.fired import Fired
from processors.replay.backtest.labels import written
from processors.replay.backtest.totals import Totals

SHOWN = 20
TOTALS = ("", "fired", "before", "lasted", "before", "at")
NODES_SHOWN = 4


def head(answer: Answer) -> Iterator[str]:
    """Yield what was judged, of what."""
    question = answer.question
    which = [*question.asked.patterns, *(f"alert {id_}" for id_ in question.asked.alerts)]
    against = "" if answer.old is None else f" against {answer.old.name} ({answer.old.digest})"
    yield f"{answer.new.name} ({answer.new.digest}){against}"
    yield f"{written(question.since)} to {written(question.until)}, {answer.source}"
    shown = ", ".join(which[:6]) + ("" if len(which) <= 6 else f" and {len(which) - 6} more")
    yield f"judged: {shown}"


def table(answer: Answer) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return names of columns, and rows of what fired, by pattern and alert."""
    before = {} if answer.old is None else {(one.kind, one.id): one for one in answer.old.totals}
    columns = TOTALS if answer.old is not None else tuple(name for name in TOTALS if name != "before")
    rows: list[tuple[str, ...]] = []
    for one in answer.new.totals:
        old = before.get((one.kind, one.id))
        if not one.all.fired and not (old and old.all.fired):
            continue
        if answer.old is None or old is None:
            rows.append((_name(one), str(one.all.fired), lasted(one.all.seconds), _nodes(one)))
        else:
            rows.append(
                (_name(one), str(one.all.fired), str(old.all.fired), lasted(one.all.seconds),
                 lasted(old.all.seconds), _nodes(one) or _nodes(old))
            )  # fmt: skip
    return columns, rows


def silent(answer: Answer) -> Iterator[str]:
    """Yield what of all that was judged never fired."""
    fired = {(one.kind, one.id) for side in answer.sides for one in side.totals if one.all.fired}
    names = [_name(one) for one in answer.new.totals if (one.kind, one.id) not in fired]
    if names:
        yield f"never fired: {', '.join(names)}"


def differences(answer: Answer) -> Iterator[str]:
    """Yield what was gained, lost and moved, so many lines of each."""
    diff = answer.diff
    if diff is None:
        return
    counts = f"{len(diff.gained)} gained, {len(diff.lost)} lost, {len(diff.moved)} moved"
    yield f"{counts}, {len(diff.same)} as before" + (
        f", of which {len(diff.ended_otherwise)} ended at another time" if diff.ended_otherwise else ""
    )
    yield from _some(f"  + {_told(one)}" for one in diff.gained)
    yield from _some(f"  - {_told(one)}" for one in diff.lost)
    yield from _some(f"  ~ {_moved(pair)}" for pair in diff.moved)


def labelled(answer: Answer) -> Iterator[str]:
    """Yield precision, recall and lead time of each side, and what is off with the new one."""
    for side in reversed(answer.sides):
        counts = side.counts
        if counts is not None:
            yield (
                f"{side.name}: precision {_ratio(counts.precision)}, recall {_ratio(counts.recall)}, "
                f"F1 {_ratio(counts.f1)}, lead time {_lead(side)}"
            )
    if answer.new.verdict is not None:
        yield from _some(f"  {line}" for line in answer.new.verdict.lines)


def end(answer: Answer, took_s: float) -> Iterator[str]:
    """Yield how it agrees with the record, what is to be known, and how fast it went."""
    recorded = answer.recorded
    if recorded is not None:
        side = answer.sides[0].name
        if recorded.only_recorded or recorded.only_judged:
            yield (
                f"{side} is not what was recorded: {recorded.same} the same, {recorded.only_recorded} only "
                f"recorded, {recorded.only_judged} only judged; other rules were in force then"
            )
        else:
            yield f"{side} gives exactly what was recorded ({recorded.same})"
    if answer.unreadable:
        yield f"{answer.unreadable} records could not be read and were left out"
    yield from answer.notes
    length_s = (answer.question.until - answer.question.since) / 1e6
    speed = f"{length_s / took_s:,.0f} x real time"
    what = f"{answer.panes:,} panes of {answer.nodes} nodes" if answer.panes else "summaries alone"
    yield f"{what} in {took_s:.1f} s, {speed}"


def lasted(seconds: float) -> str:
    """Return a length of time such as ``2 h 05 m``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s" if minutes else f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m" if hours < 48 else f"{hours / 24:.1f} d"


def _name(one: Totals) -> str:
    return one.id if one.kind == "pattern" else f"alert {one.id}"


def _nodes(one: Totals) -> str:
    most = sorted(one.nodes.items(), key=lambda pair: (-pair[1].fired, pair[0]))
    shown = ", ".join(f"{name} {total.fired}" for name, total in most[:NODES_SHOWN])
    return shown + (f" and {len(most) - NODES_SHOWN} more" if len(most) > NODES_SHOWN else "")


def _told(one: Fired) -> str:
    where = one.node or ", ".join(one.members) or one.fleet
    until = "open at the end" if one.ended_at is None else f"until {written(one.ended_at)}"
    return f"{one.id} on {where} from {written(one.onset_at)} {until}: {one.text}"


def _moved(pair: Pair) -> str:
    new = pair.new
    where = new.node or ", ".join(new.members) or new.fleet
    began = "" if not pair.onset_s else f"began {_shift(pair.onset_s)}, "
    return f"{new.id} on {where} at {written(new.onset_at)}: {began}told {_shift(pair.opened_s)}"


def _shift(seconds: float) -> str:
    if abs(seconds) < 0.5:
        return "at the same time"
    return f"{lasted(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"


def _some(lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    yield from found[:SHOWN]
    if len(found) > SHOWN:
        yield f"    and {len(found) - SHOWN} more; --json has all"


def _ratio(value: float) -> str:
    return "unknown" if value != value else f"{value:.3f}"


def _lead(side: Side) -> str:
    return "unknown" if side.lead_s != side.lead_s else _signed(side.lead_s)


def _signed(seconds: float) -> str:
    return lasted(seconds) if seconds >= 0 else f"-{lasted(-seconds)}"
