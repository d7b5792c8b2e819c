import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from infra import logs
from schemas.settings import LogSettings


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_both_kinds_of_logger_give_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(), process="sink")
    logging.getLogger("sinks.writer").info("stored %d rows", 3, extra={"topic": "t"})
    structlog.get_logger("sinks.writer").info("stored 3 rows", topic="t")
    first, second = lines(capsys)
    assert first.pop("timestamp")
    assert second.pop("timestamp")
    assert first == second
    assert first == {
        "message": "stored 3 rows",
        "level": "info",
        "logger": "sinks.writer",
        "process": "sink",
        "topic": "t",
    }


def test_an_exception_is_within_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="json"), process="sink")
    try:
        raise ValueError("no such thing")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = lines(capsys)
    assert "ValueError: no such thing" in line["exception"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "hush"),
        ("sasl_password", "hush"),
        ("api_key", "hush"),
        ("token", "hush"),
        ("Authorization", "hush"),
        ("url", "http://user:hush@host:8123/"),
        ("header", "Bearer hush-hush-hush"),
    ],
)
def test_secrets_are_masked(capsys: pytest.CaptureFixture[str], field: str, value: str) -> None:
    logs.configure(LogSettings(format="json"), process="api")
    structlog.get_logger("x").warning("refused", **{field: value})
    logging.getLogger("x").warning("refused http://user:hush@host/")
    assert "hush" not in capsys.readouterr().err


def test_counts_of_tokens_are_not_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="json"), process="api")
    structlog.get_logger("x").info("done", tokens_per_second=12.5)
    assert lines(capsys)[0]["tokens_per_second"] == 12.5


def test_libraries_speak_from_warning_on_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="json"), process="api")
    logging.getLogger("aiokafka.consumer").info("joined")
    logging.getLogger("x").debug("detail")
    assert lines(capsys) == []
    logs.configure(LogSettings(format="json", level="debug"), process="api")
    logging.getLogger("aiokafka.consumer").info("joined")
    assert [line["message"] for line in lines(capsys)] == ["joined"]


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(format="console"), process="api")
    logging.getLogger("x").info("listening")
    text = capsys.readouterr().err
    assert "listening" in text
    assert not text.startswith("{")


def test_a_library_that_repeats_itself_is_heard_once() -> None:
    now = [0.0]
    repeats = logs.Repeats(lambda: now[0])

    def heard(name: str, text: str, *values: object, level: int = logging.ERROR) -> bool:
        return repeats.filter(logging.LogRecord(name, level, "", 0, text, values, None))

    assert heard("aiokafka.client", "Unable connect to %s", "a")
    assert not heard("aiokafka.client", "Unable connect to %s", "b")
    assert heard("aiokafka.client", "Topic %s is gone", "t")
    assert heard("aiokafka.consumer", "Unable connect to %s", "a")
    now[0] = logs.REPEAT_S
    assert heard("aiokafka.client", "Unable connect to %s", "a")


def test_what_we_say_ourselves_is_never_left_out() -> None:
    repeats = logs.Repeats(lambda: 0.0)
    record = logging.LogRecord("processors.faust.partition", logging.ERROR, "", 0, "again", (), None)
    assert repeats.filter(record)
    assert repeats.filter(record)
