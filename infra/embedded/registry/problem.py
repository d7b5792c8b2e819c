"""What the registry answers when it cannot do as asked: Confluent's error codes and HTTP statuses."""


class Problem(Exception):
    """An error for the client: ``error_code`` is Confluent's; its first three digits are the HTTP status."""

    def __init__(self, error_code: int, message: str) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(str(self.error_code)[:3])


def malformed(why: str) -> Problem:
    """The request itself cannot be understood."""
    return Problem(400, why)


def unauthorized() -> Problem:
    """No credentials, or wrong ones."""
    return Problem(40101, "Unauthorized")


def no_subject(subject: str) -> Problem:
    """Nothing was registered under this subject."""
    return Problem(40401, f"Subject '{subject}' not found.")


def no_version(version: int | str) -> Problem:
    """The subject has no such version."""
    return Problem(40402, f"Version {version} not found.")


def no_schema(schema_id: int | str | None = None) -> Problem:
    """No schema has this id, or the subject does not hold the schema asked for."""
    return Problem(40403, "Schema not found" if schema_id is None else f"Schema {schema_id} not found")


def no_subject_config(subject: str) -> Problem:
    """The subject has no compatibility level of its own."""
    return Problem(40408, f"Subject '{subject}' does not have subject-level compatibility configured")


def not_allowed(why: str) -> Problem:
    """The embedded registry does not do this."""
    return Problem(405, why)


def incompatible(why: str) -> Problem:
    """The schema breaks what the subject promises."""
    return Problem(409, f"Schema being registered is incompatible with an earlier schema: {why}")


def invalid_schema(why: str) -> Problem:
    """The text is no Avro schema."""
    return Problem(42201, f"Invalid schema: {why}")


def invalid_version(version: str) -> Problem:
    """Neither a positive number nor ``latest``."""
    return Problem(
        42202,
        f"The specified version '{version}' is not a valid version id. Allowed: 1 to 2^31-1 and 'latest'",
    )


def invalid_level(level: object) -> Problem:
    """No such compatibility level."""
    return Problem(42203, f"Invalid compatibility level: {level}")


def store_failed(why: str) -> Problem:
    """The change cannot be kept: the disk is full or cannot be written."""
    return Problem(50001, f"Error in the backend data store: {why}")
