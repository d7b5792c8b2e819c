"""What the settings place elsewhere must answer before anything starts here."""

from infra.up.embedded import Embedded, embedded
from schemas.errors import UnavailableError
from schemas.settings import Settings


def require_answers(settings: Settings) -> None:
    """Ask Kafka, store and registry where they are not ours to start.

    Raises:
        UnavailableError: one does not answer; the text says what to look at.
    """
    here = embedded(settings)
    if here == frozenset(Embedded):
        return
    from infra.doctor import services

    checks = {
        Embedded.KAFKA: services.kafka,
        Embedded.STORE: services.store,
        Embedded.REGISTRY: services.registry,
    }
    for part, check in checks.items():
        if part in here:
            continue
        finding = check(settings)
        if finding.verdict == "fail":
            raise UnavailableError(f"{finding.check} {finding.detail}; {finding.advice}")
