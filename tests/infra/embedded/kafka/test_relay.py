import logging

import pytest

from infra.embedded.kafka.broker import _allowed, _relay


def test_kafkas_levels_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    _relay(
        [
            "WARN Log slow disk \n",
            "ERROR Log no disk\n",
            "FATAL Log the end\n",
            "\n",
            "Unrecognized VM option\n",
        ]
    )
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "kafka: Log slow disk"),
        (logging.ERROR, "kafka: Log no disk"),
        (logging.CRITICAL, "kafka: Log the end"),
        (logging.WARNING, "kafka: Unrecognized VM option"),
    ]


@pytest.mark.parametrize(("version", "options"), [(17, 0), (21, 0), (22, 1), (23, 2), (25, 2)])
def test_no_java_gets_an_option_that_it_does_not_know(version: int, options: int) -> None:
    assert len(_allowed(version)) == options
