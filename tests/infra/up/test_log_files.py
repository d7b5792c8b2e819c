import json
from pathlib import Path

import pytest

from infra.up import log_files
from infra.up.log_files import LogFiles, read


def line(level: str, message: str, **more: str) -> str:
    return json.dumps({"level": level, "message": message} | more)


def test_everything_is_kept_and_what_is_loud_is_shown(tmp_path: Path) -> None:
    shown: list[tuple[str, str]] = []
    files = LogFiles(tmp_path / "logs", lambda part, text: shown.append((part, text)))
    for level in ("debug", "info", "warning", "error"):
        files.take("sink", line(level, f"of {level}"))
    files.take("kafka", "java.io.IOException: disk full\n")
    files.close()
    assert shown == [
        ("sink", "of warning"),
        ("sink", "of error"),
        ("kafka", "java.io.IOException: disk full"),
    ]
    kept = [
        json.loads(each)["level"] for each in (tmp_path / "logs/sink.log").read_text("utf-8").splitlines()
    ]
    assert kept == ["debug", "info", "warning", "error"]
    assert (tmp_path / "logs/kafka.log").read_text("utf-8") == "java.io.IOException: disk full\n"


def test_on_request_everything_is_shown(tmp_path: Path) -> None:
    shown: list[str] = []
    files = LogFiles(tmp_path, lambda _part, text: shown.append(text), everything=True)
    files.take("sink", line("info", "started"))
    files.close()
    assert shown == ["started"]


def test_a_folder_that_cannot_be_written_costs_the_file_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("in the way", "utf-8")
    shown: list[str] = []
    files = LogFiles(tmp_path / "logs", lambda _part, text: shown.append(text))
    files.take("sink", line("error", "no room"))
    files.close()
    assert shown == ["no room"]
    assert capsys.readouterr().err == ""


def test_files_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "FILE_BYTES", 1000)
    files = LogFiles(tmp_path, lambda _part, _text: None)
    for number in range(200):
        files.take("sink", line("info", f"line {number}"))
    files.close()
    kept = sorted(tmp_path.iterdir())
    assert [path.name for path in kept] == ["sink.log", "sink.log.1", "sink.log.2", "sink.log.3"]
    assert all(path.stat().st_size <= 1000 for path in kept)
    assert "line 199" in kept[0].read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line("info", "done"), ("info", "done")),
        (
            line("error", "failed", exception="Traceback ...\nValueError: no"),
            ("error", "failed: ValueError: no"),
        ),
        ("plain words", ("info", "plain words")),
        ("Traceback (most recent call last):", ("info", "Traceback (most recent call last):")),
        ("ValueError: no", ("warning", "ValueError: no")),
        ("[]", ("info", "[]")),
        ("{}", ("info", "{}")),
        ("null", ("info", "null")),
    ],
)
def test_lines_of_every_kind_are_read(text: str, expected: tuple[str, str]) -> None:
    assert read(text) == expected
