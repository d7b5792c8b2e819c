"""Nothing in a stage depends on what is not a fact; and the check that says so finds each way to do it."""

from pathlib import Path

import pytest

from tests.processors.purity import findings, findings_in

ROOT = Path(__file__).resolve().parents[2]
PURE = (
    "processors/stage.py",
    "processors/chain.py",
    "processors/state_codec.py",
    "processors/node",
    "processors/panes",
    "processors/windows",
    "processors/requests",
    "processors/patterns",
    "processors/fleet",
    "processors/rules",
    "processors/replay/merge.py",
    "processors/replay/digest.py",
    "schemas/ids.py",
    "schemas/partition.py",
    "schemas/events",
)


def files() -> list[Path]:
    found: list[Path] = []
    for name in PURE:
        path = ROOT / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def test_stages_depend_on_facts_alone() -> None:
    assert len(files()) > 80
    assert [line for file in files() for line in findings_in(file)] == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import time", "a clock"),
        ("from time import monotonic", "a clock"),
        ("from datetime import datetime\ndatetime.now()", "a clock"),
        ("from datetime import date\ndate.today()", "a clock"),
        ("import random", "randomness"),
        ("from secrets import token_hex", "randomness"),
        ("import uuid\nuuid.uuid4()", "randomness"),
        ("from uuid import uuid4", "randomness"),
        ("import os", "the machine"),
        ("from os import environ", "the machine"),
        ("from pathlib import Path", "the machine"),
        ("open('x')", "the machine"),
        ("import threading", "what runs beside"),
        ("import asyncio", "what runs beside"),
        ("import locale", "the locale"),
        ("at.strftime('%B')", "the locale"),
        ("f'{x:n}'", "the locale"),
        ("hash(x)", "hashes, which change with each process"),
        ("id(x)", "addresses of objects"),
        ("for x in {1, 2}: pass", "the order of a set"),
        ("for x in set(y): pass", "the order of a set"),
        ("[x for x in {y for y in z}]", "the order of a set"),
        ("list({1})", "the order of a set"),
        ("tuple(a.keys() - b)", "the order of a set"),
        ("', '.join({str(x) for x in y})", "the order of a set"),
        ("sum({0.1, 0.2})", "the order of a set"),
        ("max({1}, key=f)", "the order of a set"),
        ("next(iter(frozenset(x)))", "the order of a set"),
        ("print_ = [*{1}]", "the order of a set"),
        ("sum(x for x in {0.1})", "the order of a set"),
        ("{x: 1 for x in {2}}", "the order of a set"),
        ("def f():\n    found: set[str] = g()\n    return [x for x in found]", "the order of a set"),
        ("def f(names: frozenset[str]):\n    return tuple(names)", "the order of a set"),
        ("def f():\n    a = {1}\n    for x in a | b: pass", "the order of a set"),
        ("def f(m: Mapping[str, int]):\n    return list(m)", "the order of a map from outside"),
        ("def f(m: dict[str, int]):\n    for k, v in m.items(): pass", "the order of a map from outside"),
        ("def f(event):\n    return tuple(event.tags.items())", "the order of a map from outside"),
        ("x.popitem()", "the order of a map"),
        ("derived_id('x', f'{value:.3f}')", "how a number is written, in an identity"),
        ("derived_id('x', str(value))", "how a number is written, in an identity"),
        ("derived_id('x', round(value))", "how a number is written, in an identity"),
        ("derived_id('x', '%s' % value)", "how a number is written, in an identity"),
    ],
)
def test_the_check_finds(source: str, what: str) -> None:
    assert what in [one.what for one in findings(source)]


@pytest.mark.parametrize(
    "source",
    [
        "for x in sorted({1, 2}): pass",
        "len({1})\nany(x for x in {1})\nmax({1})\n1 in {1}",
        "sorted(event.tags.items())",
        "def f(m: Mapping[str, int]):\n    return sorted(m), m.get('x'), len(m)",
        "def f():\n    own = {'a': 1}\n    return [*own]",
        "{x for x in {1}}",
        "derived_id('x', event.node_id, at)",
        "condition.now",
        "[tag.name for tag in profile.tags]",
        "def f(m: Mapping[str, int]):\n    return {k: v + 1 for k, v in m.items()}",
        "from datetime import datetime\ndatetime.fromtimestamp(x, UTC)",
        "for x in {1}: pass  # order: each is looked at, and none comes first",
        "f'{x:.3f}'",
    ],
)
def test_the_check_leaves_alone(source: str) -> None:
    assert findings(source) == []
