"""What the parts say: all of it to files that rotate, what matters to the screen."""

import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 10 << 20
FILES_KEPT = 3
LOUD = frozenset({"warning", "error", "critical"})
# A line that is not ours: a traceback, or a runtime's last words.
_LOOKS_BAD = re.compile(r"\b(\w*error|\w*exception|warn(ing)?|fatal|critical)\b", re.IGNORECASE)

Show = Callable[[str, str], None]


class _File(RotatingFileHandler):
    """A full disk costs lines of the log; reading the parts' output must go on, or they would block."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Leave the line out."""


class LogFiles:
    """One file for each part under ``folder``; ``show(part, text)`` gets what people should see."""

    def __init__(self, folder: Path, show: Show, *, everything: bool = False) -> None:
        self._folder = folder
        self._show = show
        self._everything = everything
        self._files: dict[str, RotatingFileHandler] = {}

    def take(self, part: str, line: str) -> None:
        """Keep a line of a part, and show it if it is loud or everything is to be shown."""
        self._file(part).emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))
        level, text = read(line)
        if self._everything or level in LOUD:
            self._show(part, text)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _file(self, part: str) -> RotatingFileHandler:
        if part not in self._files:
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files[part] = _File(
                self._folder / f"{part}.log",
                maxBytes=FILE_BYTES,
                backupCount=FILES_KEPT,
                encoding="utf-8",
                delay=True,
            )
        return self._files[part]


def read(line: str) -> tuple[str, str]:
    """Return the level and the text of a line that a part wrote."""
    try:
        fields = json.loads(line)
        return str(fields["level"]), _text(fields)
    except (ValueError, KeyError, TypeError):
        return "warning" if _LOOKS_BAD.search(line) else "info", line.strip()


def progress(line: str) -> str:
    """Return how far a download is, where the line tells; see ``infra.cli.kafka.Reporter``."""
    if '"jars_total"' not in line:
        return ""
    fields = json.loads(line)
    return f"{fields['message']}: {fields['jars']} of {fields['jars_total']} files, {fields['megabytes']} MB"


def _text(fields: dict[str, object]) -> str:
    message = str(fields.get("message", ""))
    last = str(fields.get("exception", "")).strip().rpartition("\n")[2]
    return f"{message}: {last}" if last and last not in message else message
