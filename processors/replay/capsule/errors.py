"""What can be wrong with a capsule; each says it in one sentence that names the file."""

from schemas.errors import DecodeError


class CapsuleError(DecodeError):
    """The file is no capsule, is damaged, was altered, or is of a newer version."""
