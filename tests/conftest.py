"""Fixtures of the whole run; each server has a module of its own."""

import pytest

pytest_plugins = [
    "tests.fixtures.clickhouse",
    "tests.fixtures.kafka",
    "tests.fixtures.registry",
    "tests.fixtures.registry",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden outputs; review the diff")
