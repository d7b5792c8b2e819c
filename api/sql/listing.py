"""The engine's own syntax tree, read from the listing that ``EXPLAIN AST`` prints.

One node a line, indented by one space a level::

    SelectWithUnionQuery (children 1)
     ExpressionList (children 1)
      SelectQuery (children 1)
       ExpressionList (children 1)
        Function file (alias f) (children 1)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SUFFIX = re.compile(r"(?: \(alias .*?\))?(?: \(children \d+\))?$")


@dataclass(slots=True)
class Node:
    """A node: its kind (first word of the line), the rest of the line, and its children in order."""

    kind: str
    rest: str
    children: list["Node"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The rest of the line without alias and number of children."""
        return _SUFFIX.sub("", self.rest).strip()

    @property
    def has_alias(self) -> bool:
        """Whether the expression has an alias."""
        return "(alias " in self.rest

    def arguments(self) -> list["Node"]:
        """Children of the first list of expressions below: what a function is called with."""
        first = self.children[0] if self.children else None
        return first.children if first and first.kind == "ExpressionList" else []

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all below it, without recursion: trees may be deep."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def parse(listing: str) -> tuple[Node, ...]:
    """Return the roots of the tree; an indentation that skips a level counts as a root of its own."""
    roots: list[Node] = []
    path: list[Node] = []
    for line in listing.split("\n"):
        text = line.lstrip(" ")
        if not text:
            continue
        depth = len(line) - len(text)
        kind, _, rest = text.partition(" ")
        node = Node(kind, rest)
        if 0 < depth <= len(path):
            path[depth - 1].children.append(node)
        else:
            roots.append(node)
        del path[depth:]
        path.append(node)
    return tuple(roots)
