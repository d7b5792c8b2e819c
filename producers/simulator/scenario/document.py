"""YAML text to plain values, with the line of each; nothing in a file is guessed.

Only ``true`` and ``false`` are booleans, times stay text (YAML 1.1 would read ``14:00`` as 840), a key that
is given twice is an error, and a file cannot grow by references to itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from producers.simulator.scenario.problem import Problem, ScenarioError

MAX_BYTES = 1 << 20
MAX_VALUES = 200_000
MAX_DEPTH = 40
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """``value`` and the line, from 1, of every field in it and of every item of a list, by path."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest part above it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """Composes nodes; resolves numbers, booleans and null as YAML 1.2 does, and all else as text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's


_INT, _FLOAT, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))
for _tag, _form, _first in (
    (_BOOL, r"true|false", "tf"),
    (_INT, r"[-+]?[0-9]+", "-+0123456789"),
    (_FLOAT, r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    (_NULL, r"~|null|", ["~", "n", ""]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_form})\Z"), list(_first))


def parse(text: str, file: str) -> Document:
    """Read one document.

    Raises:
        ScenarioError: it is no YAML, gives a key twice, or is larger than any scenario.
    """
    if len(text) > MAX_BYTES:
        raise ScenarioError(
            file, [Problem(1, "", f"more than {MAX_BYTES >> 20} MiB; no scenario is so long")]
        )
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        raise ScenarioError(file, [_syntax(exc, text)]) from exc
    except yaml.YAMLError as exc:
        raise ScenarioError(file, [Problem(1, "", f"cannot be read as YAML: {exc}")]) from exc
    except RecursionError as exc:
        raise ScenarioError(file, [Problem(1, "", "nested too deeply to be a scenario")]) from exc
    reading = _Reading()
    value = None if node is None else reading.value(node, ())
    if reading.problems:
        raise ScenarioError(file, reading.problems)
    return Document(value, reading.lines)


def _syntax(exc: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = exc.problem_mark or exc.context_mark
    line = 1 if mark is None else mark.line + 1
    lines = text.splitlines()
    there = lines[line - 1] if line <= len(lines) else ""
    hint = ""
    if re.search(r":\s*\*|[:,{]\s*[\w-]+\[", there):
        hint = "; put names with * or [ ] into quotes"
    return Problem(line, "", f"is not YAML: {exc.problem or exc.context}{hint}")


class _Reading:
    """One walk over the nodes of a document."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._values = 0

    def value(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - whatever YAML holds
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._values += 1
        if len(path) > MAX_DEPTH or self._values > MAX_VALUES:
            if not self.problems:
                self._note(node, path, "too large or too deeply nested to be a scenario")
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                self._note(key, path, "a name must be a plain text")
                continue
            if name in seen:
                self._note(key, (*path, name), "is given twice")
            seen.add(name)
            self.lines[(*path, name)] = key.start_mark.line + 1
            yield name, self.value(value, (*path, name))

    def _scalar(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401
        text = str(node.value)
        if node.tag == _INT and len(text) < 40:
            return int(text)
        if node.tag == _FLOAT:
            return float(text)
        if node.tag == _BOOL:
            return text == "true"
        if node.tag == _NULL:
            return None
        if node.tag != "tag:yaml.org,2002:str" and node.tag != _INT:
            self._note(node, path, f"has the tag {node.tag}, and no tag is allowed")
        return text

    def _note(self, node: yaml.Node, path: Path, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, dotted(path), message))


def dotted(path: Path) -> str:
    """Return a path as people write it, such as ``nodes[2].runtimes[0].kind``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
