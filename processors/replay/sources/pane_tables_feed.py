"""Panes straight from ClickHouse's tables of panes: no bytes are decoded, and only what is needed is read.

In ``event_log`` a pane of one accelerator is three kilobytes; what one pattern needs of it is some hundred
bytes. Rows have one length, so a batch of them is unpacked in one call. Time passes for a node by its panes
alone, unless it may have been silent: then the watermarks of that time are read from ``event_log``.
"""

import json
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from processors.patterns.stage import quiet_us
from processors.patterns.state import About
from processors.patterns.taken import Taken
from processors.replay.backtest.feed import Fed, Part
from processors.replay.backtest.needs import PanePart
from processors.replay.sources.event_log import EventLogSource, array
from processors.replay.sources.pane_tables import HEAD, NODES, PARTS, Table
from processors.windows.slot import GpuSlot, HealthSlot, ModelSlot, RuntimeSlot, Slot, SuspectSlot, work_of
from schemas.events.node_pane import Statistic
from schemas.events.operator_action import OperatorAction
from schemas.events.reading import NAN
from schemas.events.watermark import Watermark
from schemas.settings import Settings
from schemas.topics import PANES

# Rows of one table that are in memory at a time: a gigabyte's tenth.
SLICE_ROWS: Final = 40_000
LONGEST_SLICE_US: Final = 24 * 3600 * 1_000_000
# A tick of the clock is told at least once a minute.
BEFORE_US: Final = 60 * 1_000_000
_NO_WORK = work_of((), ())
_NOBODY: Final = ("\x00",)
_Place = tuple[int, int]


class _Pane(NamedTuple):
    """A pane, and where it is in the log."""

    node_id: str
    partition: int
    offset: int
    logged_at: int
    taken: Taken


class PaneTablesFeed:
    """Reads ``parts`` of panes. ``chips``: rules ask for the names of accelerators."""

    unreadable = 0

    def __init__(self, settings: Settings, parts: frozenset[PanePart], *, chips: bool) -> None:
        self._log = EventLogSource(settings)
        self._topic = PANES.full_name(settings.kafka)
        self._chips = chips
        self._parts = [name for name in PARTS if name in parts or (chips and name == "gpus")]
        self._texts: dict[str, dict[int, tuple[str, ...]]] = defaultdict(dict)
        self._abouts: dict[tuple[Any, ...], About] = {}
        self._actions: dict[str, list[tuple[int, int, OperatorAction]]] = {}

    def read(self, part: Part) -> Iterator[Fed]:
        """Yield the panes of a part, those of a node in the order of the log, and what else it has for it."""
        self._actions = self._acted(part)
        waiting: dict[str, _Pane] = {}
        for since, until in self._slices(part):
            for pane in self._panes(replace(part, since=since, until=until)):
                before = waiting.get(pane.node_id)
                waiting[pane.node_id] = pane
                if before is None:
                    continue
                if before.node_id not in self._actions and not _may_be_silent(before, pane.logged_at):
                    yield Fed(before.node_id, before.partition, before.logged_at, before.taken)
                else:
                    yield from self._with_silence(before, pane.offset, pane.logged_at)
        for pane in waiting.values():
            yield from self._with_silence(pane, 1 << 62, part.until)

    def _with_silence(self, pane: _Pane, next_offset: int, next_at: int) -> Iterator[Fed]:
        """Yield a pane, and what came for its node until the next one."""
        node_id, partition, offset, logged_at, taken = pane
        before: Fed | None = None
        after: list[tuple[int, Fed]] = []
        if _may_be_silent(pane, next_at):
            for at, fed in self._marks(pane, next_at):
                if at < offset:
                    before = fed
                elif at < next_offset:
                    after.append((at, fed))
            if before is not None:
                yield before  # time had passed until then when the pane came
        actions = self._actions.get(node_id)
        while actions and actions[0][0] < next_offset:
            at, acted_at, action = actions.pop(0)
            fed = Fed(node_id, partition, acted_at, action)
            if at < offset:
                yield fed
            else:
                after.append((at, fed))
        yield Fed(node_id, partition, logged_at, taken)
        if after:
            yield from (fed for _, fed in sorted(after, key=lambda one: one[0]))

    def _marks(self, pane: _Pane, until: int) -> Iterator[tuple[int, Fed]]:
        """Yield the watermarks of a partition from a while before a pane on, with their offsets."""
        codec, partition = self._log.codec(), pane.partition
        records = self._log.read([PANES], pane.logged_at - BEFORE_US, until, _NOBODY, (partition,))
        for record in records:
            event = codec.decode(record.value)
            if isinstance(event, Watermark):
                yield record.offset, Fed(pane.node_id, partition, record.arrived_at, event)

    def _acted(self, part: Part) -> dict[str, list[tuple[int, int, OperatorAction]]]:
        """Return what operators did, by node, in the order of the log: there is little of it."""
        sql = f"""
            SELECT node_id, partition, offset, toUnixTimestamp64Micro(arrived_at) AS at FROM operator_actions
            WHERE {_where("1")} ORDER BY partition, offset LIMIT 1 BY partition, offset
        """
        found: dict[str, list[tuple[int, int, OperatorAction]]] = {}
        for row in self._log.rows(sql, self._values(part)):
            at, partition = int(row["at"]), int(row["partition"])
            for record in self._log.read([PANES], at, at + 1, (row["node_id"],), (partition,)):
                event = self._log.codec().decode(record.value)
                if record.offset == int(row["offset"]) and isinstance(event, OperatorAction):
                    found.setdefault(event.node_id, []).append((record.offset, at, event))
        return found

    def _slices(self, part: Part) -> Iterator[tuple[int, int]]:
        """Yield parts of the range in which no table has more rows than are held in memory."""
        most = 1
        for table in self._tables():
            sql = f"SELECT count() AS rows FROM {table.name} WHERE {_where(table.only)}"
            most = max(most, int(self._log.rows(sql, self._values(part))[0]["rows"]))
        length = min(LONGEST_SLICE_US, max(1, (part.until - part.since) * SLICE_ROWS // most))
        for since in range(part.since, part.until, length):
            yield since, min(part.until, since + length)

    def _panes(self, part: Part) -> Iterator[_Pane]:
        """Yield the panes of a slice, by partition and offset."""
        pieces = {name: self._pieces(name, PARTS[name], part) for name in self._parts}
        for row in self._rows(NODES, part):
            texts = self._text(NODES, row[0], part)
            place = row[1:HEAD]
            slot = _slot(row, texts, {name: found.get(place, ()) for name, found in pieces.items()})
            fleet, node_id = texts[0], texts[1]
            about = self._about(fleet, texts, slot.gpus)
            taken = Taken(slot, about, row[5], row[6], row[_STOPPED] > 0)
            yield _Pane(node_id, row[1], row[2], row[3], taken)

    def _pieces(self, name: str, table: Table, part: Part) -> dict[_Place, tuple[Any, ...]]:
        """Return the pieces of each pane of a slice, by the place of the pane in the log."""
        make, known = _MAKE[name], self._texts[table.name]
        found: dict[_Place, tuple[Any, ...]] = {}
        for row in self._rows(table, part):
            place = row[1:HEAD]
            texts = known.get(row[0]) or self._text(table, row[0], part)
            # Nearly always it is the only one.
            found[place] = (*found.get(place, ()), make(texts, row[HEAD:]))
        return found

    def _about(self, fleet: str, texts: tuple[str, ...], gpus: tuple[GpuSlot, ...]) -> About:
        names = tuple(sorted({gpu.name or "GPU" for gpu in gpus})) if self._chips else ()
        key = (texts, names)
        about = self._abouts.get(key)
        if about is None:
            chips = names or (texts[4],)
            about = About(fleet, texts[2], texts[3], "", chips, texts[6], texts[5])
            self._abouts[key] = about
        return about

    def _rows(self, table: Table, part: Part) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a slice; a row is whole numbers, then doubles."""
        row = struct.Struct(f"<{'q' * (HEAD + len(table.whole))}{'d' * len(table.numbers)}")
        numbers = ", ".join(f"toFloat64({number})" for number in table.numbers)
        whole = "".join(f"{each}, " for each in table.whole)
        sql = f"""
            SELECT {table.key}, toInt64(partition), offset, {whole}{numbers} FROM {table.name}
            WHERE {_where(table.only)} ORDER BY partition, offset FORMAT RowBinary
        """
        return row.iter_unpack(self._log.ask(sql, self._values(part)))

    def _text(self, table: Table, key: int, part: Part) -> tuple[str, ...]:
        known = self._texts[table.name]
        if key not in known:
            columns = ", ".join(f"toString({text})" for text in table.texts)
            sql = f"""
                SELECT DISTINCT {table.key} AS key, [{columns}] AS texts FROM {table.name}
                WHERE {_where(table.only)}
            """
            for row in self._log.rows(sql, self._values(part)):
                known[int(row["key"])] = tuple(row["texts"])
        return known[key]

    def _tables(self) -> Sequence[Table]:
        return [NODES, *(PARTS[name] for name in self._parts)]

    def _values(self, part: Part) -> Mapping[str, str]:
        return {
            "topic": self._topic,
            "since": str(part.since),
            "until": str(part.until),
            "partitions": json.dumps(list(part.partitions)),
            "nodes": array(part.nodes),
            "fleets": array(part.fleets),
        }


def _may_be_silent(pane: _Pane, next_at: int) -> bool:
    """Return whether so much time passed in the log until the next pane that the node may have been silent.

    A watermark before it has passed no more than that, whatever the stages were behind.
    """
    return next_at - pane.taken.arrived_at >= quiet_us(stopped=pane.taken.stopped)


_STOPPED = HEAD + len(NODES.whole) + len(NODES.numbers) - 1


def _slot(row: tuple[Any, ...], texts: tuple[str, ...], pieces: Mapping[str, tuple[Any, ...]]) -> Slot:
    runtimes, models = pieces.get("runtimes", ()), pieces.get("models", ())
    n = row[7] or NAN
    return Slot._make(
        (
            row[4],
            *texts[2:5],
            *row[7:16],
            Statistic._make(row[16:23]),
            Statistic._make(row[23:30]),
            Statistic._make(row[30:37]),
            *row[37:_STOPPED],
            pieces.get("gpus", ()),
            runtimes,
            models,
            pieces.get("health", ()),
            tuple(SuspectSlot(one[0], one[1], one[2], one[3] / n) for one in pieces.get("suspects", ())),
            work_of(runtimes, models) if runtimes or models else _NO_WORK,
        )
    )


def _xids(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split())


_MAKE: Mapping[str, Any] = {
    "gpus": lambda texts, numbers: GpuSlot._make((*texts, True, *numbers)),
    "runtimes": lambda texts, numbers: RuntimeSlot._make(
        (*texts[:2], *numbers, tuple(texts[2].split("\x1f")) if texts[2] else ())
    ),
    "models": lambda texts, numbers: ModelSlot._make((*texts, *numbers)),
    "health": lambda texts, numbers: HealthSlot._make((texts[0], *numbers, _xids(texts[1]))),
    "suspects": lambda texts, numbers: (*texts, *numbers),
}


def _where(only: str) -> str:
    return f"""topic = {{topic:String}} AND arrived_at >= fromUnixTimestamp64Micro({{since:Int64}}, 'UTC')
        AND arrived_at < fromUnixTimestamp64Micro({{until:Int64}}, 'UTC')
        AND (empty({{partitions:Array(Int32)}}) OR has({{partitions:Array(Int32)}}, partition))
        AND (empty({{nodes:Array(String)}}) OR has({{nodes:Array(String)}}, node_id))
        AND (empty({{fleets:Array(String)}}) OR has({{fleets:Array(String)}}, fleet)) AND {only}"""
