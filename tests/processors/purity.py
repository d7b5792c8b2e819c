"""Finds in pure code what makes a replay differ: whatever is not a fact and can be another next time.

Clocks, randomness, the machine and its environment, locale, the order of sets, hashes and addresses of
objects, the order of maps that come from outside, and numbers written as text in identities. It reads the
source alone, so it does not see all: a set that another function returns is one only where an annotation says
so. A line that is right all the same says why: ``# order: ...``.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

PRAGMA: Final = "# order: "
_MODULES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("time", "sched"), "a clock"),
    **dict.fromkeys(("random", "secrets"), "randomness"),
    **dict.fromkeys(
        ("os", "sys", "platform", "socket", "subprocess", "tempfile", "pathlib", "shutil", "getpass", "io"),
        "the machine",
    ),
    **dict.fromkeys(("threading", "asyncio", "multiprocessing", "concurrent", "signal"), "what runs beside"),
    **dict.fromkeys(("locale", "gettext"), "the locale"),
    "gc": "addresses of objects",
    "weakref": "addresses of objects",
}
_ATTRIBUTES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("now", "utcnow", "today"), "a clock"),
    **dict.fromkeys(("uuid1", "uuid4", "urandom", "getrandbits"), "randomness"),
    **dict.fromkeys(("strftime", "strptime"), "the locale"),
    "environ": "the machine",
    "popitem": "the order of a map",
}
_CALLS: Final[Mapping[str, str]] = {
    "hash": "hashes, which change with each process",
    "id": "addresses of objects",
    "open": "the machine",
    "input": "the machine",
    "print": "the machine",
}
# What takes a set or a map and gives the same whatever its order.
_ORDERLESS: Final = frozenset(
    {"sorted", "len", "any", "all", "set", "frozenset", "Counter", "bool", "isinstance", "dict"}
)
_METHODS: Final = frozenset(
    {
        "update",
        "issubset",
        "issuperset",
        "isdisjoint",
        "union",
        "intersection",
        "difference",
        "discard",
        "add",
    }
    | {
        "symmetric_difference",
        "intersection_update",
        "difference_update",
        "remove",
        "get",
        "pop",
        "setdefault",
    }
)
_SETS: Final = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
_MAPS: Final = frozenset({"dict", "Mapping", "MutableMapping", "defaultdict"})
_SET_OPERATIONS: Final = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
# Fields of events that are maps; where a stage has put them in order, they are none.
_OUTSIDE: Final = frozenset({"tags", "labels"})
_VIEWS: Final = frozenset({"items", "keys", "values"})


class Finding(NamedTuple):
    """A line that pure code must not have, and what it reads or depends on."""

    line: int
    what: str


def findings(source: str) -> list[Finding]:
    """Return what is wrong in a module."""
    lines = source.splitlines()
    found = _Module().of(ast.parse(source))
    return sorted({one for one in found if PRAGMA not in lines[one.line - 1]})


def findings_in(path: Path) -> list[str]:
    """Return what is wrong in a file, each with its place."""
    return [f"{path}:{line}: depends on {what}" for line, what in findings(path.read_text("utf-8"))]


class _Module:
    def of(self, tree: ast.Module) -> Iterator[Finding]:
        for node in ast.walk(tree):
            yield from self._imports(node)
            yield from self._names(node)
            yield from self._identities(node)
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
                yield from _Scope(scope).findings()

    def _imports(self, node: ast.AST) -> Iterator[Finding]:
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            for alias in node.names:
                if alias.name in _ATTRIBUTES:
                    yield Finding(node.lineno, _ATTRIBUTES[alias.name])
        for name in modules:
            what = _MODULES.get(name.split(".")[0])
            if what is not None:
                yield Finding(node.lineno, what)  # type: ignore[attr-defined]  # an import has a line

    def _names(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, ast.Attribute) and node.attr == "environ":
            yield Finding(node.lineno, _ATTRIBUTES[node.attr])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            what = _ATTRIBUTES.get(node.func.attr)
            if what is not None:
                yield Finding(node.lineno, what)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            yield Finding(node.lineno, _CALLS[node.func.id])
        if isinstance(node, ast.FormattedValue) and _spec(node).endswith("n"):
            yield Finding(node.lineno, "the locale")

    def _identities(self, node: ast.AST) -> Iterator[Finding]:
        """Parts of an id are values as they are: no text of a number that rounds it."""
        if not isinstance(node, ast.Call) or _called(node) != "derived_id":
            return
        for argument in ast.walk(node):
            formatted = isinstance(argument, ast.JoinedStr | ast.Mod) or (
                isinstance(argument, ast.Call) and _called(argument) in ("round", "format", "str", "float")
            )
            if formatted or (isinstance(argument, ast.Constant) and isinstance(argument.value, float)):
                yield Finding(node.lineno, "how a number is written, in an identity")


class _Scope:
    """A function: which of its names are sets, and which are maps from outside."""

    def __init__(self, scope: ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> None:
        self._nodes = list(_within(scope))
        self._sets: set[str] = set()
        self._maps: set[str] = set()
        if not isinstance(scope, ast.Module):
            arguments = scope.args
            for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                if _annotated(one.annotation, _SETS):
                    self._sets.add(one.arg)
                if _annotated(one.annotation, _MAPS):
                    self._maps.add(one.arg)
        for node in self._nodes:
            self._assigned(node)

    def findings(self) -> Iterator[Finding]:
        """Yield where order matters and there is none, or another's."""
        for node in self._nodes:
            for taken in _ordered(node):
                if self._is_set(taken):
                    yield Finding(taken.lineno, "the order of a set")
                elif self._is_outside(taken) and not isinstance(node, ast.DictComp):
                    yield Finding(taken.lineno, "the order of a map from outside")

    def _assigned(self, node: ast.AST) -> None:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if _annotated(node.annotation, _SETS):
                self._sets.add(node.target.id)
        elif isinstance(node, ast.Assign) and self._is_set(node.value):
            self._sets.update(target.id for target in node.targets if isinstance(target, ast.Name))

    def _is_set(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Name):
            return node.id in self._sets
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                of = node.func.value
                return node.func.attr in ("union", "intersection", "difference") and self._is_set(of)
            return _called(node) in ("set", "frozenset")
        if isinstance(node, ast.BinOp) and isinstance(node.op, _SET_OPERATIONS):
            return any(self._is_set(side) or _is_keys(side) for side in (node.left, node.right))
        return False

    def _is_outside(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _VIEWS:
            of = node.func.value
            return (isinstance(of, ast.Attribute) and of.attr in _OUTSIDE) or self._is_outside(of)
        return isinstance(node, ast.Name) and node.id in self._maps


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, not those of functions in it."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield child
        yield from _within(child)


def _ordered(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions whose order a node depends on."""
    if isinstance(node, ast.For):
        yield node.iter
    elif isinstance(node, ast.ListComp | ast.DictComp):
        yield from (each.iter for each in node.generators)
    elif isinstance(node, ast.Starred):
        yield node.value
    elif isinstance(node, ast.Call) and not _forgets_order(node):
        for argument in node.args:
            if isinstance(argument, ast.GeneratorExp):
                yield from (each.iter for each in argument.generators)
            elif _iterates(node):
                yield argument


def _forgets_order(call: ast.Call) -> bool:
    """Return whether a call gives the same whatever the order of what it is given.

    The least and the largest do, unless a key makes several alike. A sum does not: floats.
    """
    name = _called(call)
    if name in ("min", "max"):
        return not any(keyword.arg == "key" for keyword in call.keywords)
    return name in _ORDERLESS or (isinstance(call.func, ast.Attribute) and name in _METHODS)


def _iterates(call: ast.Call) -> bool:
    names = (
        "list",
        "tuple",
        "iter",
        "next",
        "enumerate",
        "zip",
        "map",
        "filter",
        "reversed",
        "sum",
        "fsum",
        "join",
    )
    return _called(call) in (*names, "min", "max", "chain", "deque", "fromkeys", "reduce", "extend")


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _called(node) == "keys"


def _annotated(annotation: ast.expr | None, names: frozenset[str]) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return isinstance(annotation, ast.Name) and annotation.id in names


def _spec(node: ast.FormattedValue) -> str:
    if not isinstance(node.format_spec, ast.JoinedStr):
        return ""
    return "".join(str(part.value) for part in node.format_spec.values if isinstance(part, ast.Constant))
