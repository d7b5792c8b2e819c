"""Deterministic ids: the same facts give the same ids, live and replayed."""

import hashlib
import uuid

# A namespace of our own: uuid5 of "penstock" in the DNS namespace.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "penstock")
_BEGUN = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)


def derived_id(kind: str, *parts: str | int) -> str:
    """Return the uuid5 of a kind of event and what makes it one of a kind, such as its key and onset.

    The standard library gives the same text in five times the time, and this runs for every state.
    """
    digest = _BEGUN.copy()
    digest.update("\x1f".join((kind, *map(str, parts))).encode())
    text = digest.hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"
