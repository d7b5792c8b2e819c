"""Names of nodes: ``gpu-[1-4]`` for several, and wildcards that choose among those there are."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

MAX_NODES = 2000
_GROUP = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def expand(name: str) -> tuple[str, ...]:
    """Return the names that a name with ``[1-4]`` or ``[a,b]`` stands for.

    Raises:
        ValueError: it stands for none, for too many, or for something that cannot be a node's name.
    """
    found = tuple(_expanded(name, [MAX_NODES]))
    for one in found:
        if not _NAME.fullmatch(one):
            raise ValueError(f"{one!r} cannot be the name of a node: letters, digits and . _ - can")
    return found


def _expanded(name: str, left: list[int]) -> Iterator[str]:
    group = _GROUP.search(name)
    if group is None:
        left[0] -= 1
        if left[0] < 0:
            raise ValueError(f"stands for more than {MAX_NODES} nodes")
        yield name
        return
    for part in _parts(group[1]):
        yield from _expanded(name[: group.start()] + part + name[group.end() :], left)


def _parts(text: str) -> Iterator[str]:
    for part in text.split(","):
        numbers = re.fullmatch(r"(\d{1,6})-(\d{1,6})", part.strip())
        if numbers is None:
            yield part.strip()
            continue
        first, last = numbers.groups()
        if int(first) > int(last):
            raise ValueError(f"[{text}] counts backwards")
        for number in range(int(first), int(last) + 1):
            yield f"{number:0{len(first)}d}"


def choose(patterns: Sequence[str], names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that the patterns choose, in the order of the names, and patterns that choose none."""
    chosen: set[str] = set()
    idle: list[str] = []
    for pattern in patterns:
        wanted = expand(pattern) if "[" in pattern else (pattern,)
        found = {name for name in names if any(fnmatchcase(name, one) for one in wanted)}
        chosen |= found
        if not found:
            idle.append(pattern)
    return tuple(name for name in names if name in chosen), tuple(idle)
