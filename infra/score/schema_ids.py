"""The ids that the embedded registry gives to the packaged schemas, without a registry."""

from collections.abc import Mapping

from infra.embedded.registry.normal_form import candidate_ids, parse
from schemas.codec import packaged


def schema_ids() -> Mapping[str, int]:
    """Return the id of each event's newest schema: the same on every machine, as it follows from its text."""
    found: dict[str, int] = {}
    for event, releases in packaged().items():
        candidates = candidate_ids(parse(releases[-1].text).normal)
        found[event] = next(id_ for id_ in candidates if id_ not in found.values())
    return found
