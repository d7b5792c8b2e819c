"""One configuration of logging for everything in the process, ours and the libraries'.

JSON, one object a line, unless stderr is a terminal. State changes at info, nothing per event. Secrets are
masked by the name of their field, and in addresses.
"""

import logging
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from schemas.settings import LogSettings

# What the libraries say at info concerns their own working.
QUIET = (
    "aiokafka",
    "asyncio",
    "faust",
    "mode",
    "httpx",
    "httpcore",
    "uvicorn",
    "aiohttp",
    "urllib3",
    "kafka",
)
# A library that retries ten times a second says the same each time; once in so many seconds will do.
REPEAT_S = 30.0
_REMEMBERED = 256
MASK = "**********"
_SECRET_NAME = re.compile(r"password|secret|token$|api_?key|authorization|cookie", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]+(?=@)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")


def hide_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask the fields that are secrets by their name, and credentials within any text."""
    for name, value in line.items():
        if _SECRET_NAME.search(name):
            line[name] = MASK
        elif isinstance(value, str):
            line[name] = _BEARER.sub(rf"\1 {MASK}", _USER_INFO.sub(MASK, value))
    return line


class Repeats(logging.Filter):
    """Lets a warning or an error of the quiet libraries through once in ``REPEAT_S``.

    The same is the same logger and the same text before its values are put in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written."""
        if record.name.partition(".")[0] not in QUIET or record.levelno < logging.WARNING:
            return True
        line, now_s = (record.name, str(record.msg)), self._clock()
        if now_s - self._said.get(line, -REPEAT_S) < REPEAT_S:
            return False
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[line] = now_s
        return True


def configure(settings: LogSettings, *, process: str) -> None:
    """Send every log line of this process to stderr; ``process`` names it in each line."""
    json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(json=json))
    )
    if settings.level != "debug":
        handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel("DEBUG" if settings.level == "debug" else "WARNING")


def _naming(process: str) -> structlog.typing.Processor:
    def name(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line.setdefault("process", process)
        return line

    return name


def _rendering(*, json: bool) -> list[structlog.typing.Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if not json:
        return [drop, hide_secrets, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [
        drop,
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        hide_secrets,
        structlog.processors.JSONRenderer(),
    ]
