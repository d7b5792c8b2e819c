"""ClickHouse's numbered errors, and the HTTP status that its server answers with for each."""

import re

from schemas.errors import PenstockError

CODE = re.compile(r"Code: (\d+)\. ")

ATTEMPT_TO_READ_AFTER_EOF = 32
BAD_ARGUMENTS = 36
CHECKSUM_DOESNT_MATCH = 40
UNKNOWN_FUNCTION = 46
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_FORMAT = 73
UNKNOWN_COMPRESSION_METHOD = 89
UNKNOWN_SETTING = 115
TIMEOUT_EXCEEDED = 159
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
SOCKET_TIMEOUT = 209
QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
QUERY_IS_TOO_LARGE = 229
NOT_ENOUGH_SPACE = 243
CANNOT_DECOMPRESS = 271
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
INVALID_SESSION_TIMEOUT = 374
ACCESS_DENIED = 497
UNKNOWN_ROLE = 511
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

# Source: the table in ClickHouse's src/Server/HTTP/exceptionCodeToHTTPStatus.cpp; the numbers are
# those that errorCodeToName() of the engine knows. Every other code answers 500.
_BAD_REQUEST = (
    6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441,
    675, 676,
)  # fmt: skip
_NOT_FOUND = (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511)
_STATUS = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    **dict.fromkeys(_NOT_FOUND, 404),
    194: 401,
    192: 403, 193: 403, 497: 403, 512: 403, 516: 403,
    TIMEOUT_EXCEEDED: 408,
    381: 411,
    QUERY_IS_TOO_LARGE: 413,
    779: 415,
    NOT_IMPLEMENTED: 501,
    76: 503, 439: 503, SOCKET_TIMEOUT: 503,
}  # fmt: skip


class ClickHouseError(PenstockError):
    """A statement failed; ``code`` is ClickHouse's number and the text is what its clients parse."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def status(self) -> int:
        """HTTP status that ClickHouse's server gives this code."""
        return _STATUS.get(self.code, 500)


def refusal(code: int, name: str, message: str) -> ClickHouseError:
    """Return an error of our own in the shape of the engine's."""
    return ClickHouseError(code, f"Code: {code}. DB::Exception: {message}. ({name})")


def from_engine(text: str) -> ClickHouseError:
    """Read the code out of what the engine raised; wrappers put words of theirs before it."""
    found = CODE.search(text)
    if found is None:
        return ClickHouseError(
            UNKNOWN_EXCEPTION,
            f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {text} (UNKNOWN_EXCEPTION)",
        )
    return ClickHouseError(int(found[1]), text[found.start() :])
