from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.router.crowd import Crowd, Held
from tests.api.router.fleet import Fleet
from tests.api.router.standin import Loop, looped


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    with looped() as found:
        yield found


@pytest.fixture
def fleet(loop: Loop, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(loop, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def kept_fleet(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet for all tests of a file, which change nothing that others notice."""
    made = Fleet(loop, tmp_path_factory.mktemp("router"))
    yield made
    made.close()


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def crowd(held: Held) -> Iterator[Crowd]:
    made = Crowd()
    yield made
    held.let_go()
    made.close()
