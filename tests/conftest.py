"""Fixtures of the whole run; each server has a module of its own."""

import logging
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes is a matter of the machine and of what else runs on it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = [
    "tests.fixtures.clickhouse",
    "tests.fixtures.kafka",
    "tests.fixtures.registry",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden outputs; review the diff")


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs under test: a run in the background of a shell begins without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_log_outlives_its_test() -> Iterator[None]:
    """Take away what a command under test has put up for its lines: they go to a file that is closed."""
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = [handler for handler in root.handlers if type(handler) is not logging.StreamHandler]
    root.setLevel(level)
