"""Can data written with one schema be read with another? Avro's schema resolution, decided for all data.

Source: Avro specification 1.12, "Schema Resolution". Works on normal forms, where every name is in full.
Where the answer depends on the datum (an enum's symbol, a union's branch), one datum that cannot be read is
enough to make the pair incompatible.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from infra.embedded.registry.normal_form import COMPLEX, NAMED, Schema

Level = Literal[
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
]
Json = Any

# What a reader of the key's type takes besides its own type.
_PROMOTED: Mapping[str, frozenset[str]] = {
    "long": frozenset({"int"}),
    "float": frozenset({"int", "long"}),
    "double": frozenset({"int", "long", "float"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


def violations(new: Schema, earlier: Sequence[Schema], level: Level) -> tuple[str, ...]:
    """Return why ``new`` may not follow the ``earlier`` schemas, oldest first; empty if it may."""
    compared = earlier if level.endswith("_TRANSITIVE") else earlier[-1:]
    direction = level.removesuffix("_TRANSITIVE")
    found: list[str] = []
    for old in compared:
        if direction in ("BACKWARD", "FULL"):
            found += (f"the new schema cannot read the old: {why}" for why in unreadable(new, old))
        if direction in ("FORWARD", "FULL"):
            found += (f"the old schema cannot read the new: {why}" for why in unreadable(old, new))
    return tuple(dict.fromkeys(found))


def unreadable(reader: Schema, writer: Schema) -> tuple[str, ...]:
    """Return what of the writer's data the reader cannot read, each as ``path: reason``."""
    pair = _Pair(_definitions(reader.tree), _definitions(writer.tree))
    return tuple(pair.check(reader.tree, writer.tree, "/"))


def _definitions(tree: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for node in _nodes(tree):
        if isinstance(node, dict) and node["type"] in NAMED:
            found[node["name"]] = node
    return found


def _nodes(tree: Json) -> Iterator[Json]:
    yield tree
    if isinstance(tree, list):
        inner = tree
    elif isinstance(tree, dict):
        inner = [tree[key] for key in ("items", "values") if key in tree]
        inner += [each["type"] for each in tree.get("fields", ())]
    else:
        inner = []
    for node in inner:
        yield from _nodes(node)


@dataclass(frozen=True, slots=True)
class _Pair:
    reader_types: Mapping[str, Json]
    writer_types: Mapping[str, Json]
    # Pairs of names under comparison or compared: a recursive type is looked into once.
    seen: set[tuple[str, str]] = field(default_factory=set)

    def check(self, reader: Json, writer: Json, path: str) -> Iterator[str]:
        reader, writer = _resolve(reader, self.reader_types), _resolve(writer, self.writer_types)
        if isinstance(writer, list):
            for index, branch in enumerate(writer):
                yield from self.check(reader, branch, f"{path}{index}/")
        elif isinstance(reader, list):
            if all(self._differs(branch, writer) for branch in reader):
                yield f"{path}: no branch of the reader's union takes {_kind(writer)}"
        elif _kind(reader) == _kind(writer):
            yield from self._same_kind(reader, writer, path)
        elif _kind(writer) not in _PROMOTED.get(_kind(reader), ()):
            yield f"{path}: {_kind(writer)} cannot be read as {_kind(reader)}"

    def _differs(self, reader: Json, writer: Json) -> bool:
        trial = _Pair(self.reader_types, self.writer_types, set(self.seen))
        return any(True for _ in trial.check(reader, writer, ""))

    def _same_kind(self, reader: Json, writer: Json, path: str) -> Iterator[str]:
        match _kind(reader):
            case "array":
                yield from self.check(reader["items"], writer["items"], f"{path}items/")
            case "map":
                yield from self.check(reader["values"], writer["values"], f"{path}values/")
            case "record" | "error" | "enum" | "fixed" as kind:
                yield from self._named(kind, reader, writer, path)

    def _named(self, kind: str, reader: Json, writer: Json, path: str) -> Iterator[str]:
        names = reader["name"], writer["name"]
        if names in self.seen:
            return
        self.seen.add(names)
        if not _same_name(reader, writer):
            yield f"{path}: {names[1]} cannot be read as {names[0]}; an alias would allow it"
        elif kind == "enum":
            yield from _enum(reader, writer, path)
        elif kind == "fixed":
            if reader["size"] != writer["size"]:
                yield f"{path}: {writer['size']} bytes cannot be read as {reader['size']}"
        else:
            yield from self._fields(reader, writer, path)

    def _fields(self, reader: Json, writer: Json, path: str) -> Iterator[str]:
        written = {each["name"]: each["type"] for each in writer["fields"]}
        taken: set[str] = set()
        for wanted in reader["fields"]:
            place = f"{path}fields/{wanted['name']}"
            names = dict.fromkeys((wanted["name"], *wanted.get("aliases", ())))
            sources = [name for name in names if name in written]
            if len(sources) > 1 or taken.intersection(sources):
                # Readers disagree here: Java refuses, fastavro takes whichever it meets last.
                yield f"{place}: ambiguous, the writer has several fields for it or for its aliases"
            elif sources:
                yield from self.check(wanted["type"], written[sources[0]], f"{place}/")
            elif "default" not in wanted:
                yield f"{place}: the writer has no such field and the reader has no default"
            taken.update(sources)


def _enum(reader: Json, writer: Json, path: str) -> Iterator[str]:
    unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
    if unknown and "default" not in reader:
        yield f"{path}: the reader has neither the symbols {', '.join(unknown)} nor a default"


def _same_name(reader: Json, writer: Json) -> bool:
    """Namespaces may differ, as the specification says; an alias is a full name."""
    same = reader["name"].rpartition(".")[2] == writer["name"].rpartition(".")[2]
    return bool(same or writer["name"] in reader.get("aliases", ()))


def _resolve(node: Json, types: Mapping[str, Json]) -> Json:
    """Follow a name to its definition; a definition, a union and a primitive stand for themselves."""
    name = node["type"] if isinstance(node, dict) and node["type"] not in COMPLEX else node
    return types.get(name, node) if isinstance(name, str) else node


def _kind(node: Json) -> str:
    return node if isinstance(node, str) else "union" if isinstance(node, list) else node["type"]
