"""Thousands of streams at once, as a process of its own serves them."""

import pytest

from infra.bench import router


@pytest.mark.soak
def test_thousands_of_streams_stay_open() -> None:
    held = router.held()
    assert (held.alive, held.failed) == (router.STREAMS, 0)
    assert held.bytes_each < 100_000
