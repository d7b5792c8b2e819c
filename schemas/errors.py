"""What can go wrong, grouped by what the caller should do.

* PenstockError
  x ConfigError          fix the settings; the process exits with status 2
  x EventError           this record will never work: dead-letter it, go on
    + DecodeError        the bytes do not fit the schema they name
    + UnknownSchemaError no registry knows the schema id
    + OversizedError     the record is larger than any event may be
  x UnavailableError     a dependency is away: try again after ``retry_after_s``
  x RefusedError         a dependency understood and said no; retrying cannot help
"""


class PenstockError(Exception):
    """Base class of every error raised on purpose."""


class ConfigError(PenstockError):
    """The settings, or the machine they describe, cannot work; the text says what to change."""


class EventError(PenstockError):
    """The record is unusable; retrying cannot help."""

    reason = "unusable"


class DecodeError(EventError):
    """The bytes do not match the schema they name."""

    reason = "decode"


class UnknownSchemaError(EventError):
    """The registry has no schema with the record's id."""

    reason = "unknown_schema"

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"no schema with id {schema_id} is registered")
        self.schema_id = schema_id


class OversizedError(EventError):
    """The record is larger than any event may be."""

    reason = "oversized"

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes, more than the {limit_bytes} an event may have")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class UnavailableError(PenstockError):
    """A dependency is down or refuses more work for now."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(PenstockError):
    """A dependency understood the request and refused it."""
