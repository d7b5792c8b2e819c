import logging

import pytest

from infra.cli.kafka import Reporter
from infra.embedded.kafka import Progress


def test_a_download_is_reported_at_its_beginning_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    report = Reporter()
    for jars in range(47):
        report(Progress(jars, 46, jars * 1_000_000 + 1))
    seen = [(record.jars, record.megabytes) for record in caplog.records]  # type: ignore[attr-defined]  # extra
    assert (seen[0], seen[-1]) == ((0, 0.0), (46, 46.0))
    assert len(seen) < 46


def test_nothing_is_said_where_nothing_is_downloaded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    report = Reporter()
    for jars in range(47):
        report(Progress(jars, 46, 0))
    assert caplog.records == []
