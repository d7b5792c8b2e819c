"""Python source for one schema: a reader and a writer without interpretation.

Why not fastavro alone: on the two hot events a generated pair takes a third of its time, because a run of
doubles, however deep in nested records, is one ``struct`` call. fastavro is the oracle in the tests, and the
reader of versions that are not ours. Supported: every type the packaged schemas use; another is a ValueError.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

from schemas.codec.primitives import PRIMITIVES, SHORT

Reader = Callable[[bytes, int], tuple[Any, int]]
Writer = Callable[[Any, Callable[[bytes], None]], None]

_NUMBERS = {"double": ("d", 8), "float": ("f", 4)}


class Compiler:
    """Turns one schema into ``read(buffer, position)`` and ``write(value, append)``."""

    def __init__(self, schema: Mapping[str, Any], views: Mapping[str, type[tuple[Any, ...]]]) -> None:
        self._views = views
        self._types: dict[str, Mapping[str, Any]] = {}
        self._scope: dict[str, Any] = dict(PRIMITIVES)
        self._lines: list[str] = []
        self._collect(schema)
        for name, kind in self._types.items():
            if kind["type"] == "enum":
                self._enum(name, kind)
            else:
                self._record_reader(name, kind)
                self._record_writer(name, kind)
        self.source = "\n".join(self._lines)
        exec(compile(self.source, f"<codec of {schema['name']}>", "exec"), self._scope)
        self.read: Reader = self._scope[f"read_{schema['name']}"]
        self.write: Writer = self._scope[f"write_{schema['name']}"]

    def _collect(self, kind: Any) -> None:  # noqa: ANN401 - Avro is JSON
        if not isinstance(kind, Mapping):
            return
        if kind["type"] == "record":
            self._types[kind["name"]] = kind
            self._scope[kind["name"]] = self._views[kind["name"]]
            for field in kind["fields"]:
                self._collect(field["type"])
        elif kind["type"] == "enum":
            self._types[kind["name"]] = kind
        elif kind["type"] == "array":
            self._collect(kind["items"])

    def _width(self, kind: Any) -> str:  # noqa: ANN401 - Avro is JSON
        """Return the struct format of a type made of doubles and floats only, else nothing."""
        if isinstance(kind, str) and kind in _NUMBERS:
            return _NUMBERS[kind][0]
        record = self._named(kind)
        if record is None or record["type"] != "record":
            return ""
        parts = [self._width(field["type"]) for field in record["fields"]]
        return "".join(parts) if all(parts) else ""

    def _named(self, kind: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - Avro is JSON
        name = kind.get("name") if isinstance(kind, Mapping) else kind
        return self._types.get(name) if isinstance(name, str) else None

    def _runs(self, record: Mapping[str, Any]) -> Iterator[tuple[bool, list[tuple[int, Any]]]]:
        fields = [(index, field["type"]) for index, field in enumerate(record["fields"])]
        for fixed, run in groupby(fields, key=lambda field: bool(self._width(field[1]))):
            yield fixed, list(run)

    def _struct(self, formats: str) -> str:
        name = f"struct_{formats}"
        self._scope[name] = struct.Struct("<" + formats)
        return name

    def _record_reader(self, name: str, record: Mapping[str, Any]) -> None:
        add = self._lines.append
        add(f"def read_{name}(buffer, position):")
        parts: list[str] = []
        for number, (fixed, run) in enumerate(self._runs(record)):
            if fixed:
                formats = "".join(self._width(kind) for _, kind in run)
                reader = self._struct(formats)
                add(f"    run{number} = {reader}.unpack_from(buffer, position)")
                add(f"    position += {self._scope[reader].size}")
                parts.extend(self._slices(f"run{number}", run))
            else:
                for index, kind in run:
                    add(f"    value{index}, position = {self._read_call(kind)}")
                    parts.append(f"value{index}")
        whole = len(parts) == 1 and parts[0].startswith("*run")
        value = parts[0][1:] if whole else f"({', '.join(parts)},)"
        add(f"    return new({name}, {value}), position")

    def _slices(self, run: str, fields: list[tuple[int, Any]]) -> list[str]:
        """Return the expressions that cut a flat run into plain numbers and nested records."""
        if all(isinstance(kind, str) and kind in _NUMBERS for _, kind in fields):
            return [f"*{run}"]
        parts, at = [], 0
        for _, kind in fields:
            text, at = self._slice(run, kind, at)
            parts.append(text)
        return parts

    def _slice(self, run: str, kind: Any, at: int) -> tuple[str, int]:  # noqa: ANN401 - Avro is JSON
        width = len(self._width(kind))
        record = self._named(kind)
        if record is None:
            return f"{run}[{at}]", at + 1
        if all(self._named(field["type"]) is None for field in record["fields"]):
            return f"new({record['name']}, {run}[{at}:{at + width}])", at + width
        parts = []
        for field in record["fields"]:
            text, at = self._slice(run, field["type"], at)
            parts.append(text)
        return f"new({record['name']}, ({', '.join(parts)},))", at

    def _read_call(self, kind: Any) -> str:  # noqa: ANN401 - Avro is JSON
        if isinstance(kind, Mapping) and kind["type"] == "array":
            return f"read_array(buffer, position, {self._item('read', kind['items'])})"
        if isinstance(kind, Mapping) and kind["type"] == "map" and kind["values"] == "string":
            return "read_text_map(buffer, position)"
        return f"{self._item('read', kind)}(buffer, position)"

    def _item(self, verb: str, kind: Any) -> str:  # noqa: ANN401 - Avro is JSON
        named = self._named(kind)
        if named is not None:
            return f"{verb}_{named['name']}"
        plain = kind["type"] if isinstance(kind, Mapping) else kind
        name = f"{verb}_{'long' if plain == 'int' else plain}"
        if name not in self._scope:
            raise ValueError(f"no code is generated for the Avro type {kind}")
        return name

    def _record_writer(self, name: str, record: Mapping[str, Any]) -> None:
        add = self._lines.append
        add(f"def write_{name}(value, append):")
        for fixed, run in self._runs(record):
            if fixed:
                formats = "".join(self._width(kind) for _, kind in run)
                add(f"    append({self._struct(formats)}.pack({self._flat(record, run)}))")
            else:
                for index, kind in run:
                    add(f"    {self._write_call(kind, f'value[{index}]')}")

    def _flat(self, record: Mapping[str, Any], run: list[tuple[int, Any]]) -> str:
        if all(self._named(kind) is None for _, kind in run):
            first, last = run[0][0], run[-1][0]
            return "*value" if len(run) == len(record["fields"]) else f"*value[{first}:{last + 1}]"
        return ", ".join(self._flat_one(f"value[{index}]", kind) for index, kind in run)

    def _flat_one(self, place: str, kind: Any) -> str:  # noqa: ANN401 - Avro is JSON
        record = self._named(kind)
        if record is None:
            return place
        if all(self._named(field["type"]) is None for field in record["fields"]):
            return f"*{place}"
        fields = enumerate(record["fields"])
        return ", ".join(self._flat_one(f"{place}[{index}]", field["type"]) for index, field in fields)

    def _write_call(self, kind: Any, value: str) -> str:  # noqa: ANN401 - Avro is JSON
        if isinstance(kind, Mapping) and kind["type"] == "array":
            return f"write_array({value}, append, {self._item('write', kind['items'])})"
        if isinstance(kind, Mapping) and kind["type"] == "map" and kind["values"] == "string":
            return f"write_text_map({value}, append)"
        if kind == "string":  # most fields of most events: what write_string does, without a call
            return f"append(short_text({value}) if len({value}) < {SHORT} else long_text({value}))"
        return f"{self._item('write', kind)}({value}, append)"

    def _enum(self, name: str, kind: Mapping[str, Any]) -> None:
        symbols = tuple(kind["symbols"])
        self._scope[f"symbols_{name}"] = symbols
        self._scope[f"bytes_{name}"] = {symbol: bytes([index * 2]) for index, symbol in enumerate(symbols)}
        self._lines += [
            f"def read_{name}(buffer, position):",
            "    index = buffer[position]",
            f"    if index & 1 or index >= {2 * len(symbols)}:",
            f"        raise DecodeError('byte %d is no symbol of {name}' % index)",
            f"    return symbols_{name}[index >> 1], position + 1",
            f"def write_{name}(value, append):",
            f"    append(bytes_{name}[value])",
        ]
