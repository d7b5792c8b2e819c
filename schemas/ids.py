"""Deterministic ids: the same facts give the same ids, live and replayed."""

import uuid

# A namespace of our own: uuid5 of "penstock" in the DNS namespace, written out.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "penstock")


def derived_id(kind: str, *parts: str | int) -> str:
    """Return the uuid5 of a kind of event and what makes it one of a kind, such as its key and onset."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join((kind, *map(str, parts)))))
